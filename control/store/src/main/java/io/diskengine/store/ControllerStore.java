package io.diskengine.store;

import io.diskengine.model.Cluster;
import io.diskengine.model.Disk;
import io.diskengine.model.Event;
import io.diskengine.model.Intent;
import io.diskengine.model.Limits;
import io.diskengine.model.Node;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.Schedulability;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What the controller's API needs. Requests that break a rule throw {@link
 * io.diskengine.model.InvalidInput}; requests that the present state forbids throw {@link
 * RefusedException}; {@link StoreUnavailableException} means that nothing is known.
 */
public interface ControllerStore {
  Cluster cluster();

  /** Places the replicas and inserts volume and lvols, in one transaction. */
  VolumeDetails createVolume(NewVolume volume);

  /** All volumes that are not {@code DELETED}, by name. */
  List<VolumeDetails> volumes();

  Optional<VolumeDetails> volume(String name);

  /** Those of these volumes that are there, by name. */
  List<VolumeDetails> volumes(Set<Long> volumeIds);

  /** The same ones' states. */
  List<VolumeStatus> statuses(Set<Long> volumeIds);

  /**
   * Mapping, vm mapping and grants in one transaction. Asking again for the same node answers what
   * is there; another node is refused while the volume is attached.
   */
  VolumeDetails attach(String volumeName, String nodeName);

  /**
   * Vm mapping first, then the mapping (law 10). Detaching what is detached is a no-op. Refused
   * while a guest is connected.
   *
   * @param force the node is cut off from the volume at once, whatever its guest does
   */
  VolumeDetails detach(String volumeName, boolean force);

  /** {@link #detach(String, boolean)} without force. */
  default VolumeDetails detach(String volumeName) {
    return detach(volumeName, false);
  }

  /** Wants the volume's agent to look now whether a guest is connected; nothing else changes. */
  VolumeDetails askForGuest(String volumeName);

  /**
   * Attaches the volume to another baremetal node (law 7). From a node that works it is detached in
   * order first; from one that does not it is taken away. Asking again answers what is there.
   *
   * @param force take it away from a node that works and has a guest; start without in-sync
   *     replicas that cannot be reached though the last stop was not clean
   */
  VolumeDetails move(String volumeName, String nodeName, boolean force);

  /** What the guest may ask of the volume from now on. */
  VolumeDetails limit(String volumeName, Limits limits);

  /** Grows the volume; asking for the size it has is a no-op. Refused unless all is in sync. */
  VolumeDetails resize(String volumeName, long sizeBytes);

  /**
   * Copies a replica to another node and removes it there where it was when the copy is in sync.
   *
   * @param nodeName null = the node with most room
   */
  VolumeDetails moveReplica(String volumeName, int slot, @Nullable String nodeName);

  /**
   * Places a replacement for every replica of an attached volume that has been out and out of reach
   * for longer than the cluster waits; for a timer.
   */
  void replaceLost();

  /** Attaches volumes whose move waited for the end of their last attachment; for a timer. */
  void attachSuccessors();

  /** The tombstone: refused while attached. Deleting twice is a no-op. */
  VolumeDetails delete(String volumeName);

  List<Node> nodes();

  List<Disk> disks();

  /** Asking for what is there is a no-op. */
  NodeUse setSchedulability(String nodeName, Schedulability schedulability);

  NodeUse nodeUse(String nodeName);

  /** Moves some replicas away from nodes that are drained; for a timer. */
  void drain();

  /** The newest {@code limit} events older than {@code beforeId} (0 = the newest), newest first. */
  List<Event> events(long beforeId, int limit);

  /** Why the object waits, itself first, then its cause, down to the root. */
  List<ReasonRow> why(ObjectRef object);

  /** Every published reason. */
  List<ReasonRow> reasons();

  /**
   * Asks a node's agent for its plan; the answer appears in {@link #planRequest}. Requests of the
   * past hour are kept.
   */
  long requestPlan(String nodeName);

  Optional<PlanRequest> planRequest(long id);

  /** The plan a node's agent published last. */
  Optional<String> lastPlan(String nodeName);

  /** Actions that agents began and did not finish yet, oldest first. */
  List<Intent> openIntents();

  /** Deletes history that is past its time ({@link Retention}); for a slow timer. */
  void prune();

  /** Wake-ups on any change of volumes, mappings or plan answers. */
  WakeUps listen(Consumer<Wake> onWake);
}

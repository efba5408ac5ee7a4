package io.diskengine.testkit.sim;

import io.diskengine.model.DataPlaneState;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Node;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.model.VolumeState;
import io.diskengine.store.VolumeDetails;
import io.diskengine.testkit.store.VolumeRequests;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * Where a {@link Workflow} is played: storage nodes {@code sn1} to {@code sn3} and baremetal nodes
 * {@code bm1} and {@code bm2} with the real agents, whatever their time, store and data planes are.
 */
public interface Stage {
  /** Starts every data plane, empty, and every agent; they are ready when it returns. */
  void start();

  VolumeRequests requests();

  /** Asks again and again while the request is refused or PostgreSQL is away. */
  void ask(String what, Runnable request);

  void await(String what, BooleanSupplier condition);

  /** SIGKILL of a data plane, which is started again at once, empty. */
  void killPlane(String node);

  /** A data plane dies and stays away. */
  void holdPlane(String node);

  /** A machine dies and stays away: data plane, agent and guests. */
  void holdMachine(String node);

  /** What was held starts again. */
  void release(String node);

  /** How long a replica must be lost until it is replaced. */
  void replaceAfter(int seconds);

  /** A guest that uses the volume from now on, wherever it is attached. */
  void guest(String volume);

  /** Guests of the volume end and close its disk. */
  void unplug(String volume);

  /** The volume was taken away from the machine where it was, with its guest. */
  void cutOff(String volume);

  /**
   * Returns when the state is exactly the desired one, on record and in every data plane, after
   * what has begun was given the time to show.
   */
  void awaitDesiredState();

  // ---- users' requests ----

  default void create(String volume) {
    create(volume, 2);
  }

  void create(String volume, int replicas);

  default void attach(String volume, String node) {
    ask(
        "attach " + volume,
        () -> {
          var unused = requests().attach(volume, node);
        });
    guest(volume);
  }

  default void detach(String volume) {
    unplug(volume);
    ask(
        "detach " + volume,
        () -> {
          var unused = requests().detach(volume);
        });
  }

  default void delete(String volume) {
    ask(
        "delete " + volume,
        () -> {
          var unused = requests().delete(volume);
        });
  }

  default void move(String volume, String node) {
    unplug(volume);
    ask(
        "move " + volume,
        () -> {
          var unused = requests().move(volume, node, false);
        });
    guest(volume);
  }

  default void moveFromDead(String volume, String node) {
    ask(
        "move " + volume,
        () -> {
          var unused = requests().move(volume, node, false);
        });
    cutOff(volume);
    guest(volume);
  }

  default void moveByForce(String volume, String node) {
    ask(
        "move " + volume + " by force",
        () -> {
          var unused = requests().move(volume, node, true);
        });
    cutOff(volume);
    guest(volume);
  }

  default void detachByForce(String volume) {
    ask(
        "detach " + volume + " by force",
        () -> {
          var unused = requests().detach(volume, true);
        });
    cutOff(volume);
  }

  default void moveReplica(String volume, int slot) {
    ask(
        "move replica " + slot + " of " + volume,
        () -> {
          var unused = requests().moveReplica(volume, slot, null);
        });
  }

  /** By so much more than what it has; asked again it is the same size. */
  default void grow(String volume) {
    long bytes = there(volume).volume().sizeBytes() + SimUser.GROWS_BY_BYTES;
    ask(
        "grow " + volume,
        () -> {
          var unused = requests().resize(volume, bytes);
        });
  }

  // ---- what is on record ----

  /** Empty when it is DELETED. */
  default Optional<VolumeDetails> volume(String name) {
    return requests().volume(name);
  }

  default VolumeDetails there(String name) {
    return volume(name).orElseThrow(() -> new IllegalStateException("no volume " + name));
  }

  /** The storage node of a replica. */
  default String nodeOf(String volume, int slot) {
    VolumeDetails v = there(volume);
    return v.lvols().stream()
        .filter(l -> l.slot() == slot)
        .map(l -> Objects.requireNonNull(v.nodeNames().get(l.nodeId())))
        .findFirst()
        .orElseThrow();
  }

  default List<LvolSync> syncs(String volume) {
    return there(volume).lvols().stream().map(l -> l.sync()).toList();
  }

  /** Every replica is there and in sync, and there are as many as there shall be. */
  default boolean isWhole(String volume) {
    VolumeDetails v = there(volume);
    return v.volume().state() == VolumeState.AVAILABLE
        && v.lvols().size() == v.volume().replicas()
        && v.lvols().stream()
            .allMatch(l -> l.sync() == LvolSync.IN_SYNC && l.state() == LvolState.UP);
  }

  /** After an unclean stop a RAID is not started without a leg that may be the newer one. */
  default boolean isWaitingForALeg(String volume) {
    return there(volume).reasons().stream()
        .map(r -> r.reason())
        .anyMatch(r ->
            r.object().kind() == ObjectKind.VOLUME_MAPPING
                && r.waitingFor().contains("the last stop was not clean"));
  }

  default boolean isAttached(String volume, String node) {
    VolumeDetails v = there(volume);
    var m = v.mapping();
    return m != null
        && m.state() == VolumeMappingState.ATTACHED
        && node.equals(v.nodeNames().get(m.nodeId()))
        && v.vmMapping() != null
        && v.vmMapping().state() == VmMappingState.ATTACHED;
  }

  default boolean isWorking(String node) {
    Node n =
        requests().nodes().stream().filter(x -> x.name().equals(node)).findFirst().orElseThrow();
    return n.leaseValid() && n.dataPlane() == DataPlaneState.READY;
  }

  default void awaitAttached(String volume, String node) {
    await(volume + " to be attached to " + node, () -> isAttached(volume, node));
  }

  default void awaitWhole(String volume) {
    await(volume + " to be whole", () -> isWhole(volume));
  }

  default void awaitDetached(String volume) {
    await(volume + " to be detached", () -> there(volume).mapping() == null);
  }

  default void awaitDeleted(String volume) {
    await(volume + " to be deleted", () -> volume(volume).isEmpty());
  }
}

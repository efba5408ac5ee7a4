package io.diskengine.testkit.store;

import io.diskengine.model.Disk;
import io.diskengine.model.Intent;
import io.diskengine.model.Node;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.Schedulability;
import io.diskengine.store.ControllerStore;
import io.diskengine.store.NewVolume;
import io.diskengine.store.ReasonRow;
import io.diskengine.store.VolumeDetails;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The part of {@link ControllerStore} that the simulator's user and scheduler need, with its
 * meaning.
 */
public interface VolumeRequests {
  VolumeDetails createVolume(NewVolume volume);

  List<VolumeDetails> volumes();

  Optional<VolumeDetails> volume(String name);

  VolumeDetails attach(String volumeName, String nodeName);

  default VolumeDetails detach(String volumeName) {
    return detach(volumeName, false);
  }

  VolumeDetails detach(String volumeName, boolean force);

  VolumeDetails move(String volumeName, String nodeName, boolean force);

  VolumeDetails moveReplica(String volumeName, int slot, @Nullable String nodeName);

  VolumeDetails resize(String volumeName, long sizeBytes);

  /** For a timer: replacements of what is lost for long. */
  void replaceLost();

  /** For a timer: the second half of moves. */
  void attachSuccessors();

  VolumeDetails delete(String volumeName);

  List<Node> nodes();

  List<Disk> disks();

  void setSchedulability(String nodeName, Schedulability schedulability);

  List<ReasonRow> why(ObjectRef object);

  List<ReasonRow> reasons();

  List<Intent> openIntents();

  /** Of a whole store. */
  static VolumeRequests of(ControllerStore store) {
    return new VolumeRequests() {
      @Override
      public VolumeDetails createVolume(NewVolume volume) {
        return store.createVolume(volume);
      }

      @Override
      public List<VolumeDetails> volumes() {
        return store.volumes();
      }

      @Override
      public Optional<VolumeDetails> volume(String name) {
        return store.volume(name);
      }

      @Override
      public VolumeDetails attach(String volumeName, String nodeName) {
        return store.attach(volumeName, nodeName);
      }

      @Override
      public VolumeDetails detach(String volumeName, boolean force) {
        return store.detach(volumeName, force);
      }

      @Override
      public VolumeDetails move(String volumeName, String nodeName, boolean force) {
        return store.move(volumeName, nodeName, force);
      }

      @Override
      public VolumeDetails moveReplica(String volumeName, int slot, @Nullable String nodeName) {
        return store.moveReplica(volumeName, slot, nodeName);
      }

      @Override
      public VolumeDetails resize(String volumeName, long sizeBytes) {
        return store.resize(volumeName, sizeBytes);
      }

      @Override
      public void replaceLost() {
        store.replaceLost();
      }

      @Override
      public void attachSuccessors() {
        store.attachSuccessors();
      }

      @Override
      public VolumeDetails delete(String volumeName) {
        return store.delete(volumeName);
      }

      @Override
      public List<Node> nodes() {
        return store.nodes();
      }

      @Override
      public List<Disk> disks() {
        return store.disks();
      }

      @Override
      public void setSchedulability(String nodeName, Schedulability schedulability) {
        var unused = store.setSchedulability(nodeName, schedulability);
      }

      @Override
      public List<ReasonRow> why(ObjectRef object) {
        return store.why(object);
      }

      @Override
      public List<ReasonRow> reasons() {
        return store.reasons();
      }

      @Override
      public List<Intent> openIntents() {
        return store.openIntents();
      }
    };
  }
}

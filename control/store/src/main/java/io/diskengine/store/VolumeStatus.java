package io.diskengine.store;

import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.VmMapping;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.model.VolumeState;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How far a volume and its attachment have come: what is waited for.
 *
 * @param whole as many replicas as wanted, all in sync, none on its way in or out
 * @param mapping null when the volume has no mapping that is not final
 */
public record VolumeStatus(
    long volumeId, VolumeState state, boolean whole, @Nullable Mapping mapping) {
  /**
   * @param vmState null when there is no vm mapping
   */
  public record Mapping(
      long id,
      String node,
      VolumeMappingState state,
      @Nullable VmMappingState vmState,
      boolean guestConnected) {}

  public static VolumeStatus of(VolumeDetails details) {
    Volume volume = details.volume();
    return new VolumeStatus(
        volume.id(), volume.state(), isWhole(volume, details.lvols()), mapping(details));
  }

  private static boolean isWhole(Volume volume, List<Lvol> lvols) {
    return lvols.size() == volume.replicas()
        && lvols.stream().allMatch(l -> l.state() == LvolState.UP && l.sync() == LvolSync.IN_SYNC);
  }

  private static @Nullable Mapping mapping(VolumeDetails details) {
    VolumeMapping m = details.mapping();
    VmMapping vm = details.vmMapping();
    return m == null
        ? null
        : new Mapping(
            m.id(),
            details.nodeNames().getOrDefault(m.nodeId(), ""),
            m.state(),
            vm == null ? null : vm.state(),
            vm != null && vm.guestConnected());
  }
}

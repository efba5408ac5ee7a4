package io.diskengine.model.plan;

import io.diskengine.model.DiskState;
import io.diskengine.model.GrantState;
import io.diskengine.model.LvolState;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.VolumeMappingState;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Something to make durable in PostgreSQL, planned from a row version. The meaning and the refusals
 * are those of the store's write of the same name.
 */
public sealed interface Commit {
  record DiskSeen(DiskFile file) implements Commit {}

  record DiskChanged(long diskId, long version, DiskState to, @Nullable String health)
      implements Commit {}

  record DiskUp(long diskId, long version, Lvstore lvstore, boolean unmapZeroes)
      implements Commit {}

  record DiskFree(long diskId, long freeClusters) implements Commit {}

  record LvolUp(long lvolId, long version, UUID uuid) implements Commit {}

  record LvolChanged(long lvolId, long version, LvolState to, @Nullable String error)
      implements Commit {}

  record LvolKept(long lvolId, long version, UUID snapshotUuid) implements Commit {}

  record KeptGone(long lvolId, long version) implements Commit {}

  record GrantConfirmed(long grantId, long version, GrantState to, String incarnation)
      implements Commit {}

  record MappingChanged(long mappingId, long version, VolumeMappingState to) implements Commit {}

  record MappingClean(long mappingId, long version, boolean clean) implements Commit {}

  record RaidSeen(long mappingId, long version, String raidState) implements Commit {}

  record RaidCreated(long volumeId, long version) implements Commit {}

  record GrowthMissed(long volumeId, long version) implements Commit {}

  record VmMappingChanged(
      long vmMappingId, long version, VmMappingState to, @Nullable String socketPath)
      implements Commit {}

  record GuestSeen(long vmMappingId, boolean connected) implements Commit {}

  record MappingGone(long mappingId, long version) implements Commit {}

  record CommitOut(long volumeId, long volumeEpoch, List<Long> lvolIds, String cause)
      implements Commit {
    public CommitOut {
      lvolIds = List.copyOf(lvolIds);
    }
  }

  record Readmit(long lvolId, long version) implements Commit {}

  record RebuildStarted(long lvolId, long version) implements Commit {}

  record RebuildProgress(long lvolId, int percent) implements Commit {}

  record InSync(long lvolId, long version) implements Commit {}

  record SourceLost(
      long volumeId, long volumeEpoch, long lvolId, long version, List<Long> lost, String cause)
      implements Commit {
    public SourceLost {
      lost = List.copyOf(lost);
    }
  }
}

package io.diskengine.agent;

import io.diskengine.model.plan.Commit;
import io.diskengine.model.plan.DiskFile;
import io.diskengine.store.AgentWrite;

/** The store's writes for what a plan wants on record. */
final class Commits {
  private Commits() {}

  static AgentWrite write(Commit commit) {
    return switch (commit) {
      case Commit.DiskSeen c -> diskSeen(c.file());
      case Commit.DiskChanged c ->
          new AgentWrite.DiskChanged(c.diskId(), c.version(), c.to(), c.health());
      case Commit.DiskUp c ->
          new AgentWrite.DiskUp(
              c.diskId(),
              c.version(),
              c.lvstore().uuid(),
              c.lvstore().clusterBytes(),
              c.lvstore().totalClusters(),
              c.lvstore().freeClusters(),
              c.unmapZeroes());
      case Commit.DiskFree c -> new AgentWrite.DiskFree(c.diskId(), c.freeClusters());
      case Commit.LvolUp c -> new AgentWrite.LvolUp(c.lvolId(), c.version(), c.uuid());
      case Commit.LvolChanged c ->
          new AgentWrite.LvolChanged(c.lvolId(), c.version(), c.to(), c.error());
      case Commit.LvolKept c -> new AgentWrite.LvolKept(c.lvolId(), c.version(), c.snapshotUuid());
      case Commit.KeptGone c -> new AgentWrite.KeptGone(c.lvolId(), c.version());
      case Commit.GrantConfirmed c ->
          new AgentWrite.GrantConfirmed(c.grantId(), c.version(), c.to(), c.incarnation());
      case Commit.MappingChanged c ->
          new AgentWrite.MappingChanged(c.mappingId(), c.version(), c.to());
      case Commit.MappingClean c ->
          new AgentWrite.MappingClean(c.mappingId(), c.version(), c.clean());
      case Commit.RaidSeen c -> new AgentWrite.RaidSeen(c.mappingId(), c.version(), c.raidState());
      case Commit.RaidCreated c -> new AgentWrite.RaidCreated(c.volumeId(), c.version());
      case Commit.GrowthMissed c -> new AgentWrite.GrowthMissed(c.volumeId(), c.version());
      case Commit.VmMappingChanged c ->
          new AgentWrite.VmMappingChanged(c.vmMappingId(), c.version(), c.to(), c.socketPath());
      case Commit.GuestSeen c -> new AgentWrite.GuestSeen(c.vmMappingId(), c.connected());
      case Commit.MappingGone c -> new AgentWrite.MappingGone(c.mappingId(), c.version());
      case Commit.CommitOut c ->
          new AgentWrite.CommitOut(c.volumeId(), c.volumeEpoch(), c.lvolIds(), c.cause());
      case Commit.Readmit c -> new AgentWrite.Readmit(c.lvolId(), c.version());
      case Commit.RebuildStarted c -> new AgentWrite.RebuildStarted(c.lvolId(), c.version());
      case Commit.RebuildProgress c -> new AgentWrite.RebuildProgress(c.lvolId(), c.percent());
      case Commit.InSync c -> new AgentWrite.InSync(c.lvolId(), c.version());
      case Commit.SourceLost c ->
          new AgentWrite.SourceLost(
              c.volumeId(), c.volumeEpoch(), c.lvolId(), c.version(), c.lost(), c.cause());
    };
  }

  private static AgentWrite diskSeen(DiskFile file) {
    return new AgentWrite.DiskSeen(
        file.serial(),
        file.nsid(),
        file.model(),
        file.path(),
        file.sizeBytes(),
        file.blockSize(),
        false);
  }
}

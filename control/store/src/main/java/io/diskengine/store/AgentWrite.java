package io.diskengine.store;

import io.diskengine.model.DataPlaneState;
import io.diskengine.model.DiskState;
import io.diskengine.model.Event;
import io.diskengine.model.GrantState;
import io.diskengine.model.LvolState;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.Reason;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.VolumeMappingState;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * One thing an agent confirms or commits. {@code version} is the row version it was planned from:
 * another version in the database refuses the write. Applying a write raises the row's version,
 * except where the record says otherwise.
 */
public sealed interface AgentWrite {
  /**
   * Whether a crash of PostgreSQL may lose it: a transaction of such writes waits for no disk. They
   * are said again by the next reconcile, or are history that an open intent or a reason repeats.
   * Whoever acts upon such a fact journals that durably first, and PostgreSQL's log has one order:
   * what was acted upon is then durable too.
   */
  default boolean mayBeLostInACrash() {
    return switch (this) {
      case FinishIntent w -> true;
      case FinishUnknownIntents w -> true;
      case PublishReasons w -> true;
      case PublishPlan w -> true;
      case AppendEvent w -> true;
      case RebuildProgress w -> true;
      case GuestSeen w -> true;
      case DiskFree w -> true;
      case LvolUp w -> true;
      case GrantConfirmed w -> w.to() == GrantState.GRANTED;
      case RaidSeen w -> true;
      case MappingChanged w -> w.to() == VolumeMappingState.ATTACHED;
      case VmMappingChanged w -> w.to() == VmMappingState.ATTACHED;
      default -> false;
    };
  }

  /** Writes of the storage-node agent. */
  sealed interface StorageNodeWrite extends AgentWrite {}

  /** Writes of the baremetal agent. */
  sealed interface BaremetalWrite extends AgentWrite {}

  /**
   * Journals an action before its RPC and re-authorises it: refused unless {@code object} still has
   * {@code plannedFromVersion}. Applied's id is the intent's. Does not raise the row's version.
   */
  record BeginIntent(String action, ObjectRef object, long plannedFromVersion)
      implements AgentWrite {}

  /** Ends an intent; {@code outcome} e.g. {@code ok}, {@code rejected: -17 File exists}. */
  record FinishIntent(long intentId, String outcome) implements AgentWrite {}

  /**
   * Ends every open intent of this node but the {@code known} ones: those that began in a
   * transaction whose end the agent was not told, so that nothing was sent for them.
   */
  record FinishUnknownIntents(List<Long> known, String outcome) implements AgentWrite {}

  /** The data-plane process as seen now; written on change only. Wakes the nodes that depend. */
  record NodeSeen(
      DataPlaneState dataPlane, @Nullable String incarnation, @Nullable String spdkVersion)
      implements AgentWrite {}

  /** Replaces everything this node says about why things wait; identical sets cost nothing. */
  record PublishReasons(List<Reason> reasons) implements AgentWrite {}

  /** The last plan, for people. */
  record PublishPlan(String plan) implements AgentWrite {}

  record AnswerPlan(long requestId, String answer) implements AgentWrite {}

  record AppendEvent(Event.Severity severity, ObjectRef object, String objectName, String message)
      implements AgentWrite {}

  /**
   * A disk that was seen, by serial and nsid. New: a row in state {@code NEW}. Known: its model,
   * address and size are brought up to date. Applied's id is the disk's.
   */
  record DiskSeen(
      String serial,
      int nsid,
      String model,
      String address,
      long sizeBytes,
      int blockSize,
      boolean volatileWriteCache)
      implements StorageNodeWrite {}

  /** Any change of a disk's state except to {@code UP}. */
  record DiskChanged(long diskId, long version, DiskState to, @Nullable String health)
      implements StorageNodeWrite {}

  /**
   * The disk's lvstore is there and verified. Also brings {@code MISSING} or {@code FAULTY} back.
   */
  record DiskUp(
      long diskId,
      long version,
      UUID lvstoreUuid,
      long clusterSizeBytes,
      long totalClusters,
      long freeClusters,
      boolean unmapZeroes)
      implements StorageNodeWrite {}

  /** Does not raise the row's version. */
  record DiskFree(long diskId, long freeClusters) implements StorageNodeWrite {}

  /** The lvol is there with the right content. The last replica makes the volume AVAILABLE. */
  record LvolUp(long lvolId, long version, UUID lvolUuid) implements StorageNodeWrite {}

  /**
   * Any other change of an lvol's state. {@code DELETED} only when it was seen to be gone; the last
   * one makes its volume {@code DELETED}.
   */
  record LvolChanged(long lvolId, long version, LvolState to, @Nullable String error)
      implements StorageNodeWrite {}

  /** What the replica held is kept in a snapshot; {@code TAKING} becomes {@code KEPT}. */
  record LvolKept(long lvolId, long version, UUID snapshotUuid) implements StorageNodeWrite {}

  /** The snapshot was seen to be gone. A replica that left the set meanwhile wants a new one. */
  record KeptGone(long lvolId, long version) implements StorageNodeWrite {}

  /** {@code GRANTED} or {@code REVOKED}, as seen in the process named by {@code incarnation}. */
  record GrantConfirmed(long grantId, long version, GrantState to, String incarnation)
      implements StorageNodeWrite {}

  record MappingChanged(long mappingId, long version, VolumeMappingState to)
      implements BaremetalWrite {}

  /** SPDK's word for the RAID's state. */
  record RaidSeen(long mappingId, long version, String raidState) implements BaremetalWrite {}

  /** See {@link io.diskengine.model.VolumeMapping#clean}. */
  record MappingClean(long mappingId, long version, boolean clean) implements BaremetalWrite {}

  /** The RAID's superblock is on its legs: from now on it is assembled, never created. */
  record RaidCreated(long volumeId, long version) implements BaremetalWrite {}

  /**
   * The RAID did not hear that its legs have grown. In one step its guest, every replica and so the
   * next growth get a cluster more. Refused unless the volume is {@code AVAILABLE} at {@code
   * version} and every replica is UP and in sync.
   */
  record GrowthMissed(long volumeId, long version) implements BaremetalWrite {}

  record VmMappingChanged(
      long vmMappingId, long version, VmMappingState to, @Nullable String socketPath)
      implements BaremetalWrite {}

  /** Whether a guest holds the vhost controller. Does not raise the row's version. */
  record GuestSeen(long vmMappingId, boolean connected) implements BaremetalWrite {}

  /**
   * Nothing is left on the node of a mapping that is {@code FENCED}. Refused while its vm mapping
   * is not {@code DETACHED}.
   */
  record MappingGone(long mappingId, long version) implements BaremetalWrite {}

  /**
   * Law 8: legs that leave the set, committed before they are disabled. In one step: the legs
   * become {@code OUT}, their grants {@code REVOKING}, the volume's epoch is raised and the
   * surviving grants are carried to it. Refused when the epoch is not {@code volumeEpoch} or no
   * in-sync leg would be left (law 9). {@code cause} becomes an event.
   */
  record CommitOut(long volumeId, long volumeEpoch, List<Long> lvolIds, String cause)
      implements BaremetalWrite {
    public CommitOut {
      lvolIds = List.copyOf(lvolIds);
    }
  }

  /**
   * Lets a leg that is {@code OUT} come back: a new grant at the volume's epoch. Refused while an
   * older grant of it is not {@code REVOKED}, its node has its share of rebuilds running, or its
   * disk has no room to keep what it held (law 9).
   */
  record Readmit(long lvolId, long version) implements BaremetalWrite {}

  /** {@code bdev_raid_add_base_bdev} is about to be sent for a leg that is {@code OUT}. */
  record RebuildStarted(long lvolId, long version) implements BaremetalWrite {}

  /** Does not raise the row's version. */
  record RebuildProgress(long lvolId, int percent) implements BaremetalWrite {}

  /** The rebuild is done as law 6 defines it; raises the volume's epoch and carries its grants. */
  record InSync(long lvolId, long version) implements BaremetalWrite {}

  /**
   * A rebuild was done as law 6 defines it, and then, before that was on record, the RAID lost
   * every leg that is in sync on record (decision 0049). In one step the rebuilt leg becomes {@code
   * IN_SYNC} and {@code lost} leave the set as {@link CommitOut} says. Refused when the epoch is
   * not {@code volumeEpoch}, the leg is not at {@code version} or not {@code REBUILDING}, or one of
   * {@code lost} is not in sync.
   */
  record SourceLost(
      long volumeId, long volumeEpoch, long lvolId, long version, List<Long> lost, String cause)
      implements BaremetalWrite {
    public SourceLost {
      lost = List.copyOf(lost);
    }
  }
}

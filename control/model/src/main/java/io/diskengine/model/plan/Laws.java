package io.diskengine.model.plan;

import io.diskengine.model.Disk;
import io.diskengine.model.Grant;
import io.diskengine.model.GrantState;
import io.diskengine.model.Kept;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.plan.BaremetalObserved.Raid;
import io.diskengine.model.plan.StorageNodeObserved.LvolSeen;
import io.diskengine.model.plan.StorageNodeObserved.Subsystem;
import java.util.Collection;
import java.util.Set;

/**
 * The laws that guard the planners, each a predicate that can be read and tested alone. Numbers are
 * those of {@code docs/ARCHITECTURE.md}. Law 2's guard is {@link Facts#isAbsent}.
 */
final class Laws {
  /** How long a set of legs that was stopped cleanly waits for a missing leg. */
  static final long START_ALONE_AFTER_MS = 30_000;

  /** Law 6: a failed rebuild looks finished for 0.2 s. */
  static final long REBUILT_QUIET_MS = 1_000;

  /** A disabled leg of an idle RAID leaves it only when it is detached. */
  static final long DISABLED_SETTLE_MS = 2_000;

  /** Law 15: a leg that left for the second time waits this long before it is let in again. */
  static final long READMIT_FIRST_MS = 5_000;

  static final long READMIT_CAP_MS = 300_000;

  /** A RAID has its new size a tenth of a second after its last leg has. */
  static final long GROWTH_HEARD_MS = 3_000;

  /** A RAID that misses its growth again and again is not grown for ever. */
  static final int MAX_MISSED_GROWTHS = 16;

  private Laws() {}

  /** Law 4: what has no answer may still come, and what may come is not gone. */
  static boolean mayCome(long untilMs, long nowMs) {
    return nowMs < untilMs;
  }

  /** Law 15: when a leg that left {@code times} times may come back; each time it waits longer. */
  static long readmitAtMs(BaremetalObserved.Out out) {
    if (out.times() <= 1) {
      return out.atMs();
    }
    int doublings = Math.min(out.times() - 2, 16);
    return out.atMs() + Math.min(READMIT_CAP_MS, READMIT_FIRST_MS << doublings);
  }

  /**
   * Laws 8 and 9: a leg leaves the set only when another in-sync leg is in the RAID and healthy.
   */
  static boolean mayDrop(Leg leg, Collection<Leg> legs) {
    return legs.stream()
        .anyMatch(other ->
            other.lvol().id() != leg.lvol().id()
                && other.lvol().sync() == LvolSync.IN_SYNC
                && other.inRaid()
                && other.health().isHealthy());
  }

  /**
   * Law 8: some in-sync legs start without the others only after a clean stop, and not before the
   * others had time to come.
   */
  static boolean mayStartAlone(VolumeMapping mapping, long waitedMs) {
    return mapping.clean() && waitedMs >= START_ALONE_AFTER_MS;
  }

  /** Law 8: a RAID is opened for guests with exactly the legs that hold the volume's bytes. */
  static boolean mayExpose(Raid raid, Collection<Leg> legs) {
    return raid.isOnline()
        && legs.stream().allMatch(l -> l.inRaid() == (l.lvol().sync() != LvolSync.OUT))
        && raid.legs().stream().filter(BaremetalObserved.Leg::configured).count()
            == legs.stream().filter(Leg::inRaid).count();
  }

  /**
   * Law 8: after an unclean stop the legs may differ, so one of them becomes the truth before a
   * guest reads. Not so where this incarnation itself opened the RAID: it never left it.
   */
  static boolean mustChooseTruth(VolumeMapping mapping, boolean opened, int inSyncInRaid) {
    return !mapping.clean() && !opened && inSyncInRaid > 1;
  }

  /** Law 6: no process and the leg in place, seen twice at least a second apart. */
  static boolean isRebuilt(Raid raid, Leg leg) {
    return raid.isOnline()
        && raid.process() == null
        && leg.inRaid()
        && raid.operational()
            == raid.legs().stream().filter(BaremetalObserved.Leg::configured).count()
        && raid.lookedAtMs() - raid.quietSinceMs() >= REBUILT_QUIET_MS;
  }

  /**
   * Laws 6 and 8: the rebuilt leg is the volume's last copy though the record names others: it is
   * rebuilt, and none of those is in the RAID any more. A rebuild whose last source leaves ends
   * with its target taken out before the source, so that what is left alone was rebuilt in full.
   */
  static boolean isSuccessor(Raid raid, Leg leg, Collection<Leg> legs) {
    return leg.lvol().sync() == LvolSync.REBUILDING
        && isRebuilt(raid, leg)
        && legs.stream().noneMatch(l -> l.lvol().sync() == LvolSync.IN_SYNC && l.inRaid());
  }

  /** Law 8: an {@code OUT} leg is attached only beside an online RAID that shows it absent. */
  static boolean mayAttach(Leg leg, boolean raidOnline) {
    return leg.lvol().sync() != LvolSync.OUT || (raidOnline && !leg.inRaid());
  }

  /** Law 7: a grant opens a leg only when confirmed and listed by the volume's present epoch. */
  static boolean isValid(Grant grant, Volume volume, VolumeMapping mapping) {
    return grant.state() == GrantState.GRANTED
        && grant.volumeEpoch() == volume.epoch()
        && grant.mappingId() == mapping.id();
  }

  /**
   * Law 9: what a replica held when it left the set is kept before anybody may overwrite it. A host
   * that is let in to rebuild it does so.
   */
  static boolean mayLetIn(Lvol lvol) {
    return lvol.kept() != Kept.WANTED && lvol.kept() != Kept.TAKING;
  }

  /** Law 11: only the snapshot that was taken of this replica, when nobody needs it any more. */
  static boolean mayDropKept(Lvol lvol, LvolSeen seen) {
    boolean needless =
        lvol.state() == LvolState.DELETING
            || (lvol.kept() == Kept.DROPPING && lvol.sync() != LvolSync.REBUILDING);
    return needless
        && seen.snapshot()
        && (lvol.keptUuid() == null || lvol.keptUuid().equals(seen.uuid()));
  }

  /** Law 7: a grant is revoked when the host is off the list and has no controller left. */
  static boolean isRevoked(
      String hostNqn, Facts<Subsystem> subsystems, Facts<Set<String>> connected, String nqn) {
    return subsystems.isAbsent(nqn)
        || (subsystems.find(nqn).filter(s -> !s.hosts().contains(hostNqn)).isPresent()
            && connected.find(nqn).filter(hosts -> !hosts.contains(hostNqn)).isPresent());
  }

  /** An lvstore is created once, on a disk proven empty, and never where one is expected. */
  static boolean mayCreateLvstore(Disk disk, DiskFile file, Facts<Lvstore> lvstores, String base) {
    return disk.lvstoreUuid() == null
        && file.content() == DiskFile.Content.EMPTY
        && lvstores.isAbsent(base);
  }

  /** Law 11: only an lvol with its tombstone, with the identity on record, exported to nobody. */
  static boolean mayDelete(Lvol lvol, LvolSeen seen, Facts<Subsystem> subsystems) {
    return lvol.state() == LvolState.DELETING
        && (lvol.uuid() == null || lvol.uuid().equals(seen.uuid()))
        && subsystems.isAbsent(lvol.nqn());
  }

  /** Law 10: a subsystem goes only when it has no host and nobody is connected. */
  static boolean mayUnexport(Subsystem subsystem, Facts<Set<String>> connected) {
    return subsystem.hosts().isEmpty()
        && connected.find(subsystem.nqn()).filter(Set::isEmpty).isPresent();
  }
}

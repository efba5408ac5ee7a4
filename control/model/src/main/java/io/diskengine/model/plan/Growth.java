package io.diskengine.model.plan;

import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Sizes;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeState;
import io.diskengine.model.plan.BaremetalObserved.Raid;

/**
 * A RAID grows when it hears that a leg did, and not otherwise (decision 0052). One that missed it,
 * because it was not there or a leg was away, is given another cluster on each leg to hear of.
 */
public final class Growth {
  private final Attachment a;

  Growth(Attachment attachment) {
    this.a = attachment;
  }

  /** Whether an online RAID is smaller than what all its legs have on record. */
  public static boolean isMissed(Index rows, Volume volume, Raid raid) {
    long bytes = raid.dataBlocks() * volume.blockSize();
    return raid.isOnline()
        && bytes > 0
        && bytes < volume.guestBytes()
        && volume.state() == VolumeState.AVAILABLE
        && rows.lvolsOf(volume.id()).stream()
            .filter(l -> l.state() != LvolState.DELETING && l.state() != LvolState.DELETED)
            .allMatch(l -> l.state() == LvolState.UP && l.sync() == LvolSync.IN_SYNC);
  }

  void plan(Raid raid) {
    Long since = a.seen.smallSinceMs().get(a.mapping.id());
    if (since == null || !isMissed(a.rows, a.volume, raid)) {
      return;
    }
    long extraBytes = a.volume.guestBytes() - Sizes.guestBytes(a.volume.sizeBytes());
    String what =
        "RAID %s, which has %d bytes, to have the %d bytes that its legs hold"
            .formatted(a.raidName, raid.dataBlocks() * a.volume.blockSize(), a.volume.guestBytes());
    if (extraBytes >= Laws.MAX_MISSED_GROWTHS * Sizes.UNIT_BYTES) {
      a.out.blocked(a.ref, "an operator: " + what + "; it does not grow with its legs", null);
    } else if (a.legs.stream().allMatch(l -> l.inRaid() && l.health().isHealthy())
        && raid.lookedAtMs() - since >= Laws.GROWTH_HEARD_MS) {
      a.out.commit(
          a.ref, a.mapping.version(), new Commit.GrowthMissed(a.volume.id(), a.volume.version()));
    } else {
      a.out.blocked(a.ref, what, null);
      a.out.requeueAt(Math.max(a.seen.nowMs() + LOOK_MS, since + Laws.GROWTH_HEARD_MS));
    }
  }

  private static final long LOOK_MS = 500;
}

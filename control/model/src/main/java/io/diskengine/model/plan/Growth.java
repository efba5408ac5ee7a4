package io.diskengine.model.plan;

import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Sizes;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeState;
import io.diskengine.model.plan.BaremetalObserved.Raid;
import java.util.List;
import java.util.OptionalLong;

/**
 * A RAID grows when it hears that a leg did, and not otherwise (decision 0052). One that missed it,
 * because it was not there or a leg was away, is given another cluster on each leg to hear of.
 */
public final class Growth {
  private final Attachment a;

  Growth(Attachment attachment) {
    this.a = attachment;
  }

  /**
   * Whether an online RAID of every replica was seen to use less of them than it could with what
   * they have on record. A size that was not seen is not small.
   */
  public static boolean isMissed(Index rows, Volume volume, Raid raid) {
    OptionalLong blocks = raid.dataBlocks();
    OptionalLong promised = promisedBlocks(rows, volume, raid);
    return blocks.isPresent()
        && promised.isPresent()
        && blocks.getAsLong() < promised.getAsLong()
        && volume.state() == VolumeState.AVAILABLE
        && raid.process() == null;
  }

  /**
   * Blocks that a guest would see if the RAID had heard of everything: those of the smallest
   * replica behind the RAID's data offset. Empty unless the RAID's legs are the replicas, all
   * usable, and SPDK says where their data begins.
   */
  private static OptionalLong promisedBlocks(Index rows, Volume volume, Raid raid) {
    List<Lvol> replicas =
        rows.lvolsOf(volume.id()).stream()
            .filter(l -> l.state() != LvolState.DELETING && l.state() != LvolState.DELETED)
            .toList();
    List<BaremetalObserved.Leg> legs = raid.configured();
    if (replicas.isEmpty() || legs.size() != replicas.size()) {
      return OptionalLong.empty();
    }
    long least = Long.MAX_VALUE;
    for (Lvol lvol : replicas) {
      long offsetBlocks =
          legs.stream()
              .filter(l -> lvol.namespaceUuid().equals(l.uuid()))
              .mapToLong(BaremetalObserved.Leg::dataOffsetBlocks)
              .findFirst()
              .orElse(0);
      boolean isUsable = lvol.state() == LvolState.UP && lvol.sync() == LvolSync.IN_SYNC;
      if (!isUsable || offsetBlocks * volume.blockSize() < Sizes.SUPERBLOCK_BYTES) {
        return OptionalLong.empty();
      }
      least = Math.min(least, lvol.sizeBytes() / volume.blockSize() - offsetBlocks);
    }
    return OptionalLong.of(least);
  }

  void plan(Raid raid) {
    Long since = a.seen.smallSinceMs().get(a.mapping.id());
    if (since == null || !isMissed(a.rows, a.volume, raid)) {
      return;
    }
    long extraBytes = a.volume.guestBytes() - Sizes.guestBytes(a.volume.sizeBytes());
    long blockSize = a.volume.blockSize();
    String what =
        "RAID %s, which has %d bytes, to have the %d bytes that its legs hold"
            .formatted(
                a.raidName,
                raid.dataBlocks().orElseThrow() * blockSize,
                promisedBlocks(a.rows, a.volume, raid).orElseThrow() * blockSize);
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

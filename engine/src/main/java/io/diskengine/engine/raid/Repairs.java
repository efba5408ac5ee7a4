package io.diskengine.engine.raid;

import io.diskengine.engine.bdev.LbaRange;
import java.util.ArrayDeque;
import java.util.List;

/**
 * Writes back what a leg could not read, from the other legs, one range at a time while nobody
 * writes there: unlike SPDK, which writes what the reader got and may so overwrite a newer write. A
 * leg that cannot be written either has failed. Home reactor.
 */
final class Repairs {
  /** Ranges that wait; more are dropped, the next read of them reports them again. */
  private static final int MOST_WAITING = 64;

  private record Range(Leg leg, LbaRange blocks) {}

  private final Raid raid;
  private final ArrayDeque<Range> waiting = new ArrayDeque<>();
  private boolean busy;

  Repairs(Raid raid) {
    this.raid = raid;
  }

  void add(List<Leg> legs, long offsetBlocks, long lengthBlocks) {
    for (Leg leg : legs) {
      Range range = new Range(leg, new LbaRange(offsetBlocks, lengthBlocks));
      if (waiting.size() < MOST_WAITING && !waiting.contains(range)) {
        waiting.add(range);
      }
    }
    next();
  }

  private void next() {
    RaidBdev bdev = raid.bdev;
    Range range = busy ? null : waiting.poll();
    if (range == null || bdev == null || raid.state() != Raid.State.ONLINE || raid.deleting()) {
      return;
    }
    Leg leg = range.leg;
    if (leg.role != Leg.Role.IN_SYNC) {
      next();
      return;
    }
    busy = true;
    raid.activities++;
    LbaRange blocks = range.blocks;
    raid.layer()
        .quiesce(
            bdev,
            blocks,
            () ->
                new RangeCopy(raid, leg)
                    .start(
                        blocks.offsetBlocks(),
                        blocks.lengthBlocks(),
                        outcome -> {
                          if (outcome == RangeCopy.Outcome.TARGET_FAILED) {
                            raid.writesFailed(List.of(leg));
                          }
                          raid.layer().unquiesce(bdev, blocks, this::repaired);
                        }));
  }

  private void repaired() {
    busy = false;
    raid.activities--;
    raid.checkQuiet();
    next();
  }
}

package io.diskengine.engine.raid;

import io.diskengine.engine.bdev.BdevChannel;
import java.util.BitSet;

/** Where one reactor may write without asking {@link WriteIntent}. Belongs to that reactor. */
final class IntentView {
  private final int shift;
  private final BitSet granted = new BitSet();

  /** Regions written since the last sweep. */
  private final BitSet touched = new BitSet();

  /** {@code regionBlocks} is a power of two. */
  IntentView(long regionBlocks) {
    shift = Long.numberOfTrailingZeros(regionBlocks);
  }

  int regionOf(long block) {
    return (int) Math.min(block >>> shift, WriteIntent.MOST_REGIONS - 1);
  }

  /** Whether a write may go to the legs now; one that may counts as having touched its regions. */
  boolean mayWrite(long offsetBlocks, long lengthBlocks) {
    int first = regionOf(offsetBlocks);
    int last = regionOf(offsetBlocks + lengthBlocks - 1);
    if (first == last) {
      boolean may = granted.get(first);
      if (may) {
        touched.set(first);
      }
      return may;
    }
    boolean may = granted.nextClearBit(first) > last;
    if (may) {
      touched.set(first, last + 1);
    }
    return may;
  }

  void grant(long offsetBlocks, long lengthBlocks) {
    int first = regionOf(offsetBlocks);
    int end = regionOf(offsetBlocks + lengthBlocks - 1) + 1;
    granted.set(first, end);
    touched.set(first, end);
  }

  /** Leaves of {@code idle} what was not touched here, and takes back the grants for that. */
  void sweep(BdevChannel channel, BitSet idle) {
    channel.forEachIo(io -> {
      if (io.type().changesData()) {
        int first = regionOf(io.offsetBlocks());
        touched.set(first, regionOf(io.offsetBlocks() + io.lengthBlocks() - 1) + 1);
      }
    });
    idle.andNot(touched);
    granted.andNot(idle);
    touched.clear();
  }
}

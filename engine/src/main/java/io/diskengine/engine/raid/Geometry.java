package io.diskengine.engine.raid;

import java.util.Collections;
import java.util.List;

/**
 * How an array is laid out over its legs.
 *
 * @param numBlocks the array's size
 * @param dataBlocks how much of each leg, by slot, the array uses
 */
record Geometry(long numBlocks, List<Long> dataBlocks) {
  Geometry {
    dataBlocks = List.copyOf(dataBlocks);
  }

  /** The size of the smallest leg's room. */
  static long smallest(List<Long> roomBlocks) {
    long smallest = Long.MAX_VALUE;
    for (long room : roomBlocks) {
      smallest = Math.min(smallest, room);
    }
    return smallest;
  }

  /** All legs alike. */
  static Geometry even(long numBlocks, int slots, long dataBlocks) {
    return new Geometry(numBlocks, Collections.nCopies(slots, dataBlocks));
  }
}

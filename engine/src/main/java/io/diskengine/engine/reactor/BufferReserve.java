package io.diskengine.engine.reactor;

import io.diskengine.engine.linux.MemoryCalls;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The I/O buffers of one process: two regions of fixed-size, 4 KiB aligned buffers that reactors
 * claim in chunks and then keep (contract 2). Claiming is lock-free and bounded by the regions.
 */
public final class BufferReserve {
  public static final int SMALL_BYTES = 8 << 10;
  public static final int LARGE_BYTES = 132 << 10;
  private static final int CHUNK = 16;

  private final long smallBase;
  private final int smallCount;
  private final long largeBase;
  private final int largeCount;
  private final AtomicInteger smallClaimed = new AtomicInteger();
  private final AtomicInteger largeClaimed = new AtomicInteger();

  /**
   * Regions at page-aligned addresses; untouched pages cost nothing when they are mapped lazily.
   */
  public BufferReserve(long smallBase, int smallCount, long largeBase, int largeCount) {
    if ((smallBase & 4095) != 0 || (largeBase & 4095) != 0) {
      throw new IllegalArgumentException("buffer regions must be aligned to 4 KiB");
    }
    this.smallBase = smallBase;
    this.smallCount = smallCount;
    this.largeBase = largeBase;
    this.largeCount = largeCount;
  }

  /** A reserve in anonymous memory of its own; only pages that are used cost anything. */
  public static BufferReserve map(int smallCount, int largeCount) {
    return new BufferReserve(
        MemoryCalls.mapAnonymous(smallRegionBytes(smallCount)),
        smallCount,
        MemoryCalls.mapAnonymous(largeRegionBytes(largeCount)),
        largeCount);
  }

  /** Undoes {@link #map}, when nobody uses a buffer any more. */
  public void unmap() {
    MemoryCalls.munmap(smallBase, smallRegionBytes(smallCount));
    MemoryCalls.munmap(largeBase, largeRegionBytes(largeCount));
  }

  public static long smallRegionBytes(int count) {
    return (long) count * SMALL_BYTES;
  }

  public static long largeRegionBytes(int count) {
    return (long) count * LARGE_BYTES;
  }

  boolean isLarge(long address) {
    return address - largeBase >= 0 && address - largeBase < largeRegionBytes(largeCount);
  }

  /** Claims up to a chunk of small buffers into {@code free}; returns how many. */
  int claimSmall(long[] free, int at) {
    return claim(smallClaimed, smallCount, smallBase, SMALL_BYTES, free, at);
  }

  int claimLarge(long[] free, int at) {
    return claim(largeClaimed, largeCount, largeBase, LARGE_BYTES, free, at);
  }

  int smallCount() {
    return smallCount;
  }

  int largeCount() {
    return largeCount;
  }

  private static int claim(
      AtomicInteger claimed, int count, long base, int bytes, long[] free, int at) {
    int from = claimed.getAndUpdate(c -> Math.min(count, c + CHUNK));
    int got = Math.min(count, from + CHUNK) - from;
    for (int i = 0; i < got; i++) {
      free[at + i] = base + (long) (from + i) * bytes;
    }
    return got;
  }
}

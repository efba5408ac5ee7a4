package io.diskengine.engine.bdev;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * How long I/Os took, in SPDK's buckets: the range of a value is the position of its highest bit,
 * each range has 2^granularity buckets of the same width (ranges 0 and 1 of width 1), ranges below
 * the smallest value kept and above the largest are folded into the outermost buckets.
 */
public final class Histogram {
  /** SPDK's defaults, {@code granularity}, {@code min_nsec} and {@code max_nsec}. */
  public static final int DEFAULT_GRANULARITY = 7;

  public static final long DEFAULT_MIN_NS = 1_000;
  public static final long DEFAULT_MAX_NS = 120_000_000_000L;

  /** 2^13 buckets per range are 64 KiB; more is of no use to anybody. */
  public static final int MAX_GRANULARITY = 13;

  /**
   * What is counted.
   *
   * @param type the one type that counts, or null for all
   * @param minNs from here
   * @param maxNs up to below this
   */
  public record Spec(@Nullable IoType type, int granularity, long minNs, long maxNs) {
    public Spec {
      if (granularity < 0 || granularity > MAX_GRANULARITY || minNs < 0 || minNs >= maxNs) {
        throw new IllegalArgumentException(
            "granularity %d (0 to %d), values from %d to %d"
                .formatted(granularity, MAX_GRANULARITY, minNs, maxNs));
      }
    }
  }

  private final Spec spec;
  private final int granularity;
  private final int minRange;
  private final int maxRange;
  private final long[] buckets;

  public Histogram(Spec spec) {
    this.spec = spec;
    this.granularity = spec.granularity();
    this.minRange = range(spec.minNs());
    this.maxRange = range(spec.maxNs() - 1);
    this.buckets = new long[maxRange - minRange + 1 << granularity];
  }

  public Spec spec() {
    return spec;
  }

  public int minRange() {
    return minRange;
  }

  public int maxRange() {
    return maxRange;
  }

  /** A copy of the counts, lowest values first. */
  public long[] buckets() {
    return buckets.clone();
  }

  private int range(long value) {
    return Math.max(0, 64 - Long.numberOfLeadingZeros(value) - granularity);
  }

  void count(IoType type, long ns) {
    if (spec.type() == null || spec.type() == type) {
      tally(ns);
    }
  }

  void tally(long ns) {
    int range = range(ns);
    if (range < minRange) {
      buckets[0]++;
    } else if (range > maxRange) {
      buckets[buckets.length - 1]++;
    } else {
      int index = (int) (ns >>> Math.max(0, range - 1)) & (1 << granularity) - 1;
      buckets[(range - minRange << granularity) + index]++;
    }
  }

  /** Adds another one of the same shape. */
  public void add(Histogram other) {
    for (int i = 0; i < buckets.length; i++) {
      buckets[i] += other.buckets[i];
    }
  }

  /**
   * For each border the values below the end of the bucket it lies in, then all values (SPDK's
   * bdev_get_histogram_borders). Borders in any order.
   */
  public long[] below(long[] borders) {
    long[] counts = new long[borders.length + 1];
    for (int i = 0; i < buckets.length; i++) {
      for (int b = 0; b < borders.length; b++) {
        counts[b] += bucketStart(i) <= borders[b] ? buckets[i] : 0;
      }
    }
    counts[borders.length] = Arrays.stream(buckets).sum();
    return counts;
  }

  /** The smallest value of a bucket; 0 for the first, which takes all smaller ones too. */
  private long bucketStart(int bucket) {
    if (bucket == 0) {
      return 0;
    }
    int range = minRange + (bucket >> granularity);
    long index = bucket & (1 << granularity) - 1;
    return range == 0 ? index : (1L << granularity | index) << range - 1;
  }
}

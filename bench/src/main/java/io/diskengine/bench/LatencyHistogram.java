package io.diskengine.bench;

import java.util.Arrays;

/** Counts by logarithmic bucket, 32 to a power of two: values are 3 % exact. Never allocates. */
final class LatencyHistogram {
  private static final int SUB_BITS = 5;
  private static final int SUB = 1 << SUB_BITS;

  private final long[] counts = new long[(64 - SUB_BITS) * SUB + SUB];
  private long total;

  void record(long valueNs) {
    counts[bucket(Math.max(0, valueNs))]++;
    total++;
  }

  void reset() {
    Arrays.fill(counts, 0);
    total = 0;
  }

  /** The least bucket's upper bound that {@code share} of the values do not exceed; 0 if empty. */
  long quantile(double share) {
    long rank = (long) Math.ceil(share * total);
    long seen = 0;
    for (int i = 0; i < counts.length; i++) {
      seen += counts[i];
      if (seen >= rank && seen > 0) {
        return upperBound(i);
      }
    }
    return 0;
  }

  private static int bucket(long value) {
    if (value < SUB) {
      return (int) value;
    }
    int shift = 63 - Long.numberOfLeadingZeros(value) - SUB_BITS;
    return (shift + 1) * SUB + (int) (value >>> shift) - SUB;
  }

  private static long upperBound(int bucket) {
    if (bucket < SUB) {
      return bucket;
    }
    int shift = bucket / SUB - 1;
    return ((long) (bucket % SUB + SUB + 1) << shift) - 1;
  }
}

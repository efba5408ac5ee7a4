package io.diskengine.engine.bdev;

import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The quota of a device with rate limits: one bucket per limit, filled each millisecond, shared by
 * all its channels. An I/O may start while every bucket that concerns it holds something, and takes
 * what it needs, if need be on credit; so a large I/O is followed by a pause, as in SPDK, and no
 * I/O is too large.
 *
 * <p>The buckets are atomics and not owned by one reactor: see docs/decisions/0024-qos.md.
 */
final class Qos {
  static final long SLICE_NS = 1_000_000;
  private static final long SLICES_PER_SECOND = 1_000_000_000L / SLICE_NS;

  /** What a bucket keeps of unused slices: a late timer costs nothing, a long pause buys little. */
  private static final long MOST_SLICES = 4;

  private final QosLimits limits;
  private final @Nullable Bucket rwIos;
  private final @Nullable Bucket rwBytes;
  private final @Nullable Bucket readBytes;
  private final @Nullable Bucket writeBytes;
  private final AtomicLong sliceStartNs;

  private static final class Bucket {
    private final long perSlice;
    private final AtomicLong left;

    Bucket(long perSecond) {
      perSlice = Math.max(1, perSecond / SLICES_PER_SECOND);
      left = new AtomicLong(perSlice);
    }

    void fill(long slices) {
      long most = perSlice * MOST_SLICES;
      while (true) {
        long before = left.get();
        // Compared first: the product may not fit.
        long after =
            slices > (most - before) / perSlice ? most : Math.min(most, before + slices * perSlice);
        if (left.compareAndSet(before, after)) {
          return;
        }
      }
    }
  }

  Qos(QosLimits limits, long nowNs) {
    this.limits = limits;
    rwIos = bucket(limits.rwIosPerSec());
    rwBytes = bucket(limits.rwMbytesPerSec() << 20);
    readBytes = bucket(limits.rMbytesPerSec() << 20);
    writeBytes = bucket(limits.wMbytesPerSec() << 20);
    sliceStartNs = new AtomicLong(nowNs);
  }

  private static @Nullable Bucket bucket(long perSecond) {
    return perSecond == 0 ? null : new Bucket(perSecond);
  }

  QosLimits limits() {
    return limits;
  }

  static boolean concerns(IoType type) {
    return type == IoType.READ || type == IoType.WRITE;
  }

  /** Takes the quota of one read or write; false when it has to wait. */
  boolean take(IoType type, long bytes, long nowNs) {
    fill(nowNs);
    Bucket own = type == IoType.READ ? readBytes : writeBytes;
    if (empty(rwIos) || empty(rwBytes) || empty(own)) {
      return false;
    }
    spend(rwIos, 1);
    spend(rwBytes, bytes);
    spend(own, bytes);
    return true;
  }

  private static boolean empty(@Nullable Bucket bucket) {
    return bucket != null && bucket.left.get() <= 0;
  }

  private static void spend(@Nullable Bucket bucket, long amount) {
    if (bucket != null) {
      bucket.left.addAndGet(-amount);
    }
  }

  private void fill(long nowNs) {
    long start = sliceStartNs.get();
    long slices = (nowNs - start) / SLICE_NS;
    if (slices > 0 && sliceStartNs.compareAndSet(start, start + slices * SLICE_NS)) {
      fill(rwIos, slices);
      fill(rwBytes, slices);
      fill(readBytes, slices);
      fill(writeBytes, slices);
    }
  }

  private static void fill(@Nullable Bucket bucket, long slices) {
    if (bucket != null) {
      bucket.fill(slices);
    }
  }

  /** How long until the buckets are filled again. */
  long nextSliceInNs(long nowNs) {
    return Math.max(1, sliceStartNs.get() + SLICE_NS - nowNs);
  }
}

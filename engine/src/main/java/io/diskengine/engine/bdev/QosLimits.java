package io.diskengine.engine.bdev;

/**
 * The rate limits of a device as SPDK's bdev_set_qos_limit has them; 0 is no limit. They hold for
 * reads and writes of all channels together; unmap, write zeroes and flush are not limited.
 *
 * @param rwIosPerSec reads and writes; rounded up to a multiple of {@link #MIN_IOS_PER_SEC}
 * @param rwMbytesPerSec MiB of reads and writes together
 */
public record QosLimits(
    long rwIosPerSec, long rwMbytesPerSec, long rMbytesPerSec, long wMbytesPerSec) {
  /** SPDK's lowest rate, and its step. */
  public static final long MIN_IOS_PER_SEC = 1000;

  /** Above this a number is a slip: no device does it. */
  public static final long MAX_RATE = 1L << 40;

  public static final QosLimits NONE = new QosLimits(0, 0, 0, 0);

  public QosLimits {
    check("rw_ios_per_sec", rwIosPerSec);
    check("rw_mbytes_per_sec", rwMbytesPerSec);
    check("r_mbytes_per_sec", rMbytesPerSec);
    check("w_mbytes_per_sec", wMbytesPerSec);
    rwIosPerSec = (rwIosPerSec + MIN_IOS_PER_SEC - 1) / MIN_IOS_PER_SEC * MIN_IOS_PER_SEC;
  }

  private static void check(String name, long rate) {
    if (rate < 0 || rate > MAX_RATE) {
      throw new IllegalArgumentException(name + " is " + rate + ", 0 to " + MAX_RATE);
    }
  }
}

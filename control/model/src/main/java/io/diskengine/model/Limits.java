package io.diskengine.model;

/**
 * What a guest may ask of a volume; 0 = no limit.
 *
 * @param iopsPerSec reads and writes; SPDK counts in thousands
 * @param mbPerSec MiB read and written
 */
public record Limits(long iopsPerSec, long mbPerSec) {
  public static final Limits NONE = new Limits(0, 0);
  public static final long IOPS_STEP = 1_000;
  public static final long MAX_IOPS_PER_SEC = 100_000_000;
  public static final long MAX_MB_PER_SEC = 1_000_000;
  public static final String IOPS_RULE =
      "must be 0 (no limit) or a multiple of 1000 up to 100000000";
  public static final String MB_RULE = "must be 0 (no limit) or MiB per second up to 1000000";

  /** Limits that a user asked for. */
  public static Limits of(long iopsPerSec, long mbPerSec) {
    if (iopsPerSec < 0 || iopsPerSec > MAX_IOPS_PER_SEC || iopsPerSec % IOPS_STEP != 0) {
      throw new InvalidInput("iops", Long.toString(iopsPerSec), IOPS_RULE);
    }
    if (mbPerSec < 0 || mbPerSec > MAX_MB_PER_SEC) {
      throw new InvalidInput("mbps", Long.toString(mbPerSec), MB_RULE);
    }
    return new Limits(iopsPerSec, mbPerSec);
  }
}

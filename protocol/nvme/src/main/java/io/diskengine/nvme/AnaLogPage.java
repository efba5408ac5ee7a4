package io.diskengine.nvme;

/**
 * Header of the asymmetric namespace access log page (NVMe Base 2.0, 5.16.1.13); {@link
 * AnaGroupDescriptor}s follow.
 */
public final class AnaLogPage {
  public static final int SIZE = 16;

  /** Change count. */
  public static final int CHGCNT = 0;

  /** Number of group descriptors. */
  public static final int NAGD = 8;

  private AnaLogPage() {}

  public static long chgcnt(long page) {
    return NativeMemory.getLong(page + CHGCNT);
  }

  public static void chgcnt(long page, long v) {
    NativeMemory.putLong(page + CHGCNT, v);
  }

  public static int nagd(long page) {
    return NativeMemory.getUnsignedShort(page + NAGD);
  }

  public static void nagd(long page, int v) {
    NativeMemory.putShort(page + NAGD, (short) v);
  }
}

package io.diskengine.nvme;

/**
 * Header of the discovery log page (NVMe-oF 1.1, 5.3); {@link DiscoveryLogEntry}s follow. A host
 * that reads it in parts compares {@code genctr} before and after.
 */
public final class DiscoveryLogPage {
  public static final int SIZE = 1024;

  /** Generation counter. */
  public static final int GENCTR = 0;

  /** Number of entries. */
  public static final int NUMREC = 8;

  /** Record format; 0. */
  public static final int RECFMT = 16;

  private DiscoveryLogPage() {}

  public static long genctr(long page) {
    return NativeMemory.getLong(page + GENCTR);
  }

  public static void genctr(long page, long v) {
    NativeMemory.putLong(page + GENCTR, v);
  }

  public static long numrec(long page) {
    return NativeMemory.getLong(page + NUMREC);
  }

  public static void numrec(long page, long v) {
    NativeMemory.putLong(page + NUMREC, v);
  }

  public static int recfmt(long page) {
    return NativeMemory.getUnsignedShort(page + RECFMT);
  }

  public static void recfmt(long page, int v) {
    NativeMemory.putShort(page + RECFMT, (short) v);
  }

  /** Bytes of a page with {@code entries} entries. */
  public static long totalBytes(long entries) {
    return SIZE + entries * DiscoveryLogEntry.SIZE;
  }

  public static long entry(long page, int index) {
    return page + SIZE + (long) index * DiscoveryLogEntry.SIZE;
  }
}

package io.diskengine.nvme;

/** One range of Dataset Management (NVM Command Set 1.0, Figure 45). */
public final class DsmRange {
  public static final int SIZE = 16;

  /** Context attributes: hints. */
  public static final int ATTRIBUTES = 0;

  /** Logical blocks, not 0's based. */
  public static final int LENGTH = 4;

  /** First logical block. */
  public static final int SLBA = 8;

  private DsmRange() {}

  public static int attributes(long range) {
    return NativeMemory.getInt(range + ATTRIBUTES);
  }

  public static void attributes(long range, int v) {
    NativeMemory.putInt(range + ATTRIBUTES, v);
  }

  public static long length(long range) {
    return NativeMemory.getUnsignedInt(range + LENGTH);
  }

  public static void length(long range, long v) {
    NativeMemory.putInt(range + LENGTH, (int) v);
  }

  public static long slba(long range) {
    return NativeMemory.getLong(range + SLBA);
  }

  public static void slba(long range, long v) {
    NativeMemory.putLong(range + SLBA, v);
  }
}

package io.diskengine.nvme;

/**
 * Dataset Management (NVM Command Set 1.0, 3.2.3); the data is {@link DsmRange} times {@code nr +
 * 1}.
 */
public final class DatasetManagementCommand {
  public static final int SIZE = 64;

  public static final int MAX_RANGES = 256;

  /** Number of ranges, 0's based. */
  public static final int NR = 40;

  public static final int ATTRIBUTES = 44;

  private DatasetManagementCommand() {}

  public static int nr(long sqe) {
    return NativeMemory.getUnsignedByte(sqe + NR);
  }

  public static void nr(long sqe, int v) {
    NativeMemory.putByte(sqe + NR, (byte) v);
  }

  public static int attributes(long sqe) {
    return NativeMemory.getInt(sqe + ATTRIBUTES);
  }

  public static void attributes(long sqe, int v) {
    NativeMemory.putInt(sqe + ATTRIBUTES, v);
  }

  /** Integral dataset for read. */
  public static boolean idr(long sqe) {
    return Bits.test32(sqe + ATTRIBUTES, 0);
  }

  public static void idr(long sqe, boolean v) {
    Bits.set32(sqe + ATTRIBUTES, 0, v);
  }

  /** Integral dataset for write. */
  public static boolean idw(long sqe) {
    return Bits.test32(sqe + ATTRIBUTES, 1);
  }

  public static void idw(long sqe, boolean v) {
    Bits.set32(sqe + ATTRIBUTES, 1, v);
  }

  /** Deallocate. */
  public static boolean ad(long sqe) {
    return Bits.test32(sqe + ATTRIBUTES, 2);
  }

  public static void ad(long sqe, boolean v) {
    Bits.set32(sqe + ATTRIBUTES, 2, v);
  }
}

package io.diskengine.nvme;

/**
 * Identify Controller of the NVM command set (NVM Command Set 1.0, Figure 102), CNS 06h, CSI 0.
 * Sizes in units of the least memory page, as powers of two; 0 is no limit.
 */
public final class IdentifyNvmController {
  public static final int SIZE = 4096;

  /** Verify size limit. */
  public static final int VSL = 0;

  /** Write Zeroes size limit. */
  public static final int WZSL = 1;

  /** Write Uncorrectable size limit. */
  public static final int WUSL = 2;

  /** Most ranges of Dataset Management. */
  public static final int DMRL = 3;

  /** Most logical blocks of one range. */
  public static final int DMRSL = 4;

  /** Most logical blocks of one command. */
  public static final int DMSL = 8;

  private IdentifyNvmController() {}

  public static int vsl(long data) {
    return NativeMemory.getUnsignedByte(data + VSL);
  }

  public static void vsl(long data, int v) {
    NativeMemory.putByte(data + VSL, (byte) v);
  }

  public static int wzsl(long data) {
    return NativeMemory.getUnsignedByte(data + WZSL);
  }

  public static void wzsl(long data, int v) {
    NativeMemory.putByte(data + WZSL, (byte) v);
  }

  public static int wusl(long data) {
    return NativeMemory.getUnsignedByte(data + WUSL);
  }

  public static void wusl(long data, int v) {
    NativeMemory.putByte(data + WUSL, (byte) v);
  }

  public static int dmrl(long data) {
    return NativeMemory.getUnsignedByte(data + DMRL);
  }

  public static void dmrl(long data, int v) {
    NativeMemory.putByte(data + DMRL, (byte) v);
  }

  public static long dmrsl(long data) {
    return NativeMemory.getUnsignedInt(data + DMRSL);
  }

  public static void dmrsl(long data, long v) {
    NativeMemory.putInt(data + DMRSL, (int) v);
  }

  public static long dmsl(long data) {
    return NativeMemory.getLong(data + DMSL);
  }

  public static void dmsl(long data, long v) {
    NativeMemory.putLong(data + DMSL, v);
  }
}

package io.diskengine.nvme;

/** An LBA format of {@link IdentifyNamespace} (NVM Command Set 1.0, Figure 98). */
public final class LbaFormat {
  public static final int SIZE = 4;

  /** Metadata bytes per block. */
  public static final int MS = 0;

  /** log2 of the block size in bytes. */
  public static final int LBADS = 2;

  public static final int RP_BYTE = 3;

  private LbaFormat() {}

  public static int ms(long format) {
    return NativeMemory.getUnsignedShort(format + MS);
  }

  public static void ms(long format, int v) {
    NativeMemory.putShort(format + MS, (short) v);
  }

  public static int lbads(long format) {
    return NativeMemory.getUnsignedByte(format + LBADS);
  }

  public static void lbads(long format, int v) {
    NativeMemory.putByte(format + LBADS, (byte) v);
  }

  public static int rpByte(long format) {
    return NativeMemory.getUnsignedByte(format + RP_BYTE);
  }

  public static void rpByte(long format, int v) {
    NativeMemory.putByte(format + RP_BYTE, (byte) v);
  }

  /** Relative performance; 0 is best. */
  public static int rp(long format) {
    return Bits.get8(format + RP_BYTE, 0, 2);
  }

  public static void rp(long format, int v) {
    Bits.put8(format + RP_BYTE, 0, 2, v);
  }
}

package io.diskengine.nvme;

/**
 * Read, Write, Compare, Verify, Write Zeroes and Write Uncorrectable of the NVM command set: dwords
 * 10 to 15 of an {@link Sqe} (NVM Command Set 1.0, 3.2).
 */
public final class ReadWriteCommand {
  public static final int SIZE = 64;

  /** First logical block. */
  public static final int SLBA = 40;

  public static final int CDW12 = 48;

  /** Dataset management hints of this range. */
  public static final int DSM = 52;

  /** Directive specific. */
  public static final int DSPEC = 54;

  /** Expected initial logical block reference tag. */
  public static final int EILBRT = 56;

  /** Expected logical block application tag. */
  public static final int ELBAT = 60;

  /** Its mask. */
  public static final int ELBATM = 62;

  private ReadWriteCommand() {}

  public static long slba(long sqe) {
    return NativeMemory.getLong(sqe + SLBA);
  }

  public static void slba(long sqe, long v) {
    NativeMemory.putLong(sqe + SLBA, v);
  }

  public static int cdw12(long sqe) {
    return NativeMemory.getInt(sqe + CDW12);
  }

  public static void cdw12(long sqe, int v) {
    NativeMemory.putInt(sqe + CDW12, v);
  }

  /** Logical blocks, 0's based; see {@link #lengthBlocks}. */
  public static int nlb(long sqe) {
    return Bits.get32(sqe + CDW12, 0, 16);
  }

  public static void nlb(long sqe, int v) {
    Bits.put32(sqe + CDW12, 0, 16, v);
  }

  /** Directive type. */
  public static int dtype(long sqe) {
    return Bits.get32(sqe + CDW12, 20, 4);
  }

  public static void dtype(long sqe, int v) {
    Bits.put32(sqe + CDW12, 20, 4, v);
  }

  public static boolean stc(long sqe) {
    return Bits.test32(sqe + CDW12, 24);
  }

  public static void stc(long sqe, boolean v) {
    Bits.set32(sqe + CDW12, 24, v);
  }

  /** Write Zeroes: deallocate. */
  public static boolean deac(long sqe) {
    return Bits.test32(sqe + CDW12, 25);
  }

  public static void deac(long sqe, boolean v) {
    Bits.set32(sqe + CDW12, 25, v);
  }

  public static int prchk(long sqe) {
    return Bits.get32(sqe + CDW12, 26, 3);
  }

  public static void prchk(long sqe, int v) {
    Bits.put32(sqe + CDW12, 26, 3, v);
  }

  public static boolean pract(long sqe) {
    return Bits.test32(sqe + CDW12, 29);
  }

  public static void pract(long sqe, boolean v) {
    Bits.set32(sqe + CDW12, 29, v);
  }

  /** Force unit access. */
  public static boolean fua(long sqe) {
    return Bits.test32(sqe + CDW12, 30);
  }

  public static void fua(long sqe, boolean v) {
    Bits.set32(sqe + CDW12, 30, v);
  }

  /** Limited retry. */
  public static boolean lr(long sqe) {
    return Bits.test32(sqe + CDW12, 31);
  }

  public static void lr(long sqe, boolean v) {
    Bits.set32(sqe + CDW12, 31, v);
  }

  public static int dsm(long sqe) {
    return NativeMemory.getUnsignedByte(sqe + DSM);
  }

  public static void dsm(long sqe, int v) {
    NativeMemory.putByte(sqe + DSM, (byte) v);
  }

  public static int dspec(long sqe) {
    return NativeMemory.getUnsignedShort(sqe + DSPEC);
  }

  public static void dspec(long sqe, int v) {
    NativeMemory.putShort(sqe + DSPEC, (short) v);
  }

  public static int eilbrt(long sqe) {
    return NativeMemory.getInt(sqe + EILBRT);
  }

  public static void eilbrt(long sqe, int v) {
    NativeMemory.putInt(sqe + EILBRT, v);
  }

  public static int elbat(long sqe) {
    return NativeMemory.getUnsignedShort(sqe + ELBAT);
  }

  public static void elbat(long sqe, int v) {
    NativeMemory.putShort(sqe + ELBAT, (short) v);
  }

  public static int elbatm(long sqe) {
    return NativeMemory.getUnsignedShort(sqe + ELBATM);
  }

  public static void elbatm(long sqe, int v) {
    NativeMemory.putShort(sqe + ELBATM, (short) v);
  }

  /** Logical blocks, 1 to 65536. */
  public static int lengthBlocks(long sqe) {
    return nlb(sqe) + 1;
  }

  public static void lengthBlocks(long sqe, int v) {
    nlb(sqe, v - 1);
  }
}

package io.diskengine.nvme;

/**
 * Completion queue entry (NVMe Base 2.0, 3.3.3.2).
 *
 * <pre>
 *   0 dw0 | 4 dw1 | 8 sqhd | 10 sqid | 12 cid | 14 status field
 *   status field: 15 dnr | 14 more | 13:12 crd | 11:9 sct | 8:1 sc | 0 phase
 * </pre>
 *
 * <p>On fabrics the phase is 0, and dw0 and dw1 are one 64-bit value in answers to Property Get.
 */
public final class Cqe {
  public static final int SIZE = 16;

  /** Command specific. */
  public static final int DW0 = 0;

  /** Command specific. */
  public static final int DW1 = 4;

  /** Submission queue head pointer. */
  public static final int SQHD = 8;

  /** Submission queue identifier; reserved on fabrics. */
  public static final int SQID = 10;

  /** Command identifier. */
  public static final int CID = 12;

  /** The whole status field with the phase bit. */
  public static final int STATUS_FIELD = 14;

  private Cqe() {}

  public static int dw0(long cqe) {
    return NativeMemory.getInt(cqe + DW0);
  }

  public static void dw0(long cqe, int v) {
    NativeMemory.putInt(cqe + DW0, v);
  }

  public static int dw1(long cqe) {
    return NativeMemory.getInt(cqe + DW1);
  }

  public static void dw1(long cqe, int v) {
    NativeMemory.putInt(cqe + DW1, v);
  }

  public static int sqhd(long cqe) {
    return NativeMemory.getUnsignedShort(cqe + SQHD);
  }

  public static void sqhd(long cqe, int v) {
    NativeMemory.putShort(cqe + SQHD, (short) v);
  }

  public static int sqid(long cqe) {
    return NativeMemory.getUnsignedShort(cqe + SQID);
  }

  public static void sqid(long cqe, int v) {
    NativeMemory.putShort(cqe + SQID, (short) v);
  }

  public static int cid(long cqe) {
    return NativeMemory.getUnsignedShort(cqe + CID);
  }

  public static void cid(long cqe, int v) {
    NativeMemory.putShort(cqe + CID, (short) v);
  }

  public static int statusField(long cqe) {
    return NativeMemory.getUnsignedShort(cqe + STATUS_FIELD);
  }

  public static void statusField(long cqe, int v) {
    NativeMemory.putShort(cqe + STATUS_FIELD, (short) v);
  }

  public static boolean phase(long cqe) {
    return Bits.test16(cqe + STATUS_FIELD, 0);
  }

  public static void phase(long cqe, boolean v) {
    Bits.set16(cqe + STATUS_FIELD, 0, v);
  }

  /** Status code type and status code as in {@link NvmeStatus}, without flags. */
  public static int status(long cqe) {
    return Bits.get16(cqe + STATUS_FIELD, 1, 11);
  }

  public static void status(long cqe, int v) {
    Bits.put16(cqe + STATUS_FIELD, 1, 11, v);
  }

  public static int sc(long cqe) {
    return Bits.get16(cqe + STATUS_FIELD, 1, 8);
  }

  public static void sc(long cqe, int v) {
    Bits.put16(cqe + STATUS_FIELD, 1, 8, v);
  }

  public static int sct(long cqe) {
    return Bits.get16(cqe + STATUS_FIELD, 9, 3);
  }

  public static void sct(long cqe, int v) {
    Bits.put16(cqe + STATUS_FIELD, 9, 3, v);
  }

  /** Command retry delay. */
  public static int crd(long cqe) {
    return Bits.get16(cqe + STATUS_FIELD, 12, 2);
  }

  public static void crd(long cqe, int v) {
    Bits.put16(cqe + STATUS_FIELD, 12, 2, v);
  }

  public static boolean more(long cqe) {
    return Bits.test16(cqe + STATUS_FIELD, 14);
  }

  public static void more(long cqe, boolean v) {
    Bits.set16(cqe + STATUS_FIELD, 14, v);
  }

  /** Do not retry. */
  public static boolean dnr(long cqe) {
    return Bits.test16(cqe + STATUS_FIELD, 15);
  }

  public static void dnr(long cqe, boolean v) {
    Bits.set16(cqe + STATUS_FIELD, 15, v);
  }

  /**
   * Writes a whole entry, phase 0.
   *
   * @param status as in {@link NvmeStatus}, flags allowed
   */
  public static void init(long cqe, int cid, int sqhd, int status) {
    NativeMemory.putLong(cqe, 0);
    NativeMemory.putInt(cqe + SQHD, sqhd & 0xffff);
    cid(cqe, cid);
    statusField(cqe, status << 1);
  }
}

package io.diskengine.nvme;

/** Initialize Connection Request (NVMe/TCP 1.0, 3.6.2.2). */
public final class IcReq {
  public static final int SIZE = 128;

  public static final int HPDA_MAX = 31;

  /** PDU format version; 0. */
  public static final int PFV = 8;

  /** Host PDU data alignment: data of C2HData starts at a multiple of (hpda + 1) * 4 bytes. */
  public static final int HPDA = 10;

  /** Digests that the host wants. */
  public static final int DGST = 11;

  /** R2Ts outstanding per command, 0's based. */
  public static final int MAXR2T = 12;

  private IcReq() {}

  public static int pfv(long pdu) {
    return NativeMemory.getUnsignedShort(pdu + PFV);
  }

  public static void pfv(long pdu, int v) {
    NativeMemory.putShort(pdu + PFV, (short) v);
  }

  public static int hpda(long pdu) {
    return NativeMemory.getUnsignedByte(pdu + HPDA);
  }

  public static void hpda(long pdu, int v) {
    NativeMemory.putByte(pdu + HPDA, (byte) v);
  }

  public static int dgst(long pdu) {
    return NativeMemory.getUnsignedByte(pdu + DGST);
  }

  public static void dgst(long pdu, int v) {
    NativeMemory.putByte(pdu + DGST, (byte) v);
  }

  public static boolean hdgstEnable(long pdu) {
    return Bits.test8(pdu + DGST, 0);
  }

  public static void hdgstEnable(long pdu, boolean v) {
    Bits.set8(pdu + DGST, 0, v);
  }

  public static boolean ddgstEnable(long pdu) {
    return Bits.test8(pdu + DGST, 1);
  }

  public static void ddgstEnable(long pdu, boolean v) {
    Bits.set8(pdu + DGST, 1, v);
  }

  public static long maxr2t(long pdu) {
    return NativeMemory.getUnsignedInt(pdu + MAXR2T);
  }

  public static void maxr2t(long pdu, long v) {
    NativeMemory.putInt(pdu + MAXR2T, (int) v);
  }
}

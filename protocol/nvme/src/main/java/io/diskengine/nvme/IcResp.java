package io.diskengine.nvme;

/** Initialize Connection Response (NVMe/TCP 1.0, 3.6.2.3). */
public final class IcResp {
  public static final int SIZE = 128;

  public static final int CPDA_MAX = 31;

  /** The least that a controller may state. */
  public static final int MAXH2CDATA_MIN = 4096;

  /** PDU format version; 0. */
  public static final int PFV = 8;

  /** Controller PDU data alignment: data that the host sends starts at (cpda + 1) * 4 bytes. */
  public static final int CPDA = 10;

  /** Digests in use on the connection. */
  public static final int DGST = 11;

  /** Bytes of data in one H2CData PDU at most; a multiple of 4. */
  public static final int MAXH2CDATA = 12;

  private IcResp() {}

  public static int pfv(long pdu) {
    return NativeMemory.getUnsignedShort(pdu + PFV);
  }

  public static void pfv(long pdu, int v) {
    NativeMemory.putShort(pdu + PFV, (short) v);
  }

  public static int cpda(long pdu) {
    return NativeMemory.getUnsignedByte(pdu + CPDA);
  }

  public static void cpda(long pdu, int v) {
    NativeMemory.putByte(pdu + CPDA, (byte) v);
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

  public static long maxh2cdata(long pdu) {
    return NativeMemory.getUnsignedInt(pdu + MAXH2CDATA);
  }

  public static void maxh2cdata(long pdu, long v) {
    NativeMemory.putInt(pdu + MAXH2CDATA, (int) v);
  }
}

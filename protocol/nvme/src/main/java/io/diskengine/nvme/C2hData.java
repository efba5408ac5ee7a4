package io.diskengine.nvme;

/** Controller To Host Data Transfer (NVMe/TCP 1.0, 3.6.2.9). */
public final class C2hData {
  public static final int SIZE = 24;

  /** The command's identifier. */
  public static final int CCCID = 8;

  /** Offset of this data in the command's data, bytes. */
  public static final int DATAO = 12;

  /** Bytes of data in this PDU. */
  public static final int DATAL = 16;

  private C2hData() {}

  public static int cccid(long pdu) {
    return NativeMemory.getUnsignedShort(pdu + CCCID);
  }

  public static void cccid(long pdu, int v) {
    NativeMemory.putShort(pdu + CCCID, (short) v);
  }

  public static long datao(long pdu) {
    return NativeMemory.getUnsignedInt(pdu + DATAO);
  }

  public static void datao(long pdu, long v) {
    NativeMemory.putInt(pdu + DATAO, (int) v);
  }

  public static long datal(long pdu) {
    return NativeMemory.getUnsignedInt(pdu + DATAL);
  }

  public static void datal(long pdu, long v) {
    NativeMemory.putInt(pdu + DATAL, (int) v);
  }
}

package io.diskengine.nvme;

/**
 * Ready To Transfer (NVMe/TCP 1.0, 3.6.2.10): the controller asks for a part of a command's data.
 */
public final class R2t {
  public static final int SIZE = 24;

  /** The command's identifier. */
  public static final int CCCID = 8;

  /** Transfer tag that the H2CData PDUs of this R2T carry. */
  public static final int TTAG = 10;

  /** Offset in the command's data, bytes. */
  public static final int R2TO = 12;

  /** Bytes that the host may send. */
  public static final int R2TL = 16;

  private R2t() {}

  public static int cccid(long pdu) {
    return NativeMemory.getUnsignedShort(pdu + CCCID);
  }

  public static void cccid(long pdu, int v) {
    NativeMemory.putShort(pdu + CCCID, (short) v);
  }

  public static int ttag(long pdu) {
    return NativeMemory.getUnsignedShort(pdu + TTAG);
  }

  public static void ttag(long pdu, int v) {
    NativeMemory.putShort(pdu + TTAG, (short) v);
  }

  public static long r2to(long pdu) {
    return NativeMemory.getUnsignedInt(pdu + R2TO);
  }

  public static void r2to(long pdu, long v) {
    NativeMemory.putInt(pdu + R2TO, (int) v);
  }

  public static long r2tl(long pdu) {
    return NativeMemory.getUnsignedInt(pdu + R2TL);
  }

  public static void r2tl(long pdu, long v) {
    NativeMemory.putInt(pdu + R2TL, (int) v);
  }
}

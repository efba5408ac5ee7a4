package io.diskengine.nvme;

/**
 * H2CTermReq and C2HTermReq (NVMe/TCP 1.0, 3.6.2.4 and 3.6.2.5): the connection is over; up to 128
 * bytes of the offending PDU's header follow.
 */
public final class TermReq {
  public static final int SIZE = 24;

  public static final int MAX_DATA = 128;

  public static final int MAX_PLEN = 152;

  /** Fatal error status; {@code fei} is the offset of the field in the header. */
  public static final int INVALID_HEADER_FIELD = 0x01;

  public static final int PDU_SEQUENCE_ERROR = 0x02;

  /** {@code fei} is the digest that was calculated. */
  public static final int HDGST_ERROR = 0x03;

  public static final int DATA_TRANSFER_OUT_OF_RANGE = 0x04;

  /** In an H2CTermReq: R2T limit exceeded. */
  public static final int DATA_TRANSFER_LIMIT_EXCEEDED = 0x05;

  public static final int R2T_LIMIT_EXCEEDED = 0x05;

  /** {@code fei} is the offset of the parameter in the header. */
  public static final int INVALID_DATA_UNSUPPORTED_PARAMETER = 0x06;

  /** Fatal error status. */
  public static final int FES = 8;

  /** Fatal error information. */
  public static final int FEI = 10;

  private TermReq() {}

  public static int fes(long pdu) {
    return NativeMemory.getUnsignedShort(pdu + FES);
  }

  public static void fes(long pdu, int v) {
    NativeMemory.putShort(pdu + FES, (short) v);
  }

  public static int fei(long pdu) {
    return NativeMemory.getInt(pdu + FEI);
  }

  public static void fei(long pdu, int v) {
    NativeMemory.putInt(pdu + FEI, v);
  }

  /** A name of a fatal error status for messages. */
  public static String text(int fes) {
    return switch (fes) {
      case INVALID_HEADER_FIELD -> "invalid PDU header field";
      case PDU_SEQUENCE_ERROR -> "PDU sequence error";
      case HDGST_ERROR -> "header digest error";
      case DATA_TRANSFER_OUT_OF_RANGE -> "data transfer out of range";
      case DATA_TRANSFER_LIMIT_EXCEEDED -> "R2T or data transfer limit exceeded";
      case INVALID_DATA_UNSUPPORTED_PARAMETER -> "unsupported parameter";
      default -> "fatal error status " + fes;
    };
  }
}

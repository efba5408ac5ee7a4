package io.diskengine.nvme;

/**
 * The common header of every NVMe/TCP PDU (NVMe/TCP 1.0, 3.6.1), and what is known of each type.
 *
 * <pre>
 *   0 type | 1 flags | 2 hlen | 3 pdo | 4 plen
 *   plen = hlen [+ 4 header digest] [padding up to pdo] [+ data] [+ 4 data digest]
 * </pre>
 */
public final class PduHeader {
  public static final int SIZE = 8;

  /** Initialize Connection Request; host to controller. */
  public static final int IC_REQ = 0x00;

  public static final int IC_RESP = 0x01;

  public static final int H2C_TERM_REQ = 0x02;

  public static final int C2H_TERM_REQ = 0x03;

  public static final int CAPSULE_CMD = 0x04;

  public static final int CAPSULE_RESP = 0x05;

  public static final int H2C_DATA = 0x06;

  public static final int C2H_DATA = 0x07;

  public static final int R2T = 0x09;

  /** Flag: a header digest follows the header. */
  public static final int HDGSTF = 0x01;

  /** Flag: a data digest follows the data. */
  public static final int DDGSTF = 0x02;

  /** Flag of H2CData and C2HData: the last of this R2T or command. */
  public static final int LAST_PDU = 0x04;

  /** Flag of C2HData: no response capsule follows, the command was successful. */
  public static final int SUCCESS = 0x08;

  public static final int TYPE = 0;

  public static final int FLAGS = 1;

  /** Header length in bytes, without the digest. */
  public static final int HLEN = 2;

  /** Offset of the data from the PDU's start; 0 where there is none. */
  public static final int PDO = 3;

  /** Length of the whole PDU in bytes. */
  public static final int PLEN = 4;

  private PduHeader() {}

  public static int type(long pdu) {
    return NativeMemory.getUnsignedByte(pdu + TYPE);
  }

  public static void type(long pdu, int v) {
    NativeMemory.putByte(pdu + TYPE, (byte) v);
  }

  public static int flags(long pdu) {
    return NativeMemory.getUnsignedByte(pdu + FLAGS);
  }

  public static void flags(long pdu, int v) {
    NativeMemory.putByte(pdu + FLAGS, (byte) v);
  }

  public static int hlen(long pdu) {
    return NativeMemory.getUnsignedByte(pdu + HLEN);
  }

  public static void hlen(long pdu, int v) {
    NativeMemory.putByte(pdu + HLEN, (byte) v);
  }

  public static int pdo(long pdu) {
    return NativeMemory.getUnsignedByte(pdu + PDO);
  }

  public static void pdo(long pdu, int v) {
    NativeMemory.putByte(pdu + PDO, (byte) v);
  }

  public static long plen(long pdu) {
    return NativeMemory.getUnsignedInt(pdu + PLEN);
  }

  public static void plen(long pdu, long v) {
    NativeMemory.putInt(pdu + PLEN, (int) v);
  }

  /**
   * The length that a header of this type must state in {@code hlen}; -1 for a type that does not
   * exist.
   */
  public static int expectedHlen(int type) {
    return switch (type) {
      case IC_REQ -> IcReq.SIZE;
      case IC_RESP -> IcResp.SIZE;
      case H2C_TERM_REQ, C2H_TERM_REQ -> TermReq.SIZE;
      case CAPSULE_CMD -> CapsuleCmd.SIZE;
      case CAPSULE_RESP -> CapsuleResp.SIZE;
      case H2C_DATA -> H2cData.SIZE;
      case C2H_DATA -> C2hData.SIZE;
      case R2T -> R2t.SIZE;
      default -> -1;
    };
  }

  public static void init(long pdu, int type, int flags, int hlen, int pdo, long plen) {
    type(pdu, type);
    flags(pdu, flags);
    hlen(pdu, hlen);
    pdo(pdu, pdo);
    plen(pdu, plen);
  }
}

package io.diskengine.nvme;

/** Get Log Page (NVMe Base 2.0, 5.16). */
public final class GetLogPageCommand {
  public static final int SIZE = 64;

  /** Log page identifiers. */
  public static final int ERROR = 0x01;

  public static final int HEALTH_INFORMATION = 0x02;

  public static final int FIRMWARE_SLOT = 0x03;

  public static final int CHANGED_NAMESPACE_LIST = 0x04;

  public static final int COMMAND_EFFECTS = 0x05;

  public static final int DEVICE_SELF_TEST = 0x06;

  public static final int ASYMMETRIC_NAMESPACE_ACCESS = 0x0c;

  public static final int DISCOVERY = 0x70;

  public static final int RESERVATION_NOTIFICATION = 0x80;

  public static final int SANITIZE_STATUS = 0x81;

  /** Of the ANA log page: no namespace identifiers. */
  public static final int LSP_RETURN_GROUPS_ONLY = 1;

  /** Log page identifier. */
  public static final int LID = 40;

  public static final int LSP_RAE = 41;

  /** Dwords to return, lower half, 0's based; see {@link #lengthBytes}. */
  public static final int NUMDL = 42;

  /** Upper half. */
  public static final int NUMDU = 44;

  /** Log specific identifier. */
  public static final int LSI = 46;

  /** Log page offset in bytes, lower half. */
  public static final int LPOL = 48;

  /** Upper half. */
  public static final int LPOU = 52;

  /** Command set identifier. */
  public static final int CSI = 59;

  public static final int UUID_INDEX = 56;

  private GetLogPageCommand() {}

  public static int lid(long sqe) {
    return NativeMemory.getUnsignedByte(sqe + LID);
  }

  public static void lid(long sqe, int v) {
    NativeMemory.putByte(sqe + LID, (byte) v);
  }

  public static int lspRae(long sqe) {
    return NativeMemory.getUnsignedByte(sqe + LSP_RAE);
  }

  public static void lspRae(long sqe, int v) {
    NativeMemory.putByte(sqe + LSP_RAE, (byte) v);
  }

  /** Log specific parameter. */
  public static int lsp(long sqe) {
    return Bits.get8(sqe + LSP_RAE, 0, 7);
  }

  public static void lsp(long sqe, int v) {
    Bits.put8(sqe + LSP_RAE, 0, 7, v);
  }

  /** Retain asynchronous event. */
  public static boolean rae(long sqe) {
    return Bits.test8(sqe + LSP_RAE, 7);
  }

  public static void rae(long sqe, boolean v) {
    Bits.set8(sqe + LSP_RAE, 7, v);
  }

  public static int numdl(long sqe) {
    return NativeMemory.getUnsignedShort(sqe + NUMDL);
  }

  public static void numdl(long sqe, int v) {
    NativeMemory.putShort(sqe + NUMDL, (short) v);
  }

  public static int numdu(long sqe) {
    return NativeMemory.getUnsignedShort(sqe + NUMDU);
  }

  public static void numdu(long sqe, int v) {
    NativeMemory.putShort(sqe + NUMDU, (short) v);
  }

  public static int lsi(long sqe) {
    return NativeMemory.getUnsignedShort(sqe + LSI);
  }

  public static void lsi(long sqe, int v) {
    NativeMemory.putShort(sqe + LSI, (short) v);
  }

  public static int lpol(long sqe) {
    return NativeMemory.getInt(sqe + LPOL);
  }

  public static void lpol(long sqe, int v) {
    NativeMemory.putInt(sqe + LPOL, v);
  }

  public static int lpou(long sqe) {
    return NativeMemory.getInt(sqe + LPOU);
  }

  public static void lpou(long sqe, int v) {
    NativeMemory.putInt(sqe + LPOU, v);
  }

  public static int csi(long sqe) {
    return NativeMemory.getUnsignedByte(sqe + CSI);
  }

  public static void csi(long sqe, int v) {
    NativeMemory.putByte(sqe + CSI, (byte) v);
  }

  public static int uuidIndex(long sqe) {
    return Bits.get8(sqe + UUID_INDEX, 0, 7);
  }

  public static void uuidIndex(long sqe, int v) {
    Bits.put8(sqe + UUID_INDEX, 0, 7, v);
  }

  /** Greatest length that fits NUMD, bytes. */
  public static final long MAX_LENGTH_BYTES = 1L << 34;

  /** Bytes to return: 4 to 2^34, always whole dwords. */
  public static long lengthBytes(long sqe) {
    return (((long) numdu(sqe) << 16 | numdl(sqe)) + 1) << 2;
  }

  /** Sets NUMD; {@code v} is a multiple of 4 from 4 to 2^34. */
  public static void lengthBytes(long sqe, long v) {
    long numd = (v >>> 2) - 1;
    numdl(sqe, (int) numd & 0xffff);
    numdu(sqe, (int) (numd >>> 16));
  }

  /** LPO in bytes, as an unsigned 64-bit value. */
  public static long offset(long sqe) {
    return NativeMemory.getLong(sqe + LPOL);
  }

  public static void offset(long sqe, long v) {
    NativeMemory.putLong(sqe + LPOL, v);
  }

  /**
   * Bytes of a log page of {@code pageBytes} that an answer of {@code lengthBytes} from {@code
   * offset} takes from it; the rest of the answer is zeros. -1 when the offset lies behind the
   * page, which is Invalid Field (NVMe Base 2.0, 5.16).
   */
  public static long bytesInPage(long pageBytes, long offset, long lengthBytes) {
    if (offset < 0 || offset > pageBytes) {
      return -1;
    }
    return Math.min(lengthBytes, pageBytes - offset);
  }
}

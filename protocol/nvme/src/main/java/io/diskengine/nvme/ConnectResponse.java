package io.diskengine.nvme;

/** Connect's completion (NVMe-oF 1.1, 3.3.1): what dw0 says depends on the status. */
public final class ConnectResponse {
  public static final int SIZE = 16;

  /** Authentication transaction required. */
  public static final int AUTHREQ_ATR = 2;

  /** Authentication and secure channel required. */
  public static final int AUTHREQ_ASCR = 4;

  /** {@code ipo} is an offset in the submission queue entry. */
  public static final int IATTR_COMMAND = 0;

  /** {@code ipo} is an offset in the {@link ConnectData}. */
  public static final int IATTR_DATA = 1;

  /** Successful: the controller's identifier. */
  public static final int CNTLID = 0;

  /** Successful: authentication required. */
  public static final int AUTHREQ = 2;

  /** Connect Invalid Parameters: offset of the parameter in bytes. */
  public static final int IPO = 0;

  /** Connect Invalid Parameters: what {@code ipo} points into. */
  public static final int IATTR = 2;

  private ConnectResponse() {}

  public static int cntlid(long cqe) {
    return NativeMemory.getUnsignedShort(cqe + CNTLID);
  }

  public static void cntlid(long cqe, int v) {
    NativeMemory.putShort(cqe + CNTLID, (short) v);
  }

  public static int authreq(long cqe) {
    return NativeMemory.getUnsignedShort(cqe + AUTHREQ);
  }

  public static void authreq(long cqe, int v) {
    NativeMemory.putShort(cqe + AUTHREQ, (short) v);
  }

  public static int ipo(long cqe) {
    return NativeMemory.getUnsignedShort(cqe + IPO);
  }

  public static void ipo(long cqe, int v) {
    NativeMemory.putShort(cqe + IPO, (short) v);
  }

  public static int iattr(long cqe) {
    return NativeMemory.getUnsignedByte(cqe + IATTR);
  }

  public static void iattr(long cqe, int v) {
    NativeMemory.putByte(cqe + IATTR, (byte) v);
  }
}

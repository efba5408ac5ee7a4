package io.diskengine.nvme;

/** Disconnect of an I/O queue (NVMe-oF 1.1, 3.6). */
public final class DisconnectCommand {
  public static final int SIZE = 64;

  /** Record format; 0. */
  public static final int RECFMT = 40;

  private DisconnectCommand() {}

  public static int recfmt(long sqe) {
    return NativeMemory.getUnsignedShort(sqe + RECFMT);
  }

  public static void recfmt(long sqe, int v) {
    NativeMemory.putShort(sqe + RECFMT, (short) v);
  }
}

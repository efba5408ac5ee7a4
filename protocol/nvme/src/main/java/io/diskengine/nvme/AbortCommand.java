package io.diskengine.nvme;

/**
 * Abort (NVMe Base 2.0, 5.1). Bit 0 of the completion's dw0 is 1 when the command was not aborted.
 */
public final class AbortCommand {
  public static final int SIZE = 64;

  public static final int NOT_ABORTED = 1;

  /** Submission queue of the command to abort. */
  public static final int SQID = 40;

  /** Its identifier. */
  public static final int ABORT_CID = 42;

  private AbortCommand() {}

  public static int sqid(long sqe) {
    return NativeMemory.getUnsignedShort(sqe + SQID);
  }

  public static void sqid(long sqe, int v) {
    NativeMemory.putShort(sqe + SQID, (short) v);
  }

  public static int abortCid(long sqe) {
    return NativeMemory.getUnsignedShort(sqe + ABORT_CID);
  }

  public static void abortCid(long sqe, int v) {
    NativeMemory.putShort(sqe + ABORT_CID, (short) v);
  }
}

package io.diskengine.nvme;

/**
 * What all fabrics commands share (NVMe-oF 1.1, 3): opcode 7Fh, and the command type where other
 * commands have the namespace identifier.
 */
public final class FabricsCommand {
  public static final int SIZE = 64;

  /** See {@link FabricsCommandType}. */
  public static final int FCTYPE = 4;

  private FabricsCommand() {}

  public static int fctype(long sqe) {
    return NativeMemory.getUnsignedByte(sqe + FCTYPE);
  }

  public static void fctype(long sqe, int v) {
    NativeMemory.putByte(sqe + FCTYPE, (byte) v);
  }
}

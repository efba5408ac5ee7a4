package io.diskengine.nvme;

/**
 * Feature 07h (NVMe Base 2.0, 5.27.1.5), asked in dword 11 and answered in dw0: I/O submission
 * queues in bits 15:0, I/O completion queues in bits 31:16, 0's based on the wire, real counts (1
 * to 65535) here.
 */
public final class NumberOfQueues {
  private NumberOfQueues() {}

  public static int of(int submissionQueues, int completionQueues) {
    return submissionQueues - 1 & 0xffff | completionQueues - 1 << 16;
  }

  public static int submissionQueues(int value) {
    return (value & 0xffff) + 1;
  }

  public static int completionQueues(int value) {
    return (value >>> 16) + 1;
  }

  /** A request of FFFFh queues of either kind is an invalid field. */
  public static boolean isValid(int value) {
    return (value & 0xffff) != 0xffff && value >>> 16 != 0xffff;
  }
}

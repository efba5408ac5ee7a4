package io.diskengine.nvme;

/**
 * Command capsule (NVMe/TCP 1.0, 3.6.2.6): common header, submission queue entry, in-capsule data.
 */
public final class CapsuleCmd {
  public static final int SIZE = 72;

  /** The 64-byte {@link Sqe}. */
  public static final int SQE = 8;

  private CapsuleCmd() {}
}

package io.diskengine.nvme;

/** Response capsule (NVMe/TCP 1.0, 3.6.2.7): common header and completion queue entry. */
public final class CapsuleResp {
  public static final int SIZE = 24;

  /** The 16-byte {@link Cqe}. */
  public static final int CQE = 8;

  private CapsuleResp() {}
}

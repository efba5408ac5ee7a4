package io.diskengine.engine.lvol;

/** What happens to clusters that are freed; as in SPDK's {@code clear_method} of an lvol. */
public enum ClearMethod {
  DEFAULT,
  NONE,
  UNMAP,
  WRITE_ZEROES;

  static ClearMethod of(int code) {
    return values()[code];
  }
}

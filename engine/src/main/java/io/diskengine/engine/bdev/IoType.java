package io.diskengine.engine.bdev;

/** What a {@link BdevIo} does; names as in SPDK's {@code supported_io_types}. */
public enum IoType {
  READ,
  WRITE,
  UNMAP,
  FLUSH,
  RESET,
  WRITE_ZEROES,
  ABORT;

  /** True for operations that change what a later read returns. */
  public boolean changesData() {
    return this == WRITE || this == UNMAP || this == WRITE_ZEROES;
  }
}

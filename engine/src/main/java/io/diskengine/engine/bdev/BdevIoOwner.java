package io.diskengine.engine.bdev;

/** Whoever submits an I/O: usually the pooled request that contains it. */
public interface BdevIoOwner {
  /**
   * The I/O ended with {@link BdevIo#status()}: exactly once, on the reactor that submitted it,
   * never inside {@code submit}. The owner may use the I/O again at once.
   */
  void completed(BdevIo io);
}

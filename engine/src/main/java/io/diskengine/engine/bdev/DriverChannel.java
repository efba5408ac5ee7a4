package io.diskengine.engine.bdev;

/** A driver's side of a channel: one device on one reactor, only ever used there. */
public abstract class DriverChannel {
  /**
   * Starts the I/O, which was checked against the device's size and types. Ends with exactly one
   * {@link BdevIo#complete}, also from inside this call.
   */
  protected abstract void submit(BdevIo io);

  /**
   * Tries to end an I/O early; it then completes with {@link IoStatus#ABORTED_BY_REQUEST}. False
   * when it cannot be stopped: it completes as it will.
   */
  protected boolean abort(BdevIo io) {
    return false;
  }

  /** Nothing is in flight any more; release what belongs to the channel. */
  protected void close() {}
}

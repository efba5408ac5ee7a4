package io.diskengine.engine.bdev;

import io.diskengine.engine.reactor.Task;
import org.jspecify.annotations.Nullable;

/**
 * One I/O. It belongs to whoever made it (a pooled request) and is used again and again; nothing is
 * allocated per I/O. The iovec array and the buffers it names stay the submitter's and stay valid
 * until completion; layers below may split and point into them, never keep them.
 */
public final class BdevIo extends Task {
  private final BdevIoOwner owner;

  IoType type = IoType.READ;
  long iov;
  int iovCount;
  long offsetBlocks;
  long lengthBlocks;
  boolean fua;
  int status;

  @Nullable BdevChannel channel;
  @Nullable BdevIo previousInFlight;
  @Nullable BdevIo nextInFlight;
  @Nullable SplitIo split;
  long submittedAtNs;
  boolean held;
  boolean completing;

  /** A piece of a split I/O: counted and listed with the whole only. */
  boolean part;

  /** For the driver that handles the I/O: its own per-I/O object, or null. */
  public @Nullable Object driverState;

  /** An I/O whose completions all go to {@code owner}. */
  public BdevIo(BdevIoOwner owner) {
    this.owner = owner;
  }

  /** {@code iov} is the address of {@code count} pairs (u64 base, u64 length in bytes). */
  public BdevIo read(long iov, int count, long offsetBlocks, long lengthBlocks) {
    return set(IoType.READ, iov, count, offsetBlocks, lengthBlocks);
  }

  public BdevIo write(long iov, int count, long offsetBlocks, long lengthBlocks) {
    return set(IoType.WRITE, iov, count, offsetBlocks, lengthBlocks);
  }

  public BdevIo unmap(long offsetBlocks, long lengthBlocks) {
    return set(IoType.UNMAP, 0, 0, offsetBlocks, lengthBlocks);
  }

  public BdevIo writeZeroes(long offsetBlocks, long lengthBlocks) {
    return set(IoType.WRITE_ZEROES, 0, 0, offsetBlocks, lengthBlocks);
  }

  /** Everything that completed before is on the medium when this completes (contract 14). */
  public BdevIo flush() {
    return set(IoType.FLUSH, 0, 0, 0, 0);
  }

  public BdevIo reset() {
    return set(IoType.RESET, 0, 0, 0, 0);
  }

  /** The same operation as {@code other} over a part of it, for layers that pass I/O on. */
  public BdevIo like(BdevIo other, long iov, int count, long offsetBlocks, long lengthBlocks) {
    set(other.type, iov, count, offsetBlocks, lengthBlocks);
    fua = other.fua;
    return this;
  }

  /** Forced unit access: a write is on the medium when it completes. */
  public BdevIo durable() {
    fua = true;
    return this;
  }

  private BdevIo set(IoType type, long iov, int count, long offsetBlocks, long lengthBlocks) {
    if (channel != null) {
      throw new IllegalStateException("the I/O is in flight: " + this);
    }
    this.type = type;
    this.iov = iov;
    this.iovCount = count;
    this.offsetBlocks = offsetBlocks;
    this.lengthBlocks = lengthBlocks;
    this.fua = false;
    return this;
  }

  public IoType type() {
    return type;
  }

  public long iov() {
    return iov;
  }

  public int iovCount() {
    return iovCount;
  }

  public long offsetBlocks() {
    return offsetBlocks;
  }

  public long lengthBlocks() {
    return lengthBlocks;
  }

  public boolean isDurable() {
    return fua;
  }

  /** See {@link IoStatus}; meaningful once completed. */
  public int status() {
    return status;
  }

  /** When it was submitted, on its reactor's clock. */
  public long submittedAtNs() {
    return submittedAtNs;
  }

  public boolean inFlight() {
    return channel != null;
  }

  BdevIoOwner owner() {
    return owner;
  }

  /** Called by the driver, on the submitting reactor, once per submission. */
  public void complete(int status) {
    this.status = status;
    BdevChannel on = channel;
    if (on == null) {
      throw new IllegalStateException("completed twice: " + this);
    }
    on.driverCompleted(this);
  }

  /** The deferred half of {@link #complete}. */
  @Override
  protected void run() {
    BdevChannel on = channel;
    if (on != null) {
      on.finish(this);
    }
  }

  @Override
  public String toString() {
    return type + " " + offsetBlocks + "+" + lengthBlocks;
  }
}

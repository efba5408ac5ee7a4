package io.diskengine.engine.reactor;

import org.jspecify.annotations.Nullable;

/**
 * One reactor's I/O buffers in two sizes (contract 2). An exhausted pool does not fail: its takers
 * wait in order, and waits are counted. Used on the owning reactor only.
 */
public final class IoBufferPool {
  /** Waits for a buffer of at most {@link BufferReserve#LARGE_BYTES}; pooled by its owner. */
  public abstract static class Waiter {
    @Nullable Waiter next;
    int lengthBytes;

    /** Called with a buffer, later than and never inside {@link IoBufferPool#take}. */
    protected abstract void granted(long address);
  }

  private final BufferReserve reserve;
  private final long[] small;
  private final long[] large;
  private int smallFree;
  private int largeFree;
  private @Nullable Waiter head;
  private @Nullable Waiter tail;
  private long waits;

  public IoBufferPool(BufferReserve reserve) {
    this.reserve = reserve;
    this.small = new long[reserve.smallCount()];
    this.large = new long[reserve.largeCount()];
    // A first share of each, so that a reactor that claims all the rest never starves another.
    this.smallFree = reserve.claimSmall(small, 0);
    this.largeFree = reserve.claimLarge(large, 0);
  }

  /**
   * A buffer of at least {@code lengthBytes}, or 0 after the waiter was queued behind earlier ones.
   */
  public long take(int lengthBytes, Waiter waiter) {
    if (head == null) {
      long address = takeNow(lengthBytes);
      if (address != 0) {
        return address;
      }
    }
    waits++;
    waiter.lengthBytes = lengthBytes;
    waiter.next = null;
    if (tail == null) {
      head = waiter;
    } else {
      tail.next = waiter;
    }
    tail = waiter;
    return 0;
  }

  /** A buffer, or 0 when there is none now. */
  public long takeNow(int lengthBytes) {
    if (lengthBytes <= BufferReserve.SMALL_BYTES) {
      if (smallFree == 0) {
        smallFree = reserve.claimSmall(small, 0);
      }
      if (smallFree > 0) {
        return small[--smallFree];
      }
    } else if (lengthBytes > BufferReserve.LARGE_BYTES) {
      throw new IllegalArgumentException("no buffer has " + lengthBytes + " bytes");
    }
    if (largeFree == 0) {
      largeFree = reserve.claimLarge(large, 0);
    }
    return largeFree > 0 ? large[--largeFree] : 0;
  }

  /** Returns a buffer; the first waiter it fits gets it before anybody else. */
  public void give(long address) {
    boolean isLarge = reserve.isLarge(address);
    Waiter first = head;
    if (first != null && (isLarge || first.lengthBytes <= BufferReserve.SMALL_BYTES)) {
      head = first.next;
      if (head == null) {
        tail = null;
      }
      first.granted(address);
    } else if (isLarge) {
      large[largeFree++] = address;
    } else {
      small[smallFree++] = address;
    }
  }

  /** Takes back a waiter that was not granted anything; false when it is not waiting. */
  public boolean withdraw(Waiter waiter) {
    Waiter previous = null;
    for (Waiter w = head; w != null; previous = w, w = w.next) {
      if (w == waiter) {
        if (previous == null) {
          head = w.next;
        } else {
          previous.next = w.next;
        }
        if (tail == w) {
          tail = previous;
        }
        return true;
      }
    }
    return false;
  }

  /** How often a taker had to wait. */
  public long waits() {
    return waits;
  }
}

package io.diskengine.engine.nvmf;

import io.diskengine.engine.reactor.OpCompletion;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.Task;
import io.diskengine.nvme.Iovec;
import org.jspecify.annotations.Nullable;

/**
 * What one connection has to send, first in first out. One kernel operation is outstanding; what
 * comes meanwhile, or within one turn of the reactor, goes out together with the next.
 */
final class SendQueue implements OpCompletion {
  static final int IOVECS = 128;

  private final Reactor reactor;
  private final int fd;
  private final long iov;
  private final Runnable failed;
  private final Runnable stopped;
  private @Nullable Outbound head;
  private @Nullable Outbound tail;
  private boolean sending;
  private boolean flushing;
  private boolean closed;
  private final Task flush =
      new Task() {
        @Override
        protected void run() {
          flushing = false;
          flush();
        }
      };

  /**
   * @param iov memory for {@link #IOVECS} elements
   * @param failed the peer takes nothing any more
   * @param stopped the operation that was outstanding at {@link #close} has returned
   */
  SendQueue(Reactor reactor, int fd, long iov, Runnable failed, Runnable stopped) {
    this.reactor = reactor;
    this.fd = fd;
    this.iov = iov;
    this.failed = failed;
    this.stopped = stopped;
  }

  boolean sending() {
    return sending;
  }

  void add(Outbound outbound) {
    outbound.next = null;
    if (tail == null) {
      head = outbound;
    } else {
      tail.next = outbound;
    }
    tail = outbound;
    if (!sending && !flushing) {
      flushing = true;
      reactor.defer(flush);
    }
  }

  /** Sends nothing more; an operation may still be outstanding ({@link #sending}). */
  void close() {
    closed = true;
  }

  private void flush() {
    if (closed || sending || head == null) {
      return;
    }
    int count = 0;
    for (Outbound o = head; o != null && count + o.count <= IOVECS; o = o.next) {
      for (int i = o.first; i < o.count; i++) {
        Iovec.set(iov, count++, o.address[i], o.length[i]);
      }
    }
    sending = true;
    reactor.sendv(fd, iov, count, this);
  }

  @Override
  public void completed(int result) {
    sending = false;
    if (closed) {
      stopped.run();
    } else if (result <= 0) {
      failed.run();
    } else {
      taken(result);
      flush();
    }
  }

  private void taken(int bytes) {
    int left = bytes;
    while (left > 0) {
      Outbound o = head;
      if (o == null) {
        throw new IllegalStateException("the kernel took more than was sent");
      }
      int piece = Math.min(left, o.length[o.first]);
      left -= piece;
      o.address[o.first] += piece;
      o.length[o.first] -= piece;
      if (o.length[o.first] == 0 && ++o.first == o.count) {
        head = o.next;
        if (head == null) {
          tail = null;
        }
        o.owner.sent(o);
      }
    }
  }
}

package io.diskengine.engine.host;

import io.diskengine.engine.reactor.OpCompletion;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.Task;
import org.jspecify.annotations.Nullable;

/**
 * The PDUs that one connection has to send, first in first out. One kernel operation is
 * outstanding; what comes meanwhile, or within one turn of the reactor, goes out with the next.
 */
final class SendQueue implements OpCompletion {
  static final int IOVECS = 128;

  private final Reactor reactor;
  private final int fd;
  private final long iovs;
  private final TcpQpair qpair;
  private @Nullable CommandSlot head;
  private @Nullable CommandSlot tail;
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

  /** {@code iovs} is memory for {@link #IOVECS} elements. */
  SendQueue(Reactor reactor, int fd, long iovs, TcpQpair qpair) {
    this.reactor = reactor;
    this.fd = fd;
    this.iovs = iovs;
    this.qpair = qpair;
  }

  boolean sending() {
    return sending;
  }

  /** Nothing more is sent; an operation may still be outstanding. */
  void close() {
    closed = true;
  }

  /** The slot's prepared PDU. */
  void add(CommandSlot slot) {
    slot.sending = true;
    slot.next = null;
    if (tail == null) {
      head = slot;
    } else {
      tail.next = slot;
    }
    tail = slot;
    if (!sending && !flushing && !closed) {
      flushing = true;
      reactor.defer(flush);
    }
  }

  private void flush() {
    if (closed || sending || head == null) {
      return;
    }
    int count = 0;
    // a header and at least one piece of data must fit
    for (CommandSlot slot = head; slot != null && count + 2 <= IOVECS; slot = slot.next) {
      count = slot.gather(iovs, count, IOVECS);
    }
    sending = true;
    reactor.sendv(fd, iovs, count, this);
  }

  @Override
  public void completed(int result) {
    sending = false;
    if (closed) {
      qpair.opReturned();
    } else if (result <= 0) {
      qpair.close("send: " + TcpQpair.failure(result));
    } else {
      taken(result);
      flush();
    }
  }

  private void taken(int bytes) {
    int left = bytes;
    while (left > 0 && head != null) {
      CommandSlot slot = head;
      left -= slot.taken(left);
      if (slot.wholeSent()) {
        head = slot.next;
        if (head == null) {
          tail = null;
        }
        slot.sending = false;
        qpair.pduSent(slot);
      }
    }
  }
}

package io.diskengine.engine.reactor;

import org.jspecify.annotations.Nullable;

/** One operation of {@link EpollKernel}, pooled; the meaning of a field depends on the kind. */
final class KernelOp {
  enum Kind {
    READV,
    WRITEV,
    DATA_SYNC,
    FALLOCATE,
    ACCEPT,
    CONNECT,
    RECV,
    SENDV,
    POLL
  }

  Kind kind = Kind.READV;
  int fd;
  long address;
  int count;
  long offsetBytes;
  long lengthBytes;
  int flags;
  long userData;
  int result;
  @Nullable KernelOp next;

  /** First in, first out. */
  static final class Queue {
    @Nullable KernelOp head;
    private @Nullable KernelOp tail;

    boolean isEmpty() {
      return head == null;
    }

    void add(KernelOp op) {
      op.next = null;
      if (tail == null) {
        head = op;
      } else {
        tail.next = op;
      }
      tail = op;
    }

    /** Takes the operation out that comes after {@code previous}, the first one after null. */
    void removeAfter(@Nullable KernelOp previous, KernelOp op) {
      if (previous == null) {
        head = op.next;
      } else {
        previous.next = op.next;
      }
      if (tail == op) {
        tail = previous;
      }
    }

    /** Takes out the operation with this user data, or returns null. */
    @Nullable KernelOp remove(long userData) {
      KernelOp previous = null;
      for (KernelOp op = head; op != null; previous = op, op = op.next) {
        if (op.userData == userData) {
          removeAfter(previous, op);
          return op;
        }
      }
      return null;
    }
  }
}

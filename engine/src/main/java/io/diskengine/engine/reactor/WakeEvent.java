package io.diskengine.engine.reactor;

import io.diskengine.engine.linux.Errno;
import io.diskengine.engine.linux.FileCalls;
import io.diskengine.nvme.NativeMemory;
import java.lang.foreign.Arena;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The eventfd that ends a kernel's sleep. Signals of many threads fold into one write until the
 * sleeper has consumed it; the descriptor is closed by whoever uses it last, because a signal may
 * come while its target closes.
 */
final class WakeEvent {
  private static final int CLOSED = 1;
  private static final int USER = 2;

  /** Odd like {@link #CLOSED}, and out of the reach of any number of late users. */
  private static final int GONE = Integer.MIN_VALUE / 2 | 1;

  /** The constant 1 that every signal writes. */
  private static final long ONE = Arena.global().allocate(8, 8).address();

  static {
    NativeMemory.putLong(ONE, 1);
  }

  private final int fd;
  private final AtomicBoolean signalled = new AtomicBoolean();
  private final AtomicInteger users = new AtomicInteger();

  WakeEvent(int flags) {
    this.fd = FileCalls.eventfd(flags);
    if (fd < 0) {
      throw new IllegalStateException("eventfd: " + Errno.text(fd));
    }
  }

  int fd() {
    return fd;
  }

  void signal() {
    if (signalled.getAndSet(true)) {
      return;
    }
    if ((users.getAndAdd(USER) & CLOSED) == 0) {
      FileCalls.write(fd, ONE, 8);
    }
    release(-USER);
  }

  /** The sleeper has read the descriptor and looks at its queues next. */
  void consumed() {
    signalled.getAndSet(false);
  }

  void close() {
    release(CLOSED);
  }

  private void release(int delta) {
    if (users.addAndGet(delta) == CLOSED && users.compareAndSet(CLOSED, GONE)) {
      FileCalls.close(fd);
    }
  }
}

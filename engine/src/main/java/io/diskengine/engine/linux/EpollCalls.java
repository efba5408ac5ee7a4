package io.diskengine.engine.linux;

import io.diskengine.nvme.NativeMemory;

/** epoll(7). Events are read from a native array that the caller owns. */
public final class EpollCalls {
  public static final int EPOLL_CTL_ADD = 1;
  public static final int EPOLL_CTL_DEL = 2;
  public static final int EPOLL_CTL_MOD = 3;

  public static final int EPOLLIN = 1;
  public static final int EPOLLOUT = 4;
  public static final int EPOLLERR = 8;
  public static final int EPOLLHUP = 0x10;
  public static final int EPOLLRDHUP = 0x2000;
  public static final int EPOLLET = 1 << 31;

  /** {@code struct epoll_event} is packed on x86-64 only. */
  public static final int EVENT_BYTES = Syscall.number(12, 16);

  private static final int DATA = Syscall.number(4, 8);

  private EpollCalls() {}

  /** A close-on-exec epoll descriptor, or -errno. */
  public static int create() {
    return Syscall.call(Syscall.EPOLL_CREATE1, FileCalls.O_CLOEXEC);
  }

  /** {@code event} is scratch space of {@link #EVENT_BYTES}. */
  public static int ctl(int epollFd, int operation, int fd, int events, long data, long event) {
    NativeMemory.putInt(event, events);
    NativeMemory.putLong(event + DATA, data);
    return Syscall.call(Syscall.EPOLL_CTL, epollFd, operation, fd, event);
  }

  /** Does not wait; returns how many events were stored. */
  public static int waitNow(int epollFd, long events, int capacity) {
    return (int) Syscall.call(Syscall.EPOLL_PWAIT, epollFd, events, capacity, 0, 0, 0);
  }

  /**
   * Waits up to {@code timeoutNs}, for ever below zero. {@code timespec} is scratch space of 16
   * bytes. Kernels before 5.11 know milliseconds only: rounded up, so that no timer comes early.
   */
  public static int wait(int epollFd, long events, int capacity, long timeoutNs, long timespec) {
    NativeMemory.putLong(timespec, timeoutNs / 1_000_000_000L);
    NativeMemory.putLong(timespec + 8, timeoutNs % 1_000_000_000L);
    long limit = timeoutNs < 0 ? 0 : timespec;
    int count = (int) Syscall.call(Syscall.EPOLL_PWAIT2, epollFd, events, capacity, limit, 0, 0);
    if (count != -Errno.ENOSYS) {
      return count;
    }
    long millis = timeoutNs < 0 ? -1 : Math.min((timeoutNs + 999_999) / 1_000_000, 1_000_000);
    return (int) Syscall.call(Syscall.EPOLL_PWAIT, epollFd, events, capacity, millis, 0, 0);
  }

  public static int events(long events, int index) {
    return NativeMemory.getInt(events + (long) index * EVENT_BYTES);
  }

  public static long data(long events, int index) {
    return NativeMemory.getLong(events + (long) index * EVENT_BYTES + DATA);
  }
}

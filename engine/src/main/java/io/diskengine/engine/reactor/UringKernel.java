package io.diskengine.engine.reactor;

import io.diskengine.engine.linux.Errno;
import io.diskengine.engine.linux.FileCalls;
import io.diskengine.engine.linux.MessageHeader;
import io.diskengine.engine.linux.SocketCalls;
import io.diskengine.engine.linux.SocketName;
import io.diskengine.engine.linux.Uring;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import java.lang.foreign.Arena;
import java.net.InetSocketAddress;

/**
 * {@link Kernel} on io_uring. Operations submitted in one turn enter the kernel together at the
 * start of the next turn or sleep; an idle turn makes no system call. The thread that first reaps,
 * sleeps or overflows the queue owns the ring; it must also be the one that closes the kernel while
 * operations are in flight.
 */
final class UringKernel extends LinuxKernel {
  static final int SQ_ENTRIES = 512;
  static final int CQ_ENTRIES = 8192;
  private static final int REAP_LIMIT = 1024;
  private static final long CLOSE_TIMEOUT_NS = 10_000_000_000L;

  /** User data of our own; the users' is never negative. */
  private static final long WAKE = -1;

  private static final long IGNORED = -2;

  private final Uring ring;
  private final Arena arena = Arena.ofShared();

  /** Per submission entry: room for a msghdr or a socket address, read when it is submitted. */
  private final long slots;

  private final long wakeCounter;
  private boolean enabled;
  private int inFlight;

  /** Completions moved out of a full ring while an operation had to be submitted. */
  private final CompletionQueue stash = new CompletionQueue();

  UringKernel(Uring ring) {
    super(0, 0);
    this.ring = ring;
    this.slots = arena.allocate((long) ring.sqEntries() * SocketName.BYTES, 8).address();
    this.wakeCounter = arena.allocate(8, 8).address();
  }

  // ---- submission

  @Override
  public void submitReadv(int fd, long iov, int count, long offsetBytes, long userData) {
    if (count == 1) {
      put(Uring.OP_READ, fd, offsetBytes, Iovec.base(iov), length(iov), 0, userData);
    } else {
      put(Uring.OP_READV, fd, offsetBytes, iov, count, 0, userData);
    }
  }

  @Override
  public void submitWritev(
      int fd, long iov, int count, long offsetBytes, boolean durable, long userData) {
    int flags = durable ? FileCalls.RWF_DSYNC : 0;
    if (count == 1) {
      put(Uring.OP_WRITE, fd, offsetBytes, Iovec.base(iov), length(iov), flags, userData);
    } else {
      put(Uring.OP_WRITEV, fd, offsetBytes, iov, count, flags, userData);
    }
  }

  private static int length(long iov) {
    return (int) Math.min(Iovec.length(iov), MAX_TRANSFER_BYTES);
  }

  @Override
  public void submitDataSync(int fd, long userData) {
    put(Uring.OP_FSYNC, fd, 0, 0, 0, Uring.FSYNC_DATASYNC, userData);
  }

  @Override
  public void submitFallocate(int fd, int mode, long offsetBytes, long lengthBytes, long userData) {
    put(Uring.OP_FALLOCATE, fd, offsetBytes, lengthBytes, mode, 0, userData);
  }

  @Override
  public void submitAccept(int listenFd, long userData) {
    put(Uring.OP_ACCEPT, listenFd, 0, 0, 0, SocketCalls.SOCK_CLOEXEC, userData);
  }

  @Override
  public void submitConnect(int fd, InetSocketAddress peer, long userData) {
    makeRoom();
    long name = slot();
    int length = SocketName.encode(peer, name);
    put(Uring.OP_CONNECT, fd, length, name, 0, 0, userData);
  }

  @Override
  public void submitRecv(int fd, long address, int lengthBytes, long userData) {
    put(Uring.OP_RECV, fd, 0, address, lengthBytes, 0, userData);
  }

  @Override
  public void submitSendv(int fd, long iov, int count, long userData) {
    if (count == 1) {
      int flags = SocketCalls.MSG_NOSIGNAL;
      put(Uring.OP_SEND, fd, 0, Iovec.base(iov), length(iov), flags, userData);
      return;
    }
    makeRoom();
    long header = slot();
    NativeMemory.zero(header, MessageHeader.BYTES);
    MessageHeader.iov(header, iov, count);
    put(Uring.OP_SENDMSG, fd, 0, header, 1, SocketCalls.MSG_NOSIGNAL, userData);
  }

  @Override
  public void submitPoll(int fd, int events, long userData) {
    put(Uring.OP_POLL_ADD, fd, 0, 0, 0, events, userData);
  }

  @Override
  public void submitCancel(long targetUserData) {
    put(Uring.OP_ASYNC_CANCEL, -1, 0, targetUserData, 0, 0, IGNORED);
  }

  private long slot() {
    return slots + (long) ring.nextSlot() * SocketName.BYTES;
  }

  private void put(int op, int fd, long off, long addr, int len, int opFlags, long userData) {
    makeRoom();
    ring.put(op, fd, off, addr, len, opFlags, userData);
    inFlight++;
  }

  /** A full submission queue is handed over at once; nothing completes inside a submit. */
  private void makeRoom() {
    while (ring.sqFull()) {
      enable();
      int result = ring.submit();
      if (result == -Errno.EBUSY || result == -Errno.EAGAIN) {
        stashCompletions(); // the kernel wants room for completions first
      } else {
        check(result);
      }
    }
  }

  private static void check(int result) {
    if (result < 0
        && result != -Errno.EINTR
        && result != -Errno.ETIME
        && result != -Errno.EAGAIN
        && result != -Errno.EBUSY) {
      throw new IllegalStateException("io_uring_enter: " + Errno.text(result));
    }
  }

  private void enable() {
    if (!enabled) {
      enabled = true;
      check(ring.enable());
      armWake();
    }
  }

  private void armWake() {
    put(Uring.OP_READ, wake.fd(), 0, wakeCounter, 8, 0, WAKE);
  }

  private void stashCompletions() {
    for (; !ring.cqEmpty(); ring.advance()) {
      stash.add(ring.userData(), ring.result());
    }
  }

  // ---- completion

  @Override
  public int reap(Completions completions) {
    if (!enabled) {
      enable();
    }
    if (ring.pending() > 0 || ring.wantsEnter()) {
      check(ring.submit());
    }
    int reaped = 0;
    for (int seen = 0; seen < REAP_LIMIT && !stash.isEmpty(); seen++) {
      long userData = stash.userData();
      int result = stash.result();
      stash.advance();
      reaped += deliver(completions, userData, result);
    }
    for (int seen = 0; seen < REAP_LIMIT && !ring.cqEmpty(); seen++) {
      long userData = ring.userData();
      int result = ring.result();
      ring.advance();
      reaped += deliver(completions, userData, result);
    }
    return reaped;
  }

  private int deliver(Completions completions, long userData, int result) {
    inFlight--;
    if (userData >= 0) {
      completions.completed(userData, result);
      return 1;
    }
    if (userData == WAKE) {
      wake.consumed();
      armWake();
    }
    return 0;
  }

  @Override
  public void sleep(long timeoutNs) {
    enable();
    if (stash.isEmpty() && ring.cqEmpty()) {
      check(ring.submitAndWait(timeoutNs));
    }
  }

  /** Cancels what is in flight and waits for it, so that no buffer is written afterwards. */
  @Override
  public void close() {
    if (enabled) {
      put(
          Uring.OP_ASYNC_CANCEL,
          -1,
          0,
          0,
          0,
          Uring.ASYNC_CANCEL_ANY | Uring.ASYNC_CANCEL_ALL,
          IGNORED);
      long deadlineNs = System.nanoTime() + CLOSE_TIMEOUT_NS;
      inFlight -= stash.size();
      while (inFlight > 0 && System.nanoTime() < deadlineNs) {
        int result = ring.submitAndWait(CLOSE_TIMEOUT_NS / 10);
        if (result == -Errno.EEXIST) {
          break; // not the owner's thread
        }
        for (; !ring.cqEmpty(); ring.advance()) {
          inFlight--;
        }
      }
    }
    ring.close();
    wake.close();
    arena.close();
  }

  @Override
  public int close(int fd) {
    return FileCalls.close(fd);
  }
}

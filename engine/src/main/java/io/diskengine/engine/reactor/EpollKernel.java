package io.diskengine.engine.reactor;

import io.diskengine.engine.linux.EpollCalls;
import io.diskengine.engine.linux.Errno;
import io.diskengine.engine.linux.FileCalls;
import io.diskengine.engine.linux.MessageHeader;
import io.diskengine.engine.linux.SocketCalls;
import java.lang.foreign.Arena;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.jspecify.annotations.Nullable;

/**
 * {@link Kernel} on epoll, for systems that forbid io_uring. A socket's call is tried at once; only
 * when it would block the socket is registered, edge-triggered and once in its life, and the call
 * tried again on each edge. Files go to {@link FileThreads}.
 */
final class EpollKernel extends LinuxKernel {
  private static final int EVENTS = 256;
  private static final int REAP_LIMIT = 1024;
  private static final int STREAM_EVENTS =
      EpollCalls.EPOLLIN | EpollCalls.EPOLLOUT | EpollCalls.EPOLLRDHUP | EpollCalls.EPOLLET;
  private static final int READABLE =
      EpollCalls.EPOLLIN | EpollCalls.EPOLLRDHUP | EpollCalls.EPOLLHUP | EpollCalls.EPOLLERR;
  private static final int WRITABLE =
      EpollCalls.EPOLLOUT | EpollCalls.EPOLLHUP | EpollCalls.EPOLLERR;
  private static final long WAKE = -1;

  /**
   * How often any kernel closed a descriptor number (modulo the length), because a socket may be
   * closed by another reactor than the one that registered it.
   */
  private static final AtomicIntegerArray CLOSES = new AtomicIntegerArray(1 << 16);

  /** What waits for one descriptor. Events carry the generation, so that stale ones are known. */
  private static final class Watch {
    final int fd;
    int generation;
    boolean registered;
    int closesSeen;

    /** Registered for all events until it is closed; otherwise only while polls wait. */
    boolean stream;

    final KernelOp.Queue readers = new KernelOp.Queue();
    final KernelOp.Queue writers = new KernelOp.Queue();
    final KernelOp.Queue polls = new KernelOp.Queue();

    Watch(int fd) {
      this.fd = fd;
    }

    long data() {
      return (long) generation << 32 | fd;
    }
  }

  private final int epollFd;
  private final Arena arena = Arena.ofShared();
  private final long events;
  private final long event;
  private final long timespec;
  private final long header;
  private final FileThreads files;
  private final CompletionQueue ready = new CompletionQueue();
  private @Nullable Watch[] watches = new Watch[256];
  private @Nullable KernelOp free;
  private int eventAt;
  private int eventCount;

  /** Operations that wait for an edge; without any the epoll instance is not asked. */
  private int waiting;

  private volatile boolean sleeping;

  EpollKernel(int fileThreads) {
    super(SocketCalls.SOCK_NONBLOCK, FileCalls.EFD_NONBLOCK);
    this.epollFd = EpollCalls.create();
    if (epollFd < 0) {
      throw new IllegalStateException("epoll_create1: " + Errno.text(epollFd));
    }
    this.events = arena.allocate((long) EVENTS * EpollCalls.EVENT_BYTES, 8).address();
    this.event = arena.allocate(EpollCalls.EVENT_BYTES, 8).address();
    this.timespec = arena.allocate(16, 8).address();
    this.header = arena.allocate(MessageHeader.BYTES, 8).address();
    this.files = new FileThreads(fileThreads, this::fileOpDone);
    int wakeEvents = EpollCalls.EPOLLIN | EpollCalls.EPOLLET;
    EpollCalls.ctl(epollFd, EpollCalls.EPOLL_CTL_ADD, wake.fd(), wakeEvents, WAKE, event);
  }

  // ---- files

  @Override
  public void submitReadv(int fd, long iov, int count, long offsetBytes, long userData) {
    KernelOp op = take(KernelOp.Kind.READV, fd, userData);
    op.address = iov;
    op.count = count;
    op.offsetBytes = offsetBytes;
    files.submit(op);
  }

  @Override
  public void submitWritev(
      int fd, long iov, int count, long offsetBytes, boolean durable, long userData) {
    KernelOp op = take(KernelOp.Kind.WRITEV, fd, userData);
    op.address = iov;
    op.count = count;
    op.offsetBytes = offsetBytes;
    op.flags = durable ? FileCalls.RWF_DSYNC : 0;
    files.submit(op);
  }

  @Override
  public void submitDataSync(int fd, long userData) {
    files.submit(take(KernelOp.Kind.DATA_SYNC, fd, userData));
  }

  @Override
  public void submitFallocate(int fd, int mode, long offsetBytes, long lengthBytes, long userData) {
    KernelOp op = take(KernelOp.Kind.FALLOCATE, fd, userData);
    op.flags = mode;
    op.offsetBytes = offsetBytes;
    op.lengthBytes = lengthBytes;
    files.submit(op);
  }

  private void fileOpDone() {
    if (sleeping) {
      wake();
    }
  }

  // ---- sockets

  @Override
  public void submitAccept(int listenFd, long userData) {
    start(take(KernelOp.Kind.ACCEPT, listenFd, userData));
  }

  @Override
  public void submitConnect(int fd, InetSocketAddress peer, long userData) {
    KernelOp op = take(KernelOp.Kind.CONNECT, fd, userData);
    int result = SocketCalls.connect(fd, peer);
    if (result == -Errno.EINPROGRESS) {
      await(op);
    } else {
      finish(op, result);
    }
  }

  @Override
  public void submitRecv(int fd, long address, int lengthBytes, long userData) {
    KernelOp op = take(KernelOp.Kind.RECV, fd, userData);
    op.address = address;
    op.count = lengthBytes;
    start(op);
  }

  @Override
  public void submitSendv(int fd, long iov, int count, long userData) {
    KernelOp op = take(KernelOp.Kind.SENDV, fd, userData);
    op.address = iov;
    op.count = count;
    start(op);
  }

  private void start(KernelOp op) {
    if (op.fd < 0) {
      finish(op, -Errno.EBADF);
      return;
    }
    if (queue(op).isEmpty()) {
      int result = attempt(op);
      if (result != -Errno.EAGAIN) {
        finish(op, result);
        return;
      }
    }
    await(op);
  }

  private KernelOp.Queue queue(KernelOp op) {
    Watch watch = watch(op.fd);
    boolean reads = op.kind == KernelOp.Kind.RECV || op.kind == KernelOp.Kind.ACCEPT;
    return reads ? watch.readers : watch.writers;
  }

  private int attempt(KernelOp op) {
    return switch (op.kind) {
      case ACCEPT -> SocketCalls.accept(op.fd, SocketCalls.SOCK_NONBLOCK);
      case RECV -> SocketCalls.recv(op.fd, op.address, op.count, SocketCalls.MSG_DONTWAIT);
      case SENDV -> {
        MessageHeader.iov(header, op.address, op.count);
        int flags = SocketCalls.MSG_DONTWAIT | SocketCalls.MSG_NOSIGNAL;
        yield SocketCalls.sendmsg(op.fd, header, flags);
      }
      case CONNECT -> // tried again only when it is decided
          -SocketCalls.option(op.fd, SocketCalls.SOL_SOCKET, SocketCalls.SO_ERROR);
      case READV, WRITEV, DATA_SYNC, FALLOCATE, POLL -> throw new AssertionError(op.kind);
    };
  }

  private void await(KernelOp op) {
    Watch watch = watch(op.fd);
    if (!watch.stream || watch.closesSeen != closes(op.fd)) {
      int result = register(watch, STREAM_EVENTS);
      if (result < 0) {
        finish(op, result);
        return;
      }
      watch.stream = true;
    }
    queue(op).add(op);
    waiting++;
  }

  @Override
  public void submitPoll(int fd, int pollEvents, long userData) {
    KernelOp op = take(KernelOp.Kind.POLL, fd, userData);
    op.flags = pollEvents;
    if (fd < 0) {
      finish(op, -Errno.EBADF);
      return;
    }
    Watch watch = watch(fd);
    int all = watch.stream ? STREAM_EVENTS : EpollCalls.EPOLLET;
    for (KernelOp other = watch.polls.head; other != null; other = other.next) {
      all |= other.flags;
    }
    // registering again makes an edge of what is ready already
    int result = register(watch, all | pollEvents);
    if (result < 0) {
      boolean alwaysReady = result == -Errno.EPERM; // a regular file
      finish(op, alwaysReady ? pollEvents & (FileCalls.POLLIN | FileCalls.POLLOUT) : result);
      return;
    }
    watch.polls.add(op);
    waiting++;
  }

  private int register(Watch watch, int wanted) {
    int operation = watch.registered ? EpollCalls.EPOLL_CTL_MOD : EpollCalls.EPOLL_CTL_ADD;
    int result = EpollCalls.ctl(epollFd, operation, watch.fd, wanted, watch.data(), event);
    if (result == -Errno.ENOENT) {
      operation = EpollCalls.EPOLL_CTL_ADD; // the number was closed and used again
      result = EpollCalls.ctl(epollFd, operation, watch.fd, wanted, watch.data(), event);
    }
    watch.registered = result == 0;
    watch.closesSeen = closes(watch.fd);
    return result;
  }

  private static int closes(int fd) {
    return CLOSES.get(fd & CLOSES.length() - 1);
  }

  private void unregister(Watch watch) {
    if (watch.registered) {
      // explicitly, because the open file may live on in another process
      EpollCalls.ctl(epollFd, EpollCalls.EPOLL_CTL_DEL, watch.fd, 0, 0, event);
      watch.registered = false;
    }
    watch.stream = false;
    watch.generation++;
  }

  @Override
  public void submitCancel(long targetUserData) {
    KernelOp op = null;
    for (int i = 0; i < watches.length && op == null; i++) {
      Watch watch = watches[i];
      if (watch != null) {
        op = cancelWaiting(watch, targetUserData);
      }
    }
    if (op != null) {
      finish(op, -Errno.ECANCELED);
    }
  }

  private @Nullable KernelOp cancelWaiting(Watch watch, long userData) {
    KernelOp op = watch.readers.remove(userData);
    if (op == null) {
      op = watch.writers.remove(userData);
    }
    if (op == null) {
      op = watch.polls.remove(userData);
      if (op != null && watch.polls.isEmpty() && !watch.stream) {
        unregister(watch);
      }
    }
    if (op != null) {
      waiting--;
    }
    return op;
  }

  // ---- completion

  @Override
  public int reap(Completions completions) {
    for (KernelOp op = files.takeDone(); op != null; ) {
      KernelOp next = op.next;
      finish(op, op.result);
      op = next;
    }
    if (eventAt == eventCount && waiting > 0) {
      waited(EpollCalls.waitNow(epollFd, events, EVENTS));
    }
    while (eventAt < eventCount) {
      int at = eventAt++;
      handle(EpollCalls.data(events, at), EpollCalls.events(events, at));
    }
    int reaped = 0;
    for (; reaped < REAP_LIMIT && !ready.isEmpty(); reaped++) {
      long userData = ready.userData();
      int result = ready.result();
      ready.advance();
      completions.completed(userData, result);
    }
    return reaped;
  }

  private void waited(int count) {
    if (count < 0 && count != -Errno.EINTR) {
      throw new IllegalStateException("epoll_wait: " + Errno.text(count));
    }
    eventAt = 0;
    eventCount = Math.max(0, count);
  }

  private void handle(long data, int happened) {
    if (data == WAKE) {
      wake.consumed(); // edge-triggered: the counter need not be read
      return;
    }
    Watch watch = watches[(int) data];
    if (watch == null || watch.data() != data) {
      return;
    }
    if (!watch.polls.isEmpty()) {
      answerPolls(watch, happened);
    }
    if ((happened & READABLE) != 0) {
      retry(watch.readers);
    }
    if ((happened & WRITABLE) != 0) {
      retry(watch.writers);
    }
  }

  private void answerPolls(Watch watch, int happened) {
    KernelOp previous = null;
    for (KernelOp op = watch.polls.head; op != null; ) {
      KernelOp next = op.next;
      int bits = happened & (op.flags | EpollCalls.EPOLLERR | EpollCalls.EPOLLHUP);
      if (bits != 0) {
        watch.polls.removeAfter(previous, op);
        waiting--;
        finish(op, bits);
      } else {
        previous = op;
      }
      op = next;
    }
    if (watch.polls.isEmpty() && !watch.stream) {
      unregister(watch);
    }
  }

  private void retry(KernelOp.Queue queue) {
    for (KernelOp op = queue.head; op != null; op = queue.head) {
      int result = attempt(op);
      if (result == -Errno.EAGAIN) {
        return;
      }
      queue.removeAfter(null, op);
      waiting--;
      finish(op, result);
    }
  }

  @Override
  public void sleep(long timeoutNs) {
    if (!ready.isEmpty() || eventAt < eventCount) {
      return;
    }
    sleeping = true;
    if (!files.hasDone()) {
      waited(EpollCalls.wait(epollFd, events, EVENTS, timeoutNs, timespec));
    }
    sleeping = false;
  }

  // ---- records

  private KernelOp take(KernelOp.Kind kind, int fd, long userData) {
    KernelOp op = free;
    if (op == null) {
      op = new KernelOp();
    } else {
      free = op.next;
    }
    op.kind = kind;
    op.fd = fd;
    op.userData = userData;
    op.next = null;
    return op;
  }

  private void finish(KernelOp op, int result) {
    ready.add(op.userData, result);
    op.next = free;
    free = op;
  }

  private Watch watch(int fd) {
    if (fd >= watches.length) {
      watches = Arrays.copyOf(watches, Math.max(fd + 1, watches.length * 2));
    }
    Watch watch = watches[fd];
    if (watch == null) {
      watch = new Watch(fd);
      watches[fd] = watch;
    }
    return watch;
  }

  @Override
  public int close(int fd) {
    if (fd >= 0) {
      Watch watch = fd < watches.length ? watches[fd] : null;
      if (watch != null) {
        unregister(watch);
      }
      CLOSES.incrementAndGet(fd & CLOSES.length() - 1);
    }
    return FileCalls.close(fd);
  }

  @Override
  public void close() {
    files.close();
    FileCalls.close(epollFd);
    wake.close();
    arena.close();
  }
}

package io.diskengine.engine.sim;

import io.diskengine.engine.linux.Errno;
import io.diskengine.engine.linux.FileCalls;
import io.diskengine.engine.reactor.Kernel;
import io.diskengine.nvme.Iovec;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** {@link Kernel} of one reactor in a {@link SimWorld}. Sleeping moves the world's clock. */
public final class SimKernel implements Kernel {
  private static final int SECTOR = 512;

  /** The bytes that a write in flight may leave on the medium when power fails. */
  record PendingWrite(SimOp op, long offsetBytes) {
    byte[] bytes() {
      return op.gather(op.lengthBytes());
    }
  }

  private record Completion(long userData, int result) {}

  private final SimHost host;
  private final SimWorld world;
  private final Deque<Completion> ready = new ArrayDeque<>();
  private final Map<Long, SimOp> inFlight = new HashMap<>();
  private boolean woken;
  private boolean closed;

  SimKernel(SimHost host) {
    this.host = host;
    this.world = host.world();
  }

  private @Nullable SimOp begin(
      int fd, Class<? extends SimDescriptor> kind, long userData, long iov, int count, int length) {
    SimDescriptor on = host.descriptor(fd);
    if (on == null || !kind.isInstance(on)) {
      ready.add(new Completion(userData, on == null ? -Errno.EBADF : -Errno.EINVAL));
      return null;
    }
    SimOp op = new SimOp(this, on, userData, iov, count, length);
    on.outstanding++;
    inFlight.put(userData, op);
    return op;
  }

  void complete(SimOp op, int result) {
    if (!closed) {
      inFlight.remove(op.userData());
      ready.add(new Completion(op.userData(), result));
    }
  }

  // ---- files

  /** What an operation on a file does when its time has come. */
  private interface FileBody {
    int run(SimOp op, SimFile file);
  }

  private void submitFile(
      int fd, long iov, int count, long offsetBytes, long userData, boolean write, FileBody body) {
    int length = (int) Iovec.totalBytes(iov, count);
    SimOp op = begin(fd, SimDescriptor.OpenFile.class, userData, iov, count, length);
    if (op == null) {
      return;
    }
    SimDescriptor.OpenFile open = (SimDescriptor.OpenFile) op.on();
    if (open.direct && misaligned(iov, count, offsetBytes)) {
      op.finish(-Errno.EINVAL);
      return;
    }
    SimFile file = open.file;
    PendingWrite pending = write ? new PendingWrite(op, offsetBytes) : null;
    if (pending != null) {
      file.pendingWrites.add(pending);
    }
    world.after(
        file.latencyNs(world.random()),
        () ->
            file.whenMoving(
                op,
                () -> {
                  if (closed) {
                    return;
                  }
                  if (pending != null) {
                    file.pendingWrites.remove(pending);
                  }
                  op.finish(body.run(op, file));
                }));
  }

  private static boolean misaligned(long iov, int count, long offsetBytes) {
    long bits = offsetBytes;
    for (int i = 0; i < count; i++) {
      bits |= Iovec.base(Iovec.at(iov, i)) | Iovec.length(Iovec.at(iov, i));
    }
    return bits % SECTOR != 0;
  }

  @Override
  public void submitReadv(int fd, long iov, int count, long offsetBytes, long userData) {
    submitFile(
        fd,
        iov,
        count,
        offsetBytes,
        userData,
        false,
        (op, file) -> {
          int errno = file.fault(SimFile.Operation.READ, offsetBytes, op.lengthBytes());
          if (errno != 0) {
            return errno;
          }
          long left = Math.max(0, file.sizeBytes() - offsetBytes);
          byte[] bytes = file.read(offsetBytes, (int) Math.min(left, op.lengthBytes()));
          op.scatter(bytes);
          return bytes.length;
        });
  }

  @Override
  public void submitWritev(
      int fd, long iov, int count, long offsetBytes, boolean durable, long userData) {
    submitFile(
        fd,
        iov,
        count,
        offsetBytes,
        userData,
        true,
        (op, file) -> file.write(offsetBytes, op.gather(op.lengthBytes()), durable));
  }

  @Override
  public void submitDataSync(int fd, long userData) {
    SimDescriptor on = host.descriptor(fd);
    long before = on instanceof SimDescriptor.OpenFile open ? open.file.changes() : 0;
    submitFile(
        fd,
        0,
        0,
        0,
        userData,
        false,
        (op, file) -> {
          int errno = file.fault(SimFile.Operation.SYNC, 0, 0);
          if (errno == 0) {
            file.change(new FileChange.Flush(before));
          }
          return errno;
        });
  }

  @Override
  public void submitFallocate(int fd, int mode, long offsetBytes, long lengthBytes, long userData) {
    submitFile(
        fd,
        0,
        0,
        0,
        userData,
        false,
        (op, file) -> {
          int errno = file.fault(SimFile.Operation.FALLOCATE, offsetBytes, lengthBytes);
          return errno != 0 ? errno : fallocate(file, mode, offsetBytes, lengthBytes);
        });
  }

  private static int fallocate(SimFile file, int mode, long offsetBytes, long lengthBytes) {
    int zeroing = FileCalls.FALLOC_FL_PUNCH_HOLE | FileCalls.FALLOC_FL_ZERO_RANGE;
    if ((mode & zeroing) != 0) {
      file.change(new FileChange.Zero(offsetBytes, lengthBytes));
    } else if (!file.fits(offsetBytes, lengthBytes)) {
      return -Errno.ENOSPC;
    }
    boolean keepsSize = (mode & FileCalls.FALLOC_FL_KEEP_SIZE) != 0;
    if (!keepsSize && offsetBytes + lengthBytes > file.sizeBytes()) {
      file.change(new FileChange.Resize(offsetBytes + lengthBytes));
    }
    return 0;
  }

  // ---- sockets

  @Override
  public void submitAccept(int listenFd, long userData) {
    SimOp op = begin(listenFd, SimListener.class, userData, 0, 0, 0);
    if (op != null) {
      ((SimListener) op.on()).accept(op);
    }
  }

  @Override
  public void submitConnect(int fd, InetSocketAddress peer, long userData) {
    SimOp op = begin(fd, SimStream.class, userData, 0, 0, 0);
    if (op != null) {
      ((SimStream) op.on()).connect(op, peer);
    }
  }

  @Override
  public void submitRecv(int fd, long address, int lengthBytes, long userData) {
    SimOp op = begin(fd, SimStream.class, userData, address, 0, lengthBytes);
    if (op != null) {
      ((SimStream) op.on()).recv(op);
    }
  }

  @Override
  public void submitSendv(int fd, long iov, int count, long userData) {
    int length = (int) Math.min(Iovec.totalBytes(iov, count), Integer.MAX_VALUE);
    SimOp op = begin(fd, SimStream.class, userData, iov, count, length);
    if (op != null) {
      ((SimStream) op.on()).send(op);
    }
  }

  /** Streams only; {@code events} travel in {@link SimOp#lengthBytes}. */
  @Override
  public void submitPoll(int fd, int events, long userData) {
    SimOp op = begin(fd, SimStream.class, userData, 0, 0, events);
    if (op != null) {
      ((SimStream) op.on()).poll(op);
    }
  }

  @Override
  public void submitCancel(long targetUserData) {
    SimOp op = inFlight.get(targetUserData);
    if (op != null && op.on().withdraw(op)) {
      if (op.on() instanceof SimDescriptor.OpenFile open) {
        open.file.pendingWrites.removeIf(write -> write.op() == op);
      }
      op.finish(-Errno.ECANCELED);
    }
  }

  // ---- completion

  @Override
  public int reap(Completions completions) {
    int count = ready.size();
    for (int i = 0; i < count; i++) {
      Completion completion = ready.remove();
      completions.completed(completion.userData, completion.result);
    }
    return count;
  }

  /** Moves the world's clock; a {@link SimWorld} that runs reactors never comes here. */
  @Override
  public void sleep(long timeoutNs) {
    long limitNs = timeoutNs < 0 ? Long.MAX_VALUE : world.nowNs() + timeoutNs;
    world.sleepUntil(() -> woken || !ready.isEmpty(), limitNs);
    woken = false;
  }

  @Override
  public void wake() {
    woken = true;
  }

  @Override
  public long nowNs() {
    return world.nowNs();
  }

  // ---- immediate calls

  @Override
  public int openFile(String path, int flags, int mode) {
    boolean exists = world.fileExists(path);
    if (!exists && (flags & FileCalls.O_CREAT) == 0) {
      return -Errno.ENOENT;
    }
    if (exists && (flags & FileCalls.O_CREAT) != 0 && (flags & FileCalls.O_EXCL) != 0) {
      return -Errno.EEXIST;
    }
    SimFile file = world.file(path);
    if ((flags & FileCalls.O_TRUNC) != 0) {
      file.change(new FileChange.Resize(0));
    }
    return host.add(new SimDescriptor.OpenFile(file, (flags & FileCalls.O_DIRECT) != 0));
  }

  private SimDescriptor.@Nullable OpenFile openFile(int fd) {
    return host.descriptor(fd) instanceof SimDescriptor.OpenFile open ? open : null;
  }

  @Override
  public long sizeBytes(int fd) {
    SimDescriptor.OpenFile open = openFile(fd);
    return open == null ? -Errno.EBADF : open.file.sizeBytes();
  }

  @Override
  public int resizeFile(int fd, long lengthBytes) {
    SimDescriptor.OpenFile open = openFile(fd);
    if (open == null) {
      return -Errno.EBADF;
    }
    open.file.change(new FileChange.Resize(lengthBytes));
    return 0;
  }

  @Override
  public int lockExclusive(int fd) {
    SimDescriptor.OpenFile open = openFile(fd);
    if (open == null) {
      return -Errno.EBADF;
    }
    return open.lock() ? 0 : -Errno.EAGAIN;
  }

  @Override
  public int listen(SocketAddress local, int backlog) {
    return local instanceof InetSocketAddress inet
        ? SimListener.listen(host, inet, backlog)
        : -Errno.EAFNOSUPPORT;
  }

  @Override
  public int streamSocket(InetSocketAddress peer, @Nullable InetSocketAddress local) {
    return host.add(new SimStream(host, world.clientAddress(host, local)));
  }

  @Override
  public InetSocketAddress localAddress(int fd) {
    return switch (host.descriptor(fd)) {
      case SimListener listener -> listener.local();
      case SimStream stream -> stream.local();
      case null, default -> throw new IllegalArgumentException("no socket: " + fd);
    };
  }

  @Override
  public InetSocketAddress peerAddress(int fd) {
    if (host.descriptor(fd) instanceof SimStream stream) {
      return stream.remote();
    }
    throw new IllegalArgumentException("no stream: " + fd);
  }

  @Override
  public int tuneStream(int fd, int ackTimeoutMs) {
    if (host.descriptor(fd) instanceof SimStream stream) {
      stream.ackTimeoutMs(ackTimeoutMs);
      return 0;
    }
    return -Errno.EBADF;
  }

  @Override
  public int shutdown(int fd) {
    return switch (host.descriptor(fd)) {
      case SimListener listener -> listener.shutdown();
      case SimStream stream -> stream.shutdown();
      case null, default -> -Errno.EBADF;
    };
  }

  @Override
  public int close(int fd) {
    return host.close(fd);
  }

  /** What is in flight is abandoned: writes happen or not. The host closes the descriptors. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    for (SimOp op : inFlight.values()) {
      op.on().withdraw(op);
      op.on().outstanding--;
      if (op.on() instanceof SimDescriptor.OpenFile open) {
        abandon(op, open.file);
      }
    }
    closed = true;
    inFlight.clear();
    ready.clear();
  }

  private void abandon(SimOp op, SimFile file) {
    for (PendingWrite write : file.pendingWrites.toArray(PendingWrite[]::new)) {
      if (write.op == op) {
        file.pendingWrites.remove(write);
        if (world.random().nextBoolean()) {
          file.write(write.offsetBytes, write.bytes(), false);
        }
      }
    }
  }
}

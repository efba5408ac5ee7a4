package io.diskengine.engine.reactor;

import io.diskengine.engine.linux.Errno;
import io.diskengine.engine.linux.FileCalls;
import io.diskengine.engine.linux.FileCalls.FileStatus;
import io.diskengine.engine.linux.FileCalls.StatusResult;
import io.diskengine.engine.linux.SocketCalls;
import io.diskengine.engine.linux.SocketName;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/** What the kernels on Linux share: the immediate calls, the clock and the wake event. */
abstract class LinuxKernel implements Kernel {
  /** An operation moves less than 2 GiB; Linux itself stops there (MAX_RW_COUNT). */
  static final int MAX_TRANSFER_BYTES = 0x7fff_f000;

  final WakeEvent wake;
  private final int socketFlags;

  /**
   * {@code socketFlags} is SOCK_NONBLOCK where readiness is waited for, 0 where the kernel itself
   * waits (io_uring answers -EAGAIN for a descriptor with O_NONBLOCK).
   */
  LinuxKernel(int socketFlags, int eventFlags) {
    this.socketFlags = socketFlags;
    this.wake = new WakeEvent(eventFlags);
  }

  @Override
  public final void wake() {
    wake.signal();
  }

  @Override
  public final long nowNs() {
    return System.nanoTime();
  }

  @Override
  public final int openFile(String path, int flags, int mode) {
    boolean blockDevice =
        FileCalls.status(path) instanceof StatusResult.Ok(FileStatus status)
            && status.isBlockDevice();
    // On a block device O_EXCL refuses mounted and otherwise claimed ones (open(2)).
    return FileCalls.open(path, blockDevice ? flags | FileCalls.O_EXCL : flags, mode);
  }

  @Override
  public final long sizeBytes(int fd) {
    return FileCalls.sizeBytes(fd);
  }

  @Override
  public final int resizeFile(int fd, long lengthBytes) {
    return FileCalls.ftruncate(fd, lengthBytes);
  }

  @Override
  public final int lockExclusive(int fd) {
    return FileCalls.flock(fd, FileCalls.LOCK_EX | FileCalls.LOCK_NB);
  }

  @Override
  public final int listen(SocketAddress local, int backlog) {
    int fd = SocketCalls.socket(SocketName.family(local), SocketCalls.SOCK_STREAM | socketFlags);
    if (fd < 0) {
      return fd;
    }
    int result = SocketCalls.setOption(fd, SocketCalls.SOL_SOCKET, SocketCalls.SO_REUSEADDR, 1);
    if (result == 0 && SocketName.family(local) == SocketCalls.AF_INET6) {
      // each address is its own listener, whatever net.ipv6.bindv6only says
      result = SocketCalls.setOption(fd, SocketCalls.IPPROTO_IPV6, SocketCalls.IPV6_V6ONLY, 1);
    }
    if (result == 0) {
      result = SocketCalls.bind(fd, local);
    }
    if (result == 0) {
      result = SocketCalls.listen(fd, backlog);
    }
    return orClosed(fd, result);
  }

  @Override
  public final int streamSocket(InetSocketAddress peer, @Nullable InetSocketAddress local) {
    int fd = SocketCalls.socket(SocketName.family(peer), SocketCalls.SOCK_STREAM | socketFlags);
    if (fd < 0 || local == null) {
      return fd;
    }
    return orClosed(fd, SocketCalls.bind(fd, local));
  }

  private static int orClosed(int fd, int result) {
    if (result < 0) {
      FileCalls.close(fd);
      return result;
    }
    return fd;
  }

  @Override
  public final InetSocketAddress localAddress(int fd) {
    return SocketCalls.localAddress(fd);
  }

  @Override
  public final InetSocketAddress peerAddress(int fd) {
    return SocketCalls.peerAddress(fd);
  }

  @Override
  public final int tuneStream(int fd, int ackTimeoutMs) {
    int result = SocketCalls.setOption(fd, SocketCalls.IPPROTO_TCP, SocketCalls.TCP_NODELAY, 1);
    return result < 0 || ackTimeoutMs == 0
        ? result
        : SocketCalls.setOption(
            fd, SocketCalls.IPPROTO_TCP, SocketCalls.TCP_USER_TIMEOUT, ackTimeoutMs);
  }

  @Override
  public final int shutdown(int fd) {
    int result = SocketCalls.shutdown(fd, SocketCalls.SHUT_RDWR);
    return result == -Errno.ENOTCONN ? 0 : result;
  }
}

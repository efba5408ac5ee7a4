package io.diskengine.engine.linux;

import io.diskengine.nvme.NativeMemory;
import java.lang.foreign.Arena;
import java.net.InetSocketAddress;
import java.net.SocketAddress;

/** Sockets: IPv4, IPv6, Unix. All return 0, a descriptor, a count, or -errno. */
public final class SocketCalls {
  public static final int AF_UNIX = 1;
  public static final int AF_INET = 2;
  public static final int AF_INET6 = 10;
  public static final int SOCK_STREAM = 1;
  public static final int SOCK_NONBLOCK = 0x800;
  public static final int SOCK_CLOEXEC = 0x80000;

  public static final int SOL_SOCKET = 1;
  public static final int SO_REUSEADDR = 2;
  public static final int SO_ERROR = 4;
  public static final int SO_SNDBUF = 7;
  public static final int SO_RCVBUF = 8;
  public static final int IPPROTO_TCP = 6;
  public static final int TCP_NODELAY = 1;
  public static final int TCP_USER_TIMEOUT = 18;
  public static final int IPPROTO_IPV6 = 41;
  public static final int IPV6_V6ONLY = 26;

  public static final int SHUT_RD = 0;
  public static final int SHUT_WR = 1;
  public static final int SHUT_RDWR = 2;

  public static final int MSG_DONTWAIT = 0x40;
  public static final int MSG_NOSIGNAL = 0x4000;

  private SocketCalls() {}

  public static int socket(int family, int type) {
    return Syscall.call(Syscall.SOCKET, family, type | SOCK_CLOEXEC, 0);
  }

  /** Two connected Unix stream sockets into {@code pair}. */
  public static int socketPair(int type, int[] pair) {
    try (Arena arena = Arena.ofConfined()) {
      long fds = arena.allocate(8, 8).address();
      int result = Syscall.call(Syscall.SOCKETPAIR, AF_UNIX, type | SOCK_CLOEXEC, 0, fds);
      pair[0] = NativeMemory.getInt(fds);
      pair[1] = NativeMemory.getInt(fds + 4);
      return result;
    }
  }

  public static int bind(int fd, SocketAddress local) {
    try (Arena arena = Arena.ofConfined()) {
      long name = arena.allocate(SocketName.BYTES, 8).address();
      return Syscall.call(Syscall.BIND, fd, name, SocketName.encode(local, name));
    }
  }

  public static int listen(int fd, int backlog) {
    return Syscall.call(Syscall.LISTEN, fd, backlog);
  }

  /** {@code flags}: {@link #SOCK_NONBLOCK} or 0; close-on-exec is added. */
  public static int accept(int fd, int flags) {
    return Syscall.call(Syscall.ACCEPT4, fd, 0, 0, flags | SOCK_CLOEXEC);
  }

  public static int connect(int fd, SocketAddress peer) {
    try (Arena arena = Arena.ofConfined()) {
      long name = arena.allocate(SocketName.BYTES, 8).address();
      return Syscall.call(Syscall.CONNECT, fd, name, SocketName.encode(peer, name));
    }
  }

  public static int shutdown(int fd, int how) {
    return Syscall.call(Syscall.SHUTDOWN, fd, how);
  }

  public static int setOption(int fd, int level, int option, int value) {
    try (Arena arena = Arena.ofConfined()) {
      long cell = arena.allocate(4, 4).address();
      NativeMemory.putInt(cell, value);
      return Syscall.call(Syscall.SETSOCKOPT, fd, level, option, cell, 4);
    }
  }

  /** The value of an {@code int} option (never negative for those in use here), or -errno. */
  public static int option(int fd, int level, int option) {
    try (Arena arena = Arena.ofConfined()) {
      long cell = arena.allocate(8, 4).address();
      NativeMemory.putInt(cell + 4, 4);
      int result = Syscall.call(Syscall.GETSOCKOPT, fd, level, option, cell, cell + 4);
      return result < 0 ? result : NativeMemory.getInt(cell);
    }
  }

  /** The address that an Internet socket is bound to. */
  public static InetSocketAddress localAddress(int fd) {
    return name(Syscall.GETSOCKNAME, "getsockname", fd);
  }

  /** The address of the peer of a connected Internet socket. */
  public static InetSocketAddress peerAddress(int fd) {
    return name(Syscall.GETPEERNAME, "getpeername", fd);
  }

  private static InetSocketAddress name(int number, String call, int fd) {
    try (Arena arena = Arena.ofConfined()) {
      long name = arena.allocate(SocketName.BYTES + 8, 8).address();
      NativeMemory.putInt(name + SocketName.BYTES, SocketName.BYTES);
      int result = Syscall.call(number, fd, name, name + SocketName.BYTES);
      if (result < 0) {
        throw new IllegalArgumentException(call + " of " + fd + ": " + Errno.text(result));
      }
      return SocketName.decode(name);
    }
  }

  public static int recv(int fd, long address, int lengthBytes, int flags) {
    return (int) Syscall.call(Syscall.RECVFROM, fd, address, lengthBytes, flags, 0, 0);
  }

  public static int send(int fd, long address, int lengthBytes, int flags) {
    return (int) Syscall.call(Syscall.SENDTO, fd, address, lengthBytes, flags, 0, 0);
  }

  /** {@code message} is the address of a {@link MessageHeader}. */
  public static int recvmsg(int fd, long message, int flags) {
    return Syscall.call(Syscall.RECVMSG, fd, message, flags);
  }

  public static int sendmsg(int fd, long message, int flags) {
    return Syscall.call(Syscall.SENDMSG, fd, message, flags);
  }
}

package io.diskengine.bench;

import io.diskengine.engine.linux.Errno;
import io.diskengine.engine.linux.FileCalls;
import io.diskengine.engine.linux.SocketCalls;
import io.diskengine.engine.linux.SocketName;
import java.net.InetSocketAddress;
import java.net.SocketAddress;

/** A connected stream socket over raw addresses: the one socket code of both sides. */
record Stream(int fd) implements AutoCloseable {
  private static final int EAGAIN = -11;

  static Stream connect(SocketAddress peer) {
    int fd = check(SocketCalls.socket(SocketName.family(peer), SocketCalls.SOCK_STREAM));
    check(SocketCalls.connect(fd, peer));
    if (peer instanceof InetSocketAddress) {
      noDelay(fd);
    }
    return new Stream(fd);
  }

  static void noDelay(int fd) {
    check(SocketCalls.setOption(fd, SocketCalls.IPPROTO_TCP, SocketCalls.TCP_NODELAY, 1));
  }

  /** Sends all; blocks while the peer's window is full. */
  void send(long address, int bytes) {
    for (int sent = 0; sent < bytes; ) {
      sent += check(SocketCalls.send(fd, address + sent, bytes - sent, SocketCalls.MSG_NOSIGNAL));
    }
  }

  /** Bytes received, 0 when none are there; the end of the stream is an exception. */
  int receiveNow(long address, int bytes) {
    int got = SocketCalls.recv(fd, address, bytes, SocketCalls.MSG_DONTWAIT);
    if (got == EAGAIN) {
      return 0;
    }
    return notEnded(got);
  }

  /** At least one byte; blocks. */
  int receive(long address, int bytes) {
    return notEnded(SocketCalls.recv(fd, address, bytes, 0));
  }

  void receiveFully(long address, int bytes) {
    for (int got = 0; got < bytes; ) {
      got += receive(address + got, bytes - got);
    }
  }

  private static int notEnded(int got) {
    if (got == 0) {
      throw new EndedException();
    }
    return check(got);
  }

  static int check(int result) {
    if (result < 0) {
      throw new IllegalStateException(Errno.text(result));
    }
    return result;
  }

  @Override
  public void close() {
    FileCalls.close(fd);
  }

  /** The peer has closed. */
  static final class EndedException extends IllegalStateException {
    private static final long serialVersionUID = 1;

    EndedException() {
      super("the peer closed the connection");
    }
  }
}

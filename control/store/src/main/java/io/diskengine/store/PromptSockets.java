package io.diskengine.store;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import javax.net.SocketFactory;

/**
 * Sockets that tell at once that nothing more has come. After each notification PostgreSQL's driver
 * looks for another one with a read that may wait for 1 ms (pgjdbc 42.7, {@code
 * PGStream.hasMessagePending}): every wake-up would be that much later. Public because the driver
 * makes it, by its name.
 */
public final class PromptSockets extends SocketFactory {
  /** The driver's timeout of a read that only looks. */
  private static final int LOOK_MS = 1;

  /** Called by the driver. */
  public PromptSockets() {}

  @Override
  public Socket createSocket() {
    return new Prompt();
  }

  @Override
  public Socket createSocket(String host, int port) {
    throw connectsItself();
  }

  @Override
  public Socket createSocket(String host, int port, InetAddress local, int localPort) {
    throw connectsItself();
  }

  @Override
  public Socket createSocket(InetAddress host, int port) {
    throw connectsItself();
  }

  @Override
  public Socket createSocket(InetAddress host, int port, InetAddress local, int localPort) {
    throw connectsItself();
  }

  private static UnsupportedOperationException connectsItself() {
    return new UnsupportedOperationException("the driver connects its sockets itself");
  }

  private static final class Prompt extends Socket {
    private volatile boolean looks;

    @Override
    public void setSoTimeout(int ms) throws SocketException {
      looks = ms == LOOK_MS;
      super.setSoTimeout(ms);
    }

    @Override
    public InputStream getInputStream() throws IOException {
      return new FilterInputStream(super.getInputStream()) {
        @Override
        public int read(byte[] into, int offset, int length) throws IOException {
          if (looks && in.available() == 0) {
            throw new NothingYet();
          }
          return in.read(into, offset, length);
        }
      };
    }
  }

  /** An answer and no fault: nobody reads its stack. */
  private static final class NothingYet extends SocketTimeoutException {
    private static final long serialVersionUID = 1;

    @Override
    public synchronized Throwable fillInStackTrace() {
      return this;
    }
  }
}

package io.diskengine.engine.nvmf;

import io.diskengine.engine.reactor.Kernel;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.Timer;
import java.util.ArrayList;
import java.util.List;

/** A listening socket, shared by all subsystems that listen on its address. Home reactor. */
final class Listener {
  static final int BACKLOG = 512;
  private static final long ACCEPT_RETRY_NS = 100_000_000;

  private final NvmfAddress address;
  private final TransportOptions options;
  private final NvmfTarget target;
  private final Reactor home;
  private final Kernel kernel;
  private final int fd;
  private final Timer retry = Timer.of(this::accept);
  private final List<Runnable> closeWaiters = new ArrayList<>();
  private long pendingAccept;
  private boolean accepting;
  private boolean closing;
  int users;

  Listener(NvmfTarget target, NvmfAddress address, TransportOptions options, int fd) {
    this.target = target;
    this.address = address;
    this.options = options;
    this.home = target.home();
    this.kernel = home.kernel();
    this.fd = fd;
  }

  NvmfAddress address() {
    return address;
  }

  TransportOptions options() {
    return options;
  }

  /** The bound port, which the address leaves open with port 0. */
  int port() {
    return kernel.localAddress(fd).getPort();
  }

  void accept() {
    if (!closing) {
      accepting = true;
      pendingAccept = home.accept(fd, this::accepted);
    }
  }

  private void accepted(int result) {
    accepting = false;
    if (closing) {
      if (result >= 0) {
        kernel.close(result);
      }
      finishClose();
    } else if (result < 0) {
      home.schedule(retry, ACCEPT_RETRY_NS); // out of descriptors, or the peer left already
    } else {
      target.accepted(result, this);
      accept();
    }
  }

  /** Stops listening; connections stay. */
  void close(Runnable done) {
    closeWaiters.add(done);
    if (!closing) {
      closing = true;
      home.cancel(retry);
      if (accepting) {
        home.cancel(pendingAccept);
      } else {
        finishClose();
      }
    }
  }

  private void finishClose() {
    kernel.close(fd);
    closeWaiters.forEach(Runnable::run);
    closeWaiters.clear();
  }
}

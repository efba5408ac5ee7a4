package io.diskengine.engine.sim;

import io.diskengine.engine.linux.Errno;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.Deque;

/** A listening socket: connections that nobody accepted yet, or accepts that nobody used yet. */
final class SimListener extends SimDescriptor {
  private final SimHost host;
  private final InetSocketAddress local;
  private final int backlog;
  private final Deque<SimStream> arrived = new ArrayDeque<>();
  private final Deque<SimOp> accepts = new ArrayDeque<>();
  private boolean shut;

  private SimListener(SimHost host, InetSocketAddress local, int backlog) {
    this.host = host;
    this.local = local;
    this.backlog = backlog;
  }

  static int listen(SimHost host, InetSocketAddress wanted, int backlog) {
    SimWorld world = host.world();
    InetSocketAddress local = world.withPort(wanted);
    SimListener listener = new SimListener(host, local, Math.max(1, backlog));
    return world.bind(local, listener) ? host.add(listener) : -Errno.EADDRINUSE;
  }

  InetSocketAddress local() {
    return local;
  }

  SimHost host() {
    return host;
  }

  boolean hasRoom() {
    return arrived.size() < backlog;
  }

  void arrive(SimStream stream) {
    arrived.add(stream);
    serve();
  }

  void accept(SimOp op) {
    accepts.add(op);
    serve();
  }

  private void serve() {
    while (!accepts.isEmpty() && (shut || !arrived.isEmpty())) {
      SimOp op = accepts.remove();
      op.finish(shut ? -Errno.EINVAL : host.add(arrived.remove()));
    }
  }

  int shutdown() {
    shut = true;
    host.world().unbind(local, this);
    arrived.forEach(SimStream::closed);
    arrived.clear();
    serve();
    return 0;
  }

  @Override
  boolean withdraw(SimOp op) {
    return accepts.remove(op);
  }

  @Override
  void closed() {
    shutdown();
  }
}

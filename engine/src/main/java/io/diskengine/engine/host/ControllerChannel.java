package io.diskengine.engine.host;

import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.reactor.Reactor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One controller on one reactor: its I/O queue pair there, used by the channels of all its
 * namespaces. Made with the first of them (on the home reactor with the controller, so that nobody
 * waits for a connection later) and kept, connected, as long as the controller is.
 */
final class ControllerChannel implements TcpQpair.Owner {
  private final NvmeController controller;
  private final Reactor reactor;
  private final List<NvmeBdevChannel> users = new ArrayList<>();
  private final List<Runnable> disconnectWaiters = new ArrayList<>();
  private @Nullable TcpQpair qpair;
  private long epoch;
  private boolean ready;

  ControllerChannel(NvmeController controller, Reactor reactor) {
    this.controller = controller;
    this.reactor = reactor;
  }

  NvmeController controller() {
    return controller;
  }

  /** The queue pair when commands may be sent on it, else null. */
  @Nullable TcpQpair qpair() {
    return ready ? qpair : null;
  }

  List<NvmeBdevChannel> users() {
    return users;
  }

  void addUser(NvmeBdevChannel user) {
    users.add(user);
    connect();
  }

  void removeUser(NvmeBdevChannel user) {
    users.remove(user);
  }

  /** Connects the queue pair, if the controller is there. */
  void connect() {
    NvmeController.Live live = controller.live();
    if (qpair == null && live != null) {
      epoch = live.epoch();
      int qid = reactor.index() + 1;
      TcpQpair.Queue queue =
          new TcpQpair.Queue(qid, live.cntlid(), live.queueDepth(), live.inCapsuleBytes(), 0);
      qpair = new TcpQpair(reactor, live.target(), queue, this);
    }
  }

  /** Ends the queue pair; {@code done} when nothing of it can have any effect any more. */
  void disconnect(Runnable done) {
    TcpQpair open = qpair;
    ready = false;
    if (open == null) {
      done.run();
    } else {
      disconnectWaiters.add(done);
      open.close("disconnected by the host");
    }
  }

  /** The controller's prospects changed: what waits may have to fail. */
  void recheck() {
    for (NvmeBdevChannel user : List.copyOf(users)) {
      user.recheck();
    }
  }

  void abort(NvmeIo io) {
    TcpQpair on = qpair;
    if (on != null && io.qpair == on) {
      int qid = on.queue().qid();
      int cid = io.cid;
      BdevLayer.crossTo(controller.home(), () -> controller.abort(qid, cid));
    }
  }

  @Override
  public void connected(TcpQpair connected) {
    ready = true;
    recheck();
  }

  @Override
  public void slotFreed(TcpQpair on) {
    for (int i = 0; i < users.size() && on.freeSlots() > 0; i++) {
      users.get(i).pump();
    }
  }

  @Override
  public void closed(TcpQpair dead, String reason, List<QpairRequest> outstanding) {
    boolean wasReady = ready;
    boolean asked = !disconnectWaiters.isEmpty();
    ready = false;
    qpair = null;
    outstanding.reversed().forEach(QpairRequest::returned);
    if (!asked) {
      long lostEpoch = epoch;
      BdevLayer.crossTo(
          controller.home(), () -> controller.channelLost(lostEpoch, reason, !wasReady));
    }
    List<Runnable> waiters = List.copyOf(disconnectWaiters);
    disconnectWaiters.clear();
    waiters.forEach(Runnable::run);
    recheck();
  }
}

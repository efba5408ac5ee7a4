package io.diskengine.testkit.spdk;

/**
 * One NVMe-oF association between two processes. Each side closes by itself and may not hear of the
 * other's end for long; what was sent before a cut arrives when the way is mended, unless the
 * receiving side has closed.
 */
final class NvmeConnection {
  private static final int RESET_HEARD_MS = 100;

  final FakeSpdk host;
  final FakeSpdk target;
  final String nqn;
  final String hostNqn;
  private final Events events;
  int cntlid;
  private boolean hostOpen = true;
  private boolean targetOpen = true;
  private boolean cutShort;

  /** What the host side hears. */
  interface Events {
    void closed();

    void namespacesChanged(FakeNvmf.Subsystem subsystem);
  }

  NvmeConnection(FakeSpdk host, FakeSpdk target, String nqn, String hostNqn, Events events) {
    this.host = host;
    this.target = target;
    this.nqn = nqn;
    this.hostNqn = hostNqn;
    this.events = events;
  }

  boolean isTargetOpen() {
    return targetOpen;
  }

  boolean isReachable() {
    return host.fabric.isReachable(host.name, target.name);
  }

  /** A command; {@code io} is told when its answer has come back, never when the way is lost. */
  void send(int nsid, FakeIo io) {
    toTarget(() -> {
      if (!cutShort) {
        target.nvmf.execute(
            this,
            nsid,
            new FakeIo(io.block(), io.content(), done -> toHost(() -> io.done().accept(done))));
      }
    });
  }

  private void toTarget(Runnable message) {
    host.fabric.time.after(host.fabric.latencyMs(), () -> arriveAtTarget(message));
  }

  private void arriveAtTarget(Runnable message) {
    if (!targetOpen || !target.isUp()) {
      return;
    }
    if (!isReachable()) {
      host.fabric.onHeal(
          () -> host.fabric.time.after(host.fabric.latencyMs(), () -> arriveAtTarget(message)));
      return;
    }
    target.soon(() -> {
      if (targetOpen) {
        message.run();
      }
    });
  }

  private void toHost(Runnable message) {
    host.fabric.time.after(host.fabric.latencyMs(), () -> arriveAtHost(message));
  }

  private void arriveAtHost(Runnable message) {
    if (!hostOpen) {
      return;
    }
    if (!isReachable()) {
      host.fabric.onHeal(
          () -> host.fabric.time.after(host.fabric.latencyMs(), () -> arriveAtHost(message)));
      return;
    }
    host.soon(() -> {
      if (hostOpen) {
        message.run();
      }
    });
  }

  /** The host lets go: its last messages may still arrive, then the target hears of it. */
  void closeFromHost() {
    hostOpen = false;
    toTarget(this::endAtTarget);
  }

  /** Its process is gone: its kernel sends what was in the socket, which may be nothing. */
  void hostDied() {
    hostOpen = false;
    cutShort = host.fabric.time.random().nextBoolean();
    toTarget(this::endAtTarget);
  }

  private void endAtTarget() {
    targetOpen = false;
    target.nvmf.closed(this);
  }

  /** The target lets go: nothing of this host is executed any more. */
  void closeFromTarget() {
    targetOpen = false;
    toHost(this::endAtHost);
  }

  private void endAtHost() {
    if (hostOpen) {
      hostOpen = false;
      events.closed();
    }
  }

  /** The target's kernel answers with a reset. */
  void targetDied() {
    targetOpen = false;
    host.fabric.time.after(RESET_HEARD_MS, () -> arriveAtHost(this::endAtHost));
  }

  /** The host's own clock has run out: nobody acknowledged for too long. */
  void timedOut() {
    if (hostOpen) {
      hostOpen = false;
      toTarget(this::endAtTarget);
      events.closed();
    }
  }

  void namespacesChanged(FakeNvmf.Subsystem s) {
    toHost(() -> events.namespacesChanged(s));
  }
}

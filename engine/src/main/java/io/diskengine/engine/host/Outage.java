package io.diskengine.engine.host;

import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.Timer;

/**
 * The clock of one path's outage: when its I/O fails (fast_io_fail_timeout_sec), when it is given
 * up (ctrlr_loss_timeout_sec), and how many attempts to reconnect are made without a delay. Home
 * reactor.
 */
final class Outage {
  private static final long SECOND_NS = 1_000_000_000L;

  /** Attempts without a delay: a burst of these, then as many per second. */
  private static final int QUICK_ATTEMPTS = 50;

  private static final int QUICK_ATTEMPTS_PER_SECOND = 5;

  private final Reactor home;
  private final ReconnectTimers timers;
  private final Runnable failIo;
  private final Timer fastIoFail;
  private final Timer loss;
  private boolean running;
  private int quickAttempts = QUICK_ATTEMPTS;
  private long quickSinceNs;

  /**
   * @param failIo I/O that finds no other path fails from now on
   * @param lost the path is given up
   */
  Outage(Reactor home, ReconnectTimers timers, Runnable failIo, Runnable lost) {
    this.home = home;
    this.timers = timers;
    this.failIo = failIo;
    this.fastIoFail = Timer.of(failIo);
    this.loss = Timer.of(lost);
    this.quickSinceNs = home.nowNs();
  }

  /** The connection is lost; again and again is once. */
  void begin() {
    if (running) {
      return;
    }
    running = true;
    if (timers.fastIoFailSec() > 0) {
      home.schedule(fastIoFail, timers.fastIoFailSec() * SECOND_NS);
    }
    if (timers.ctrlrLossSec() > 0) {
      home.schedule(loss, timers.ctrlrLossSec() * SECOND_NS);
    }
    if (!timers.holdIo()) {
      failIo.run();
    }
  }

  void end() {
    running = false;
    home.cancel(fastIoFail);
    home.cancel(loss);
  }

  /** Whether to try again without a delay: a controller that comes and goes is slowed. */
  boolean quickAttempt() {
    long now = home.nowNs();
    long earned = (now - quickSinceNs) * QUICK_ATTEMPTS_PER_SECOND / SECOND_NS;
    if (earned > 0) {
      quickAttempts = (int) Math.min(QUICK_ATTEMPTS, quickAttempts + earned);
      quickSinceNs = now;
    }
    return quickAttempts > 0 && quickAttempts-- > 0;
  }
}

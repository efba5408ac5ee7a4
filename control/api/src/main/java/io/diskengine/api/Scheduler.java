package io.diskengine.api;

import io.diskengine.store.ControllerStore;
import io.diskengine.store.RefusedException;
import io.diskengine.store.StoreUnavailableException;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the controller does by itself: the second half of moves, replacements for lost replicas, the
 * emptying of nodes that are drained. Everything it decides is decided in the store, in
 * transactions: any number of controllers may do it at once, and none has to remember anything.
 */
final class Scheduler implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Scheduler.class);

  /** Without any change it looks this often. */
  private static final Duration IDLE = Duration.ofSeconds(10);

  /** Many changes at once cost one look. */
  private static final Duration PAUSE = Duration.ofMillis(50);

  private static final Duration STOP_LIMIT = Duration.ofSeconds(2);

  /** Replicas out of reach are looked for no more often than this. */
  private static final Duration REPLACE_EVERY = Duration.ofSeconds(1);

  private final ControllerStore store;
  private final Semaphore wakes = new Semaphore(0);
  private final Thread thread;
  private long replacedAtNs = System.nanoTime() - REPLACE_EVERY.toNanos();
  private volatile boolean closed;

  Scheduler(ControllerStore store) {
    this.store = store;
    thread = Thread.ofPlatform().daemon().name("scheduler").start(this::run);
  }

  void wake() {
    wakes.release();
  }

  private void run() {
    while (!closed) {
      try {
        if (wakes.tryAcquire(IDLE.toMillis(), TimeUnit.MILLISECONDS)) {
          Thread.sleep(PAUSE);
          wakes.drainPermits();
        }
        if (!closed) {
          store.attachSuccessors();
          long nowNs = System.nanoTime();
          if (nowNs - replacedAtNs >= REPLACE_EVERY.toNanos()) {
            replacedAtNs = nowNs;
            store.replaceLost();
            store.drain();
          }
        }
      } catch (InterruptedException e) {
        return;
      } catch (StoreUnavailableException | RefusedException e) {
        LOG.atInfo().log("the next look goes on: {}", e.getMessage());
      } catch (RuntimeException e) {
        LOG.atError().setCause(e).log("a look at what is to be scheduled failed");
      }
    }
  }

  @Override
  public void close() {
    closed = true;
    wakes.release();
    try {
      if (!thread.join(STOP_LIMIT)) {
        thread.interrupt();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}

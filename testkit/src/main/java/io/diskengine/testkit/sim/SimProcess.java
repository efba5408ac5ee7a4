package io.diskengine.testkit.sim;

import io.diskengine.spdkrpc.RpcRuntime;
import io.diskengine.spdkrpc.SpdkAddress;
import java.io.IOException;
import java.time.Instant;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A simulated process: threads that all end with it, at whatever line they are. Its clocks may be
 * wrong.
 */
class SimProcess implements RpcRuntime {
  /** Everything that a process does later passes this; so does the test that waits for its end. */
  private static final Runnable NOTHING = () -> {};

  private static final int MAX_SPINS = 5_000;

  final SimScheduler scheduler;
  final String name;
  private final Instant epoch;
  private final Links links;
  private boolean alive = true;
  private long lastPollMs = -1;
  private int spins;

  /** By how much the wall clock is wrong. */
  long wallErrorMs;

  /** How long the machine was suspended: only the boot clock counts it. */
  long suspendedMs;

  /** Where connections of this process lead. */
  interface Links {
    Link link(SimProcess from, SpdkAddress address) throws IOException;
  }

  SimProcess(SimScheduler scheduler, String name, Instant epoch, Links links) {
    this.scheduler = scheduler;
    this.name = name;
    this.epoch = epoch;
    this.links = links;
  }

  boolean isAlive() {
    return alive;
  }

  /** SIGKILL. A thread of the process that does it to itself never comes back. */
  void kill() {
    alive = false;
    if (Thread.currentThread().isVirtual()) {
      while (true) {
        boolean unused = Thread.interrupted(); // which would keep it from parking
        LockSupport.park();
      }
    }
  }

  @Override
  public long nanoTime() {
    return scheduler.nowMs() * 1_000_000;
  }

  @Override
  public Instant instant() {
    return epoch.plusMillis(scheduler.nowMs() + wallErrorMs);
  }

  @Override
  public Thread thread(String threadName, Runnable task) {
    return scheduler.thread(this, threadName, task);
  }

  @Override
  public void fork(String threadName, Runnable task) {
    thread(threadName, task).start();
  }

  @Override
  public <T> T get(CompletableFuture<T> future, long ns)
      throws InterruptedException, ExecutionException, TimeoutException {
    CompletableFuture<Boolean> gate = new CompletableFuture<>();
    var unused = future.whenComplete((_, _) -> gate.complete(true));
    SimScheduler.Timer timer = scheduler.timer(ns / 1_000_000, () -> gate.complete(true));
    gate.get();
    timer.cancel();
    if (!future.isDone()) {
      throw new TimeoutException();
    }
    return future.get();
  }

  @Override
  public Link link(SpdkAddress address) throws IOException {
    return links.link(this, address);
  }

  void sleep(long ms) throws InterruptedException {
    CompletableFuture<Boolean> gate = new CompletableFuture<>();
    scheduler.after(ms, () -> gate.complete(true));
    try {
      gate.get();
    } catch (ExecutionException e) {
      throw new AssertionError("completed above", e);
    }
  }

  /** No time passes while a thread runs: one that comes here again and again never ends. */
  private void checkSpin() {
    spins = lastPollMs == scheduler.nowMs() ? spins + 1 : 0;
    lastPollMs = scheduler.nowMs();
    if (spins > MAX_SPINS) {
      scheduler.fail(name + " runs in circles without waiting");
      kill();
    }
  }

  @Nullable Runnable poll(BlockingQueue<Runnable> queue, long ms) throws InterruptedException {
    checkSpin();
    Runnable first = queue.poll();
    if (first != null || ms <= 0) {
      return first;
    }
    SimScheduler.Timer timer = scheduler.timer(ms, () -> queue.add(NOTHING));
    Runnable taken = queue.take();
    timer.cancel();
    return taken == NOTHING ? null : taken;
  }
}

package io.diskengine.testkit.sim;

import io.diskengine.testkit.spdk.FakeTime;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.AbstractOwnableSynchronizer;
import java.util.concurrent.locks.LockSupport;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Virtual time and seeded chance. Threads of simulated processes are virtual threads whose carrier
 * is whoever calls {@link #step}: one at a time, in an order that the seed decides, so that the
 * same seed gives the same history. Virtual time never waits for real time.
 *
 * <p>Threads of the simulation share a JVM with others (of the test runner), and so the locks of
 * its console and loggers. Who waits for a lock that somebody outside holds is waited for in real
 * time before anything else happens: no virtual time passes, and nothing overtakes it.
 *
 * <p>The JVM needs {@code --add-opens java.base/java.lang=ALL-UNNAMED}: stock JDK 25 takes a
 * scheduler for virtual threads only by reflection.
 */
public final class SimScheduler implements FakeTime {
  private static final Method NEW_VIRTUAL_THREAD = newVirtualThread();

  /**
   * Who carries threads now. Two simulations in one JVM at a time would wait for each other's locks
   * (of loggers, of class loaders), outside of virtual time.
   */
  private static final AtomicReference<@Nullable Thread> CARRIER = new AtomicReference<>();

  /** No thread of the JVM holds a lock longer, except one of the simulation, which is a fault. */
  private static final int MAX_HELD_UP_SEC = 20;

  private final SplittableRandom random;
  private final PriorityQueue<Timer> timers = new PriorityQueue<>();
  private final List<Carried> runnable = new ArrayList<>();

  /** Woken by threads outside of the simulation. */
  private final LinkedBlockingQueue<Carried> wokenOutside = new LinkedBlockingQueue<>();

  private volatile Thread owner = Thread.currentThread();
  private volatile @Nullable Carried running;
  private long nowMs;
  private long sequence;
  private long steps;
  private @Nullable String failure;

  public SimScheduler(long seed) {
    random = new SplittableRandom(seed);
  }

  private static Method newVirtualThread() {
    try {
      Class<?> builders = Class.forName("java.lang.ThreadBuilders");
      Method m =
          builders.getDeclaredMethod(
              "newVirtualThread", Executor.class, String.class, int.class, Runnable.class);
      m.setAccessible(true);
      return m;
    } catch (ReflectiveOperationException | RuntimeException e) {
      throw new IllegalStateException(
          "the simulator needs --add-opens java.base/java.lang=ALL-UNNAMED: " + e, e);
    }
  }

  /** Something that is to happen at a time. */
  public static final class Timer implements Comparable<Timer> {
    private final long atMs;
    private final long sequence;
    private @Nullable Runnable task;

    private Timer(long atMs, long sequence, Runnable task) {
      this.atMs = atMs;
      this.sequence = sequence;
      this.task = task;
    }

    public void cancel() {
      task = null;
    }

    @Override
    public int compareTo(Timer other) {
      return atMs != other.atMs
          ? Long.compare(atMs, other.atMs)
          : Long.compare(sequence, other.sequence);
    }
  }

  @Override
  public long nowMs() {
    return nowMs;
  }

  @Override
  public RandomGenerator random() {
    return random;
  }

  @Override
  public void after(long ms, Runnable task) {
    Timer unused = timer(ms, task);
  }

  public Timer timer(long ms, Runnable task) {
    Timer timer = new Timer(nowMs + Math.max(0, ms), ++sequence, task);
    timers.add(timer);
    return timer;
  }

  /** Something is wrong that a thread cannot say by itself. */
  void fail(String what) {
    failure = what;
  }

  @Nullable String failure() {
    return failure;
  }

  /** Steps of threads and timers so far. */
  public long steps() {
    return steps;
  }

  /** A thread of a process; it never runs again once the process is dead. */
  Thread thread(SimProcess process, String name, Runnable task) {
    Carried carried = new Carried(process);
    try {
      Thread thread = (Thread) NEW_VIRTUAL_THREAD.invoke(null, carried, name, 0, task);
      carried.thread = thread;
      return thread;
    } catch (IllegalAccessException | InvocationTargetException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Carries one virtual thread. */
  private final class Carried implements Executor {
    private final SimProcess process;
    private @Nullable Thread thread;
    private @Nullable Runnable continuation;
    private boolean queued;

    Carried(SimProcess process) {
      this.process = process;
    }

    @Override
    public void execute(Runnable next) {
      if (!process.isAlive()) {
        return;
      }
      continuation = next;
      Thread self = Thread.currentThread();
      Carried now = running;
      if (self == owner || (now != null && now.thread == self)) {
        queued = true;
        runnable.add(this);
      } else {
        wokenOutside.add(this);
      }
    }

    /** Until it waits for something of the simulation. */
    void run() {
      running = this;
      queued = false;
      try {
        resume();
        long sinceNs = System.nanoTime();
        while (isHeldUp()) {
          resumeWhenWoken(sinceNs);
        }
      } finally {
        running = null;
      }
    }

    private void resume() {
      Runnable next = continuation;
      continuation = null;
      if (next != null) {
        next.run();
      }
    }

    /** Whether it waits for a lock, or was just given one. */
    private boolean isHeldUp() {
      Thread t = thread;
      if (t == null || !process.isAlive() || queued) {
        return false;
      }
      return switch (t.getState()) {
        case BLOCKED, RUNNABLE -> true;
        case WAITING -> LockSupport.getBlocker(t) instanceof AbstractOwnableSynchronizer;
        default -> false;
      };
    }

    private void resumeWhenWoken(long sinceNs) {
      try {
        Carried woken = wokenOutside.poll(MAX_HELD_UP_SEC, TimeUnit.SECONDS);
        if (woken == this) {
          resume();
        } else if (woken != null) {
          throw new IllegalStateException(woken.thread + " was woken from outside of virtual time");
        } else if (System.nanoTime() - sinceNs > MAX_HELD_UP_SEC * 1_000_000_000L) {
          throw new IllegalStateException(
              thread + " waits for a lock that a waiting thread of the simulation holds");
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted", e);
      }
    }
  }

  /**
   * Lets one thread run until it blocks, or time pass to the next timer; false when nothing is
   * left.
   */
  public boolean step() {
    Thread self = Thread.currentThread();
    Thread other = CARRIER.compareAndExchange(null, self);
    if (other != null) {
      throw new IllegalStateException(
          "one simulation at a time in a JVM: another runs on " + other);
    }
    owner = self;
    try {
      return next();
    } finally {
      CARRIER.set(null);
    }
  }

  private boolean next() {
    steps++;
    if (!runnable.isEmpty()) {
      int chosen = random.nextInt(runnable.size());
      Carried last = runnable.removeLast();
      Carried next = last;
      if (chosen < runnable.size()) {
        next = runnable.set(chosen, last);
      }
      next.run();
      return true;
    }
    Timer timer = timers.poll();
    while (timer != null && timer.task == null) {
      timer = timers.poll();
    }
    if (timer == null) {
      return false;
    }
    Runnable task = timer.task;
    nowMs = timer.atMs;
    if (task != null) {
      task.run();
    }
    return true;
  }
}

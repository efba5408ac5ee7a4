package io.diskengine.testkit.sim;

import io.diskengine.testkit.spdk.FakeTime;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicReference;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Virtual time and seeded chance. Threads of simulated processes are virtual threads whose carrier
 * is whoever calls {@link #step}: one at a time, in an order that the seed decides, so that the
 * same seed gives the same history. Nothing here waits for real time.
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

  private final SplittableRandom random;
  private final PriorityQueue<Timer> timers = new PriorityQueue<>();
  private final List<Runnable> runnable = new ArrayList<>();
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
    Executor carrier =
        r -> {
          if (process.isAlive()) {
            runnable.add(r);
          }
        };
    try {
      return (Thread) NEW_VIRTUAL_THREAD.invoke(null, carrier, name, 0, task);
    } catch (IllegalAccessException | InvocationTargetException e) {
      throw new IllegalStateException(e);
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
      Runnable last = runnable.removeLast();
      Runnable next = last;
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

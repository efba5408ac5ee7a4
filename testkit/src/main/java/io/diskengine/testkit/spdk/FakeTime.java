package io.diskengine.testkit.spdk;

import java.util.random.RandomGenerator;

/** Time and chance of fakes. Whatever it runs, it runs on the one thread that owns the fakes. */
public interface FakeTime {
  long nowMs();

  /** Runs the task later, tasks of one time in the order they were given. */
  void after(long ms, Runnable task);

  RandomGenerator random();
}

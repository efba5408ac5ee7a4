package io.diskengine.testkit.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.Test;

/** Threads on virtual time in a JVM with other threads. */
class SimSchedulerTest {
  private static final int LOCKS = 200;

  private final ReentrantLock lock = new ReentrantLock();
  private final Object monitor = new Object();

  private static SimProcess process(SimScheduler scheduler) {
    return new SimProcess(
        scheduler,
        "p",
        Instant.EPOCH,
        (_, _) -> {
          throw new IOException("no connections here");
        });
  }

  /** Another thread of this JVM, as the test runner's console is written by several. */
  private Thread holder(boolean monitorToo, CountDownLatch held, CountDownLatch asked) {
    Runnable hold =
        () -> {
          held.countDown();
          awaitUninterruptibly(asked);
          Thread.yield();
        };
    return Thread.ofPlatform()
        .start(() -> {
          if (monitorToo) {
            synchronized (monitor) {
              hold.run();
            }
          } else {
            lock.lock();
            try {
              hold.run();
            } finally {
              lock.unlock();
            }
          }
        });
  }

  private static void awaitUninterruptibly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void take(boolean monitorToo) {
    if (monitorToo) {
      synchronized (monitor) {
        assertThat(Thread.holdsLock(monitor)).isTrue();
      }
    } else {
      lock.lock();
      lock.unlock();
    }
  }

  /** What lost the lease's loss in a log line that waited for the console, while 15 s passed. */
  @Test
  void noVirtualTimePassesWhileAThreadWaitsForALockThatIsHeldOutside() throws Exception {
    for (boolean monitorToo : new boolean[] {false, true}) {
      SimScheduler scheduler = new SimScheduler(1);
      SimProcess process = process(scheduler);
      List<String> seen = new ArrayList<>();
      List<Thread> holders = new ArrayList<>();
      process.fork(
          "waits",
          () -> {
            for (int i = 0; i < LOCKS; i++) {
              long before = scheduler.nowMs();
              CountDownLatch held = new CountDownLatch(1);
              CountDownLatch asked = new CountDownLatch(1);
              holders.add(holder(monitorToo, held, asked));
              while (held.getCount() > 0) {
                Thread.onSpinWait();
              }
              asked.countDown();
              take(monitorToo);
              if (scheduler.nowMs() != before) {
                seen.add("lock " + i + " took " + (scheduler.nowMs() - before) + " ms");
              }
            }
            seen.add("done");
          });
      scheduler.after(60_000, () -> seen.add("a minute passed"));
      boolean more = scheduler.step();
      while (more) {
        more = scheduler.step();
      }
      assertThat(seen).containsExactly("done", "a minute passed");
      for (Thread holder : holders) {
        holder.join();
      }
    }
  }
}

package io.diskengine.bench;

import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Keeps a path busy at a constant depth. Like SPDK's clients it polls, without sleeping (unless the
 * path blocks), takes what came as one batch and sends the next batch at once.
 */
final class ClosedLoop {
  private static final long DRAIN_LIMIT_NS = TimeUnit.SECONDS.toNanos(20);

  private final LatencyHistogram latencies = new LatencyHistogram();
  private final long[] sentNs = new long[1024];
  private long random = 0x9e3779b97f4a7c15L;

  /** {@code cpuNs}: CPU time used so far by the side that serves. */
  Sample run(IoPath path, Workload workload, long durationNs, LongSupplier cpuNs) {
    latencies.reset();
    long mask = workload.places() - 1;
    long cpuAtStart = cpuNs.getAsLong();
    long startNs = System.nanoTime();
    for (int slot = 0; slot < workload.depth(); slot++) {
      sentNs[slot] = startNs;
      path.queue(slot, nextRandom() & mask);
    }
    path.flush();
    long endNs = startNs + durationNs;
    long nowNs = startNs;
    long lastNs = startNs;
    long stallNs = 0;
    long done = 0;
    while (nowNs < endNs) {
      path.poll();
      nowNs = System.nanoTime();
      int taken = 0;
      for (int slot = path.next(); slot >= 0; slot = path.next()) {
        latencies.record(nowNs - sentNs[slot]);
        sentNs[slot] = nowNs;
        path.queue(slot, nextRandom() & mask);
        if (++taken == workload.depth()) {
          break;
        }
      }
      if (taken > 0) {
        path.flush();
        stallNs = Math.max(stallNs, nowNs - lastNs);
        lastNs = nowNs;
        done += taken;
      } else {
        // On a shared machine a poller that never yields takes the CPU of the side it waits for.
        Thread.yield();
      }
    }
    stallNs = Math.max(stallNs, nowNs - lastNs);
    double cpuPerOp = (double) (cpuNs.getAsLong() - cpuAtStart) / done;
    double seconds = (nowNs - startNs) / 1e9;
    drain(path, workload.depth());
    return new Sample(
        done / seconds, cpuPerOp, latencies.quantile(0.99), latencies.quantile(0.999), stallNs);
  }

  /** Writes every place once, so that no read finds memory or clusters never touched. */
  static void fill(IoPath path, Workload workload) {
    int sent = 0;
    for (; sent < workload.depth(); sent++) {
      path.queue(sent, sent);
    }
    path.flush();
    while (sent < workload.places()) {
      path.poll();
      while (sent < workload.places()) {
        int slot = path.next();
        if (slot < 0) {
          break;
        }
        path.queue(slot, sent++);
      }
      path.flush();
    }
    drain(path, workload.depth());
  }

  private static void drain(IoPath path, int outstanding) {
    long untilNs = System.nanoTime() + DRAIN_LIMIT_NS;
    int left = outstanding;
    while (left > 0) {
      if (System.nanoTime() > untilNs) {
        throw new IllegalStateException(left + " operations were never answered");
      }
      path.poll();
      while (left > 0 && path.next() >= 0) {
        left--;
      }
    }
  }

  private long nextRandom() {
    random ^= random << 13;
    random ^= random >>> 7;
    random ^= random << 17;
    return random >>> 16;
  }
}

package io.diskengine.engine.bdev;

import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.Timer;
import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLongArray;
import org.jspecify.annotations.Nullable;

/**
 * Holds back completions of reads and writes (SPDK's vbdev_delay): one in a hundred, chosen at
 * random, by the p99 latency, the others by the average. In the order of the base's completions.
 */
public final class DelayBdev extends FilterBdev {
  /** Which of the four latencies, as SPDK's {@code latency_type}. */
  public enum Latency {
    AVG_READ,
    P99_READ,
    AVG_WRITE,
    P99_WRITE
  }

  private static final Latency[] LATENCIES = Latency.values();
  private static final int UNDELAYED = -1;
  private static final long MAX_LATENCY_US = Long.MAX_VALUE / 4000;

  private final AtomicLongArray latencyNs = new AtomicLongArray(LATENCIES.length);

  private DelayBdev(BdevLayer layer, Bdev base, String name, UUID uuid) {
    super(layer, base, name, "delay", "delay", uuid);
  }

  /** SPDK's bdev_delay_create without latencies yet; {@code uuid} null for one of its own. */
  public static DelayBdev create(BdevLayer layer, Bdev base, String name, @Nullable UUID uuid)
      throws BdevException {
    DelayBdev bdev =
        new DelayBdev(layer, base, name, uuid == null ? uuidOver(base, "delay") : uuid);
    bdev.start();
    return bdev;
  }

  /** For I/O that completes from now on. */
  public void latency(Latency which, long latencyUs) {
    latencyNs.set(which.ordinal(), Math.min(latencyUs, MAX_LATENCY_US) * 1000);
  }

  public long latencyUs(Latency which) {
    return latencyNs.get(which.ordinal()) / 1000;
  }

  @Override
  public Map<String, Object> driverSpecific() {
    Map<String, Object> delay = new LinkedHashMap<>();
    delay.put("name", name());
    delay.put("base_bdev_name", base().name());
    delay.put("uuid", uuid().toString());
    delay.put("avg_read_latency", latencyUs(Latency.AVG_READ));
    delay.put("p99_read_latency", latencyUs(Latency.P99_READ));
    delay.put("avg_write_latency", latencyUs(Latency.AVG_WRITE));
    delay.put("p99_write_latency", latencyUs(Latency.P99_WRITE));
    return Map.of("delay", delay);
  }

  @Override
  protected DriverChannel openChannel(Reactor reactor) {
    return new Channel(reactor);
  }

  private record Late(BdevIo io, int status, long dueNs) {}

  private final class Channel extends FilterChannel {
    private final Queue[] queues = new Queue[LATENCIES.length];
    private final SplittableRandom random = new SplittableRandom(name().hashCode());

    Channel(Reactor reactor) {
      super(DelayBdev.this, reactor);
      for (int i = 0; i < queues.length; i++) {
        queues[i] = new Queue();
      }
    }

    @Override
    protected void submit(BdevIo io) {
      boolean p99 = random.nextInt(100) == 0;
      pass(
          io,
          switch (io.type()) {
            case READ -> (p99 ? Latency.P99_READ : Latency.AVG_READ).ordinal();
            case WRITE -> (p99 ? Latency.P99_WRITE : Latency.AVG_WRITE).ordinal();
            case UNMAP, FLUSH, RESET, WRITE_ZEROES, ABORT -> UNDELAYED;
          });
    }

    @Override
    void passed(BdevIo io, int kind, int status) {
      if (kind == UNDELAYED) {
        io.complete(status);
      } else {
        queues[kind].add(io, status, latencyNs.get(kind));
      }
    }

    @Override
    protected boolean abort(BdevIo io) {
      for (Queue queue : queues) {
        if (queue.late.removeIf(late -> late.io == io)) {
          io.complete(IoStatus.ABORTED_BY_REQUEST);
          return true;
        }
      }
      return super.abort(io);
    }

    /** Completions of one latency, first in, first out. */
    private final class Queue extends Timer {
      final ArrayDeque<Late> late = new ArrayDeque<>();

      void add(BdevIo io, int status, long delayNs) {
        if (delayNs == 0 && late.isEmpty()) {
          io.complete(status);
          return;
        }
        late.add(new Late(io, status, reactor.nowNs() + delayNs));
        if (!armed()) {
          arm();
        }
      }

      private void arm() {
        Late first = late.peek();
        if (first != null) {
          reactor.schedule(this, first.dueNs - reactor.nowNs());
        }
      }

      @Override
      protected void expired() {
        for (Late first = late.peek();
            first != null && first.dueNs <= reactor.nowNs();
            first = late.peek()) {
          late.remove();
          first.io.complete(first.status);
        }
        arm();
      }
    }
  }
}

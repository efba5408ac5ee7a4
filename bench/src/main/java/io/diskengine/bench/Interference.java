package io.diskengine.bench;

import io.diskengine.spdkrpc.LvolMethods;
import io.diskengine.spdkrpc.RpcCall;
import io.diskengine.spdkrpc.RpcResult;
import java.io.IOException;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import tools.jackson.databind.JsonNode;

/**
 * What the engine does beside a guest's I/O: how fast, and what the guest notices of it. Each
 * latency is compared with that of the same loop a moment before, while nothing else was done.
 */
final class Interference {
  static final long LEG_BYTES = 2L << 30;
  private static final String MIRROR = "mirror";
  private static final int LVOLS = 1_000;
  private static final int SUPERBLOCK_BYTES = 1 << 20;
  private static final int LOOK_MS = 20;
  private static final Duration LIMIT = Duration.ofSeconds(60);

  private final EngineProcess engine;
  private final int rounds;
  private final long durationNs;
  private final PrintStream out;

  Interference(EngineProcess engine, int rounds, long durationNs, PrintStream out) {
    this.engine = engine;
    this.rounds = rounds;
    this.durationNs = durationNs;
    this.out = out;
  }

  // ---- a rebuild

  /** Two files of {@link #LEG_BYTES}; the second one is overwritten and rebuilt again and again. */
  void rebuild(Path source, Path target) {
    Stacks.aio(engine, "source", source);
    Stacks.aio(engine, "target", target);
    Stacks.call(
        engine,
        "bdev_raid_create",
        "{'name':'mirror','raid_level':'raid1','base_bdevs':['source','target'],'superblock':true}");
    out.printf("%nrebuild of %d MiB from one file to another%n", LEG_BYTES >> 20);
    try (VhostSide guest = VhostSide.create(engine, MIRROR).sleeping()) {
      rebuildIdle(source, target);
      for (boolean write : new boolean[] {false, true}) {
        Workload workload = Workload.of(4, write, 4);
        beside(
            workload,
            guest,
            () -> {
              leave(target);
              addTarget();
            },
            this::rebuilt);
        awaitRebuilt();
      }
    }
  }

  private void rebuildIdle(Path source, Path target) {
    Workload read = Workload.of(128, false, 8).over(LEG_BYTES);
    Workload write = Workload.of(128, true, 8).over(LEG_BYTES);
    double[] ratios = new double[rounds];
    double[] together = new double[rounds];
    for (int i = 0; i < rounds; i++) {
      leave(target);
      double reading = mibPerSecond(new RingSide(source).run(read, durationNs));
      double writing = mibPerSecond(new RingSide(target).run(write, durationNs));
      double both = bothAtOnce(source, read, target, write);
      long began = System.nanoTime();
      addTarget();
      awaitRebuilt();
      double speed = (LEG_BYTES >> 20) / ((System.nanoTime() - began) / 1e9);
      ratios[i] = speed / Math.min(reading, writing);
      together[i] = speed / both;
      out.printf(
          Locale.ROOT,
          "  idle: %.0f MiB/s; the files alone, 128 KiB at depth 8: %.0f read, %.0f written: %.2f;"
              + " the slower while both are used: %.0f: %.2f%n",
          speed,
          reading,
          writing,
          ratios[i],
          both,
          together[i]);
    }
    Arrays.sort(ratios);
    Arrays.sort(together);
    out.printf(
        Locale.ROOT,
        "  idle, of the slower file: median %.2f alone, %.2f while both are used%n",
        Comparison.median(ratios),
        Comparison.median(together));
  }

  /** Both files lie on one disk, and a copy uses both: the slower one of two loops at once. */
  private double bothAtOnce(Path source, Workload read, Path target, Workload write) {
    CompletableFuture<Sample> reading =
        CompletableFuture.supplyAsync(() -> new RingSide(source).run(read, durationNs));
    Sample writing = new RingSide(target).run(write, durationNs);
    return Math.min(mibPerSecond(reading.join()), mibPerSecond(writing));
  }

  private static double mibPerSecond(Sample sample) {
    return sample.opsPerSecond() / 8;
  }

  /** Afterwards the target is a disk that nobody has seen: all of it has to be copied. */
  private void leave(Path target) {
    Stacks.call(engine, "bdev_raid_remove_base_bdev", "{'name':'target'}");
    try (RandomAccessFile file = new RandomAccessFile(target.toFile(), "rw")) {
      file.write(new byte[SUPERBLOCK_BYTES]);
      file.getFD().sync();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void addTarget() {
    Stacks.call(engine, "bdev_raid_add_base_bdev", "{'raid_bdev':'mirror','base_bdev':'target'}");
  }

  private boolean rebuilt() {
    for (JsonNode raid : Stacks.call(engine, "bdev_raid_get_bdevs", "{'category':'online'}")) {
      if (raid.path("name").asString().equals(MIRROR)) {
        return raid.path("process").isMissingNode()
            && raid.path("num_base_bdevs_operational").asInt() == 2;
      }
    }
    throw new IllegalStateException("there is no array " + MIRROR + " that is online");
  }

  private void awaitRebuilt() {
    long until = System.nanoTime() + LIMIT.toNanos();
    while (!rebuilt()) {
      if (System.nanoTime() > until) {
        throw new IllegalStateException("the rebuild does not end");
      }
      try {
        Thread.sleep(LOOK_MS); // asked without a pause, the engine would be busy with answering
      } catch (InterruptedException e) {
        throw new IllegalStateException("interrupted", e);
      }
    }
  }

  // ---- many lvols

  /** An lvol is used while {@link #LVOLS} others are made in the same store. */
  void create(Path file, int atOnce) {
    String lvol = Stacks.lvol(engine, file);
    out.printf("%n%,d thin lvols made, %d RPCs at once, beside one that is used%n", LVOLS, atOnce);
    make(0, atOnce, new AtomicInteger()); // as an engine is that has been used: code is compiled
    int batch = 1;
    try (VhostSide guest = VhostSide.create(engine, lvol).sleeping()) {
      for (boolean write : new boolean[] {false, true}) {
        double[] times = new double[rounds];
        for (int i = 0; i < rounds; i++) {
          int first = LVOLS * batch++;
          times[i] = besideMaking(Workload.of(4, write, 4), guest, first, atOnce);
        }
        Arrays.sort(times);
        out.printf(Locale.ROOT, "  median %.2f times%n", Comparison.median(times));
      }
    }
  }

  private double besideMaking(Workload workload, VhostSide guest, int first, int atOnce) {
    CompletableFuture<?>[] making = {CompletableFuture.completedFuture(null)};
    AtomicInteger made = new AtomicInteger();
    double times =
        beside(
            workload,
            guest,
            () -> making[0] = CompletableFuture.runAsync(() -> make(first, atOnce, made)),
            () -> making[0].isDone());
    out.printf("  %d made beside it%n", made.get());
    making[0].join();
    return times;
  }

  private void make(int first, int atOnce, AtomicInteger made) {
    long began = System.nanoTime();
    ArrayDeque<RpcCall<?>> pending = new ArrayDeque<>();
    for (int i = first; i < first + LVOLS; i++) {
      pending.add(
          engine
              .spdk()
              .submit(
                  LvolMethods.create(new LvolMethods.CreateLvol("bench", "v" + i, 1024, true))));
      if (pending.size() == atOnce) {
        settle(pending.remove());
        made.incrementAndGet();
      }
    }
    pending.forEach(Interference::settle);
    made.set(LVOLS);
    out.printf(Locale.ROOT, "  made in %.2f s%n", (System.nanoTime() - began) / 1e9);
  }

  private static void settle(RpcCall<?> call) {
    if (!(call.awaitSettled(LIMIT) instanceof RpcResult.Ok)) {
      throw new IllegalStateException("an lvol could not be made");
    }
  }

  // ---- the guest beside it

  private double beside(Workload workload, VhostSide guest, Runnable start, BooleanSupplier over) {
    guest.run(workload, durationNs);
    Sample alone = guest.run(workload, durationNs);
    start.run();
    Sample beside = guest.run(workload, durationNs);
    String end = over.getAsBoolean() ? " (it ended meanwhile)" : "";
    out.printf(
        Locale.ROOT,
        "  %s: p99 %.0f us, alone %.0f us: %.2f times%s; p99.9 %.0f, %.0f us;"
            + " longest stall %.1f, %.1f ms; IOPS %.0f, %.0f%n",
        workload.name(),
        beside.p99Ns() / 1e3,
        alone.p99Ns() / 1e3,
        beside.p99Ns() / alone.p99Ns(),
        end,
        beside.p999Ns() / 1e3,
        alone.p999Ns() / 1e3,
        beside.stallNs() / 1e6,
        alone.stallNs() / 1e6,
        beside.opsPerSecond(),
        alone.opsPerSecond());
    return beside.p99Ns() / alone.p99Ns();
  }
}

package io.diskengine.bench;

import io.diskengine.spdkrpc.BdevMethods;
import io.diskengine.spdkrpc.LvolMethods;
import io.diskengine.spdkrpc.RpcCall;
import io.diskengine.spdkrpc.RpcRequest;
import io.diskengine.spdkrpc.RpcResult;
import java.io.IOException;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * What many lvols and a large one cost, on sparse files: memory, the load after a kill, the clean
 * close, and snapshots of an lvol of 1 TiB. Single events, so no yardstick runs beside them.
 */
final class LvolScale {
  private static final int LVOLS = 10_000;
  private static final int WINDOW = 64;
  private static final long MANY_FILE_BYTES = 64L << 30;
  private static final long LARGE_FILE_BYTES = 2L << 40;
  private static final long TEBIBYTE_MIB = 1 << 20;
  private static final int ROWS = 512;
  private static final int SNAPSHOTS = 9;
  private static final Duration LIMIT = Duration.ofMinutes(5);

  private final Path directory;
  private final List<String> jvm;
  private final PrintStream out;

  LvolScale(Path directory, List<String> jvm, PrintStream out) {
    this.directory = directory;
    this.jvm = jvm;
    this.out = out;
  }

  void run() throws IOException {
    out.printf("%nlvols%n");
    snapshots();
    many();
  }

  private void snapshots() throws IOException {
    Path file = sparse("large.img", LARGE_FILE_BYTES);
    try (EngineProcess engine = EngineProcess.start(directory, jvm, List.of())) {
      disk(engine, "large", file);
      call(
          engine,
          LvolMethods.createLvstore(
              new LvolMethods.CreateLvstore("large", "large", null, null, 10, null)));
      call(engine, LvolMethods.create(lvol("large", "tera", TEBIBYTE_MIB)));
      allocateEverywhere(engine);
      double[] times = new double[SNAPSHOTS];
      for (int i = 0; i < SNAPSHOTS; i++) {
        long began = System.nanoTime();
        call(engine, LvolMethods.snapshot("large/tera", "s" + i));
        times[i] = (System.nanoTime() - began) / 1e6;
      }
      Arrays.sort(times);
      out.printf(
          Locale.ROOT,
          "  snapshot of a thin lvol of 1 TiB with %d extent pages: median %.1f ms, %.1f to %.1f"
              + " (%d, over RPC)%n",
          ROWS,
          times[SNAPSHOTS / 2],
          times[0],
          times[SNAPSHOTS - 1],
          SNAPSHOTS);
    }
    Files.delete(file);
  }

  /** One block in each row of the map, so that every extent page exists. */
  private static void allocateEverywhere(EngineProcess engine) {
    TargetSide.createTransport(engine);
    Workload write = Workload.of(4, true, 32);
    long placesPerRow = 512L * (4 << 20) / write.bytes();
    try (TargetSide side = TargetSide.exportUnwritten(engine, "large/tera");
        NvmeTcpPath path = side.connect(write)) {
      int sent = 0;
      int answered = 0;
      for (; sent < write.depth(); sent++) {
        path.queue(sent, sent * placesPerRow);
      }
      path.flush();
      while (answered < ROWS) {
        path.poll();
        for (int slot = path.next(); slot >= 0; slot = path.next()) {
          answered++;
          if (sent < ROWS) {
            path.queue(slot, sent++ * placesPerRow);
          }
        }
        path.flush();
      }
    }
  }

  private void many() throws IOException {
    Path file = sparse("many.img", MANY_FILE_BYTES);
    EngineProcess engine = EngineProcess.start(directory, jvm, List.of());
    try {
      disk(engine, "many", file);
      call(engine, LvolMethods.createLvstore(new LvolMethods.CreateLvstore("many", "many")));
      long heapBefore = liveHeapBytes(engine);
      long rssBefore = residentBytes(engine);
      long began = System.nanoTime();
      create(engine);
      double createS = (System.nanoTime() - began) / 1e9;
      long heap = liveHeapBytes(engine);
      long rss = residentBytes(engine);
      out.printf(
          Locale.ROOT,
          "  %,d lvols: made in %.1f s (window %d), live heap %.0f MB (%.0f before), resident %.0f"
              + " MB (%.0f before)%n",
          LVOLS,
          createS,
          WINDOW,
          heap / 1e6,
          heapBefore / 1e6,
          rss / 1e6,
          rssBefore / 1e6);
    } finally {
      engine.close();
    }
    try (EngineProcess next = EngineProcess.start(directory, jvm, List.of())) {
      out.printf(Locale.ROOT, "  load after a kill: %.2f s%n", load(next, file));
      out.printf(Locale.ROOT, "  clean close: %.2f s%n", unload(next));
      out.printf(Locale.ROOT, "  load after that: %.2f s%n", load(next, file));
    }
    Files.delete(file);
  }

  private static void create(EngineProcess engine) {
    ArrayDeque<RpcCall<?>> pending = new ArrayDeque<>();
    for (int i = 0; i < LVOLS; i++) {
      pending.add(engine.spdk().submit(LvolMethods.create(lvol("many", "v" + i, 1024))));
      if (pending.size() == WINDOW) {
        settle(pending.remove());
      }
    }
    pending.forEach(LvolScale::settle);
  }

  private static double load(EngineProcess engine, Path file) {
    long began = System.nanoTime();
    disk(engine, "many", file);
    call(engine, BdevMethods.waitForExamine());
    double seconds = (System.nanoTime() - began) / 1e9;
    int found = call(engine, LvolMethods.lvols("many")).size();
    if (found != LVOLS) {
      throw new IllegalStateException(found + " lvols instead of " + LVOLS);
    }
    return seconds;
  }

  private static double unload(EngineProcess engine) {
    long began = System.nanoTime();
    call(engine, BdevMethods.deleteAio("many"));
    return (System.nanoTime() - began) / 1e9;
  }

  // ---- small parts

  private static LvolMethods.CreateLvol lvol(String store, String name, long sizeMib) {
    return new LvolMethods.CreateLvol(store, name, sizeMib, true);
  }

  private Path sparse(String name, long bytes) throws IOException {
    Path file = directory.resolve(name);
    try (RandomAccessFile made = new RandomAccessFile(file.toFile(), "rw")) {
      made.setLength(bytes);
    }
    return file;
  }

  private static void disk(EngineProcess engine, String name, Path file) {
    call(
        engine,
        BdevMethods.createAio(
            new BdevMethods.CreateAio(name, file.toString(), NvmeTcpPath.BLOCK_BYTES)));
  }

  private static <T> T call(EngineProcess engine, RpcRequest<T> request) {
    return engine.spdk().call(request).orElseThrow();
  }

  private static void settle(RpcCall<?> call) {
    RpcResult<?> result = call.awaitSettled(LIMIT);
    if (!(result instanceof RpcResult.Ok)) {
      throw new IllegalStateException(String.valueOf(result));
    }
  }

  private static long residentBytes(EngineProcess engine) throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc", engine.pid() + "", "status"))) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
      }
    }
    throw new IOException("no VmRSS of pid " + engine.pid());
  }

  /** What is reachable on the Java heap, by a histogram, which collects first. */
  private static long liveHeapBytes(EngineProcess engine) throws IOException {
    String jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd").toString();
    Process process =
        new ProcessBuilder(jcmd, engine.pid() + "", "GC.class_histogram")
            .redirectErrorStream(true)
            .start();
    String last = "";
    try (var lines = process.inputReader()) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        last = line.startsWith("Total") ? line : last;
      }
    }
    String[] words = last.trim().split(" +");
    if (words.length < 3) {
      throw new IOException("no histogram of pid " + engine.pid());
    }
    return Long.parseLong(words[2]);
  }
}

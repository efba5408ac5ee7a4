package io.diskengine.bench;

import io.diskengine.api.Api;
import io.diskengine.api.ApiClient;
import io.diskengine.testkit.conformance.RawRpc;
import io.diskengine.testkit.system.UpSystem;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code ./diskengine bench control}: a whole {@code up} (engines, PostgreSQL with fsync) in a
 * directory of its own. How long and how costly create and attach are, and what it costs to do
 * nothing. Asserts nothing.
 */
@Command(
    name = "control",
    mixinStandardHelpOptions = true,
    description = "Measure the control plane of a whole up: create and attach, and idling.")
final class ControlBench implements Callable<Integer> {
  private static final List<String> NODES = List.of("sn1", "sn2", "bm1");
  private static final long VOLUME_BYTES = 16L << 20;
  private static final int TRIES = 3;

  /** Longest name of a socket below the directory is 60 bytes; the kernel takes 107. */
  private static final String PREFIX = "de-bench-";

  /** The questions that agents ask again and again. */
  private static final Map<String, List<String>> ASKED =
      Map.of(
          "bm1",
          List.of("bdev_nvme_get_controllers", "bdev_raid_get_bdevs", "vhost_get_controllers"),
          "sn1",
          List.of("bdev_lvol_get_lvstores", "bdev_lvol_get_lvols", "nvmf_get_subsystems"));

  @Option(
      names = "--volumes",
      defaultValue = "200",
      description = "One at a time, and as many at once (default: ${DEFAULT-VALUE}).")
  int volumes;

  @Option(
      names = "--attached",
      defaultValue = "100",
      description = "Attached while it idles (default: ${DEFAULT-VALUE}).")
  int attached;

  @Option(
      names = "--settle",
      defaultValue = "120",
      description = "Seconds before idling is measured (default: ${DEFAULT-VALUE}).")
  int settleSec;

  @Option(
      names = "--idle",
      defaultValue = "60",
      description = "Seconds of idling, 0 = not measured (default: ${DEFAULT-VALUE}).")
  int idleSec;

  @Option(
      names = "--dir",
      defaultValue = "/var/tmp",
      description = "Where everything of it lies (default: ${DEFAULT-VALUE}).")
  Path parent;

  @Option(
      names = "--idle-only",
      description = "Attach all at once and measure idling, nothing else: about 4 minutes.")
  boolean idleOnly;

  @Option(names = "--statements", description = "Show what PostgreSQL was asked most.")
  boolean showStatements;

  private final PrintStream out = System.out;

  @SuppressWarnings("NullAway.Init") // picocli sets the options
  ControlBench() {}

  @Override
  public Integer call() throws IOException, InterruptedException {
    Path directory = Files.createTempDirectory(parent, PREFIX);
    say("%s, %s", Machine.description(), directory);
    try (UpSystem up = UpSystem.start(directory);
        ApiClient api = up.client();
        Statements statements = Statements.of(directory)) {
      Spending spending = new Spending(api, statements);
      if (idleOnly) {
        inParallel(attached, i -> createAndAttach(api, "b" + i));
        idle(up, directory, spending, attached);
        return 0;
      }
      int first = Math.min(volumes, 40);
      say("%none at a time, the first %d of processes that have just started", first);
      show(oneAtATime(api, "w", first));
      removeAll(api, "w", first);
      say("%n%d at once, volumes of 2 replicas", volumes);
      Map<String, Long> before = spending.now();
      atOnce(api, "b", volumes);
      spending.show("per volume", before, volumes, showStatements);
      removeAll(api, "b", volumes);
      say("%none at a time, %d volumes of 2 replicas", volumes);
      before = spending.now();
      show(oneAtATime(api, "v", volumes));
      spending.show("per volume", before, volumes, showStatements);
      if (idleSec > 0) {
        removeAll(api, "v", volumes - Math.min(volumes, attached));
        idle(up, directory, spending, Math.min(volumes, attached));
      }
      return 0;
    } finally {
      Trees.delete(directory);
    }
  }

  private void say(String format, Object... arguments) {
    out.printf(Locale.ROOT, format + "%n", arguments);
  }

  private static void createAndAttach(ApiClient api, String name) {
    api.post("/v1/volumes", new Api.NewVolume(name, VOLUME_BYTES, 2));
    for (int i = 1; ; i++) {
      ApiClient.Answer answer =
          api.put("/v1/volumes/" + name + "/attachment?wait=60", new Api.NewAttachment("bm1"));
      if (!answer.pending()) {
        return;
      }
      if (i == TRIES) {
        throw new IllegalStateException(name + " is not attached: " + answer.json());
      }
    }
  }

  private static long[] oneAtATime(ApiClient api, String prefix, int count) {
    long[] tookNs = new long[count];
    for (int i = 0; i < count; i++) {
      long startNs = System.nanoTime();
      createAndAttach(api, prefix + i);
      tookNs[i] = System.nanoTime() - startNs;
    }
    return tookNs;
  }

  private void show(long[] tookNs) {
    long[] sorted = tookNs.clone();
    Arrays.sort(sorted);
    say(
        "  create -> attached: p50 %.1f ms, p99 %.1f ms, max %.1f ms",
        sorted[sorted.length / 2] / 1e6,
        sorted[Math.min(sorted.length - 1, sorted.length * 99 / 100)] / 1e6,
        sorted[sorted.length - 1] / 1e6);
  }

  private void atOnce(ApiClient api, String prefix, int count) throws InterruptedException {
    long startNs = System.nanoTime();
    long[] tookNs = new long[count];
    inParallel(
        count,
        i -> {
          createAndAttach(api, prefix + i);
          tookNs[i] = System.nanoTime() - startNs;
        });
    say(
        "  the first attached after %.2f s, all after %.2f s",
        Arrays.stream(tookNs).min().orElse(0) / 1e9, Arrays.stream(tookNs).max().orElse(0) / 1e9);
  }

  private static void inParallel(int count, Consumer<Integer> work) throws InterruptedException {
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> all = new ArrayList<>();
      IntStream.range(0, count).forEach(i -> all.add(threads.submit(() -> work.accept(i))));
      for (Future<?> one : all) {
        one.get();
      }
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    }
  }

  private static void removeAll(ApiClient api, String prefix, int count)
      throws InterruptedException {
    inParallel(
        count,
        i -> {
          String volume = "/v1/volumes/" + prefix + i;
          for (String path : List.of(volume + "/attachment?wait=60", volume + "?wait=60")) {
            if (api.delete(path).pending()) {
              throw new IllegalStateException(path + " does not go away");
            }
          }
        });
  }

  private void idle(UpSystem up, Path directory, Spending spending, int count)
      throws IOException, InterruptedException {
    say("%nidle, %d volumes attached, after %d s", count, settleSec);
    Thread.sleep(Duration.ofSeconds(settleSec));
    ProcessTree tree = tree(up, directory);
    Map<String, Long> before = spending.now();
    Map<String, Long> ticksBefore = tree.ticks();
    long startNs = System.nanoTime();
    Thread.sleep(Duration.ofSeconds(idleSec));
    Map<String, Long> ticks = tree.ticks();
    double seconds = (System.nanoTime() - startNs) / 1e9;
    Map<String, Double> percent = new TreeMap<>();
    ticks.forEach((name, now) -> {
      long used = now - ticksBefore.getOrDefault(name, 0L);
      percent.put(name, used * 100.0 / ProcessTree.TICKS_PER_SEC / seconds);
    });
    say(
        "  CPU, %% of one core over %.0f s: %.2f in all; %s",
        seconds, percent.values().stream().mapToDouble(p -> p).sum(), text(percent));
    spending.show("per second", before, seconds, showStatements);
    replies(up);
  }

  private static String text(Map<String, Double> values) {
    StringBuilder text = new StringBuilder();
    values.forEach((name, value) ->
        text.append(text.isEmpty() ? "" : ", ")
            .append(name)
            .append(String.format(Locale.ROOT, " %.2f", value)));
    return text.toString();
  }

  private static ProcessTree tree(UpSystem up, Path directory) throws IOException {
    Map<Long, String> names = new HashMap<>();
    names.put(up.pid(), "up");
    List<String> processes = new ArrayList<>(List.of("controller"));
    NODES.forEach(n -> processes.addAll(List.of(n + "-agent", n + "-engine")));
    processes.forEach(p -> names.put(up.pid(p), p));
    Path postmaster = directory.resolve("db/data/postmaster.pid");
    names.put(Long.parseLong(Files.readAllLines(postmaster).getFirst().strip()), "postgres");
    return new ProcessTree(up.pid(), names);
  }

  private void replies(UpSystem up) throws IOException {
    Map<String, Double> kib = new TreeMap<>();
    for (var node : ASKED.entrySet()) {
      try (RawRpc rpc = new RawRpc(up.rpcSocket(node.getKey()))) {
        for (String method : node.getValue()) {
          String params =
              method.startsWith("bdev_raid") ? ",\"params\":{\"category\":\"all\"}" : "";
          String request = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\"%s}";
          String reply = rpc.ask(request.formatted(method, params));
          kib.put(method, reply.getBytes(StandardCharsets.UTF_8).length / 1024.0);
        }
      }
    }
    say("  replies, KiB: %s", text(kib));
  }
}

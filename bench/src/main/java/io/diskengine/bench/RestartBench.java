package io.diskengine.bench;

import io.diskengine.api.Api;
import io.diskengine.api.ApiClient;
import io.diskengine.spdkrpc.FrameworkMethods;
import io.diskengine.spdkrpc.NvmfMethods;
import io.diskengine.spdkrpc.RpcResult;
import io.diskengine.spdkrpc.SpdkRpcClient;
import io.diskengine.spdkrpc.VhostMethods;
import io.diskengine.testkit.system.UpSystem;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code ./diskengine bench restart}: a whole {@code up} in a directory of its own; how long it
 * takes until a data plane that was killed has everything again, made from the rows. Asserts
 * nothing but that everything is back.
 */
@Command(
    name = "restart",
    mixinStandardHelpOptions = true,
    description =
        "Measure restarts: a storage node with many exports, a baremetal node with many volumes.")
final class RestartBench implements Callable<Integer> {
  private static final long VOLUME_BYTES = 16L << 20;
  private static final Duration WITHIN = Duration.ofSeconds(240);
  private static final Duration POLL = Duration.ofMillis(10);
  private static final int REQUESTS_AT_ONCE = 64;
  private static final int TRIES = 3;

  /** Longest name of a socket below the directory is 60 bytes; the kernel takes 107. */
  private static final String PREFIX = "de-bench-";

  @Option(
      names = "--exports",
      defaultValue = "1000",
      description =
          "Lvols that the storage node exports, 0 = not measured (default: ${DEFAULT-VALUE}).")
  int exports;

  @Option(
      names = "--attached",
      defaultValue = "200",
      description =
          "Volumes that the baremetal node has, 0 = not measured (default: ${DEFAULT-VALUE}).")
  int attached;

  @Option(
      names = "--dir",
      defaultValue = "/var/tmp",
      description = "Where everything of it lies (default: ${DEFAULT-VALUE}).")
  Path parent;

  private final PrintStream out = System.out;

  @SuppressWarnings("NullAway.Init") // picocli sets the options
  RestartBench() {}

  @Override
  public Integer call() throws IOException, InterruptedException {
    Path directory = Files.createTempDirectory(parent, PREFIX);
    say("%s, %s", Machine.description(), directory);
    try (UpSystem up = UpSystem.start(directory);
        ApiClient api = up.client()) {
      int volumes = Math.max(exports, attached);
      inParallel(volumes, i -> create(api, "v" + i));
      if (exports > 0) {
        restart(up, "sn1", "exports", exports, () -> isReady(api, "sn1"), sn -> exportsOf(sn));
      }
      if (attached > 0) {
        inParallel(attached, i -> attach(api, "v" + i));
        restart(
            up,
            "bm1",
            "attached volumes",
            attached,
            () -> true,
            bm -> bm.call(VhostMethods.controllers()).okValue().map(List::size).orElse(0));
      }
      return 0;
    } finally {
      Trees.delete(directory);
    }
  }

  private void say(String format, Object... arguments) {
    out.printf(Locale.ROOT, format + "%n", arguments);
  }

  /** How many objects the data plane has. */
  private interface Count {
    int of(SpdkRpcClient spdk);
  }

  /**
   * Kills the node's data plane; waits until it answers, then until it has all its objects.
   *
   * @param ready asked before the objects are counted, which costs more
   */
  private void restart(
      UpSystem up, String node, String what, int objects, BooleanSupplier ready, Count count) {
    Path socket = up.rpcSocket(node);
    try (SpdkRpcClient spdk = SpdkRpcClient.connect(socket.toString())) {
      up.await(
          objects + " " + what, WITHIN, () -> ready.getAsBoolean() && count.of(spdk) >= objects);
    }
    long killedNs = System.nanoTime();
    up.kill(node + "-engine");
    try (SpdkRpcClient spdk = SpdkRpcClient.connect(socket.toString())) {
      await(up, node + " to answer", () -> answers(spdk));
      long answersNs = System.nanoTime();
      await(up, objects + " " + what, () -> ready.getAsBoolean() && count.of(spdk) >= objects);
      long doneNs = System.nanoTime();
      say(
          "%n%s, %d %s: its process answers %.2f s after the kill, everything is back %.2f s later:"
              + " %.3f ms for each; %.2f s in all",
          node,
          objects,
          what,
          (answersNs - killedNs) / 1e9,
          (doneNs - answersNs) / 1e9,
          (doneNs - answersNs) / 1e6 / objects,
          (doneNs - killedNs) / 1e9);
    }
  }

  private static void await(UpSystem up, String what, BooleanSupplier condition) {
    long untilNs = System.nanoTime() + WITHIN.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > untilNs) {
        throw new IllegalStateException("waited in vain for " + what + "\n" + up.logs());
      }
      try {
        Thread.sleep(POLL);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted", e);
      }
    }
  }

  private static boolean answers(SpdkRpcClient spdk) {
    return spdk.call(FrameworkMethods.version()) instanceof RpcResult.Ok;
  }

  /** Subsystems with a namespace and a listener. */
  private static int exportsOf(SpdkRpcClient spdk) {
    return spdk.call(NvmfMethods.subsystems())
        .okValue()
        .map(all ->
            (int)
                all.stream()
                    .filter(s -> !s.namespacesOrNone().isEmpty() && !s.listenAddresses().isEmpty())
                    .count())
        .orElse(0);
  }

  private static boolean isReady(ApiClient api, String node) {
    return api.get("/v1/nodes").as(Api.Nodes.class).nodes().stream()
        .anyMatch(n -> n.name().equals(node) && n.dataPlane().equals("READY"));
  }

  private static void create(ApiClient api, String name) {
    again(name, () -> api.post("/v1/volumes?wait=60", new Api.NewVolume(name, VOLUME_BYTES, 2)));
  }

  private static void attach(ApiClient api, String name) {
    again(
        name,
        () -> api.put("/v1/volumes/" + name + "/attachment?wait=60", new Api.NewAttachment("bm1")));
  }

  private interface Asked {
    ApiClient.Answer answer();
  }

  private static void again(String name, Asked asked) {
    for (int i = 1; ; i++) {
      ApiClient.Answer answer = asked.answer();
      if (!answer.pending()) {
        return;
      }
      if (i == TRIES) {
        throw new IllegalStateException(name + " is not as asked: " + answer.json());
      }
    }
  }

  private static void inParallel(int count, IntConsumer work) throws InterruptedException {
    try (ExecutorService threads = Executors.newFixedThreadPool(REQUESTS_AT_ONCE)) {
      List<Future<?>> all =
          IntStream.range(0, count)
              .<Future<?>>mapToObj(i -> threads.submit(() -> work.accept(i)))
              .toList();
      for (Future<?> one : all) {
        one.get();
      }
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    }
  }
}

package io.diskengine.bench;

import io.diskengine.model.FabricAddress;
import io.diskengine.model.Sizes;
import io.diskengine.spdkrpc.FrameworkMethods;
import io.diskengine.spdkrpc.SpdkRpcClient;
import io.diskengine.store.PostgresControllerStore;
import io.diskengine.testkit.scale.FakeNode;
import io.diskengine.testkit.scale.ManyRows;
import io.diskengine.testkit.scale.ScaleDatabase;
import io.diskengine.testkit.spdk.FakeServer;
import io.diskengine.testkit.spdk.FakeView;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code ./diskengine bench pace}: agents in this JVM on PostgreSQL of its own, data planes that
 * are fakes at the pace of stock SPDK's RPC; how long it takes until a data plane that was killed
 * has everything again. Asserts nothing but that everything is back.
 */
@Command(
    name = "pace",
    mixinStandardHelpOptions = true,
    description = "Measure restarts of nodes whose data plane answers RPCs at stock SPDK's pace.")
final class PaceBench implements Callable<Integer> {
  private static final long VOLUME_BYTES = 16 * Sizes.MIB;
  private static final long WITHIN_NS = 120_000_000_000L;
  private static final long POLL_MS = 2;
  private static final double SPDK_CALL_SEC = 8e-3;
  private static final long RECORD_MS = 500;
  private static final long BETWEEN_MS = 3_000;
  private static final int YARDSTICK_CALLS = 200;

  @Option(
      names = "--exports",
      defaultValue = "1000",
      description = "Lvols that the storage node exports (default: ${DEFAULT-VALUE}).")
  int exports;

  @Option(
      names = "--attached",
      defaultValue = "200",
      description = "Volumes that the baremetal node has (default: ${DEFAULT-VALUE}).")
  int attached;

  @Option(
      names = "--rounds",
      defaultValue = "5",
      description = "Restarts of each node (default: ${DEFAULT-VALUE}).")
  int rounds;

  @Option(
      names = "--dir",
      defaultValue = "/var/tmp",
      description = "Where everything of it lies (default: ${DEFAULT-VALUE}).")
  Path parent;

  private final PrintStream out = System.out;
  private long postgresPid;
  private @Nullable PostgresControllerStore controller;

  @SuppressWarnings("NullAway.Init") // picocli sets the options
  PaceBench() {}

  @Override
  public Integer call() throws IOException, SQLException {
    Path directory = Files.createTempDirectory(parent, "de-pace-");
    say("%s, %s", Machine.description(), directory);
    try (ScaleDatabase database =
            ScaleDatabase.start(
                directory,
                Map.of("fsync", "on", "full_page_writes", "on", "synchronous_commit", "on"));
        PostgresControllerStore asked = database.controller()) {
      controller = asked;
      postgresPid = database.pid();
      measure(database, directory);
      return 0;
    } finally {
      Trees.delete(directory);
    }
  }

  private void measure(ScaleDatabase database, Path directory) throws IOException, SQLException {
    FakeServer.Room room = new FakeServer.Room(1);
    List<ManyRows.StorageNode> made = new ArrayList<>();
    try (Connection seeding = database.owner()) {
      ManyRows rows = new ManyRows(seeding);
      for (int i = 1; i <= 2; i++) {
        String name = "sn" + i;
        made.add(
            rows.storageNode(
                name,
                FabricAddress.parse("tcp:127.0.0.1:" + i),
                FakeNode.disk(directory, name).toString(),
                FakeNode.serial(directory, name),
                FakeNode.DISK_BYTES));
      }
      rows.baremetalNode("bm1");
      rows.volumes(exports, 2, VOLUME_BYTES);
    }
    FakeServer.Pace pace = FakeServer.Pace.SPDK;
    long startNs = System.nanoTime();
    try (FakeNode sn1 = FakeNode.storage(database, room, directory, made.get(0), pace).start();
        FakeNode sn2 = FakeNode.storage(database, room, directory, made.get(1), pace).start();
        FakeNode bm1 = FakeNode.baremetal(database, room, directory, "bm1", pace).start()) {
      await(sn1, exports, () -> exportsOf(room, sn1));
      await(sn2, exports, () -> exportsOf(room, sn2));
      say("%d exports on each of two nodes at first: %.2f s", exports, since(startNs));
      say("one RPC after the other: %.2f ms each", yardstick(directory.resolve("sn1.sock")));
      restarts("sn1", sn1, exports, "exports", () -> exportsOf(room, sn1));
      for (int i = 0; i < attached; i++) {
        Objects.requireNonNull(controller).attach("s" + i, "bm1");
      }
      await(bm1, attached, () -> vhostsOf(room, bm1));
      restarts(
          "sn1",
          sn1,
          exports,
          "exports, " + attached + " of them granted",
          () -> exportsOf(room, sn1));
      await(bm1, attached, () -> vhostsOf(room, bm1));
      restarts("bm1", bm1, attached, "attached volumes", () -> vhostsOf(room, bm1));
    }
  }

  private static double since(long startNs) {
    return (System.nanoTime() - startNs) / 1e9;
  }

  private void restarts(String name, FakeNode node, int objects, String what, IntSupplier there)
      throws IOException {
    for (int i = 0; i < rounds; i++) {
      Machine.pause(BETWEEN_MS);
      Map<String, Long> before = spent(node);
      CpuShares cpu = CpuShares.now(postgresPid);
      long killedNs = System.nanoTime();
      node.plane().restart();
      await(node, objects, there);
      double seconds = since(killedNs);
      CpuShares used = CpuShares.now(postgresPid).since(cpu);
      Machine.pause(RECORD_MS); // outcomes are on record within 250 ms
      Map<String, Long> cost = spent(node);
      before.forEach((k, n) -> cost.merge(k, -n, Long::sum));
      cost.values().removeIf(n -> n == 0);
      long rpcs =
          cost.entrySet().stream()
              .filter(e -> !e.getKey().startsWith("SQL"))
              .mapToLong(Map.Entry::getValue)
              .sum();
      say(
          "%s, %d %s: everything is back %.3f s after the kill, %.3f ms each; %d RPCs, one after the"
              + " other at this pace %.1f s: %.0f times faster%n  %s%n  CPU ms: %s",
          name,
          objects,
          what,
          seconds,
          seconds * 1e3 / objects,
          rpcs,
          rpcs * SPDK_CALL_SEC,
          rpcs * SPDK_CALL_SEC / seconds,
          cost,
          used.text(1));
    }
  }

  private static Map<String, Long> spent(FakeNode node) {
    Map<String, Long> all = new TreeMap<>(node.agent().rpcCounts());
    all.put("SQL statements", node.agent().storeCounters().statements());
    all.put("SQL commits", node.agent().storeCounters().commits());
    return all;
  }

  /** How long one call takes when the next waits for it. */
  private static double yardstick(Path socket) {
    try (SpdkRpcClient spdk = SpdkRpcClient.connect(socket.toString())) {
      var first = spdk.call(FrameworkMethods.version()).orElseThrow();
      long startNs = System.nanoTime();
      for (int i = 0; i < YARDSTICK_CALLS; i++) {
        first = spdk.call(FrameworkMethods.version()).orElseThrow();
      }
      return first == null ? 0 : since(startNs) * 1e3 / YARDSTICK_CALLS;
    }
  }

  /** Subsystems with a namespace and a listener. */
  private static int exportsOf(FakeServer.Room room, FakeNode node) {
    AtomicInteger count = new AtomicInteger();
    room.run(() -> {
      for (FakeView.Subsystem s : node.plane().spdk().view().subsystems()) {
        if (!s.bdevs().isEmpty() && !s.listeners().isEmpty()) {
          count.incrementAndGet();
        }
      }
    });
    return count.get();
  }

  private static int vhostsOf(FakeServer.Room room, FakeNode node) {
    AtomicInteger count = new AtomicInteger();
    room.run(() -> count.set(node.plane().spdk().view().vhosts().size()));
    return count.get();
  }

  /** Why objects wait, the first of each kind. */
  private static String why(PostgresControllerStore controller) {
    Map<String, String> first = new TreeMap<>();
    controller
        .reasons()
        .forEach(r ->
            first.merge(
                r.reason().object().kind()
                    + " "
                    + r.reason().waitingFor().replaceAll("[0-9]+", "#"),
                r.toString(),
                (a, _) -> a));
    return first.toString();
  }

  /** Ready says that the agent has verified everything; then it is counted. */
  private void await(FakeNode node, int objects, IntSupplier there) {
    long untilNs = System.nanoTime() + WITHIN_NS;
    while (!node.isReady() || there.getAsInt() < objects) {
      if (System.nanoTime() > untilNs) {
        throw new IllegalStateException(
            "waited in vain: %d of %d objects, %s, %s"
                .formatted(
                    there.getAsInt(),
                    objects,
                    node.status(),
                    why(Objects.requireNonNull(controller))));
      }
      Machine.pause(POLL_MS);
    }
  }

  private void say(String format, Object... arguments) {
    out.printf(Locale.ROOT, format + "%n", arguments);
  }
}

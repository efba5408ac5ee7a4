package io.diskengine.agent;

import io.diskengine.agent.AgentStatus.State;
import io.diskengine.model.FabricAddress;
import io.diskengine.model.Sizes;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.VolumeState;
import io.diskengine.store.Database;
import io.diskengine.store.Migrations;
import io.diskengine.store.NewVolume;
import io.diskengine.store.PostgresControllerStore;
import io.diskengine.store.StoreConfig;
import io.diskengine.store.VolumeDetails;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.NullUnmarked;

/** Real agents on real PostgreSQL and a real controller's store, with fakes below. */
@NullUnmarked
final class Cluster implements AutoCloseable {
  private static final String PASSWORD = "test-only";
  private static final AtomicInteger DATABASES = new AtomicInteger();
  private static EmbeddedPostgres server;

  final Path dir;
  final String url;
  final FakeSpdk.Fabric fabric = new FakeSpdk.Fabric();
  final PostgresControllerStore controller;
  final Map<String, FakeSpdk> planes = new ConcurrentHashMap<>();
  final Map<String, NodeAgent> agents = new ConcurrentHashMap<>();
  final Map<String, List<AgentStatus>> statuses = new ConcurrentHashMap<>();
  volatile Consumer<AgentStatus> onStatus = _ -> {};

  Cluster(Path dir) throws IOException, SQLException {
    this.dir = dir;
    url = newDatabase();
    Files.writeString(dir.resolve("password"), PASSWORD + "\n");
    controller =
        new PostgresControllerStore(
            new Database(StoreConfig.forController(url, "diskengine_controller", PASSWORD)));
  }

  private static synchronized String newDatabase() throws IOException, SQLException {
    if (server == null) {
      server = EmbeddedPostgres.builder().start();
      String template = url("diskengine_template");
      execute("CREATE DATABASE diskengine_template");
      Migrations.migrate(template, "postgres", "", "test", "nqn.2026-11.io.diskengine");
      for (String role : List.of("diskengine_controller", "diskengine_agent")) {
        execute("ALTER ROLE " + role + " LOGIN PASSWORD '" + PASSWORD + "'");
      }
    }
    String name = "agent" + DATABASES.incrementAndGet();
    execute("CREATE DATABASE " + name + " TEMPLATE diskengine_template");
    return url(name);
  }

  private static String url(String database) {
    return "jdbc:postgresql://127.0.0.1:" + server.getPort() + "/" + database;
  }

  private static void execute(String sql) throws SQLException {
    try (var c = DriverManager.getConnection(url("postgres"), "postgres", "");
        var s = c.createStatement()) {
      s.execute(sql);
    }
  }

  void sql(String statement) throws SQLException {
    try (var c = DriverManager.getConnection(url, "postgres", "");
        var s = c.createStatement()) {
      s.execute("SET search_path = diskengine");
      s.execute(statement);
    }
  }

  /** Two storage nodes and a baremetal node, all ready. */
  Cluster startAll() throws IOException {
    for (String node : List.of("sn1", "sn2", "bm1")) {
      plane(node).start();
      startAgent(node);
    }
    for (String node : List.of("sn1", "sn2", "bm1")) {
      await(node + " to be ready", () -> isReady(node));
    }
    return this;
  }

  /** One more node, ready. */
  Cluster add(String node) throws IOException {
    plane(node).start();
    startAgent(node);
    await(node + " to be ready", () -> isReady(node));
    return this;
  }

  /** Attached to the node, with the controller's part of a move done. */
  boolean isAttachedTo(String name, String node) {
    controller.attachSuccessors();
    VolumeDetails v = volume(name);
    return isAttached(name) && node.equals(v.nodeNames().get(v.mapping().nodeId()));
  }

  FakeSpdk plane(String node) {
    return planes.computeIfAbsent(node, n -> new FakeSpdk(fabric, n, dir.resolve(n + ".sock")));
  }

  NodeAgent startAgent(String node) throws IOException {
    AgentConfig config =
        new AgentConfig(
            node,
            "domain-" + node,
            url,
            "diskengine_agent",
            dir.resolve("password"),
            dir.resolve(node + ".sock").toString(),
            dir.resolve(node),
            s -> {
              statuses.computeIfAbsent(node, _ -> new ArrayList<>()).add(s);
              onStatus.accept(s);
            });
    NodeAgent agent;
    if (node.startsWith("sn")) {
      Path file = dir.resolve(node + ".disk");
      if (!Files.exists(file)) {
        try (RandomAccessFile disk = new RandomAccessFile(file.toFile(), "rw")) {
          disk.setLength(1L << 34);
        }
      }
      int port = node.equals("sn1") ? 1 : 2; // nobody listens there: refused, which is an answer
      agent =
          new StorageNodeAgent(
              new StorageNodeConfig(
                  config,
                  List.of(FabricAddress.parse("tcp:127.0.0.1:" + port)),
                  List.of(StorageNodeConfig.Disk.of(node, file))));
    } else {
      agent = new BaremetalAgent(new BaremetalConfig(config));
    }
    agents.put(node, agent);
    agent.start();
    return agent;
  }

  boolean isReady(String node) {
    List<AgentStatus> all = statuses.getOrDefault(node, List.of());
    return !all.isEmpty() && all.getLast().state() == State.READY;
  }

  VolumeDetails create(String name, int replicas) {
    controller.createVolume(new NewVolume(name, 64 * Sizes.MIB, replicas));
    await(name + " to be AVAILABLE", () -> volume(name).volume().state() == VolumeState.AVAILABLE);
    return volume(name);
  }

  VolumeDetails attach(String name) {
    controller.attach(name, "bm1");
    await(name + " to be attached", () -> isAttached(name));
    return volume(name);
  }

  boolean isAttached(String name) {
    VolumeDetails v = volume(name);
    return v.vmMapping() != null
        && v.vmMapping().state() == VmMappingState.ATTACHED
        && v.mapping() != null
        && v.mapping().state() == io.diskengine.model.VolumeMappingState.ATTACHED;
  }

  VolumeDetails volume(String name) {
    return controller.volume(name).orElseThrow();
  }

  /** Waits up to 20 seconds. */
  void await(String what, BooleanSupplier condition) {
    long until = System.nanoTime() + 20_000_000_000L;
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > until) {
        throw new AssertionError(
            "waited in vain for "
                + what
                + "; log:\n"
                + String.join("\n", fabric.log)
                + "\nstatuses: "
                + statuses
                + "\nreasons: "
                + controller.reasons()
                + "\nplans: "
                + agents.keySet().stream().map(n -> n + ": " + controller.lastPlan(n)).toList());
      }
      try {
        Thread.sleep(5);
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
  }

  @Override
  public void close() throws IOException {
    agents.values().forEach(NodeAgent::close);
    for (FakeSpdk p : planes.values()) {
      p.close();
    }
    controller.close();
  }
}

package io.diskengine.testkit.system;

import io.diskengine.agent.AgentConfig;
import io.diskengine.agent.AgentStatus;
import io.diskengine.agent.BaremetalAgent;
import io.diskengine.agent.BaremetalConfig;
import io.diskengine.agent.NodeAgent;
import io.diskengine.agent.StorageNodeAgent;
import io.diskengine.agent.StorageNodeConfig;
import io.diskengine.app.Main;
import io.diskengine.model.FabricAddress;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.model.VolumeState;
import io.diskengine.store.Database;
import io.diskengine.store.Migrations;
import io.diskengine.store.NewVolume;
import io.diskengine.store.PostgresControllerStore;
import io.diskengine.store.StoreConfig;
import io.diskengine.store.VolumeDetails;
import io.diskengine.testkit.process.ChildProcess;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.NullUnmarked;

/** Two storage nodes and a baremetal node: agents in this JVM, each engine a process of its own. */
@NullUnmarked
final class EngineCluster implements AutoCloseable {
  private static final String PASSWORD = "test-only";
  private static final long DISK_BYTES = 1L << 34;
  private static final long PATIENCE_NS = 40_000_000_000L;

  final Path dir;
  final EmbeddedPostgres server;
  final PostgresControllerStore controller;
  final Map<String, ChildProcess> engines = new ConcurrentHashMap<>();
  final Map<String, NodeAgent> agents = new ConcurrentHashMap<>();
  final Map<String, AgentStatus> statuses = new ConcurrentHashMap<>();
  private final Map<String, Integer> ports = new ConcurrentHashMap<>();
  private final Map<String, NetworkNode> networks = new ConcurrentHashMap<>();

  EngineCluster(Path dir) throws IOException, SQLException {
    this.dir = dir;
    server = EmbeddedPostgres.builder().start();
    execute("CREATE DATABASE diskengine");
    Migrations.migrate(url("diskengine"), "postgres", "", "test", "nqn.2026-11.io.diskengine");
    for (String role : List.of("diskengine_controller", "diskengine_agent")) {
      execute("ALTER ROLE " + role + " LOGIN PASSWORD '" + PASSWORD + "'");
    }
    Files.writeString(dir.resolve("password"), PASSWORD + "\n");
    controller =
        new PostgresControllerStore(
            new Database(
                StoreConfig.forController(url("diskengine"), "diskengine_controller", PASSWORD)));
  }

  private String url(String database) {
    return "jdbc:postgresql://127.0.0.1:" + server.getPort() + "/" + database;
  }

  void sql(String sql) throws SQLException {
    try (var c = DriverManager.getConnection(url("diskengine"), "postgres", "");
        var s = c.createStatement()) {
      s.execute(sql);
    }
  }

  private void execute(String sql) throws SQLException {
    try (var c = DriverManager.getConnection(url("postgres"), "postgres", "");
        var s = c.createStatement()) {
      s.execute(sql);
    }
  }

  /** The node's data plane runs in a network of its own; before it is started. */
  EngineCluster in(String node, NetworkNode network) {
    networks.put(node, network);
    return this;
  }

  EngineCluster startAll() throws IOException {
    try {
      return startNodes();
    } catch (AssertionError e) {
      close();
      throw e;
    }
  }

  private EngineCluster startNodes() throws IOException {
    for (String node : List.of("sn1", "sn2", "bm1")) {
      startEngine(node);
      startAgent(node);
    }
    for (String node : List.of("sn1", "sn2", "bm1")) {
      await(
          node + " to be ready",
          () ->
              statuses.containsKey(node) && statuses.get(node).state() == AgentStatus.State.READY);
    }
    return this;
  }

  /** One more node, ready. */
  EngineCluster add(String node) throws IOException {
    startEngine(node);
    startAgent(node);
    await(
        node + " to be ready",
        () -> statuses.containsKey(node) && statuses.get(node).state() == AgentStatus.State.READY);
    return this;
  }

  Path vhostSocket(VolumeDetails v) {
    return Path.of(v.vmMapping().socketPath());
  }

  /** Attached to the node, with the controller's part of a move done. */
  boolean isAttachedTo(String name, String node) {
    controller.attachSuccessors();
    VolumeDetails v = volume(name);
    return isAttached(name) && node.equals(v.nodeNames().get(v.mapping().nodeId()));
  }

  boolean hasEvent(String part) {
    return controller.events(0, 100).stream().anyMatch(e -> e.message().contains(part));
  }

  void startEngine(String node) throws IOException {
    Path vhost = Files.createDirectories(dir.resolve(node + "-vhost"));
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "engine",
                "-r",
                socket(node).toString(),
                "-S",
                vhost.toString(),
                "--wait-for-rpc"));
    NetworkNode network = networks.get(node);
    engines.put(
        node, ChildProcess.start(node, network == null ? command : network.inside(command)));
  }

  Path socket(String node) {
    return dir.resolve(node + ".sock");
  }

  void startAgent(String node) throws IOException {
    AgentConfig config =
        new AgentConfig(
            node,
            "domain-" + node,
            url("diskengine"),
            "diskengine_agent",
            dir.resolve("password"),
            socket(node).toString(),
            dir.resolve(node),
            s -> statuses.put(node, s));
    NodeAgent agent;
    if (node.startsWith("sn")) {
      Path file = dir.resolve(node + ".disk");
      if (!Files.exists(file)) {
        try (RandomAccessFile disk = new RandomAccessFile(file.toFile(), "rw")) {
          disk.setLength(DISK_BYTES);
        }
      }
      FabricAddress listen =
          FabricAddress.parse(
              "tcp:"
                  + (networks.containsKey(node) ? networks.get(node).address() : "127.0.0.1")
                  + ":"
                  + ports.computeIfAbsent(node, _ -> freePort()));
      agent =
          new StorageNodeAgent(
              new StorageNodeConfig(
                  config, List.of(listen), List.of(StorageNodeConfig.Disk.of(node, file))));
    } else {
      agent = new BaremetalAgent(new BaremetalConfig(config));
    }
    agents.put(node, agent);
    agent.start();
  }

  private static int freePort() {
    try (ServerSocket s = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return s.getLocalPort();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  VolumeDetails create(String name, int replicas, long sizeBytes) {
    controller.createVolume(new NewVolume(name, sizeBytes, replicas));
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
        && v.mapping().state() == VolumeMappingState.ATTACHED;
  }

  VolumeDetails volume(String name) {
    return controller.volume(name).orElseThrow();
  }

  void await(String what, BooleanSupplier condition) {
    long until = System.nanoTime() + PATIENCE_NS;
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > until) {
        throw new AssertionError(
            "waited in vain for "
                + what
                + "\nstatuses: "
                + statuses
                + "\nreasons: "
                + controller.reasons()
                + "\nplans: "
                + agents.keySet().stream().map(n -> n + ": " + controller.lastPlan(n)).toList()
                + "\nengines: "
                + engines.entrySet().stream()
                    .map(e -> e.getKey() + ": " + e.getValue().output())
                    .toList());
      }
      try {
        Thread.sleep(10);
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
  }

  @Override
  public void close() throws IOException {
    agents.values().forEach(NodeAgent::close);
    engines.values().forEach(ChildProcess::close);
    controller.close();
    server.close();
  }
}

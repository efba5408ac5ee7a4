package io.diskengine.testkit.scale;

import io.diskengine.agent.AgentConfig;
import io.diskengine.agent.AgentStatus;
import io.diskengine.agent.StorageNodeAgent;
import io.diskengine.agent.StorageNodeConfig;
import io.diskengine.model.FabricAddress;
import io.diskengine.model.Names;
import io.diskengine.spdkrpc.RpcJson;
import io.diskengine.testkit.spdk.FakeServer;
import io.diskengine.testkit.spdk.FakeSpdk;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.BiConsumer;
import tools.jackson.databind.node.ObjectNode;

/**
 * Hundreds of storage nodes in this JVM: each has the real agent with connections to PostgreSQL of
 * its own, and a fake for a data plane.
 */
public final class ManyAgents implements AutoCloseable {
  private static final int CLOSED_AT_ONCE = 64;
  private static final int NODES_PER_NET = 250;

  /** More than any step of a fake's start takes. */
  private static final int STEP_MS = 100;

  private final ScaleDatabase database;
  private final Path directory;
  private final FakeServer.Room room = new FakeServer.Room(1);
  private final List<ManyRows.StorageNode> nodes = new ArrayList<>();
  private final Map<String, FakeSpdk> planes = new TreeMap<>();
  private final Map<String, RoomMachine> machines = new TreeMap<>();
  private final Map<String, AgentStatus.State> states = new ConcurrentHashMap<>();
  private final List<StorageNodeAgent> agents = new ArrayList<>();

  /**
   * @param directory for nothing but names
   * @param lvols on each node; volumes have two replicas
   */
  public ManyAgents(
      ScaleDatabase database,
      Path directory,
      int nodes,
      int lvols,
      long volumeBytes,
      long diskBytes)
      throws SQLException {
    this.database = database;
    this.directory = directory;
    try (Connection seeding = database.owner()) {
      seeding.setAutoCommit(false);
      ManyRows rows = new ManyRows(seeding);
      for (int i = 0; i < nodes; i++) {
        String name = "sn" + (i + 1);
        this.nodes.add(
            rows.storageNode(
                name,
                FabricAddress.parse(
                    "tcp:10.0.%d.%d:4420".formatted(i / NODES_PER_NET, 1 + i % NODES_PER_NET)),
                FakeNode.disk(directory, name).toString(),
                FakeNode.serial(directory, name),
                diskBytes));
      }
      rows.volumes(nodes * lvols / 2, 2, volumeBytes);
      seeding.commit();
    }
    for (ManyRows.StorageNode node : this.nodes) {
      room.run(() -> {
        ManyRows.format(room.fabric.media, node);
        FakeSpdk plane = room.fabric.node(node.name(), directory.toString());
        plane.addresses.add(node.address().host() + ":" + node.address().port());
        plane.start(true);
        planes.put(node.name(), plane);
        machines.put(node.name(), new RoomMachine(room, plane, node));
      });
    }
  }

  /** Data planes that have everything already: they went on while their agents were away. */
  public void provision() {
    everywhere((plane, node) -> {
      plane.execute("bdev_set_options", params().put("bdev_auto_examine", false));
      plane.execute("framework_start_init", null);
    });
    everywhere((plane, node) -> {
      plane.execute(
          "bdev_aio_create",
          params()
              .put("name", base(node))
              .put("filename", node.diskPath())
              .put("block_size", RoomMachine.BLOCK_SIZE));
      plane.execute("bdev_examine", params().put("name", base(node)));
      plane.execute("nvmf_create_transport", params().put("trtype", "TCP"));
    });
    everywhere((plane, node) -> node.lvols().forEach(lvol -> export(plane, node, lvol)));
  }

  private static String base(ManyRows.StorageNode node) {
    return "disk" + node.diskId();
  }

  private static ObjectNode params() {
    return RpcJson.MAPPER.createObjectNode();
  }

  private static void export(FakeSpdk plane, ManyRows.StorageNode node, ManyRows.SeededLvol lvol) {
    String nqn = lvol.nqn();
    plane.execute(
        "nvmf_create_subsystem",
        params()
            .put("nqn", nqn)
            .put("allow_any_host", false)
            .put("serial_number", Names.serial(lvol.namespaceUuid()))
            .put("min_cntlid", Names.minCntlid(lvol.slot()))
            .put("max_cntlid", Names.maxCntlid(lvol.slot())));
    ObjectNode namespace = params().put("nqn", nqn);
    namespace
        .putObject("namespace")
        .put("bdev_name", lvol.uuid().toString())
        .put("nsid", Names.NSID)
        .put("nguid", Names.nguid(lvol.namespaceUuid()))
        .put("uuid", lvol.namespaceUuid().toString());
    plane.execute("nvmf_subsystem_add_ns", namespace);
    ObjectNode listener = params().put("nqn", nqn);
    listener
        .putObject("listen_address")
        .put("trtype", "TCP")
        .put("adrfam", node.address().addressFamily())
        .put("traddr", node.address().host())
        .put("trsvcid", Integer.toString(node.address().port()));
    plane.execute("nvmf_subsystem_add_listener", listener);
  }

  /** On each data plane in turn, then waits until what was begun there is over. */
  private void everywhere(BiConsumer<FakeSpdk, ManyRows.StorageNode> step) {
    for (ManyRows.StorageNode node : nodes) {
      FakeSpdk plane = Objects.requireNonNull(planes.get(node.name()));
      room.run(() -> step.accept(plane, node));
    }
    CountDownLatch over = new CountDownLatch(1);
    room.after(STEP_MS, over::countDown);
    try {
      over.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** All at once, each as a process that has just been started. */
  public void start() throws IOException {
    start(nodes.size());
  }

  /** The next ones, at most so many. Answers whether there were any. */
  public boolean start(int count) throws IOException {
    int from = agents.size();
    int to = Math.min(nodes.size(), from + count);
    for (ManyRows.StorageNode node : nodes.subList(from, to)) {
      String name = node.name();
      states.put(name, AgentStatus.State.WAITING);
      AgentConfig config =
          new AgentConfig(
              name,
              "domain-" + name,
              database.url(),
              ScaleDatabase.AGENT,
              database.passwordFile(),
              directory.resolve(name + ".sock").toString(),
              directory.resolve(name),
              status -> states.put(name, status.state()));
      agents.add(
          new StorageNodeAgent(
              new StorageNodeConfig(
                  config,
                  List.of(node.address()),
                  List.of(StorageNodeConfig.Disk.of(name, FakeNode.disk(directory, name)))),
              Objects.requireNonNull(machines.get(name))));
    }
    agents.subList(from, to).forEach(StorageNodeAgent::start);
    return to > from;
  }

  /** Agents that were started. */
  public int size() {
    return agents.size();
  }

  /** Agents by what they are doing. */
  public Map<AgentStatus.State, Integer> states() {
    Map<AgentStatus.State, Integer> count = new TreeMap<>();
    states.values().forEach(s -> count.merge(s, 1, Integer::sum));
    return count;
  }

  /** RPCs by method, statements, commits and rows of the agents that run. */
  public Map<String, Long> spent() {
    Map<String, Long> all = new TreeMap<>();
    for (StorageNodeAgent a : agents) {
      a.rpcCounts().forEach((method, n) -> all.merge(method, n, Long::sum));
      all.merge("SQL statements", a.storeCounters().statements(), Long::sum);
      all.merge("SQL commits", a.storeCounters().commits(), Long::sum);
      all.merge("SQL rows", a.storeCounters().rows(), Long::sum);
    }
    return all;
  }

  /** Ends all agents in order; data planes go on. */
  public void stop() {
    try (ExecutorService threads = Executors.newFixedThreadPool(CLOSED_AT_ONCE)) {
      List<Future<?>> closing = new ArrayList<>();
      agents.forEach(a -> closing.add(threads.submit(a::close)));
      for (Future<?> one : closing) {
        one.get();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException e) {
      throw new UncheckedIOException(new IOException(e.getCause()));
    }
    agents.clear();
  }

  @Override
  public void close() {
    stop();
  }
}

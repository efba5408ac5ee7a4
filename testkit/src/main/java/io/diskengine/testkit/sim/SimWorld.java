package io.diskengine.testkit.sim;

import io.diskengine.agent.AgentStatus;
import io.diskengine.model.ClusterSettings;
import io.diskengine.model.DataPlaneState;
import io.diskengine.model.FabricAddress;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Names;
import io.diskengine.model.Node;
import io.diskengine.model.NodeMode;
import io.diskengine.model.VmMappingState;
import io.diskengine.store.AgentWrite;
import io.diskengine.store.WriteResult;
import io.diskengine.testkit.sim.Crossing.Fate;
import io.diskengine.testkit.sim.Crossing.Line;
import io.diskengine.testkit.spdk.FakeFabric;
import io.diskengine.testkit.spdk.FakeRpcConnection;
import io.diskengine.testkit.spdk.FakeView;
import io.diskengine.testkit.store.MemoryControllerStore;
import io.diskengine.testkit.store.MemoryState;
import io.diskengine.testkit.store.MemoryStore;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A whole system on virtual time: storage and baremetal nodes with their data planes and agents, a
 * store, guests and their user. Everything that happens is in the trace; the laws are checked after
 * every event.
 */
public final class SimWorld {
  static final Instant EPOCH = Instant.parse("2026-11-29T00:00:00Z");
  static final long DISK_BYTES = 64L << 30;

  /** From the end of all faults until the state must be exactly the desired one. */
  public static final int SETTLE_WITHIN_MS = 900_000;

  /** Then nothing may be done for this long: longer than a resync. */
  public static final int SILENCE_MS = 45_000;

  private static final int LOOK_EVERY_MS = 20;

  /** Beside more volumes the laws are checked after one of so many events. */
  private static final int CHECKED_EACH_TIME = 32;

  private static final int CHECKED_ONE_OF = 256;
  private static final int SCHEDULE_EVERY_MS = 1_000;
  private static final int PORT = 4420;
  private static final int MAX_TRACE = 20_000;
  private static final int MIN_RESTART_MS = 50;
  static final int MAX_RESTART_MS = 1_500;

  public final SimScheduler scheduler;
  public final FakeFabric fabric;
  public final MemoryStore store;
  public final MemoryControllerStore controller;
  public final SimLaws laws;
  public final SimUser user;
  final SimBackup backup = new SimBackup(this);
  private final SimAgents agents = new SimAgents(this);
  final Map<String, SimNode> nodes = new TreeMap<>();
  final Map<String, SimVolume> volumes = new TreeMap<>();
  final List<SimGuest> guests = new ArrayList<>();

  private final List<String> trace = new ArrayList<>();
  private final long seed;
  private Crossing.Faults faults = Crossing.Faults.NONE;
  private boolean postgresUp = true;
  private boolean touched = true;
  private boolean quiet;
  private long delayedUntilMs;
  private long actions;
  private long longestStallMs;
  private long mutations;
  private long touches;

  /** That run elsewhere now. */
  int secondAgents;

  /** The wall clock of PostgreSQL's machine is wrong by this. */
  long postgresErrorMs;

  public SimWorld(long seed, int storageNodes, int baremetalNodes) {
    this.seed = seed;
    scheduler = new SimScheduler(seed);
    fabric = new FakeFabric(scheduler, this::log);
    store =
        new MemoryStore(
            () -> EPOCH.plusMillis(scheduler.nowMs() + postgresErrorMs),
            scheduler.random(),
            "sim",
            Names.DEFAULT_NQN_PREFIX,
            ClusterSettings.DEFAULTS);
    controller = new MemoryControllerStore(store);
    for (int i = 1; i <= storageNodes; i++) {
      add("sn" + i, NodeMode.STORAGE_NODE, "10.0.0." + i);
    }
    for (int i = 1; i <= baremetalNodes; i++) {
      add("bm" + i, NodeMode.BAREMETAL, "");
    }
    laws = new SimLaws(this);
    user = new SimUser(this);
  }

  private void add(String name, NodeMode mode, String address) {
    var spdk = fabric.node(name, "/run/" + name + "/vhost");
    List<FabricAddress> addresses = new ArrayList<>();
    if (!address.isEmpty()) {
      spdk.addresses.add(address + ":" + PORT);
      addresses.add(FabricAddress.parse("tcp:" + address + ":" + PORT));
      var unused = fabric.media.put("/disks/" + name, DISK_BYTES);
    }
    nodes.put(name, new SimNode(name, mode, spdk, addresses));
  }

  // ---- life of processes ----

  /** Starts everything; returns when every agent is ready. */
  public SimWorld startAll() {
    startPlanes();
    startAgents();
    schedule();
    await("agents to be ready", 60_000, this::areAgentsReady);
    await("disks to be UP", 60_000, this::areDisksUp);
    return this;
  }

  void startPlanes() {
    nodes.values().forEach(n -> n.spdk.start(true));
  }

  void startAgents() {
    nodes.values().forEach(this::startAgent);
  }

  /** The controller's scheduler and the user who starts guests where volumes went. */
  void schedule() {
    if (isPostgresUp()) {
      controller.attachSuccessors();
      controller.replaceLost();
      user.startMovedGuests();
      user.restartGuestsWithoutRaid();
      touched = true;
    }
    scheduler.after(SCHEDULE_EVERY_MS, this::schedule);
  }

  /** Somebody else has the node's lease for so long. */
  void takeLease(SimNode n, long ms) {
    log("another holder takes the lease of " + n.name);
    store.takeLease(n.name, "elsewhere", ms);
  }

  boolean areAgentsReady() {
    return nodes.values().stream()
        .allMatch(n -> n.isAgentUp() && n.status().state() == AgentStatus.State.READY);
  }

  boolean areDisksUp() {
    long storage = nodes.values().stream().filter(n -> n.mode == NodeMode.STORAGE_NODE).count();
    return rows().disks.values().stream()
            .filter(d -> d.state() == io.diskengine.model.DiskState.UP)
            .count()
        == storage;
  }

  public SimNode node(String name) {
    return Objects.requireNonNull(nodes.get(name));
  }

  public List<SimNode> nodes(NodeMode mode) {
    return nodes.values().stream().filter(n -> n.mode == mode).toList();
  }

  @Nullable SimNode nodeAt(FabricAddress address) {
    return nodes.values().stream()
        .filter(n -> n.addresses.contains(address))
        .findFirst()
        .orElse(null);
  }

  void startAgent(SimNode n) {
    agents.start(n);
  }

  /** Another one for the same node runs elsewhere for a while. */
  void startSecondAgent(SimNode n, long ms) {
    agents.startSecond(n, ms);
  }

  private long restartMs() {
    return MIN_RESTART_MS + scheduler.random().nextInt(MAX_RESTART_MS);
  }

  /**
   * SIGKILL of the agent; it is started again. Does not return when the agent does it to itself.
   */
  public void killAgent(SimNode n) {
    SimAgentMachine machine = n.machine;
    if (machine == null || !machine.isAlive()) {
      return;
    }
    n.status = new AgentStatus(AgentStatus.State.CLOSED, "killed");
    if (n.supervised) {
      scheduler.after(restartMs(), () -> startAgent(n));
    }
    agents.end(n, machine);
  }

  /** SIGKILL of the data plane; it is started again, empty. */
  public void killPlane(SimNode n) {
    if (n.spdk.isUp()) {
      n.spdk.kill();
      touched = true;
      if (n.supervised) {
        scheduler.after(restartMs(), () -> startPlane(n));
      }
    }
  }

  void startPlane(SimNode n) {
    if (!n.spdk.isUp()) {
      n.spdk.start(true);
    }
  }

  public void setPostgres(boolean up) {
    if (postgresUp != up) {
      postgresUp = up;
      log("PostgreSQL is " + (up ? "back" : "away"));
    }
  }

  boolean isPostgresUp(SimNode from) {
    return postgresUp && !from.postgresCut;
  }

  public boolean isPostgresUp() {
    return postgresUp && !backup.isShown();
  }

  public void setPostgresCut(SimNode n, boolean cut) {
    if (n.postgresCut != cut) {
      n.postgresCut = cut;
      log(n.name + (cut ? " cannot reach" : " reaches") + " PostgreSQL");
    }
  }

  /** Whether the controller sees a node's agent and data plane work. */
  boolean isWorking(Node node) {
    Instant expires = node.leaseExpires();
    Instant now = EPOCH.plusMillis(scheduler.nowMs() + postgresErrorMs);
    return expires != null && expires.isAfter(now) && node.dataPlane() == DataPlaneState.READY;
  }

  boolean isEveryReplicaReachable(String name) {
    return rows().lvolsOf(volume(name).id).stream()
        .filter(l -> l.sync() == LvolSync.IN_SYNC && l.state() != LvolState.DELETED)
        .allMatch(l -> isWorking(rows().nodes.at(l.nodeId())));
  }

  // ---- guests, and calls past the agents ----

  public SimVolume volume(String name) {
    return Objects.requireNonNull(volumes.get(name));
  }

  List<SimGuest> guestsOf(String name) {
    return volume(name).guests.stream().filter(g -> !g.isGone()).toList();
  }

  /** The guest dies and boots again. */
  void restartGuest(SimGuest guest) {
    restartGuest(guest, 0);
  }

  void restartGuest(SimGuest guest, long bootMs) {
    if (!guest.isGone()) {
      guest.kill();
      boolean unused = guests.remove(guest);
      guests.add(guest.again(bootMs));
    }
  }

  /** A call of an operator, past the agents; its answer is not waited for. */
  void call(SimNode node, String method, String params) {
    FakeRpcConnection operator =
        new FakeRpcConnection(
            node.spdk,
            new FakeRpcConnection.Peer() {
              @Override
              public void send(byte[] bytes) {
                log("operator is answered " + new String(bytes, StandardCharsets.UTF_8).strip());
              }

              @Override
              public void close() {}
            });
    String request =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}".formatted(method, params);
    operator.received(ByteBuffer.wrap(request.getBytes(StandardCharsets.UTF_8)));
  }

  /** What everybody waits for: a line each, {@code node object: what}. */
  String reasons() {
    return controller.reasons().stream()
        .map(r -> r.node() + " " + r.objectName() + ": " + r.reason().waitingFor())
        .collect(Collectors.joining("\n"));
  }

  FakeView.Subsystem subsystem(SimNode node, String nqn) {
    return node.spdk.view().subsystems().stream()
        .filter(s -> s.nqn().equals(nqn))
        .findFirst()
        .orElseThrow(() -> failure("no subsystem " + nqn));
  }

  // ---- the course of events ----

  public void setFaults(Crossing.Faults newFaults) {
    faults = newFaults;
  }

  Fate cross(SimNode node, String action, Line line) {
    return faults.at(new Crossing(node.name, action, line));
  }

  /** An RPC is about to be executed. */
  void executing(SimNode node, SimProcess process, String method, String params) {
    if (isMutation(method)) {
      actions++;
      log(process.name + " " + method + " " + params);
      laws.executing(node, method, params);
    }
  }

  void executed(SimNode node, String method, String params, boolean ok) {
    if (isMutation(method)) {
      touched = true;
      mutations += ok ? 1 : 0;
      if (!ok) {
        log(node.name + " refuses " + method + " " + params);
      }
    }
  }

  static boolean isMutation(String method) {
    return !method.contains("_get_")
        && !method.startsWith("framework_")
        && !method.equals("bdev_wait_for_examine")
        && !method.equals("bdev_set_options")
        && !method.equals("bdev_nvme_set_options")
        && !method.equals("bdev_raid_set_options")
        && !method.equals("nvmf_set_max_subsystems");
  }

  void written(SimNode node, List<AgentWrite> writes, List<WriteResult> results) {
    for (int i = 0; i < writes.size(); i++) {
      if (writes.get(i) instanceof AgentWrite.BeginIntent
          && results.get(i) instanceof WriteResult.Applied(long intentId)
          && !backup.isShown()) {
        laws.began(intentId);
      }
      if (!AskedStore.isTalk(writes.get(i)) && !(writes.get(i) instanceof AgentWrite.BeginIntent)) {
        mutations += results.get(i).applied() ? 1 : 0;
        log(node.name + " commits " + writes.get(i) + (results.get(i).applied() ? "" : " REFUSED"));
        if (results.get(i).applied() && !backup.isShown()) {
          laws.written(node, writes.get(i));
        }
      }
    }
  }

  /** Something that takes long has begun. */
  void delayed(long ms) {
    delayedUntilMs = Math.max(delayedUntilMs, scheduler.nowMs() + ms);
  }

  void touched() {
    touched = true;
  }

  void stalled(long ms) {
    longestStallMs = Math.max(longestStallMs, ms);
  }

  void guestFailed(SimGuest guest, SimVolume volume, String what) {
    log(guest + ": a " + what + " failed");
    laws.ioFailed(guest, volume, what);
  }

  public long longestStallMs() {
    return longestStallMs;
  }

  /** Mutating RPCs that were executed. */
  public long actions() {
    return actions;
  }

  /** RPCs and commits that changed something. */
  long mutations() {
    return mutations;
  }

  void log(String what) {
    if (trace.size() < MAX_TRACE) {
      trace.add("%9.3f %s".formatted(scheduler.nowMs() / 1_000.0, what));
    }
  }

  public List<String> trace() {
    return trace;
  }

  /** Guests ask for nothing new. */
  void setQuiet(boolean isQuiet) {
    quiet = isQuiet;
  }

  boolean isQuiet() {
    return quiet;
  }

  /** Runs until the condition holds; fails when it does not within so much virtual time. */
  public void await(String what, long withinMs, BooleanSupplier condition) {
    await(() -> what, withinMs, condition);
  }

  private void await(Supplier<String> what, long withinMs, BooleanSupplier condition) {
    long until = scheduler.nowMs() + withinMs;
    while (!condition.getAsBoolean()) {
      if (scheduler.nowMs() > until) {
        throw failure("waited in vain for " + what.get() + "\n" + new SimGoal(this).situation());
      }
      run(LOOK_EVERY_MS);
    }
  }

  /** Fails with what is still different. */
  void awaitDesiredState(long withinMs) {
    await(() -> "the desired state: " + laws.unsettled(), withinMs, () -> laws.unsettled() == null);
  }

  public void run(long ms) {
    long until = scheduler.nowMs() + ms;
    boolean[] over = {false};
    SimScheduler.Timer end = scheduler.timer(ms, () -> over[0] = true);
    while (!over[0] && scheduler.nowMs() <= until) {
      step();
    }
    end.cancel();
  }

  private void step() {
    boolean unused = scheduler.step();
    if (scheduler.failure() != null) {
      throw failure(scheduler.failure());
    }
    if (touched && (volumes.size() <= CHECKED_EACH_TIME || ++touches % CHECKED_ONE_OF == 0)) {
      touched = false;
      try {
        laws.check();
      } catch (SimLaws.Broken broken) {
        throw failure(broken.getMessage());
      }
    }
  }

  /** A run came to an end that no law allows. */
  public static final class Failure extends AssertionError {
    private static final long serialVersionUID = 1;

    Failure(String what) {
      super(what);
    }
  }

  Failure failure(@Nullable String what) {
    return new Failure(
        "seed " + seed + " at " + scheduler.nowMs() + " ms: " + what + "\ntrace:\n" + text());
  }

  private String text() {
    int from = Math.max(0, trace.size() - 400);
    return String.join("\n", trace.subList(from, trace.size()));
  }

  /** All faults end and everything is started again. */
  public void mend() {
    faults = Crossing.Faults.NONE;
    setPostgres(true);
    backup.end();
    for (SimNode n : nodes.values()) {
      setPostgresCut(n, false);
      n.spdk.setStopped(false);
      var disk = fabric.media.all().get(n.disk);
      if (disk != null) {
        disk.setGone(false);
        disk.setFull(false);
      }
      for (SimNode o : nodes.values()) {
        if (n != o) {
          fabric.setCut(n.name, o.name, false);
        }
      }
      n.supervised = true;
      startPlane(n);
      startAgent(n);
    }
    log("all faults are over");
  }

  /** Faults end; the state becomes exactly the desired one; then nothing happens any more. */
  public void settle() {
    mend();
    run(Math.max(0, delayedUntilMs - scheduler.nowMs()));
    awaitDesiredState(SETTLE_WITHIN_MS);
    setQuiet(true);
    run(2_000);
    long before = mutations;
    run(SILENCE_MS);
    String still = laws.unsettled();
    if (mutations != before || still != null) {
      throw failure("not silent: " + (mutations - before) + " changes, " + still);
    }
    setQuiet(false);
  }

  /** The right ones, also while agents are shown others. */
  MemoryState rows() {
    return backup.rows();
  }

  /** Whether a vm mapping's guest has its disk. */
  public boolean isAttached(String name) {
    return controller
        .volume(name)
        .filter(v -> v.vmMapping() != null && v.vmMapping().state() == VmMappingState.ATTACHED)
        .filter(v ->
            v.mapping() != null
                && v.mapping().state() == io.diskengine.model.VolumeMappingState.ATTACHED)
        .isPresent();
  }
}

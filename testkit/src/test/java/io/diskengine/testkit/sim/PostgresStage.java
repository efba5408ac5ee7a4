package io.diskengine.testkit.sim;

import io.diskengine.agent.AgentConfig;
import io.diskengine.agent.AgentStatus;
import io.diskengine.agent.BaremetalAgent;
import io.diskengine.agent.BaremetalConfig;
import io.diskengine.agent.NodeAgent;
import io.diskengine.agent.StorageNodeAgent;
import io.diskengine.agent.StorageNodeConfig;
import io.diskengine.model.FabricAddress;
import io.diskengine.model.Sizes;
import io.diskengine.store.NewVolume;
import io.diskengine.store.PostgresControllerStore;
import io.diskengine.store.RefusedException;
import io.diskengine.store.StoreUnavailableException;
import io.diskengine.testkit.spdk.FakeServer;
import io.diskengine.testkit.spdk.FakeSpdk;
import io.diskengine.testkit.store.VolumeRequests;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A stage in real time: real agents, real PostgreSQL, real sockets; fakes for data planes. */
final class PostgresStage implements Stage, AutoCloseable {
  private static final int STORAGE_NODES = 3;
  private static final int BAREMETAL_NODES = 2;
  private static final long DISK_BYTES = 64L << 30;
  private static final int AWAIT_SEC = 60;
  private static final int LOOK_MS = 10;

  /** In this time agents have seen what happened, and nothing may change in the end. */
  private static final int SHOWS_WITHIN_MS = 1_200;

  private static final int RESTART_MS = 300;

  /** Short, so that the death of an agent and the loss of a leg do not take long. */
  private static final String SETTINGS = "UPDATE cluster SET lease_ttl_ms = 6000, grace_ms = 1500";

  private static final int SCHEDULE_MS = 100;

  private static final String AGENT = "diskengine_agent";

  final FakeServer.Room room;
  final Transactions transactions = new Transactions();
  private final StageDatabase database;
  private final PostgresControllerStore controller;
  private final VolumeRequests requests;
  private final Path directory;
  private final Map<String, Place> places = new TreeMap<>();
  private final Map<String, PostgresGuest> guests = new TreeMap<>();
  private final Map<String, Long> written = new TreeMap<>();
  private final List<String> broken = new CopyOnWriteArrayList<>();
  private final AtomicInteger processes = new AtomicInteger();
  private final AtomicInteger guestsStarted = new AtomicInteger();
  private volatile Crossing.Faults faults = Crossing.Faults.NONE;
  private volatile boolean closed;

  /** A machine: its data plane, its agent, and what outlives both. */
  static final class Place {
    final String name;
    final FakeServer plane;
    final @Nullable FabricAddress address;
    volatile AgentStatus status = new AgentStatus(AgentStatus.State.CLOSED, "never started");
    volatile boolean planeUp;
    volatile boolean held;
    volatile @Nullable StageMachine machine;
    volatile @Nullable NodeAgent agent;

    Place(String name, FakeServer plane, @Nullable FabricAddress address) {
      this.name = name;
      this.plane = plane;
      this.address = address;
    }

    FakeSpdk spdk() {
      return plane.spdk();
    }

    boolean isPlaneUp() {
      return planeUp;
    }

    boolean isReady() {
      return machine != null && status.state() == AgentStatus.State.READY;
    }
  }

  PostgresStage(StageDatabase database, Path directory, long seed) throws IOException {
    this.database = database;
    this.directory = directory;
    room = new FakeServer.Room(seed);
    controller = database.controller();
    requests = VolumeRequests.of(controller);
    for (int i = 1; i <= STORAGE_NODES; i++) {
      String address = "127.0.0.1:" + i; // nobody else listens there
      try (RandomAccessFile disk = new RandomAccessFile(disk("sn" + i).toFile(), "rw")) {
        disk.setLength(DISK_BYTES);
      }
      add("sn" + i, FabricAddress.parse("tcp:" + address)).spdk().addresses.add(address);
    }
    for (int i = 1; i <= BAREMETAL_NODES; i++) {
      Place unused = add("bm" + i, null);
    }
    Thread.ofVirtual().name("scheduler").start(this::schedule);
  }

  private Place add(String name, @Nullable FabricAddress address) throws IOException {
    Path vhosts = Files.createDirectory(directory.resolve(name + ".v"));
    FakeServer plane = FakeServer.start(room, name, socket(name), vhosts, true);
    Place place = new Place(name, plane, address);
    room.run(() -> plane.spdk().kill());
    places.put(name, place);
    return place;
  }

  private Path disk(String name) {
    return directory.resolve(name + ".disk");
  }

  private Path socket(String name) {
    return directory.resolve(name + ".sock");
  }

  Place place(String name) {
    return Objects.requireNonNull(places.get(name));
  }

  Iterable<Place> places() {
    return places.values();
  }

  StageDatabase database() {
    return database;
  }

  /** The controller's timers. */
  private void schedule() {
    try {
      while (!closed) {
        Thread.sleep(SCHEDULE_MS);
        try {
          requests.attachSuccessors();
          requests.replaceLost();
        } catch (StoreUnavailableException away) {
          // at the next time
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  // ---- faults ----

  void setFaults(Crossing.Faults newFaults) {
    faults = newFaults;
  }

  Crossing.Fate cross(Crossing crossing) {
    return faults.at(crossing);
  }

  /** Something went wrong on a thread that cannot say so. */
  void broken(String what) {
    broken.add(what);
  }

  long nextGuest() {
    return guestsStarted.incrementAndGet();
  }

  boolean isListening(FabricAddress address) {
    for (Place p : places.values()) {
      if (address.equals(p.address)) {
        boolean[] serves = new boolean[1];
        room.run(() -> serves[0] = p.spdk().isInitialised());
        return serves[0];
      }
    }
    return false;
  }

  /** SIGKILL of an agent, which is started again soon. */
  void killAgent(Place p) {
    StageMachine machine = p.machine;
    p.machine = null;
    p.status = new AgentStatus(AgentStatus.State.CLOSED, "killed");
    if (machine != null) {
      machine.kill();
      room.after(RESTART_MS, () -> Thread.ofVirtual().start(() -> startAgent(p)));
    }
  }

  private synchronized void startAgent(Place p) {
    if (p.machine != null || p.held || closed) {
      return;
    }
    StageMachine machine = new StageMachine(this, p, p.name + "#" + processes.incrementAndGet());
    AgentConfig config =
        new AgentConfig(
            p.name,
            "domain-" + p.name,
            database.url(),
            AGENT,
            database.passwordFile(),
            socket(p.name).toString(),
            directory.resolve(p.name),
            s -> {
              if (p.machine == machine) {
                p.status = s;
              }
            });
    try {
      p.machine = machine;
      NodeAgent agent =
          p.address == null
              ? new BaremetalAgent(new BaremetalConfig(config), machine)
              : new StorageNodeAgent(
                  new StorageNodeConfig(
                      config,
                      List.of(p.address),
                      List.of(new StorageNodeConfig.Disk(disk(p.name), p.name + "-disk"))),
                  machine);
      p.agent = agent;
      agent.start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (StageMachine.Dead killed) {
      // before it had begun
    }
  }

  // ---- the stage ----

  @Override
  public void start() {
    try (Connection c = database.owner();
        Statement s = c.createStatement()) {
      s.execute(SETTINGS);
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
    places.values().forEach(this::startPlane);
    places.values().forEach(this::startAgent);
    await("agents to be ready", () -> places.values().stream().allMatch(Place::isReady));
    await(
        "disks to be UP",
        () ->
            requests.disks().stream()
                    .filter(d -> d.state() == io.diskengine.model.DiskState.UP)
                    .count()
                == STORAGE_NODES);
  }

  private void startPlane(Place p) {
    room.run(() -> {
      if (!p.spdk().isUp()) {
        p.spdk().start(true);
      }
      p.planeUp = true;
    });
  }

  @Override
  public VolumeRequests requests() {
    return requests;
  }

  @Override
  public void ask(String what, Runnable request) {
    await(
        what + " to be accepted",
        () -> {
          try {
            request.run();
            return true;
          } catch (RefusedException | StoreUnavailableException e) {
            return false;
          }
        });
  }

  @Override
  public void await(String what, BooleanSupplier condition) {
    await(() -> what, condition);
  }

  private void await(Supplier<String> what, BooleanSupplier condition) {
    long until = System.nanoTime() + AWAIT_SEC * 1_000_000_000L;
    while (!holds(condition)) {
      if (!broken.isEmpty()) {
        throw new AssertionError(broken + situation());
      }
      if (System.nanoTime() > until) {
        throw new AssertionError("waited in vain for " + what.get() + situation());
      }
      pause(LOOK_MS);
    }
  }

  private static boolean holds(BooleanSupplier condition) {
    try {
      return condition.getAsBoolean();
    } catch (StoreUnavailableException away) {
      return false;
    }
  }

  void pause(long ms) {
    try {
      Thread.sleep(ms);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private String situation() {
    StringBuilder s = new StringBuilder();
    places.values().forEach(p -> s.append('\n').append(p.name).append(": ").append(p.status));
    places.values().stream().filter(p -> !p.isReady()).forEach(p -> s.append(threads(p)));
    controller.reasons().forEach(r -> s.append("\nwhy: ").append(r));
    requests.volumes().forEach(v -> s.append('\n').append(v));
    controller.events(0, 40).forEach(e -> s.append("\nevent: ").append(e));
    return s.toString();
  }

  /** Where the threads of one that is not ready are. */
  private static String threads(Place p) {
    StringBuilder s = new StringBuilder();
    Thread.getAllStackTraces()
        .forEach((thread, stack) -> {
          if (thread.getName().contains(p.name)) {
            s.append("\n\"").append(thread.getName()).append("\" ").append(thread.getState());
            Arrays.stream(stack).forEach(frame -> s.append("\n    at ").append(frame));
          }
        });
    return s.toString();
  }

  @Override
  public void killPlane(String node) {
    Place p = place(node);
    room.run(() -> {
      p.spdk().kill();
      p.planeUp = false;
    });
    startPlane(p);
  }

  @Override
  public void holdPlane(String node) {
    Place p = place(node);
    room.run(() -> {
      p.spdk().kill();
      p.planeUp = false;
    });
  }

  @Override
  public void holdMachine(String node) {
    place(node).held = true;
    killAgent(place(node));
    holdPlane(node);
  }

  @Override
  public void release(String node) {
    place(node).held = false;
    startPlane(place(node));
    startAgent(place(node));
  }

  @Override
  public void replaceAfter(int seconds) {
    // A leg is out of reach for a second, not for as many as in virtual time.
    try (Connection c = database.owner();
        Statement s = c.createStatement()) {
      s.execute("UPDATE cluster SET replace_after_sec = 1");
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void create(String volume, int replicas) {
    ask(
        "create " + volume,
        () -> {
          var unused = requests.createVolume(new NewVolume(volume, 64 * Sizes.MIB, replicas));
        });
  }

  @Override
  public void guest(String volume) {
    guests.computeIfAbsent(
        volume, v -> new PostgresGuest(this, v, written.getOrDefault(volume, 0L)));
  }

  @Override
  public void unplug(String volume) {
    PostgresGuest guest = guests.remove(volume);
    if (guest != null) {
      guest.end(false);
      room.run(() -> written.put(volume, guest.acknowledged()));
    }
  }

  @Override
  public void cutOff(String volume) {
    PostgresGuest guest = guests.remove(volume);
    if (guest != null) {
      guest.end(true);
      written.remove(volume);
    }
  }

  /** Of a volume's guest, if it has one. */
  long acknowledged(String volume) {
    long[] value = new long[1];
    PostgresGuest guest = guests.get(volume);
    if (guest != null) {
      room.run(() -> value[0] = guest.acknowledged());
    }
    return value[0];
  }

  boolean isGuestConnected(String volume) {
    boolean[] connected = new boolean[1];
    PostgresGuest guest = guests.get(volume);
    if (guest != null) {
      room.run(() -> connected[0] = guest.isConnected());
    }
    return connected[0];
  }

  boolean hasGuest(String volume) {
    return guests.containsKey(volume);
  }

  @Override
  public void awaitDesiredState() {
    pause(SHOWS_WITHIN_MS);
    PostgresDifference difference = new PostgresDifference(this);
    await(() -> "the desired state: " + difference.first(), () -> difference.first() == null);
  }

  /** Returns when for a while nothing is changed in any data plane and everything is as desired. */
  void awaitSilence() {
    await(
        () -> "silence: " + new PostgresDifference(this).first(),
        () -> {
          Map<String, Long> before = mutations();
          pause(SHOWS_WITHIN_MS);
          return mutations().equals(before) && new PostgresDifference(this).first() == null;
        });
    if (!broken.isEmpty()) {
      throw new AssertionError(broken + situation());
    }
  }

  private Map<String, Long> mutations() {
    Map<String, Long> all = new TreeMap<>();
    room.run(() -> {
      for (Place p : places.values()) {
        p.spdk()
            .calls()
            .forEach((method, n) -> {
              if (SimWorld.isMutation(method)) {
                all.put(p.name + " " + method, n);
              }
            });
      }
    });
    return all;
  }

  @Override
  public void close() {
    closed = true;
    transactions.letGo();
    List<String> left = new ArrayList<>(guests.keySet());
    left.forEach(this::cutOff);
    for (Place p : places.values()) {
      StageMachine machine = p.machine;
      if (machine != null) {
        machine.kill();
      }
      p.plane.close();
    }
    controller.close();
  }
}

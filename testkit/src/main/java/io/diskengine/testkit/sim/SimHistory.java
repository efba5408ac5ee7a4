package io.diskengine.testkit.sim;

import io.diskengine.model.Node;
import io.diskengine.model.NodeMode;
import io.diskengine.model.VolumeState;
import io.diskengine.testkit.sim.Crossing.Fate;
import io.diskengine.testkit.spdk.FakeMedia;
import io.diskengine.testkit.store.MemoryState;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * A random history: users and faults, as the seed decides, then the end of all faults and the
 * desired state. A failure names its seed, which is its replay (see {@code CONTRIBUTING.md}).
 */
public final class SimHistory {
  private static final int MIN_EVENTS = 90;
  private static final int MAX_EVENTS = 190;
  private static final int MAX_PAUSE_MS = 1_500;

  private static final int EVENTS = 29;

  private static final int MIN_OLDER_MS = 1_000;
  private static final int MAX_OLDER_MS = 8_000;

  private static final int MIN_REPLACE_SEC = 10;
  private static final int MAX_REPLACE_SEC = 50;
  private static final int MAX_VOLUMES = 4;

  /** Of a thousand lines that actions cross, so many have a fault. */
  private static final int FAULTS_PER_1000 = 4;

  private final SimWorld world;
  private final RandomGenerator random;
  private int created;

  private SimHistory(long seed) {
    world = new SimWorld(seed, 3, 2);
    random = world.scheduler.random();
    world.store.set("replaceAfterSec", MIN_REPLACE_SEC + random.nextInt(MAX_REPLACE_SEC));
  }

  /**
   * What a run came to.
   *
   * @param actions mutating RPCs that were executed
   * @param virtualMs how much time passed
   * @param mediumErrors requests of guests that failed because of a disk that was full or gone
   * @param windowHits looks that found a leg inside stock SPDK's documented window
   */
  public record Outcome(
      long seed,
      long actions,
      long virtualMs,
      int windowHits,
      int mediumErrors,
      long longestStallMs,
      int reads) {}

  /** Runs one history; throws what broke, with seed and trace. */
  public static Outcome run(long seed) {
    return new SimHistory(seed).run().outcome(seed);
  }

  /** The trace of a history, for comparison. */
  public static List<String> trace(long seed) {
    SimHistory h = new SimHistory(seed);
    try {
      Object unused = h.run();
    } catch (SimWorld.Failure broken) {
      h.world.log("failed");
    }
    return h.world.trace();
  }

  private Outcome outcome(long seed) {
    int reads = world.volumes.values().stream().mapToInt(v -> v.reads).sum();
    return new Outcome(
        seed,
        world.actions(),
        world.scheduler.nowMs(),
        world.laws.windowHits(),
        world.laws.mediumErrors(),
        world.longestStallMs(),
        reads);
  }

  private SimHistory run() {
    try {
      var unused = world.startAll();
      world.setFaults(this::fault);
      int events = MIN_EVENTS + random.nextInt(MAX_EVENTS - MIN_EVENTS);
      for (int i = 0; i < events; i++) {
        event();
        world.run(random.nextInt(MAX_PAUSE_MS));
      }
      world.settle();
      return this;
    } catch (SimWorld.Failure broken) {
      throw broken;
    } catch (RuntimeException fault) {
      SimWorld.Failure failure =
          world.failure("a fault in the simulation or in the agents: " + fault);
      failure.initCause(fault);
      throw failure;
    }
  }

  private Fate fault(Crossing crossing) {
    if (random.nextInt(1_000) >= FAULTS_PER_1000) {
      return Fate.GOES_ON;
    }
    SimNode node = world.node(crossing.node());
    world.log("fault at " + crossing);
    switch (random.nextInt(5)) {
      case 0, 1 -> world.killAgent(node);
      case 2 -> world.killPlane(node);
      case 3 -> {
        return Fate.CUT_OFF;
      }
      default -> {
        return random.nextInt(4) == 0 ? Fate.DELAYED : Fate.CUT_OFF;
      }
    }
    return Fate.GOES_ON;
  }

  private SimNode any(NodeMode mode) {
    List<SimNode> all = world.nodes(mode);
    return all.get(random.nextInt(all.size()));
  }

  private SimNode any() {
    return any(random.nextBoolean() ? NodeMode.STORAGE_NODE : NodeMode.BAREMETAL);
  }

  private void event() {
    switch (random.nextInt(EVENTS)) {
      case 0, 1 -> create();
      case 2, 3, 4, 5 -> attach();
      case 6 -> detach();
      case 7 -> delete();
      case 8 -> world.killPlane(any(NodeMode.STORAGE_NODE));
      case 9 -> killBaremetal();
      case 10, 11 -> world.killAgent(any());
      case 12 -> stopForAWhile(any());
      case 13, 14 -> cutForAWhile();
      case 15 -> postgresAway();
      case 16 -> {
        SimNode n = any();
        world.setPostgresCut(n, true);
        later(random.nextInt(40_000), () -> world.setPostgresCut(n, false));
      }
      case 17 -> {
        SimNode n = any();
        if (n.machine != null) {
          n.machine.wallErrorMs += (random.nextInt(7_200) - 3_600) * 1_000L;
          n.machine.suspendedMs += random.nextInt(3) == 0 ? random.nextInt(60_000) : 0;
          world.log(n.name + "'s clocks jump");
        }
      }
      case 18 -> {
        world.laws.checksLeases = false;
        world.postgresErrorMs += random.nextInt(60_000);
        world.log("PostgreSQL's clock jumps");
      }
      case 19 -> world.startSecondAgent(any(), 5_000 + random.nextInt(60_000));
      case 20, 21, 22 -> move();
      case 23 -> detachByForce();
      case 24, 25 -> moveReplica();
      case 26 -> grow();
      case 27 -> olderDatabase();
      default -> disk();
    }
  }

  /** Its machine is not reached, or it was killed and has lost what waited for no disk. */
  private void postgresAway() {
    world.setPostgres(false);
    if (random.nextBoolean()) {
      world.log("PostgreSQL is killed");
      world.store.crash();
    }
    later(random.nextInt(20_000), () -> world.setPostgres(true));
  }

  private void olderDatabase() {
    List<MemoryState> older = world.isPostgresUp() ? world.backup.older() : List.of();
    if (!older.isEmpty()) {
      world.backup.show(older.get(random.nextInt(older.size())));
      later(MIN_OLDER_MS + random.nextInt(MAX_OLDER_MS - MIN_OLDER_MS), world.backup::end);
    }
  }

  private void later(int ms, Runnable task) {
    world.scheduler.after(ms, task);
  }

  private void create() {
    if (world.volumes.size() < MAX_VOLUMES && world.isPostgresUp()) {
      String name = "v" + ++created;
      int replicas = 1 + random.nextInt(3);
      boolean unused =
          world.user.attempt(() -> {
            var made =
                world.user.create(
                    name, replicas == 3 && random.nextBoolean() ? 3 : Math.min(2, replicas));
          });
    }
  }

  private List<String> live(boolean attached) {
    List<String> names = new ArrayList<>();
    for (SimVolume v : world.volumes.values()) {
      var row = world.rows().volumes.get(v.id);
      if (row != null
          && row.state() == VolumeState.AVAILABLE
          && world.rows().liveMapping(v.id).isPresent() == attached) {
        names.add(v.name);
      }
    }
    return names;
  }

  private void attach() {
    List<String> free = live(false);
    if (!free.isEmpty() && world.isPostgresUp()) {
      String name = free.get(random.nextInt(free.size()));
      String node = any(NodeMode.BAREMETAL).name;
      if (world.guestsOf(name).isEmpty()) {
        boolean unused = world.user.attempt(() -> world.user.attach(name, node));
      }
    }
  }

  private void detach() {
    List<String> attached = live(true);
    if (!attached.isEmpty() && world.isPostgresUp()) {
      String name = attached.get(random.nextInt(attached.size()));
      boolean unused = world.user.attempt(() -> world.user.detach(name));
    }
  }

  private void delete() {
    List<String> free = live(false);
    if (!free.isEmpty() && world.isPostgresUp() && world.guestsOf(free.getFirst()).isEmpty()) {
      boolean unused = world.user.attempt(() -> world.user.delete(free.getFirst()));
    }
  }

  /** In order, from a node that does not work, or by force where nothing can be lost. */
  private void move() {
    List<String> attached = live(true);
    if (attached.isEmpty() || !world.isPostgresUp()) {
      return;
    }
    String name = attached.get(random.nextInt(attached.size()));
    MemoryState s = world.rows();
    Node from = s.nodes.at(s.liveMapping(world.volume(name).id).orElseThrow().nodeId());
    String to = from.name().equals("bm1") ? "bm2" : "bm1";
    if (!world.isWorking(from)) {
      boolean unused = world.user.attempt(() -> world.user.moveFromDead(name, to));
    } else if (random.nextInt(3) > 0) {
      world.user.move(name, to);
    } else if (world.isEveryReplicaReachable(name)) {
      boolean unused = world.user.attempt(() -> world.user.moveByForce(name, to));
    }
  }

  private void detachByForce() {
    List<String> attached = live(true);
    if (!attached.isEmpty() && world.isPostgresUp()) {
      String name = attached.get(random.nextInt(attached.size()));
      boolean unused = world.user.attempt(() -> world.user.detachByForce(name));
    }
  }

  private void moveReplica() {
    List<String> attached = live(true);
    if (!attached.isEmpty() && world.isPostgresUp()) {
      String name = attached.get(random.nextInt(attached.size()));
      boolean unused = world.user.attempt(() -> world.user.moveReplica(name, random.nextInt(2)));
    }
  }

  private void grow() {
    List<String> names = live(random.nextBoolean());
    if (!names.isEmpty() && world.isPostgresUp()) {
      String name = names.get(random.nextInt(names.size()));
      boolean unused = world.user.attempt(() -> world.user.grow(name));
    }
  }

  private void disk() {
    SimNode n = any(NodeMode.STORAGE_NODE);
    FakeMedia.Disk disk = world.fabric.media.all().get(n.disk);
    if (disk == null) {
      return;
    }
    boolean full = random.nextBoolean();
    world.laws.mediumIsBad(n, true);
    world.log("the disk of " + n.name + " is " + (full ? "full" : "gone"));
    if (full) {
      disk.setFull(true);
    } else {
      disk.setGone(true);
      world.killPlane(n);
    }
    later(1_000 + random.nextInt(20_000), () -> disk(n, disk));
  }

  private void disk(SimNode n, FakeMedia.Disk disk) {
    world.laws.mediumIsBad(n, false);
    disk.setFull(false);
    disk.setGone(false);
    world.log("the disk of " + n.name + " is good again");
  }

  private void killBaremetal() {
    SimNode n = any(NodeMode.BAREMETAL);
    if (random.nextBoolean()) {
      // The machine itself: guests die with it.
      List.copyOf(world.guests).stream().filter(g -> g.isOn(n)).forEach(g -> world.restartGuest(g));
    }
    world.killPlane(n);
  }

  private void stopForAWhile(SimNode n) {
    n.spdk.setStopped(true);
    later(1_000 + random.nextInt(15_000), () -> n.spdk.setStopped(false));
  }

  private void cutForAWhile() {
    SimNode storage = any(NodeMode.STORAGE_NODE);
    SimNode baremetal = any(NodeMode.BAREMETAL);
    world.fabric.setCut(storage.name, baremetal.name, true);
    later(
        500 + random.nextInt(25_000),
        () -> world.fabric.setCut(storage.name, baremetal.name, false));
  }
}

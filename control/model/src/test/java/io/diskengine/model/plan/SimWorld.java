package io.diskengine.model.plan;

import io.diskengine.model.DataPlaneState;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Names;
import io.diskengine.model.NodeMode;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.plan.Action.BaremetalAction;
import io.diskengine.model.plan.Action.CreateNull;
import io.diskengine.model.plan.Action.DeleteNull;
import io.diskengine.model.plan.Action.StorageAction;
import io.diskengine.model.plan.SimCompute.Ctl;
import io.diskengine.model.plan.SimCompute.R;
import io.diskengine.model.plan.SimCompute.Slot;
import io.diskengine.model.plan.SimTarget.Blob;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.NullUnmarked;
import org.jspecify.annotations.Nullable;

/**
 * Two storage nodes, a baremetal node, their agents' memories and guests. After every step the
 * bytes are checked: what a guest was told to be written can be read from every leg that may be
 * read.
 */
@NullUnmarked
final class SimWorld {
  final RandomGenerator random;
  final SimDatabase db = new SimDatabase();
  final List<SimTarget> targets = new ArrayList<>();

  /** Of the first baremetal node; its clock is everybody's. */
  final SimCompute compute;

  final List<Host> hosts = new ArrayList<>();
  final List<String> history = new ArrayList<>();
  boolean stopping;

  // Memories of agents; lost with them.
  private final List<Map<String, Set<String>>> looked = new ArrayList<>();

  /** What guests were told to be written, by volume. */
  private final Map<Long, Set<Integer>> acknowledged = new TreeMap<>();

  /** A baremetal node, its agent's memory and its guests' waiting writes by volume. */
  static final class Host {
    final long id;
    final SimCompute compute;
    final Map<String, Long> notEnabledSince = new HashMap<>();
    final Set<Long> opened = new HashSet<>();
    final Set<String> refusedRaids = new HashSet<>();
    final Set<String> placeholders = new HashSet<>();
    final Map<Long, Long> assemblingSince = new HashMap<>();
    final Map<String, Long> disabledSince = new HashMap<>();
    final Map<Long, Set<Integer>> waiting = new TreeMap<>();

    Host(long id, SimCompute compute) {
      this.id = id;
      this.compute = compute;
    }

    /** What an agent knew is gone with it; it starts with what it can see. */
    void forget() {
      notEnabledSince.clear();
      opened.clear();
      refusedRaids.clear();
      assemblingSince.clear();
      disabledSince.clear();
      placeholders.clear();
      placeholders.addAll(compute.nulls.keySet());
    }
  }

  private int nextWrite = 1;
  int actionsDone;

  SimWorld(RandomGenerator random) {
    this.random = random;
    for (int i = 1; i <= 2; i++) {
      targets.add(new SimTarget("sn" + i, random));
      looked.add(new HashMap<>());
      db.node(i, "sn" + i, NodeMode.STORAGE_NODE);
    }
    db.node(SimDatabase.BAREMETAL, "bm1", NodeMode.BAREMETAL);
    db.node(SimDatabase.OTHER_BAREMETAL, "bm2", NodeMode.BAREMETAL);
    hosts.add(new Host(SimDatabase.BAREMETAL, new SimCompute(targets)));
    hosts.add(new Host(SimDatabase.OTHER_BAREMETAL, new SimCompute(targets)));
    compute = hosts.getFirst().compute;
  }

  /** Plans for storage node {@code index} and does at most {@code most} actions. Empty: true. */
  Plan stepStorage(int index, int most) {
    SimTarget t = targets.get(index);
    db.dataPlane(index + 1, t.up ? DataPlaneState.READY : DataPlaneState.DOWN);
    if (!t.up) {
      return new Plan(List.of(), List.of(), Requeue.NEVER);
    }
    StorageNodeObserved observed = t.observe(compute.nowMs, looked.get(index));
    Plan plan = StorageNodePlanner.plan(db.storageView(index + 1), observed);
    perform(
        plan, index + 1, most, a -> t.execute((StorageAction) a, looked.get(index), live(t, a)));
    return plan;
  }

  private Set<String> live(SimTarget target, Action action) {
    Set<String> live = new HashSet<>();
    if (action instanceof Action.LookControllers look) {
      for (Host host : hosts) {
        for (Ctl ctl : host.compute.controllers.values()) {
          if (ctl.made.nqn().equals(look.nqn()) && ctl.open() != null && ctl.target == target) {
            live.add(ctl.made.hostNqn());
          }
        }
      }
    }
    return live;
  }

  Plan stepBaremetal(int most) {
    return step(hosts.getFirst(), most);
  }

  Plan step(Host host, int most) {
    host.compute.nowMs = compute.nowMs;
    Plan plan = BaremetalPlanner.plan(db.baremetalView(host.id), observe(host));
    perform(plan, host.id, most, a -> execute(host, a));
    return plan;
  }

  private @Nullable String execute(Host host, Action action) {
    if (action instanceof CreateNull c) {
      host.placeholders.add(c.bdev());
    }
    settle();
    String refusal =
        action instanceof Action.DeleteVhost d && hasWaiting(host, d.controller())
            ? "busy"
            : host.compute.execute((BaremetalAction) action);
    if (action instanceof DeleteNull d) {
      host.placeholders.remove(d.bdev());
    }
    if (action instanceof Action.CreateRaid c && refusal != null) {
      host.refusedRaids.add(c.raid());
    }
    if (action instanceof Action.DisableController d && refusal == null) {
      host.disabledSince.put(d.controller(), compute.nowMs);
    }
    if (action instanceof Action.DetachController d) {
      host.disabledSince.remove(d.controller());
      failWithoutLegs(host);
    }
    return refusal;
  }

  /** What waits for a RAID that lost its last leg ends with errors. */
  private void failWithoutLegs(Host host) {
    host.waiting
        .keySet()
        .removeIf(v -> {
          Volume volume = db.volumes.get(v);
          return !host.compute.raids.containsKey(Names.raid(volume.id(), volume.uuid()));
        });
  }

  /** A session ends only when its last request has. */
  private boolean hasWaiting(Host host, String controller) {
    return db.volumes.values().stream()
        .anyMatch(v ->
            Attachment.raidName(v).equals(host.compute.vhosts.get(controller))
                && !host.waiting.getOrDefault(v.id(), Set.of()).isEmpty());
  }

  /** A session lives as long as its last request. */
  private Facts<BaremetalObserved.Vhost> vhosts(Host host) {
    Map<String, BaremetalObserved.Vhost> seen = new HashMap<>();
    host.compute
        .vhostFacts()
        .byName()
        .forEach((name, v) ->
            seen.put(
                name,
                hasWaiting(host, name)
                    ? new BaremetalObserved.Vhost(name, v.bdev(), v.socketPath(), 1)
                    : v));
    return Facts.known(seen);
  }

  BaremetalObserved observe(Host host) {
    for (VolumeMapping m : db.mappings.values()) {
      Volume v = db.volumes.get(m.volumeId());
      R raid = host.compute.raids.get(Attachment.raidName(v));
      if (raid != null && raid.online) {
        host.assemblingSince.remove(m.id());
      } else {
        host.assemblingSince.putIfAbsent(m.id(), compute.nowMs);
      }
      if (db.vms.values().stream()
          .anyMatch(x ->
              x.mappingId() == m.id() && host.compute.vhosts.containsKey(x.controllerName()))) {
        host.opened.add(m.id());
      }
    }
    return new BaremetalObserved(
        host.id + "#" + host.compute.incarnation,
        compute.nowMs,
        stopping,
        host.compute.controllerFacts(host.notEnabledSince),
        host.compute.raidFacts(), // before the limits
        vhosts(host),
        Map.of(),
        Set.copyOf(host.opened),
        Set.copyOf(host.refusedRaids),
        Set.of(),
        Set.copyOf(host.placeholders),
        Map.copyOf(host.assemblingSince),
        Map.of(),
        Map.copyOf(host.disabledSince),
        Map.of(),
        Map.of(),
        Map.copyOf(host.compute.limits),
        Map.of(),
        true,
        Map.of());
  }

  private interface Executor {
    @Nullable String execute(Action action);
  }

  private void perform(Plan plan, long node, int most, Executor executor) {
    int left = most;
    Set<ObjectRef> failed = new HashSet<>();
    for (Work w : plan.work()) {
      if (w.after().stream().anyMatch(failed::contains)) {
        continue;
      }
      if (left-- <= 0) {
        history.add("  agent " + node + " died");
        forget(node);
        return;
      }
      boolean allowed = w.actions().isEmpty() || db.version(w.object()) == w.version();
      for (Commit c : w.commits()) {
        boolean applied = allowed && db.commit(node, c);
        history.add("  " + node + " commit " + c + (applied ? "" : " REFUSED"));
        allowed &= applied;
        if (applied && c instanceof Commit.MappingClean m && !m.clean()) {
          host(node).opened.add(m.mappingId());
        }
      }
      for (Action a : w.actions()) {
        if (!allowed) {
          failed.add(w.object());
          break;
        }
        if (left-- <= 0) {
          history.add("  agent " + node + " died");
          forget(node);
          return;
        }
        String refusal = executor.execute(a);
        actionsDone++;
        history.add("  " + node + " " + a + (refusal == null ? "" : " refused: " + refusal));
        check();
        if (refusal != null) {
          failed.add(w.object());
          break;
        }
      }
    }
  }

  private Host host(long id) {
    return hosts.stream().filter(h -> h.id == id).findFirst().orElseThrow();
  }

  void forget(long node) {
    if (node < SimDatabase.BAREMETAL) {
      looked.get((int) node - 1).clear();
    } else {
      host(node).forget();
    }
  }

  void killTarget(int index) {
    targets.get(index).up = false;
    history.add("sn" + (index + 1) + " dies");
  }

  void startTarget(int index) {
    SimTarget t = targets.get(index);
    if (!t.up) {
      t.up = true;
      t.restart();
      looked.get(index).clear();
      history.add("sn" + (index + 1) + " is back");
    }
  }

  void killCompute() {
    killCompute(hosts.getFirst());
  }

  void killCompute(Host host) {
    host.waiting.clear();
    host.compute.guests.clear();
    host.compute.restart();
    host.forget();
    history.add("data plane " + host.id + " restarts");
  }

  /** A guest writes once; reaches the legs one by one; acknowledged when all have it. */
  void write(long volume, boolean dieInTheMiddle) {
    hosts.forEach(h -> write(h, volume, dieInTheMiddle));
  }

  private void write(Host host, long volume, boolean dieInTheMiddle) {
    R raid = exposed(host, volume);
    if (raid == null) {
      return;
    }
    int write = nextWrite++;
    if (dieInTheMiddle) {
      for (Slot s : raid.slots) {
        Blob blob = host.compute.blob(s.bdev);
        if (blob != null) {
          blob.writes.add(write);
          history.add("write " + write + " of volume " + volume + " reached only " + s.bdev);
          killCompute(host);
          return;
        }
      }
    }
    host.waiting.computeIfAbsent(volume, _ -> new TreeSet<>()).add(write);
    settle();
  }

  /** Writes go to every leg of the RAID; those that wait for a leg go on when it is back or out. */
  void settle() {
    for (Host host : hosts) {
      for (Map.Entry<Long, Set<Integer>> w : host.waiting.entrySet()) {
        R raid = exposed(host, w.getKey());
        if (raid == null) {
          continue;
        }
        boolean all = true;
        for (Slot s : raid.slots) {
          Blob blob = host.compute.blob(s.bdev);
          if (blob != null) {
            blob.writes.addAll(w.getValue());
          } else if (s.bdev != null) {
            all = false;
          }
        }
        if (all) {
          acknowledged.computeIfAbsent(w.getKey(), _ -> new TreeSet<>()).addAll(w.getValue());
          w.getValue().clear();
        }
      }
    }
  }

  @Nullable R exposed(Host host, long volume) {
    Volume v = db.volumes.get(volume);
    R raid = host.compute.raids.get(Names.raid(v.id(), v.uuid()));
    return raid != null && raid.online && host.compute.vhosts.containsValue(raid.name)
        ? raid
        : null;
  }

  boolean hasWaiting(Host host) {
    return host.waiting.values().stream().anyMatch(w -> !w.isEmpty());
  }

  /**
   * The oracle: every leg that the guest of the volume's holder may read has every acknowledged
   * write, whoever acknowledged it.
   */
  void check() {
    settle();
    for (Volume v : db.volumes.values()) {
      Set<Integer> told = acknowledged.getOrDefault(v.id(), Set.of());
      for (Host host : hosts) {
        R raid = db.holds(host.id, v.id()) ? exposed(host, v.id()) : null;
        for (Slot s : raid == null ? List.<Slot>of() : raid.slots) {
          Blob blob = host.compute.blob(s.bdev);
          if (s.bdev != null && blob != null && !s.bdev.equals(raid.rebuilding)) {
            if (!blob.writes.containsAll(told)) {
              throw new AssertionError("lost writes on " + s.bdev + " of " + v.name());
            }
          }
        }
      }
    }
  }

  /** Legs a guest may read are equal. */
  void checkEqual() {
    settle();
    for (Volume v : db.volumes.values()) {
      for (Host host : hosts) {
        R raid = db.holds(host.id, v.id()) ? exposed(host, v.id()) : null;
        Set<Set<Integer>> contents = new HashSet<>();
        for (Slot s : raid == null ? List.<Slot>of() : raid.slots) {
          Blob blob = host.compute.blob(s.bdev);
          if (s.bdev != null && blob != null && !s.bdev.equals(raid.rebuilding)) {
            contents.add(blob.writes);
          }
        }
        if (contents.size() > 1) {
          throw new AssertionError("readable legs of " + v.name() + " differ: " + contents);
        }
      }
    }
  }

  /** Runs all agents until nobody has anything to do. */
  void converge() {
    for (int i = 0; i < targets.size(); i++) {
      startTarget(i);
    }
    for (int round = 0; round < 400; round++) {
      boolean idle = true;
      for (int i = 0; i < targets.size(); i++) {
        idle &= stepStorage(i, 1000).work().isEmpty();
      }
      for (Host host : hosts) {
        idle &= step(host, 1000).work().isEmpty();
        host.compute.progress();
      }
      compute.nowMs += 1_000;
      boolean rebuilding =
          hosts.stream()
                  .flatMap(h -> h.compute.raids.values().stream())
                  .anyMatch(r -> r.rebuilding != null)
              || db.lvols.values().stream()
                  .anyMatch(l ->
                      l.sync() != LvolSync.IN_SYNC
                          && l.state() != LvolState.DELETED
                          && db.attached(l.volumeId()));
      if (idle && !rebuilding) {
        return;
      }
    }
    throw new AssertionError("no convergence: " + stepBaremetal(0).text());
  }
}

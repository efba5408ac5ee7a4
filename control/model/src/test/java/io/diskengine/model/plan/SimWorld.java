package io.diskengine.model.plan;

import io.diskengine.model.DataPlaneState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Names;
import io.diskengine.model.NodeMode;
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
  final SimCompute compute;
  final List<String> history = new ArrayList<>();
  boolean stopping;

  // Memories of agents; lost with them.
  private final List<Map<String, Set<String>>> looked = new ArrayList<>();
  private final Map<String, Long> notEnabledSince = new HashMap<>();
  private final Set<Long> opened = new HashSet<>();
  private final Set<String> refusedRaids = new HashSet<>();
  private final Set<String> placeholders = new HashSet<>();
  private final Map<Long, Long> assemblingSince = new HashMap<>();
  private final Map<String, Long> disabledSince = new HashMap<>();

  // Guests, by volume.
  private final Map<Long, Set<Integer>> acknowledged = new TreeMap<>();
  private final Map<Long, Set<Integer>> waiting = new TreeMap<>();
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
    compute = new SimCompute(targets);
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
    Set<String> hosts = new HashSet<>();
    if (action instanceof Action.LookControllers look) {
      for (Ctl ctl : compute.controllers.values()) {
        if (ctl.made.nqn().equals(look.nqn()) && ctl.open() != null && ctl.target == target) {
          hosts.add(ctl.made.hostNqn());
        }
      }
    }
    return hosts;
  }

  Plan stepBaremetal(int most) {
    Plan plan = BaremetalPlanner.plan(db.baremetalView(), observe());
    perform(plan, SimDatabase.BAREMETAL, most, this::executeBaremetal);
    return plan;
  }

  private @Nullable String executeBaremetal(Action action) {
    if (action instanceof CreateNull c) {
      placeholders.add(c.bdev());
    }
    settle();
    String refusal =
        action instanceof Action.DeleteVhost d && hasWaiting(d.controller())
            ? "busy"
            : compute.execute((BaremetalAction) action);
    if (action instanceof DeleteNull d) {
      placeholders.remove(d.bdev());
    }
    if (action instanceof Action.CreateRaid c && refusal != null) {
      refusedRaids.add(c.raid());
    }
    if (action instanceof Action.DisableController d && refusal == null) {
      disabledSince.put(d.controller(), compute.nowMs);
    }
    if (action instanceof Action.DetachController d) {
      disabledSince.remove(d.controller());
    }
    return refusal;
  }

  /** A session ends only when its last request has. */
  private boolean hasWaiting(String controller) {
    return db.volumes.values().stream()
        .anyMatch(v ->
            Attachment.raidName(v).equals(compute.vhosts.get(controller))
                && !waiting.getOrDefault(v.id(), Set.of()).isEmpty());
  }

  BaremetalObserved observe() {
    for (VolumeMapping m : db.mappings.values()) {
      Volume v = db.volumes.get(m.volumeId());
      R raid = compute.raids.get(Attachment.raidName(v));
      if (raid != null && raid.online) {
        assemblingSince.remove(m.id());
      } else {
        assemblingSince.putIfAbsent(m.id(), compute.nowMs);
      }
      if (db.vms.values().stream()
          .anyMatch(
              x -> x.mappingId() == m.id() && compute.vhosts.containsKey(x.controllerName()))) {
        opened.add(m.id());
      }
    }
    return new BaremetalObserved(
        "bm1#" + compute.incarnation,
        compute.nowMs,
        stopping,
        compute.controllerFacts(notEnabledSince),
        compute.raidFacts(),
        compute.vhostFacts(),
        Map.of(),
        Set.copyOf(opened),
        Set.copyOf(refusedRaids),
        Set.copyOf(placeholders),
        Map.copyOf(assemblingSince),
        Map.copyOf(disabledSince),
        Map.of(),
        Set.of());
  }

  private interface Executor {
    @Nullable String execute(Action action);
  }

  private void perform(Plan plan, long node, int most, Executor executor) {
    int left = most;
    for (Work w : plan.work()) {
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
          opened.add(m.mappingId());
        }
      }
      for (Action a : w.actions()) {
        if (!allowed) {
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
          break;
        }
      }
    }
  }

  /** What an agent knew is gone with it; it starts with what it can see. */
  void forget(long node) {
    if (node != SimDatabase.BAREMETAL) {
      looked.get((int) node - 1).clear();
      return;
    }
    notEnabledSince.clear();
    opened.clear();
    refusedRaids.clear();
    assemblingSince.clear();
    disabledSince.clear();
    placeholders.clear();
    placeholders.addAll(compute.nulls.keySet());
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
    waiting.clear();
    compute.restart();
    placeholders.clear();
    opened.clear();
    refusedRaids.clear();
    disabledSince.clear();
    assemblingSince.clear();
    history.add("bm1's data plane restarts");
  }

  /** A guest writes once; reaches the legs one by one; acknowledged when all have it. */
  void write(long volume, boolean dieInTheMiddle) {
    R raid = exposed(volume);
    if (raid == null) {
      return;
    }
    int write = nextWrite++;
    if (dieInTheMiddle) {
      for (Slot s : raid.slots) {
        Blob blob = compute.blob(s.bdev);
        if (blob != null) {
          blob.writes.add(write);
          history.add("write " + write + " of volume " + volume + " reached only " + s.bdev);
          killCompute();
          return;
        }
      }
    }
    waiting.computeIfAbsent(volume, _ -> new TreeSet<>()).add(write);
    settle();
  }

  /** Writes go to every leg of the RAID; those that wait for a leg go on when it is back or out. */
  void settle() {
    for (Map.Entry<Long, Set<Integer>> w : waiting.entrySet()) {
      R raid = exposed(w.getKey());
      if (raid == null) {
        continue;
      }
      boolean all = true;
      for (Slot s : raid.slots) {
        Blob blob = compute.blob(s.bdev);
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

  private @Nullable R exposed(long volume) {
    Volume v = db.volumes.get(volume);
    R raid = compute.raids.get(Names.raid(v.id(), v.uuid()));
    return raid != null && raid.online && compute.vhosts.containsValue(raid.name) ? raid : null;
  }

  /** The oracle: every leg a guest may read has every acknowledged write. */
  void check() {
    settle();
    for (Volume v : db.volumes.values()) {
      R raid = exposed(v.id());
      if (raid == null) {
        continue;
      }
      Set<Integer> told = acknowledged.getOrDefault(v.id(), Set.of());
      for (Slot s : raid.slots) {
        Blob blob = compute.blob(s.bdev);
        if (s.bdev != null && blob != null && !s.bdev.equals(raid.rebuilding)) {
          if (!blob.writes.containsAll(told)) {
            throw new AssertionError("lost writes on " + s.bdev + " of " + v.name());
          }
        }
      }
    }
  }

  /** Legs a guest may read are equal. */
  void checkEqual() {
    settle();
    for (Volume v : db.volumes.values()) {
      R raid = exposed(v.id());
      if (raid != null) {
        Set<Set<Integer>> contents = new HashSet<>();
        for (Slot s : raid.slots) {
          Blob blob = compute.blob(s.bdev);
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
      idle &= stepBaremetal(1000).work().isEmpty();
      compute.progress();
      compute.nowMs += 1_000;
      boolean rebuilding =
          compute.raids.values().stream().anyMatch(r -> r.rebuilding != null)
              || db.lvols.values().stream()
                  .anyMatch(l -> l.sync() != LvolSync.IN_SYNC && db.attached(l.volumeId()));
      if (idle && !rebuilding) {
        return;
      }
    }
    throw new AssertionError("no convergence: " + stepBaremetal(0).text());
  }
}

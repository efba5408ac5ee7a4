package io.diskengine.model.plan;

import io.diskengine.model.Limits;
import io.diskengine.model.plan.Action.AddBase;
import io.diskengine.model.plan.Action.AttachController;
import io.diskengine.model.plan.Action.BaremetalAction;
import io.diskengine.model.plan.Action.CreateNull;
import io.diskengine.model.plan.Action.CreateRaid;
import io.diskengine.model.plan.Action.CreateVhost;
import io.diskengine.model.plan.Action.DeleteNull;
import io.diskengine.model.plan.Action.DeleteRaid;
import io.diskengine.model.plan.Action.DeleteVhost;
import io.diskengine.model.plan.Action.DetachController;
import io.diskengine.model.plan.Action.DisableController;
import io.diskengine.model.plan.Action.Examine;
import io.diskengine.model.plan.Action.RemoveBase;
import io.diskengine.model.plan.BaremetalObserved.Controller;
import io.diskengine.model.plan.BaremetalObserved.Leg;
import io.diskengine.model.plan.BaremetalObserved.Path;
import io.diskengine.model.plan.BaremetalObserved.Process;
import io.diskengine.model.plan.BaremetalObserved.Raid;
import io.diskengine.model.plan.BaremetalObserved.Vhost;
import io.diskengine.model.plan.SimTarget.Blob;
import io.diskengine.model.plan.SimTarget.Superblock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import org.jspecify.annotations.NullUnmarked;
import org.jspecify.annotations.Nullable;

/** A baremetal node's data plane with SPDK's rules for raid1 with superblock, auto-examine off. */
@NullUnmarked
final class SimCompute {
  static final class Ctl {
    final AttachController made;
    final SimTarget target;
    final UUID uuid;
    boolean disabled;

    Ctl(AttachController made, SimTarget target, UUID uuid) {
      this.made = made;
      this.target = target;
      this.uuid = uuid;
    }

    @Nullable Blob open() {
      return disabled ? null : target.open(made.nqn(), made.hostNqn());
    }
  }

  static final class Slot {
    UUID uuid;
    @Nullable String bdev;

    Slot(UUID uuid, @Nullable String bdev) {
      this.uuid = uuid;
      this.bdev = bdev;
    }
  }

  static final class R {
    final String name;
    final UUID uuid;
    long seq;
    final List<Slot> slots = new ArrayList<>();
    boolean online;
    @Nullable String rebuilding;
    int percent;
    long quietSinceMs;

    R(String name, UUID uuid, long seq) {
      this.name = name;
      this.uuid = uuid;
      this.seq = seq;
    }

    Slot slot(String bdev) {
      return slots.stream().filter(s -> bdev.equals(s.bdev)).findFirst().orElse(null);
    }
  }

  static final UUID NONE = new UUID(0, 0);

  final List<SimTarget> targets;
  int incarnation = 1;
  final Map<String, Ctl> controllers = new HashMap<>();
  final Map<String, R> raids = new HashMap<>();
  final Map<String, String> vhosts = new HashMap<>();
  final Map<String, Limits> limits = new HashMap<>();
  final Set<String> guests = new HashSet<>();
  final Map<String, UUID> nulls = new HashMap<>();
  final Set<String> allowed = new HashSet<>();
  long nowMs;

  SimCompute(List<SimTarget> targets) {
    this.targets = targets;
  }

  void restart() {
    incarnation++;
    controllers.clear();
    raids.clear();
    limits.clear();
    vhosts.clear();
    nulls.clear();
    allowed.clear();
  }

  @Nullable Ctl controllerOf(String bdev) {
    return bdev.endsWith("n1") ? controllers.get(bdev.substring(0, bdev.length() - 2)) : null;
  }

  @Nullable Blob blob(@Nullable String bdev) {
    Ctl ctl = bdev == null ? null : controllerOf(bdev);
    return ctl == null ? null : ctl.open();
  }

  private boolean exists(String bdev) {
    return nulls.containsKey(bdev) || controllerOf(bdev) != null;
  }

  private UUID uuidOf(String bdev) {
    Ctl ctl = controllerOf(bdev);
    return ctl != null ? ctl.uuid : nulls.getOrDefault(bdev, NONE);
  }

  /** Null when it worked, else the refusal. */
  @Nullable String execute(BaremetalAction action) {
    return switch (action) {
      case AttachController a -> attach(a);
      case DisableController a -> {
        Ctl ctl = controllers.get(a.controller());
        if (ctl == null) {
          yield "none";
        }
        ctl.disabled = true;
        yield null;
      }
      case DetachController a -> {
        R holder = holder(a.controller() + "n1");
        if (controllers.remove(a.controller()) == null) {
          yield "none";
        }
        if (holder != null) {
          remove(holder, a.controller() + "n1");
        }
        yield null;
      }
      case CreateRaid a -> create(a);
      case DeleteRaid a -> raids.remove(a.raid()) == null ? "none" : null;
      case AddBase a -> add(a.raid(), a.base());
      case RemoveBase a -> {
        R raid = raids.get(a.raid());
        yield raid == null || !raid.online || raid.slot(a.base()) == null
            ? "none"
            : remove(raid, a.base());
      }
      case CreateNull a -> nulls.putIfAbsent(a.bdev(), a.uuid()) == null ? null : "exists";
      case DeleteNull a -> nulls.remove(a.bdev()) == null ? "none" : null;
      case Action.SetLimits a -> {
        limits.put(a.raid(), a.limits());
        yield null;
      }
      case CreateVhost a -> {
        R raid = raids.get(a.bdev());
        if (raid == null || !raid.online) {
          yield "no such device";
        }
        assert raid.slots.stream().noneMatch(s -> s.bdev != null && nulls.containsKey(s.bdev))
            : "a guest would read a placeholder";
        yield vhosts.putIfAbsent(a.controller(), a.bdev()) == null ? null : "exists";
      }
      case DeleteVhost a ->
          guests.contains(a.controller())
              ? "busy"
              : vhosts.remove(a.controller()) == null ? "none" : null;
      case Examine a -> {
        if (!allowed.add(a.bdev())) {
          yield "exists";
        }
        examine(a.bdev());
        yield null;
      }
    };
  }

  private @Nullable String attach(AttachController a) {
    for (SimTarget t : targets) {
      SimTarget.Sub sub = t.subsystems.get(a.nqn());
      if (sub != null && t.open(a.nqn(), a.hostNqn()) != null && sub.namespace != null) {
        if (controllers.putIfAbsent(a.controller(), new Ctl(a, t, sub.namespace.uuid())) != null) {
          return "exists";
        }
        if (allowed.contains(a.controller() + "n1")) {
          examine(a.controller() + "n1");
        }
        return null;
      }
    }
    return "I/O error";
  }

  private @Nullable R holder(String bdev) {
    return raids.values().stream().filter(r -> r.slot(bdev) != null).findFirst().orElse(null);
  }

  private @Nullable String create(CreateRaid a) {
    if (raids.containsKey(a.raid())) {
      return "exists";
    }
    for (String base : a.bases()) {
      Blob blob = blob(base);
      if ((blob == null && !nulls.containsKey(base))
          || (blob != null && blob.superblock != null)
          || holder(base) != null) {
        return "File exists";
      }
    }
    R raid = new R(a.raid(), a.uuid(), 1);
    a.bases().forEach(b -> raid.slots.add(new Slot(uuidOf(b), b)));
    raid.online = true;
    raid.quietSinceMs = nowMs;
    raids.put(a.raid(), raid);
    a.bases().stream().map(this::blob).filter(b -> b != null).forEach(b -> b.whole = true);
    writeSuperblocks(raid);
    return null;
  }

  private void writeSuperblocks(R raid) {
    Set<UUID> missing = new HashSet<>();
    List<UUID> uuids = new ArrayList<>();
    for (Slot s : raid.slots) {
      uuids.add(s.uuid);
      if (s.bdev == null || s.bdev.equals(raid.rebuilding)) {
        missing.add(s.uuid);
      }
    }
    for (Slot s : raid.slots) {
      Blob blob = blob(s.bdev);
      if (blob != null) {
        blob.superblock = new Superblock(raid.uuid, raid.name, raid.seq, uuids, missing);
      }
    }
  }

  @Nullable String remove(R raid, String bdev) {
    Slot slot = raid.slot(bdev);
    if (slot == null) {
      return "none";
    }
    slot.bdev = null;
    if (bdev.equals(raid.rebuilding)) {
      raid.rebuilding = null;
    }
    raid.quietSinceMs = nowMs;
    if (raid.slots.stream().allMatch(s -> s.bdev == null)) {
      raids.remove(raid.name);
    } else if (raid.online) {
      raid.seq++;
      writeSuperblocks(raid);
    }
    return null;
  }

  private @Nullable String add(String name, String base) {
    R raid = raids.get(name);
    if (raid == null || !exists(base) || holder(base) != null || raid.rebuilding != null) {
      return "no such device";
    }
    if (!raid.online) {
      UUID uuid = uuidOf(base);
      Slot slot =
          raid.slots.stream()
              .filter(s -> s.bdev == null && s.uuid.equals(uuid))
              .findFirst()
              .orElse(null);
      if (slot == null) {
        return "invalid";
      }
      slot.bdev = base;
      complete(raid);
      return null;
    }
    Slot slot = raid.slots.stream().filter(s -> s.bdev == null).findFirst().orElse(null);
    if (slot == null || blob(base) == null) {
      return "invalid";
    }
    controllerOf(base).target.overwritten(blob(base));
    slot.bdev = base;
    slot.uuid = uuidOf(base);
    raid.rebuilding = base;
    raid.percent = 0;
    raid.seq++;
    writeSuperblocks(raid);
    return null;
  }

  private void complete(R raid) {
    Set<UUID> required = new HashSet<>();
    raid.slots.stream()
        .filter(s -> s.bdev == null && !s.uuid.equals(NONE))
        .forEach(s -> required.add(s.uuid));
    if (required.isEmpty()) {
      raid.online = true;
      raid.seq++;
      raid.quietSinceMs = nowMs;
      writeSuperblocks(raid);
    }
  }

  /** What raid's examine does with one leg, and with the other attached legs it pulls in. */
  private void examine(String bdev) {
    Blob blob = blob(bdev);
    Superblock sb = blob == null ? null : blob.superblock;
    if (sb == null || holder(bdev) != null) {
      return;
    }
    R raid = raids.get(sb.name());
    if (raid != null && raid.online) {
      add(sb.name(), bdev);
      return;
    }
    if (raid != null && raid.seq >= sb.seq()) {
      pull(raid, bdev, sb.missing());
    } else {
      R made = new R(sb.name(), sb.raid(), sb.seq());
      sb.slots().forEach(u -> made.slots.add(new Slot(sb.missing().contains(u) ? NONE : u, null)));
      raids.put(sb.name(), made);
      raid = made;
    }
    for (String ctl : new TreeSet<>(controllers.keySet())) {
      Blob other = blob(ctl + "n1");
      Superblock newer = other == null ? null : other.superblock;
      if (newer != null && newer.name().equals(raid.name) && newer.seq() > raid.seq) {
        raids.remove(raid.name);
        R made = new R(newer.name(), newer.raid(), newer.seq());
        newer
            .slots()
            .forEach(u -> made.slots.add(new Slot(newer.missing().contains(u) ? NONE : u, null)));
        raids.put(newer.name(), made);
        raid = made;
      }
    }
    for (String ctl : new TreeSet<>(controllers.keySet())) {
      pull(raid, ctl + "n1", Set.of());
    }
  }

  private void pull(R raid, String bdev, Set<UUID> missing) {
    UUID uuid = uuidOf(bdev);
    if (raid.online || holder(bdev) != null || blob(bdev) == null || missing.contains(uuid)) {
      return;
    }
    for (Slot s : raid.slots) {
      if (s.bdev == null && s.uuid.equals(uuid)) {
        s.bdev = bdev;
      }
    }
    complete(raid);
  }

  /** Rebuilds one step; failing when source or target cannot be reached. */
  void progress() {
    for (R raid : raids.values()) {
      String target = raid.rebuilding;
      if (target == null) {
        continue;
      }
      Blob to = blob(target);
      Blob from =
          raid.slots.stream()
              .filter(s -> s.bdev != null && !s.bdev.equals(target))
              .map(s -> blob(s.bdev))
              .filter(b -> b != null)
              .findFirst()
              .orElse(null);
      if (to == null || from == null) {
        continue;
      }
      raid.percent += 40;
      if (raid.percent >= 100) {
        to.writes = new TreeSet<>(from.writes);
        to.whole = true;
        raid.rebuilding = null;
        raid.quietSinceMs = nowMs;
        raid.seq++;
        writeSuperblocks(raid);
      }
    }
  }

  Facts<Controller> controllerFacts(Map<String, Long> notEnabledSince) {
    Map<String, Controller> facts = new HashMap<>();
    controllers.forEach((name, ctl) -> {
      boolean enabled = ctl.open() != null;
      if (enabled) {
        notEnabledSince.remove(name);
      } else {
        notEnabledSince.putIfAbsent(name, nowMs);
      }
      String state = ctl.disabled ? "disabled" : enabled ? "enabled" : "reconnect_is_delayed";
      facts.put(
          name,
          new Controller(
              name,
              List.of(new Path(state, ctl.made.address(), ctl.made.nqn(), ctl.made.hostNqn())),
              notEnabledSince.get(name)));
    });
    return Facts.known(facts);
  }

  Facts<Raid> raidFacts() {
    Map<String, Raid> facts = new HashMap<>();
    raids.forEach((name, r) -> {
      limits.putIfAbsent(name, Limits.NONE);
      List<Leg> legs =
          r.slots.stream().map(s -> new Leg(s.bdev, s.uuid, s.bdev != null, 0, 0)).toList();
      int configured = (int) legs.stream().filter(Leg::configured).count();
      facts.put(
          name,
          new Raid(
              name,
              r.uuid,
              r.online ? "online" : "configuring",
              true,
              legs.size(),
              configured,
              legs,
              r.rebuilding == null ? null : new Process(r.rebuilding, r.percent),
              r.quietSinceMs,
              nowMs));
    });
    return Facts.known(facts);
  }

  Facts<Vhost> vhostFacts() {
    Map<String, Vhost> facts = new HashMap<>();
    vhosts.forEach((name, bdev) ->
        facts.put(
            name,
            new Vhost(
                name,
                raids.containsKey(bdev) ? bdev : null,
                "/vhost/" + name,
                guests.contains(name) ? 1 : 0)));
    return Facts.known(facts);
  }
}

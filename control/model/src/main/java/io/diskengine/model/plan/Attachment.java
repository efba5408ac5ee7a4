package io.diskengine.model.plan;

import io.diskengine.model.Grant;
import io.diskengine.model.GrantState;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Names;
import io.diskengine.model.Node;
import io.diskengine.model.NodeView;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.VmMapping;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.plan.Action.AttachController;
import io.diskengine.model.plan.Action.DeleteNull;
import io.diskengine.model.plan.Action.DetachController;
import io.diskengine.model.plan.Action.DisableController;
import io.diskengine.model.plan.Action.RemoveBase;
import io.diskengine.model.plan.BaremetalObserved.Controller;
import io.diskengine.model.plan.BaremetalObserved.Probe;
import io.diskengine.model.plan.BaremetalObserved.Raid;
import io.diskengine.model.plan.BaremetalObserved.Vhost;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * One volume on this node: its rows, what was seen of it, and the rules that set-up and take-down
 * share.
 */
final class Attachment {
  final Index rows;
  final NodeView view;
  final BaremetalObserved seen;
  final PlanBuilder out;
  final Volume volume;
  final VolumeMapping mapping;
  final Optional<VmMapping> vm;
  final ObjectRef ref;
  final String raidName;
  final Optional<Raid> raid;
  final Optional<Vhost> vhost;
  final List<Leg> legs;

  /** Controllers of replicas that are deleted. */
  final List<String> former;

  Attachment(
      Index rows,
      BaremetalObserved seen,
      PlanBuilder out,
      Volume volume,
      VolumeMapping mapping,
      Optional<VmMapping> vm,
      List<Lvol> lvols,
      List<String> former) {
    this.rows = rows;
    this.view = rows.view;
    this.seen = seen;
    this.out = out;
    this.volume = volume;
    this.mapping = mapping;
    this.vm = vm;
    this.ref = new ObjectRef(ObjectKind.VOLUME_MAPPING, mapping.id());
    this.raidName = raidName(volume);
    this.raid = seen.raids().find(raidName);
    this.vhost = vm.flatMap(m -> seen.vhosts().find(m.controllerName()));
    this.legs = lvols.stream().map(this::leg).toList();
    this.former = former;
  }

  static String raidName(Volume volume) {
    return Names.raid(volume.id(), volume.uuid());
  }

  /** Law 2: nothing is planned on what was not seen. */
  boolean isKnown() {
    return seen.raids().isKnown(raidName)
        && seen.controllers().seen()
        && vm.map(m -> seen.vhosts().isKnown(m.controllerName())).orElse(seen.vhosts().seen());
  }

  private Leg leg(Lvol lvol) {
    String bdev = Names.legBdev(lvol.name());
    return new Leg(lvol, bdev, health(lvol), raid.filter(r -> r.holds(bdev)).isPresent());
  }

  private Leg.Health health(Lvol lvol) {
    String name = Names.controller(lvol.name());
    if (!seen.controllers().isKnown(name)) {
      return new Leg.Health.Unknown();
    }
    Optional<Controller> controller = seen.controllers().find(name);
    if (controller.isEmpty()) {
      return new Leg.Health.Detached();
    }
    if (controller.get().notEnabledSinceMs() instanceof Long since) {
      String cause =
          "controller " + name + " on " + nodeName(lvol) + " is " + controller.get().states();
      return new Leg.Health.Failing(since, cause + peerState(lvol));
    }
    Probe probe = seen.probes().get(lvol.nodeId());
    if (probe != null && probe.silentSinceMs() instanceof Long since) {
      return new Leg.Health.Failing(
          since, "probe of " + nodeName(lvol) + " failed: " + probe.detail());
    }
    return new Leg.Health.Healthy();
  }

  private String peerState(Lvol lvol) {
    return peer(lvol).map(n -> ", its data plane is " + n.dataPlane()).orElse("");
  }

  Optional<Node> peer(Lvol lvol) {
    return rows.peer(lvol.nodeId());
  }

  String nodeName(Lvol lvol) {
    return peer(lvol).map(Node::name).orElse("node " + lvol.nodeId());
  }

  ObjectRef nodeRef(Lvol lvol) {
    return new ObjectRef(ObjectKind.NODE, lvol.nodeId());
  }

  List<Leg> inSync() {
    return legs.stream().filter(l -> l.lvol().sync() == LvolSync.IN_SYNC).toList();
  }

  Optional<Grant> validGrant(Lvol lvol) {
    return rows.grantsOf(lvol.id()).stream()
        .filter(g -> Laws.isValid(g, volume, mapping))
        .findFirst();
  }

  /** A grant at the present epoch that the storage node has not confirmed or has. */
  boolean isReadmitted(Lvol lvol) {
    return rows.grantsOf(lvol.id()).stream()
        .anyMatch(g ->
            g.mappingId() == mapping.id()
                && g.volumeEpoch() == volume.epoch()
                && (g.state() == GrantState.GRANTING || g.state() == GrantState.GRANTED));
  }

  boolean isBusy(Leg leg) {
    return seen.busy().contains(leg.ref());
  }

  /** Law 5: seen to be absent, and nothing under way that may bring it (law 4). */
  boolean isGone(Leg leg) {
    if (isBusy(leg)) {
      out.blocked(leg.ref(), "an answer of the data plane", ref);
      return false;
    }
    String controller = Names.controller(leg.lvol().name());
    return seen.controllers().isAbsent(controller) && !mayCome(controller, leg.ref());
  }

  /** Law 5 of controllers of deleted replicas. */
  boolean areFormerGone() {
    List<String> own = legs.stream().map(l -> Names.controller(l.lvol().name())).toList();
    return former.isEmpty()
        && seen.lateUntilMs().keySet().stream()
            .filter(c -> !own.contains(c) && Names.volumeOf(c).equals(Optional.of(volume.id())))
            .noneMatch(c -> mayCome(c, ref));
  }

  /** Law 4: an attach whose answer was lost with its connection may still be under way. */
  private boolean mayCome(String controller, ObjectRef waits) {
    Long untilMs = seen.lateUntilMs().get(controller);
    if (untilMs == null || !Laws.mayCome(untilMs, seen.nowMs())) {
      return false;
    }
    out.blocked(
        waits,
        "controller "
            + controller
            + " to be seen, or the time of its connect to pass: its attach has no answer",
        null);
    out.requeueAt(untilMs);
    return true;
  }

  /**
   * An attach whose answer was lost with its connection is not sent again before it had time to be
   * over: which of the two has come could not be told.
   */
  boolean mayComeSoon(Leg leg) {
    String controller = Names.controller(leg.lvol().name());
    Long untilMs = seen.lateUntilMs().get(controller);
    if (untilMs == null || untilMs == Long.MAX_VALUE || !seen.controllers().isAbsent(controller)) {
      return false;
    }
    long againAtMs = untilMs - AttachController.COMES_WITHIN_MS + AttachController.COMES_SOON_MS;
    if (!Laws.mayCome(againAtMs, seen.nowMs())) {
      return false;
    }
    out.blocked(
        leg.ref(), "controller " + controller + " to be seen: its attach has no answer", ref);
    out.requeueAt(againAtMs);
    return true;
  }

  /**
   * Whether something of this volume waits for an answer: nothing that touches its RAID is sent.
   */
  boolean isRaidBusy() {
    return seen.busy().contains(ref)
        || vm.filter(m -> seen.busy().contains(new ObjectRef(ObjectKind.VM_MAPPING, m.id())))
            .isPresent();
  }

  boolean isAttached(Leg leg) {
    return seen.controllers().find(Names.controller(leg.lvol().name())).isPresent();
  }

  /** Law 12: a replica that is deleted is still known by its name and its uuid. */
  boolean isFormer(BaremetalObserved.Leg member) {
    return former.stream()
        .filter(c -> Names.legBdev(c).equals(member.bdev()))
        .flatMap(c -> Names.namespaceUuid(volume.id(), volume.uuid(), c).stream())
        .anyMatch(uuid -> uuid.equals(member.uuid()));
  }

  String placeholder(int slot) {
    return Names.placeholder(slot, raidName);
  }

  boolean isPlaceholder(String bdev) {
    return Names.isPlaceholder(bdev) && bdev.endsWith("_" + raidName);
  }

  UUID placeholderUuid() {
    return UUID.nameUUIDFromBytes(
        ("diskengine/placeholder/" + volume.uuid()).getBytes(StandardCharsets.US_ASCII));
  }

  /**
   * Takes placeholders out of an online RAID, and those away that are in none. True when there was
   * something to do.
   */
  boolean removePlaceholders() {
    List<String> members =
        raid.stream()
            .flatMap(r -> r.legs().stream())
            .filter(BaremetalObserved.Leg::configured)
            .flatMap(l -> Optional.ofNullable(l.bdev()).stream())
            .filter(this::isPlaceholder)
            .toList();
    List<Action> actions = new ArrayList<>();
    if (raid.filter(Raid::isOnline).isPresent()) {
      members.forEach(m -> actions.add(new RemoveBase(raidName, m)));
      members.forEach(m -> actions.add(new DeleteNull(m)));
    }
    seen.placeholders().stream()
        .filter(p -> isPlaceholder(p) && !members.contains(p))
        .forEach(p -> actions.add(new DeleteNull(p)));
    if (!actions.isEmpty() && !isRaidBusy()) {
      out.work(ref, mapping.version(), List.of(), actions);
    }
    return !actions.isEmpty();
  }

  /**
   * A leg that is recorded {@code OUT} and still in the RAID, or attached without reason: disabled
   * first, then, when the RAID has let go of it or had time to, detached. Never detached first: a
   * hung target would block writes for good.
   */
  void retire(Leg leg) {
    String controller = Names.controller(leg.lvol().name());
    if (isBusy(leg) || !isAttached(leg)) {
      return;
    }
    if (!leg.inRaid()) {
      out.act(leg.ref(), leg.lvol().version(), new DetachController(controller));
      return;
    }
    Long disabled = seen.disabledSinceMs().get(controller);
    if (disabled == null && vhost.isEmpty() && leg.health().isHealthy()) {
      if (!isRaidBusy()) {
        out.act(ref, mapping.version(), new RemoveBase(raidName, leg.bdev()));
      }
    } else if (disabled == null) {
      out.act(leg.ref(), leg.lvol().version(), new DisableController(controller));
    } else if (seen.nowMs() - disabled >= Laws.DISABLED_SETTLE_MS) {
      out.act(leg.ref(), leg.lvol().version(), new DetachController(controller));
    } else {
      out.blocked(leg.ref(), "the RAID to let go of the disabled leg", ref);
      out.requeueAt(seen.nowMs() + LET_GO_LOOK_MS);
    }
  }

  /**
   * Every leg that is in sync on record has left the RAID, and a rebuilt one is still in it: the
   * record follows, before anything else is done. False when there is none.
   */
  boolean followSuccessor() {
    Optional<Leg> rebuilt =
        legs.stream().filter(l -> l.lvol().sync() == LvolSync.REBUILDING && l.inRaid()).findFirst();
    if (raid.isEmpty() || !raid.get().isOnline() || rebuilt.isEmpty()) {
      return false;
    }
    Leg leg = rebuilt.get();
    if (Laws.isSuccessor(raid.get(), leg, legs)) {
      List<Long> lost = inSync().stream().map(l -> l.lvol().id()).toList();
      out.commit(
          ref,
          mapping.version(),
          new Commit.SourceLost(
              volume.id(),
              volume.epoch(),
              leg.lvol().id(),
              leg.lvol().version(),
              lost,
              "the RAID dropped it after an error, when the rebuild from it was done"));
    } else {
      out.blocked(leg.ref(), "a second look at its finished rebuild, whose source is gone", ref);
      out.requeueAt(
          Math.max(
              seen.nowMs() + LET_GO_LOOK_MS, raid.get().quietSinceMs() + Laws.REBUILT_QUIET_MS));
    }
    return true;
  }

  /** Whether a guest holds the vhost controller goes on record when it changes. */
  void recordGuest() {
    if (vm.isPresent() && vhost.isPresent()) {
      VmMapping m = vm.get();
      boolean connected = vhost.get().sessions() > 0;
      if (connected != m.guestConnected()) {
        out.commit(
            new ObjectRef(ObjectKind.VM_MAPPING, m.id()),
            m.version(),
            new Commit.GuestSeen(m.id(), connected));
      }
    }
  }

  private static final long LET_GO_LOOK_MS = 100;

  /** A guest that has to go first is looked for this often. */
  static final long GUEST_LOOK_MS = 500;
}

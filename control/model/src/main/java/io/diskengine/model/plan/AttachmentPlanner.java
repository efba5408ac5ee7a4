package io.diskengine.model.plan;

import io.diskengine.model.DataPlaneState;
import io.diskengine.model.FabricAddress;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Names;
import io.diskengine.model.Node;
import io.diskengine.model.plan.Action.AddBase;
import io.diskengine.model.plan.Action.AttachController;
import io.diskengine.model.plan.Action.DisableController;
import io.diskengine.model.plan.BaremetalObserved.Controller;
import io.diskengine.model.plan.BaremetalObserved.Raid;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Sets a volume up and keeps it up. Every leg of the epoch's set is attached; the RAID is created
 * once, later assembled ({@link Assembly}); legs that fail are recorded {@code OUT} and dropped,
 * legs that returned are added and rebuilt; the vhost controller comes last ({@link Exposure}).
 */
final class AttachmentPlanner {
  private final Attachment a;

  /** A rebuild is in this plan: the next one waits until it is on record. */
  private boolean starting;

  AttachmentPlanner(Attachment attachment) {
    this.a = attachment;
  }

  void plan() {
    if (assemble()) {
      Raid raid = a.raid.orElseThrow();
      a.legs.forEach(this::attach);
      a.legs.forEach(leg -> keep(raid, leg));
      new Exposure(a).plan(raid);
      new Growth(a).plan(raid);
    }
  }

  /**
   * Whether the RAID is online with the legs that the records name; else plans what brings it
   * there.
   */
  boolean assemble() {
    if (a.raid.isEmpty()) {
      a.legs.forEach(this::attach);
      new Assembly(a).plan();
      return false;
    }
    Raid raid = a.raid.get();
    if (!isOurs(raid)) {
      return false;
    }
    if (!raid.isOnline()) {
      a.legs.forEach(this::attach);
      new Assembly(a).complete(raid);
      return false;
    }
    return !a.removePlaceholders() && !isCreatedOnly() && !dropped() && !chooseTruth();
  }

  /** A new RAID goes on record before its set changes; otherwise when it is opened. */
  private boolean isCreatedOnly() {
    boolean whole =
        a.inSync().size() == a.legs.size()
            && a.legs.stream().allMatch(l -> l.inRaid() && l.health().isHealthy());
    if (!a.volume.raidCreated() && !whole) {
      a.out.commit(
          a.ref, a.mapping.version(), new Commit.RaidCreated(a.volume.id(), a.volume.version()));
      return true;
    }
    return false;
  }

  /** Only drops what fails: a guest that is on its way out still waits for its writes. */
  void dropFailing() {
    boolean online = a.raid.filter(r -> r.isOnline() && isOurs(r)).isPresent();
    if (online && !isCreatedOnly() && !dropped()) {
      for (Leg leg : a.legs) {
        if (leg.lvol().sync() == LvolSync.OUT) {
          a.retire(leg);
        } else {
          watch(leg);
        }
      }
    }
  }

  /** Law 3: the RAID is known by its uuid, its legs by theirs. */
  private boolean isOurs(Raid raid) {
    String wrong = null;
    if (!raid.uuid().equals(a.volume.uuid()) || !raid.superblock()) {
      wrong = "RAID " + raid.name() + " has uuid " + raid.uuid();
    }
    for (BaremetalObserved.Leg member : raid.legs()) {
      String bdev = member.bdev();
      if (!member.configured() || bdev == null || a.isPlaceholder(bdev) || a.isFormer(member)) {
        continue;
      }
      Optional<Leg> leg = a.legs.stream().filter(l -> l.bdev().equals(bdev)).findFirst();
      if (leg.isEmpty()) {
        wrong = "RAID " + raid.name() + " has a leg " + bdev + " that no row names";
      } else if (!leg.get().lvol().namespaceUuid().equals(member.uuid())) {
        wrong = "leg " + bdev + " has uuid " + member.uuid();
      }
    }
    if (wrong != null) {
      a.out.blocked(a.ref, "an operator: " + wrong, null);
    }
    return wrong == null;
  }

  private void attach(Leg leg) {
    Lvol lvol = leg.lvol();
    boolean online = a.raid.filter(Raid::isOnline).isPresent();
    boolean usable = lvol.state() == LvolState.UP || lvol.state() == LvolState.RESIZING;
    boolean wanted = Laws.mayAttach(leg, online) && usable;
    if (!wanted || a.isBusy(leg) || leg.health() instanceof Leg.Health.Unknown) {
      return;
    }
    if (lvol.sync() == LvolSync.OUT && !a.isReadmitted(lvol)) {
      return;
    }
    if (a.mayComeSoon(leg)) {
      return;
    }
    Optional<Node> node = a.peer(lvol);
    if (node.isEmpty() || a.validGrant(lvol).isEmpty()) {
      a.out.blocked(leg.ref(), "its grant to be confirmed by " + a.nodeName(lvol), a.nodeRef(lvol));
      return;
    }
    Optional<Controller> controller = a.seen.controllers().find(Names.controller(lvol.name()));
    List<Action> actions = new ArrayList<>();
    for (FabricAddress address : node.get().addresses()) {
      boolean there =
          controller.stream()
              .flatMap(c -> c.paths().stream())
              .anyMatch(p -> p.address().equals(address));
      if (!there) {
        actions.add(
            new AttachController(
                Names.controller(lvol.name()), address, lvol.nqn(), a.view.node().hostNqn()));
      }
    }
    boolean otherNqn =
        controller.stream()
            .flatMap(c -> c.paths().stream())
            .anyMatch(p -> !p.nqn().equals(lvol.nqn()));
    if (otherNqn) {
      a.out.blocked(leg.ref(), "an operator: its controller leads to " + controller, null);
    } else {
      a.out.work(leg.ref(), lvol.version(), List.of(), actions);
    }
  }

  /** Law 8: what SPDK dropped by itself (a write error) goes on record at first sight. */
  private boolean dropped() {
    List<Leg> dropped = a.inSync().stream().filter(l -> !l.inRaid()).toList();
    if (dropped.isEmpty()) {
      return false;
    }
    if (dropped.size() == a.inSync().size()) {
      if (!a.followSuccessor()) {
        a.out.blocked(a.ref, "an operator: no in-sync leg is in RAID " + a.raidName, null);
      }
      return true;
    }
    commitOut(dropped, "the RAID dropped it after an error, or its superblock was older");
    return true;
  }

  /**
   * One leg after the other: what takes a leg out writes the superblocks of those that stay, and
   * would wait for ever for one whose grant is revoked.
   */
  private boolean chooseTruth() {
    List<Leg> inSync = a.inSync();
    boolean opened = a.seen.opened().contains(a.mapping.id()) || a.vhost.isPresent();
    if (!Laws.mustChooseTruth(a.mapping, opened, inSync.size())) {
      return false;
    }
    List<Leg> leaving =
        a.legs.stream().filter(l -> l.lvol().sync() == LvolSync.OUT && l.inRaid()).toList();
    if (a.isRaidBusy() || !leaving.isEmpty()) {
      a.out.blocked(a.ref, "a leg to leave the RAID", null);
      leaving.forEach(a::retire);
      return true;
    }
    Leg truth =
        inSync.stream().filter(l -> l.health().isHealthy()).findFirst().orElse(inSync.getFirst());
    Leg other = inSync.stream().filter(l -> l != truth).findFirst().orElseThrow();
    String cause = "unclean stop: " + truth.lvol().name() + " is the truth";
    Commit out =
        new Commit.CommitOut(a.volume.id(), a.volume.epoch(), List.of(other.lvol().id()), cause);
    boolean healthy = other.health().isHealthy();
    a.out.work(
        a.ref,
        a.mapping.version(),
        List.of(out),
        healthy ? List.of(new Action.RemoveBase(a.raidName, other.bdev())) : List.of());
    return true;
  }

  private void commitOut(List<Leg> legs, String cause) {
    List<Long> ids = legs.stream().map(l -> l.lvol().id()).toList();
    a.out.commit(
        a.ref,
        a.mapping.version(),
        new Commit.CommitOut(a.volume.id(), a.volume.epoch(), ids, cause));
  }

  private void keep(Raid raid, Leg leg) {
    switch (leg.lvol().sync()) {
      case IN_SYNC -> watch(leg);
      case REBUILDING -> {
        if (!watch(leg)) {
          rebuilding(raid, leg);
        }
      }
      case OUT -> returning(raid, leg);
    }
  }

  /** True when the leg fails: dropped after the grace time, if another one may carry on. */
  private boolean watch(Leg leg) {
    if (!(leg.health() instanceof Leg.Health.Failing failing)) {
      return false;
    }
    long dropAtMs = failing.sinceMs() + a.view.cluster().settings().graceMs();
    if (!Laws.mayDrop(leg, a.legs)) {
      a.out.blocked(
          leg.ref(),
          failing.cause() + "; no other leg is healthy, guests wait",
          a.nodeRef(leg.lvol()));
    } else if (a.seen.nowMs() < dropAtMs) {
      a.out.blocked(
          leg.ref(),
          failing.cause() + "; it is dropped after the grace time",
          a.nodeRef(leg.lvol()));
      a.out.requeueAt(dropAtMs);
    } else if (!a.isBusy(leg)) {
      Commit out =
          new Commit.CommitOut(
              a.volume.id(), a.volume.epoch(), List.of(leg.lvol().id()), failing.cause());
      a.out.work(
          leg.ref(),
          leg.lvol().version(),
          List.of(out),
          List.of(new DisableController(Names.controller(leg.lvol().name()))));
    }
    return true;
  }

  private void rebuilding(Raid raid, Leg leg) {
    if (raid.process() != null && leg.bdev().equals(raid.process().target())) {
      int percent = raid.process().percent();
      Integer told = leg.lvol().rebuildPercent();
      a.out.blocked(leg.ref(), "its rebuild", null);
      a.out.requeueAt(a.seen.nowMs() + Laws.REBUILT_QUIET_MS);
      if (told == null || percent >= told + PROGRESS_STEP_PERCENT) {
        a.out.commit(
            leg.ref(), leg.lvol().version(), new Commit.RebuildProgress(leg.lvol().id(), percent));
      }
    } else if (!leg.inRaid() && raid.process() == null && !a.isBusy(leg) && !a.isRaidBusy()) {
      commitOut(List.of(leg), "its rebuild failed");
    } else if (Laws.isRebuilt(raid, leg)) {
      a.out.commit(
          leg.ref(),
          leg.lvol().version(),
          new Commit.InSync(leg.lvol().id(), leg.lvol().version()));
    } else {
      a.out.blocked(leg.ref(), "a second look at its finished rebuild", null);
      a.out.requeueAt(raid.quietSinceMs() + Laws.REBUILT_QUIET_MS);
    }
  }

  private void returning(Raid raid, Leg leg) {
    Lvol lvol = leg.lvol();
    boolean readmitted = a.isReadmitted(lvol);
    boolean granted = a.validGrant(lvol).isPresent();
    boolean grantLeft = !a.rows.grantsOf(lvol.id()).isEmpty();
    boolean peerReady =
        a.peer(lvol)
            .filter(n -> n.dataPlane() == DataPlaneState.READY && n.leaseValid())
            .isPresent();
    if (lvol.state() != LvolState.UP && !granted) {
      if (leg.inRaid() || a.isAttached(leg)) {
        a.retire(leg);
      } else if (lvol.state() == LvolState.CREATING) {
        told(leg, a.nodeName(lvol) + " to create it");
      }
    } else if (leg.inRaid() && granted) {
      a.out.commit(leg.ref(), lvol.version(), new Commit.RebuildStarted(lvol.id(), lvol.version()));
    } else if (!readmitted && (leg.inRaid() || a.isAttached(leg))) {
      told(leg, "its removal from the RAID");
      a.retire(leg);
    } else if (!readmitted && grantLeft) {
      told(leg, "its old grant to be revoked by " + a.nodeName(lvol));
    } else if (!readmitted && !peerReady) {
      told(leg, a.nodeName(lvol) + " to be ready");
    } else if (!readmitted && a.vm.isPresent() && a.vhost.isEmpty()) {
      told(leg, "the guest's controller to be there first");
    } else if (!readmitted && mustWait(leg)) {
      told(leg, "the end of a pause, because it left " + outOf(leg).times() + " times");
    } else if (!readmitted
        && a.rows.rebuildsOn(lvol.nodeId()) >= a.view.cluster().settings().maxRebuildsPerNode()) {
      told(leg, "its turn: " + a.nodeName(lvol) + " has as many rebuilds as it may have");
    } else if (!readmitted) {
      told(leg, "its turn to be rebuilt");
      a.out.commit(leg.ref(), lvol.version(), new Commit.Readmit(lvol.id(), lvol.version()));
    } else if (granted && leg.health().isHealthy() && !a.isBusy(leg)) {
      rebuild(raid, leg);
    } else {
      told(leg, "its controller to be attached again");
    }
  }

  private void rebuild(Raid raid, Leg leg) {
    boolean another =
        starting || a.legs.stream().anyMatch(l -> l.lvol().sync() == LvolSync.REBUILDING);
    if (raid.process() != null || another || a.isRaidBusy()) {
      told(leg, "another rebuild of this volume");
      a.out.requeueAt(a.seen.nowMs() + Laws.REBUILT_QUIET_MS);
      return;
    }
    if (raid.legs().stream().allMatch(BaremetalObserved.Leg::configured)) {
      told(leg, "a free slot of RAID " + a.raidName + ", which has " + raid.slots());
      return;
    }
    starting = true;
    a.out.work(
        leg.ref(),
        leg.lvol().version(),
        List.of(new Commit.RebuildStarted(leg.lvol().id(), leg.lvol().version())),
        List.of(new AddBase(a.raidName, leg.bdev())));
  }

  private boolean mustWait(Leg leg) {
    long atMs = Laws.readmitAtMs(outOf(leg));
    if (a.seen.nowMs() < atMs) {
      a.out.requeueAt(atMs);
      return true;
    }
    return false;
  }

  private BaremetalObserved.Out outOf(Leg leg) {
    return a.seen.outs().getOrDefault(leg.lvol().id(), NOT_SEEN);
  }

  private void told(Leg leg, String waitingFor) {
    String cause = outOf(leg).cause();
    a.out.blocked(leg.ref(), waitingFor + " (OUT: " + cause + ")", a.nodeRef(leg.lvol()));
  }

  /** It left before this agent was started; the history of events knows. */
  private static final BaremetalObserved.Out NOT_SEEN =
      new BaremetalObserved.Out("see events", 0, 0);

  private static final int PROGRESS_STEP_PERCENT = 10;
}

package io.diskengine.model.plan;

import io.diskengine.model.LvolSync;
import io.diskengine.model.Names;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.plan.Action.AddBase;
import io.diskengine.model.plan.Action.AttachController;
import io.diskengine.model.plan.Action.CreateNull;
import io.diskengine.model.plan.Action.CreateRaid;
import io.diskengine.model.plan.Action.DeleteNull;
import io.diskengine.model.plan.Action.DetachController;
import io.diskengine.model.plan.Action.Examine;
import io.diskengine.model.plan.Action.RemoveBase;
import io.diskengine.model.plan.BaremetalObserved.Controller;
import io.diskengine.model.plan.BaremetalObserved.Raid;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Collectors;

/**
 * Brings a RAID online: created once, over all legs of a new volume; afterwards assembled from the
 * legs of the epoch's set, never from others. It is created with one slot more than the volume has
 * replicas, so that a replica can be added and rebuilt before the one that it replaces leaves.
 *
 * <p>A set that lacks a leg which the superblocks still call healthy stays {@code configuring}.
 * Each such slot is filled with a null bdev of the leg's uuid, which is taken out again while
 * nobody can read: from then on the superblocks say that the leg is missing.
 */
final class Assembly {
  private final Attachment a;

  Assembly(Attachment attachment) {
    this.a = attachment;
  }

  /** The RAID is not there. */
  void plan() {
    List<Leg> broken = a.legs.stream().filter(l -> l.lvol().sync() == LvolSync.REBUILDING).toList();
    if (!broken.isEmpty()) {
      commitOut(broken, "its rebuild ended with the data plane that did it");
      return;
    }
    // Also while an examination has no answer: it may be reading a leg whose node is gone.
    boolean exists = a.volume.raidCreated() || a.seen.refusedRaids().contains(a.raidName);
    if (retiresOutside() || (exists && !allThere())) {
      return;
    }
    if (a.isRaidBusy()) {
      a.out.blocked(a.ref, "an answer of the data plane", null);
    } else if (!a.removePlaceholders()) {
      if (exists) {
        examine();
      } else {
        create();
      }
    }
  }

  /**
   * Legs outside the set go first, also one whose attach has no answer yet: it would be examined
   * with the others, without a grant, and a placeholder cannot have the uuid of a leg that is
   * there.
   */
  private boolean retiresOutside() {
    List<Leg> outside =
        a.legs.stream().filter(l -> l.lvol().sync() == LvolSync.OUT && !a.isGone(l)).toList();
    if (!outside.isEmpty()) {
      a.out.blocked(a.ref, "legs outside the set to be detached", outside.getFirst().ref());
      outside.forEach(a::retire);
    }
    return !outside.isEmpty();
  }

  private void examine() {
    // A creation that did not end left its superblock on some legs, and nobody knows on which.
    List<Leg> holders = a.volume.raidCreated() ? List.of(a.inSync().getFirst()) : a.inSync();
    Optional<Leg> next = holders.stream().filter(l -> !isExamined(l)).findFirst();
    if (next.isPresent()) {
      a.out.act(a.ref, a.mapping.version(), new Examine(next.get().bdev()));
      return;
    }
    // SPDK examines a name once, and again when its bdev comes anew: the RAID ended meanwhile.
    String names = String.join(", ", holders.stream().map(l -> l.lvol().name()).toList());
    Leg first = holders.getFirst();
    a.out.blocked(a.ref, "RAID " + a.raidName + " to be found on " + names, first.ref());
    for (Leg leg : holders) {
      a.out.blocked(leg.ref(), "its controller to be attached anew, to be examined again", a.ref);
      if (!a.isBusy(leg)) {
        String controller = Names.controller(leg.lvol().name());
        a.out.act(leg.ref(), leg.lvol().version(), new DetachController(controller));
      }
    }
  }

  private boolean isExamined(Leg leg) {
    return a.seen.examined().contains(leg.bdev());
  }

  private void create() {
    List<Leg> missing = a.legs.stream().filter(l -> !isReady(l)).toList();
    boolean complete = a.legs.size() == a.volume.replicas();
    if (!missing.isEmpty() || !complete) {
      ObjectRef cause = missing.isEmpty() ? null : missing.getFirst().ref();
      a.out.blocked(a.ref, "every replica of a new volume", cause);
    }
    if (!complete || !missing.stream().allMatch(this::isComing)) {
      return;
    }
    List<String> bases = new ArrayList<>(a.legs.stream().map(Leg::bdev).toList());
    String placeholder = a.placeholder(bases.size());
    bases.add(placeholder);
    a.out.follow(
        a.ref,
        a.mapping.version(),
        missing.stream().map(Leg::ref).collect(Collectors.toUnmodifiableSet()),
        List.of(
            placeholder(placeholder, a.placeholderUuid()),
            new CreateRaid(a.raidName, a.volume.uuid(), bases),
            new RemoveBase(a.raidName, placeholder),
            new DeleteNull(placeholder)));
  }

  /** Its controller is being attached, by this plan or an earlier one. */
  private boolean isComing(Leg leg) {
    List<Action> underWay = a.seen.underWay().getOrDefault(leg.ref(), List.of());
    boolean attaching =
        a.isBusy(leg)
            ? !underWay.isEmpty() && underWay.stream().allMatch(AttachController.class::isInstance)
            : a.out.isActing(leg.ref());
    return attaching && leg.lvol().sync() == LvolSync.IN_SYNC;
  }

  private CreateNull placeholder(String name, UUID uuid) {
    long blocks = a.legs.getFirst().lvol().sizeBytes() / a.volume.blockSize();
    return new CreateNull(name, uuid, a.volume.blockSize(), blocks);
  }

  private boolean isReady(Leg leg) {
    return leg.lvol().sync() == LvolSync.IN_SYNC
        && a.seen
            .controllers()
            .find(Names.controller(leg.lvol().name()))
            .filter(Controller::isEnabled)
            .isPresent();
  }

  /** Whether every leg of the set is attached; if not, waits or, where law 8 allows it, goes on. */
  private boolean allThere() {
    List<Leg> set = a.inSync();
    List<Leg> missing = set.stream().filter(l -> !isReady(l)).toList();
    if (set.isEmpty()) {
      a.out.blocked(a.ref, "an operator: no replica is in sync", null);
      return false;
    }
    if (missing.isEmpty()) {
      return true;
    }
    long since = a.seen.assemblingSinceMs().getOrDefault(a.mapping.id(), a.seen.nowMs());
    boolean some = missing.size() < set.size();
    if (some && a.volume.raidCreated() && Laws.mayStartAlone(a.mapping, a.seen.nowMs() - since)) {
      commitOut(missing, "it did not come within the time that a clean set waits");
      return false;
    }
    Leg first = missing.getFirst();
    String why = a.mapping.clean() ? "" : ", because the last stop was not clean";
    a.out.blocked(
        a.ref, "leg " + first.lvol().name() + " on " + a.nodeName(first.lvol()) + why, first.ref());
    if (some && a.mapping.clean()) {
      a.out.requeueAt(since + Laws.START_ALONE_AFTER_MS);
    }
    return false;
  }

  private void commitOut(List<Leg> legs, String cause) {
    List<Long> ids = legs.stream().map(l -> l.lvol().id()).toList();
    Leg first = legs.getFirst();
    // The mapping may wait for an answer that comes only when this leg has left.
    a.out.commit(
        first.ref(),
        first.lvol().version(),
        new Commit.CommitOut(a.volume.id(), a.volume.epoch(), ids, cause));
  }

  /** The RAID is there and not online. */
  void complete(Raid raid) {
    if (!raid.state().equals("configuring")) {
      a.out.blocked(a.ref, "an operator: RAID " + raid.name() + " is " + raid.state(), null);
      return;
    }
    if (retiresOutside() || !allThere()) {
      return;
    }
    if (a.isRaidBusy()) {
      a.out.blocked(a.ref, "the RAID to come online", null);
      return;
    }
    Optional<Leg> aside = a.inSync().stream().filter(l -> !l.inRaid()).findFirst();
    if (aside.isPresent()) {
      join(aside.get());
      return;
    }
    if (!a.removePlaceholders()) {
      fill(raid);
    }
  }

  /**
   * An examination pulls in what has the superblock. A leg without one, of a RAID whose creation
   * did not end, joins as it would have then: nobody has read or written any of its legs yet.
   */
  private void join(Leg leg) {
    boolean isBare = !a.volume.raidCreated() && isExamined(leg);
    Action join = isBare ? new AddBase(a.raidName, leg.bdev()) : new Examine(leg.bdev());
    a.out.act(a.ref, a.mapping.version(), join);
  }

  private void fill(Raid raid) {
    List<Action> fill = new ArrayList<>();
    List<Action> empty = new ArrayList<>();
    List<Action> delete = new ArrayList<>();
    for (int slot = 0; slot < raid.legs().size(); slot++) {
      BaremetalObserved.Leg leg = raid.legs().get(slot);
      boolean wanted = !leg.configured() && !leg.uuid().equals(NO_UUID);
      if (wanted) {
        String name = a.placeholder(slot);
        fill.add(placeholder(name, leg.uuid()));
        fill.add(new AddBase(a.raidName, name));
        empty.add(new RemoveBase(a.raidName, name));
        delete.add(new DeleteNull(name));
      }
    }
    if (fill.isEmpty()) {
      a.out.blocked(a.ref, "RAID " + raid.name() + " to come online", null);
      a.out.requeueAt(a.seen.nowMs() + LOOK_MS);
      return;
    }
    fill.addAll(empty);
    fill.addAll(delete);
    a.out.work(a.ref, a.mapping.version(), List.of(), fill);
  }

  private static final UUID NO_UUID = new UUID(0, 0);
  private static final long LOOK_MS = 500;
}

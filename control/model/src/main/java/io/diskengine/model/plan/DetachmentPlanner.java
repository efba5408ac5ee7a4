package io.diskengine.model.plan;

import io.diskengine.model.Names;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.VmMapping;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.model.plan.Action.DeleteRaid;
import io.diskengine.model.plan.Action.DeleteVhost;
import io.diskengine.model.plan.Action.DetachController;
import io.diskengine.model.plan.BaremetalObserved.Raid;
import java.util.ArrayList;
import java.util.List;

/**
 * Takes a volume down in the order of law 10, each edge seen: vhost controller gone, RAID gone,
 * NVMe controllers gone, then the mapping ends. A volume whose last stop was not clean is assembled
 * first, so that one leg becomes the truth. When only the data plane is to stop, the rows keep
 * their states and the mapping becomes clean.
 */
final class DetachmentPlanner {
  private final Attachment a;

  DetachmentPlanner(Attachment attachment) {
    this.a = attachment;
  }

  void plan() {
    boolean detaching = a.mapping.state() == VolumeMappingState.DETACHING;
    if (a.vm.isPresent() && !vhostGone(a.vm.get())) {
      new AttachmentPlanner(a).dropFailing();
      return;
    }
    if (!detaching && !a.seen.stopping()) {
      return;
    }
    boolean opened = a.seen.opened().contains(a.mapping.id());
    if (Laws.mustChooseTruth(a.mapping, opened, a.inSync().size())
        && !new AttachmentPlanner(a).assemble()) {
      return;
    }
    if (a.raid.isPresent()) {
      raid(a.raid.get());
      return;
    }
    if (a.removePlaceholders()) {
      return;
    }
    List<Commit> commits = new ArrayList<>();
    long version = a.mapping.version();
    if (!a.mapping.clean()) {
      commits.add(new Commit.MappingClean(a.mapping.id(), version++, true));
    }
    if (controllersGone() && detaching) {
      commits.add(new Commit.MappingChanged(a.mapping.id(), version, VolumeMappingState.DETACHED));
    }
    a.out.work(a.ref, a.mapping.version(), commits, List.of());
  }

  private boolean vhostGone(VmMapping vm) {
    ObjectRef ref = new ObjectRef(ObjectKind.VM_MAPPING, vm.id());
    if (a.vhost.isPresent()) {
      if (a.isRaidBusy()) {
        a.out.blocked(ref, "an answer of the data plane", a.ref);
      } else if (a.vhost.get().sessions() > 0) {
        a.out.blocked(
            ref,
            "its guest to be ended: it is connected to vhost controller " + vm.controllerName(),
            null);
        a.out.requeueAt(a.seen.nowMs() + Attachment.GUEST_LOOK_MS);
      } else {
        a.out.blocked(ref, "vhost controller " + vm.controllerName() + " to be gone", null);
        a.out.act(ref, vm.version(), new DeleteVhost(vm.controllerName()));
      }
      return false;
    }
    if (vm.state() == VmMappingState.DETACHING) {
      a.out.commit(
          ref,
          vm.version(),
          new Commit.VmMappingChanged(vm.id(), vm.version(), VmMappingState.DETACHED, null));
      return false;
    }
    return true;
  }

  /** A leg that SPDK dropped goes on record before the RAID that knows it is gone. */
  private void raid(Raid raid) {
    List<Leg> dropped = a.inSync().stream().filter(l -> !l.inRaid()).toList();
    boolean all = dropped.size() == a.inSync().size();
    if (all && a.followSuccessor()) {
      return;
    }
    if (raid.isOnline() && !dropped.isEmpty() && !all) {
      a.out.commit(
          a.ref,
          a.mapping.version(),
          new Commit.CommitOut(
              a.volume.id(),
              a.volume.epoch(),
              dropped.stream().map(l -> l.lvol().id()).toList(),
              "the RAID had dropped it when it was taken down"));
    } else if (a.isRaidBusy()) {
      a.out.blocked(a.ref, "an answer of the data plane", null);
    } else {
      a.out.act(a.ref, a.mapping.version(), new DeleteRaid(a.raidName));
    }
  }

  private boolean controllersGone() {
    boolean gone = a.areFormerGone();
    for (Leg leg : a.legs) {
      if (!a.isGone(leg)) {
        gone = false;
        if (!a.isBusy(leg) && a.isAttached(leg)) {
          String controller = Names.controller(leg.lvol().name());
          a.out.act(leg.ref(), leg.lvol().version(), new DetachController(controller));
        }
      }
    }
    return gone;
  }
}

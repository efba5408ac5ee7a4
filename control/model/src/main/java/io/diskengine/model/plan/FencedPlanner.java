package io.diskengine.model.plan;

import io.diskengine.model.Names;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.VmMapping;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.plan.Action.DeleteRaid;
import io.diskengine.model.plan.Action.DeleteVhost;
import io.diskengine.model.plan.Action.DetachController;
import java.util.List;

/**
 * Takes down what was taken away from this node (law 7): its hosts are off the legs, so that no
 * write of its guest can be acknowledged any more.
 *
 * <p>A guest that is still connected holds the vhost controller. Its legs are detached under it:
 * what waits and what comes is answered with errors, never with success. Legs that still work are
 * detached first, so that no write is acknowledged because the others are gone.
 */
final class FencedPlanner {
  private final Attachment a;

  FencedPlanner(Attachment attachment) {
    this.a = attachment;
  }

  void plan() {
    if (a.isRaidBusy()) {
      a.out.blocked(a.ref, "an answer of the data plane", null);
    } else if (vhostGone()) {
      legs();
    }
  }

  /**
   * What is under way at the RAID may wait for a leg that lets this node in no more: a creation
   * that reads superblocks for one. It is answered when its legs are gone.
   */
  void release() {
    boolean noGuest = a.vm.isEmpty() || a.seen.vhosts().isAbsent(a.vm.get().controllerName());
    if (a.isRaidBusy() && noGuest && a.seen.controllers().seen()) {
      detachLegs();
    }
  }

  /** Whether no guest can be connected any more. */
  private boolean vhostGone() {
    if (a.vm.isEmpty()) {
      return true;
    }
    VmMapping vm = a.vm.get();
    ObjectRef ref = new ObjectRef(ObjectKind.VM_MAPPING, vm.id());
    if (a.vhost.isEmpty()) {
      a.out.commit(
          ref,
          vm.version(),
          new Commit.VmMappingChanged(vm.id(), vm.version(), VmMappingState.DETACHED, null));
      return true;
    }
    if (a.vhost.get().sessions() > 0) {
      a.out.blocked(
          ref,
          "its guest to be ended: the volume was taken away from this node, and every request of"
              + " the guest fails",
          null);
      a.out.requeueAt(a.seen.nowMs() + Attachment.GUEST_LOOK_MS);
      detachLegs();
    } else {
      a.out.act(ref, vm.version(), new DeleteVhost(vm.controllerName()));
    }
    return false;
  }

  private void legs() {
    boolean legsGone = a.legs.stream().allMatch(a::isGone) && a.areFormerGone();
    if (a.raid.isPresent()) {
      a.out.act(a.ref, a.mapping.version(), new DeleteRaid(a.raidName));
    } else if (!legsGone) {
      detachLegs();
    } else if (!a.removePlaceholders() && a.vm.isEmpty()) {
      a.out.commit(
          a.ref, a.mapping.version(), new Commit.MappingGone(a.mapping.id(), a.mapping.version()));
    }
  }

  /** All that work, then all that do not. */
  private void detachLegs() {
    List<Leg> attached = a.legs.stream().filter(a::isAttached).toList();
    List<Leg> working = attached.stream().filter(l -> l.health().isHealthy()).toList();
    for (Leg leg : working.isEmpty() ? attached : working) {
      if (!a.isBusy(leg)) {
        a.out.act(
            leg.ref(),
            leg.lvol().version(),
            new DetachController(Names.controller(leg.lvol().name())));
      }
    }
  }
}

package io.diskengine.model.plan;

import io.diskengine.model.Limits;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.VmMapping;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.model.plan.Action.CreateVhost;
import io.diskengine.model.plan.Action.DeleteVhost;
import io.diskengine.model.plan.Action.SetLimits;
import io.diskengine.model.plan.BaremetalObserved.Raid;
import io.diskengine.model.plan.BaremetalObserved.Vhost;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Shows an online RAID to its guest, as the last step, and records what is true then. */
final class Exposure {
  private final Attachment a;

  Exposure(Attachment attachment) {
    this.a = attachment;
  }

  void plan(Raid raid) {
    if (a.vm.isEmpty()) {
      record(raid, List.of());
      return;
    }
    VmMapping vm = a.vm.get();
    ObjectRef ref = new ObjectRef(ObjectKind.VM_MAPPING, vm.id());
    Optional<Vhost> vhost = a.vhost;
    if (!limits() && vhost.isEmpty()) {
      return;
    }
    if (vhost.filter(v -> a.raidName.equals(v.bdev())).isPresent()) {
      boolean told =
          vm.state() == VmMappingState.ATTACHED && vhost.get().socketPath().equals(vm.socketPath());
      record(
          raid,
          told || vm.state() != VmMappingState.ATTACHING
              ? List.of()
              : List.of(
                  new Commit.VmMappingChanged(
                      vm.id(), vm.version(), VmMappingState.ATTACHED, vhost.get().socketPath())));
      return;
    }
    if (a.isRaidBusy()) {
      a.out.blocked(ref, "an answer of the data plane", a.ref);
    } else if (vhost.filter(v -> v.sessions() > 0).isPresent()) {
      a.out.blocked(
          ref,
          "its guest to be ended: the RAID ended below it, and it has nothing but errors",
          a.ref);
      a.out.requeueAt(a.seen.nowMs() + Attachment.GUEST_LOOK_MS);
    } else if (vhost.isPresent()) {
      a.out.act(ref, vm.version(), new DeleteVhost(vm.controllerName()));
    } else if (Laws.mayExpose(raid, a.legs)) {
      open(vm, ref);
    } else {
      a.out.blocked(ref, "its RAID to have exactly the legs that hold its data", a.ref);
      a.out.requeueAt(a.seen.nowMs() + LOOK_MS);
    }
  }

  /** Whether the RAID has the volume's limits, or must be shown without them. */
  private boolean limits() {
    Limits wanted = a.volume.limits();
    Limits now = a.seen.limits().get(a.raidName);
    Long refused = a.seen.limitsRefusedAtMs().get(a.raidName);
    if (wanted.equals(now)) {
      return true;
    }
    if (!a.seen.canLimit()) {
      if (!wanted.equals(Limits.NONE)) {
        a.out.blocked(
            a.ref,
            "a data plane that has bdev_set_qos_limit: the volume goes without its limits",
            null);
      }
      return true;
    }
    if (now == null) {
      if (a.vhost.isEmpty()) {
        a.out.blocked(a.ref, "a look at the limits of its RAID", null);
      }
      return false;
    }
    if (refused != null && a.seen.nowMs() - refused < LIMITS_RETRY_MS) {
      a.out.blocked(
          a.ref, "a guest to open its RAID: until then the data plane changes no limits", null);
      a.out.requeueAt(refused + LIMITS_RETRY_MS);
      return true;
    }
    if (!a.isRaidBusy()) {
      a.out.act(a.ref, a.mapping.version(), new SetLimits(a.raidName, wanted));
    }
    return false;
  }

  /** What must be on record before the first write is possible. */
  private void open(VmMapping vm, ObjectRef ref) {
    List<Commit> commits = new ArrayList<>();
    long version = a.mapping.version();
    if (!a.volume.raidCreated()) {
      commits.add(new Commit.RaidCreated(a.volume.id(), a.volume.version()));
    }
    if (a.mapping.state() == VolumeMappingState.ASSIGNED) {
      commits.add(
          new Commit.MappingChanged(a.mapping.id(), version++, VolumeMappingState.INITIALISED));
    }
    if (a.mapping.clean()) {
      commits.add(new Commit.MappingClean(a.mapping.id(), version, false));
    }
    a.out.work(
        ref, vm.version(), commits, List.of(new CreateVhost(vm.controllerName(), a.raidName)));
  }

  private void record(Raid raid, List<Commit> first) {
    List<Commit> commits = new ArrayList<>(first);
    long version = a.mapping.version();
    if (a.mapping.state() == VolumeMappingState.INITIALISED) {
      commits.add(
          new Commit.MappingChanged(a.mapping.id(), version++, VolumeMappingState.ATTACHED));
    }
    if (!raid.state().equals(a.mapping.raidState())) {
      commits.add(new Commit.RaidSeen(a.mapping.id(), version, raid.state()));
    }
    a.out.work(a.ref, a.mapping.version(), commits, List.of());
  }

  private static final long LOOK_MS = 500;

  /** SPDK changes no limits of a RAID that nobody has open. */
  private static final long LIMITS_RETRY_MS = 5_000;
}

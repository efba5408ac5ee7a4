package io.diskengine.testkit.sim;

import io.diskengine.model.Sizes;
import io.diskengine.model.VmMapping;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.store.NewVolume;
import io.diskengine.store.RefusedException;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** What the user asks for, and the guests that follow from it. */
public final class SimUser {
  private static final int ASK_AGAIN_MS = 500;

  /** From the end of QEMU until it opens its disk again. */
  private static final int BOOT_MS = 5_000;

  static final long GROWS_BY_BYTES = 4 * Sizes.UNIT_BYTES;

  private final SimWorld world;

  /** Names of volumes that the user waits to detach. */
  final Set<String> detaching = new TreeSet<>();

  SimUser(SimWorld world) {
    this.world = world;
  }

  public SimVolume create(String name, int replicas) {
    var details = world.controller.createVolume(new NewVolume(name, 64 * Sizes.MIB, replicas));
    SimVolume v = new SimVolume(name, details.volume().id());
    world.volumes.put(name, v);
    world.log("user creates " + name + " with " + replicas + " replica(s)");
    world.touched();
    return v;
  }

  /** Attaches, and starts a guest that waits for its disk. */
  public void attach(String name, String node) {
    var details = world.controller.attach(name, node);
    world.log("user attaches " + name + " to " + node);
    VmMapping vm = Objects.requireNonNull(details.vmMapping());
    SimGuest guest = new SimGuest(world, world.node(node), world.volume(name), vm.id());
    world.guests.add(guest);
    world.touched();
  }

  /** Names of volumes whose guests the user ends before they move. */
  final Map<String, String> moving = new TreeMap<>();

  /** Ends the guest, moves the volume in order, and starts a guest there. */
  public void move(String name, String node) {
    world.guestsOf(name).forEach(SimGuest::stop);
    if (moving.put(name, node) == null) {
      world.log("user moves " + name + " to " + node);
      moveUnplugged(name);
    }
  }

  private void moveUnplugged(String name) {
    String node = moving.get(name);
    if (node == null) {
      return; // what was asked for since is another thing
    }
    boolean asked = false;
    if (world.isPostgresUp() && world.guestsOf(name).isEmpty()) {
      try {
        var unused = world.controller.move(name, node, false);
        asked = true;
        world.log("user has moved " + name);
      } catch (RefusedException e) {
        // A guest is on record still, or the target has something left: or it is not attached.
        if (e.code() != RefusedException.Code.GUEST_CONNECTED) {
          world.log("user is refused: " + e.getMessage());
          asked = true;
        }
      }
    }
    if (asked) {
      moving.remove(name);
      world.touched();
    } else {
      world.scheduler.after(ASK_AGAIN_MS, () -> moveUnplugged(name));
    }
  }

  /** Takes the volume away from where it is; the guest there gets errors. */
  public void moveByForce(String name, String node) {
    var unused = world.controller.move(name, node, true);
    cutOff(name);
    world.log("user moves " + name + " to " + node + " by force");
  }

  /** From a node that does not work: no force is needed. */
  public void moveFromDead(String name, String node) {
    var unused = world.controller.move(name, node, false);
    cutOff(name);
    world.log("user moves " + name + " to " + node + " from a node that does not work");
  }

  void cutOff(String name) {
    moving.remove(name);
    VolumeMapping m = world.rows().liveMapping(world.volume(name).id).orElse(null);
    world.guestsOf(name).stream()
        .filter(g -> m == null || world.rows().vms.at(g.vmMapping()).mappingId() != m.id())
        .forEach(SimGuest::cutOff);
    world.touched();
  }

  public void detachByForce(String name) {
    var unused = world.controller.detach(name, true);
    cutOff(name);
    world.log("user detaches " + name + " by force");
  }

  public void moveReplica(String name, int slot) {
    var unused = world.controller.moveReplica(name, slot, null);
    world.log("user moves replica " + slot + " of " + name);
    world.touched();
  }

  public void grow(String name) {
    long bytes = world.rows().volumes.at(world.volume(name).id).sizeBytes();
    var unused = world.controller.resize(name, bytes + GROWS_BY_BYTES);
    world.log("user grows " + name);
    world.touched();
  }

  /** Guests of volumes that were moved start when they are attached there. */
  void startMovedGuests() {
    for (VmMapping vm : world.rows().vms.values()) {
      VolumeMapping m = world.rows().mappings.at(vm.mappingId());
      boolean live = !m.state().isFinal() && m.state() != VolumeMappingState.DETACHING;
      SimVolume v = world.volumes.get(world.rows().volumes.at(m.volumeId()).name());
      if (live
          && v != null
          && v.id == m.volumeId()
          && vm.state() != VmMappingState.DETACHING
          && isGuestless(v, vm)) {
        String node = world.rows().nodes.at(m.nodeId()).name();
        world.guests.add(new SimGuest(world, world.node(node), v, vm.id()));
      }
    }
  }

  /** Whose RAID ended below them, as {@code why} tells: they have nothing but errors. */
  void restartGuestsWithoutRaid() {
    Set<Long> told = new TreeSet<>();
    world.controller.reasons().stream()
        .filter(r -> r.reason().waitingFor().contains("the RAID ended below it"))
        .forEach(r -> told.add(r.reason().object().id()));
    world.guests.stream()
        .filter(g -> g.hasNoRaid() && told.contains(g.vmMapping()))
        .toList()
        .forEach(g -> world.restartGuest(g, BOOT_MS));
  }

  private boolean isGuestless(SimVolume v, VmMapping vm) {
    return !detaching.contains(v.name)
        && !moving.containsKey(v.name)
        && v.guests.stream().noneMatch(g -> g.vmMapping() == vm.id() || !g.isGone());
  }

  /** Unplugs the disk, and detaches when no guest is on record as connected any more. */
  public void detach(String name) {
    world.guestsOf(name).forEach(SimGuest::stop);
    if (detaching.add(name)) {
      world.log("user unplugs " + name);
      detachUnplugged(name);
    }
  }

  private void detachUnplugged(String name) {
    boolean done = false;
    if (world.isPostgresUp()) {
      try {
        var unused = world.controller.detach(name);
        world.log("user detaches " + name);
        done = true;
      } catch (RefusedException e) {
        // A guest is on record; NOT_FOUND when an older database does not know the volume.
        done =
            e.code() != RefusedException.Code.WRONG_STATE
                && e.code() != RefusedException.Code.GUEST_CONNECTED;
      }
    }
    if (done) {
      boolean unused = detaching.remove(name);
      world.touched();
    } else {
      world.scheduler.after(ASK_AGAIN_MS, () -> detachUnplugged(name));
    }
  }

  public void delete(String name) {
    var unused = world.controller.delete(name);
    world.log("user deletes " + name);
    world.touched();
  }

  /** False when it was refused. */
  boolean attempt(Runnable request) {
    try {
      request.run();
      return true;
    } catch (RefusedException e) {
      world.log("user is refused: " + e.getMessage());
      return false;
    }
  }
}

package io.diskengine.testkit.sim;

import io.diskengine.model.Sizes;
import io.diskengine.model.VmMapping;
import io.diskengine.store.NewVolume;
import io.diskengine.store.RefusedException;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;

/** What the user asks for, and the guests that follow from it. */
public final class SimUser {
  private static final int ASK_AGAIN_MS = 500;

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

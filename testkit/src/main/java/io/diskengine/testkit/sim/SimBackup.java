package io.diskengine.testkit.sim;

import io.diskengine.testkit.store.MemoryState;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The database is an older one for a while: an old backup was restored, or a standby was promoted
 * that lacks the last commits. Nobody but agents asks it anything, and then the right one is back.
 */
final class SimBackup {
  private final SimWorld world;
  private @Nullable MemoryState truth;

  SimBackup(SimWorld world) {
    this.world = world;
  }

  boolean isShown() {
    return truth != null;
  }

  /** The right rows. */
  MemoryState rows() {
    MemoryState hidden = truth;
    return hidden == null ? world.store.state() : hidden;
  }

  /**
   * Older rows that every agent can tell from the right ones, also one that is started anew (law
   * 13): they have a sequence below those that all nodes have on their disks. A second agent, which
   * runs elsewhere and waits for the lease, has seen nothing.
   */
  List<MemoryState> older() {
    if (world.secondAgents > 0) {
      return List.of();
    }
    long known = world.nodes.values().stream().mapToLong(SimBackup::savedSequence).min().orElse(0);
    return world.store.history().stream().filter(s -> s.cluster.sequence() < known).toList();
  }

  private static long savedSequence(SimNode n) {
    return n.savedState == null ? 0 : Long.parseLong(n.savedState.strip());
  }

  void show(MemoryState older) {
    if (truth == null) {
      truth = world.store.state();
      world.log("the database is an older one");
      world.store.goBackTo(older);
    }
  }

  void end() {
    MemoryState hidden = truth;
    if (hidden != null) {
      truth = null;
      world.log("the right database is back");
      world.store.goBackTo(hidden);
    }
  }
}

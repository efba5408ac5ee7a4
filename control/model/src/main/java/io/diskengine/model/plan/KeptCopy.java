package io.diskengine.model.plan;

import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.Names;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.plan.Action.DeleteLvol;
import io.diskengine.model.plan.Action.SnapshotLvol;
import io.diskengine.model.plan.StorageNodeObserved.LvolSeen;
import io.diskengine.model.plan.StorageNodeObserved.Subsystem;
import java.util.List;
import java.util.Optional;

/**
 * Law 9 on the storage node: before a host is let in that rebuilds a replica in place, a snapshot
 * keeps what the replica held; it goes when the replica is in sync. Each step is believed when the
 * snapshot was seen to be there, or gone.
 */
final class KeptCopy {
  private final StorageNodeObserved seen;
  private final PlanBuilder out;
  private final Lvol lvol;
  private final ObjectRef ref;
  private final String lvstore;
  private final String alias;

  KeptCopy(StorageNodeObserved seen, PlanBuilder out, Lvol lvol, String lvstore) {
    this.seen = seen;
    this.out = out;
    this.lvol = lvol;
    this.ref = new ObjectRef(ObjectKind.LVOL, lvol.id());
    this.lvstore = lvstore;
    this.alias = lvstore + "/" + Names.kept(lvol.name());
  }

  void plan(List<Commit> commits, List<Action> actions) {
    if (!seen.lvols().isKnown(alias)) {
      out.blocked(ref, "a look at " + alias, null);
      return;
    }
    Optional<LvolSeen> there = seen.lvols().find(alias);
    switch (lvol.kept()) {
      case NONE, WANTED -> {}
      case TAKING -> take(there, commits, actions);
      case KEPT -> {
        if (there.isEmpty() || !there.get().uuid().equals(lvol.keptUuid())) {
          conflict(there);
        }
      }
      case DROPPING -> drop(there, commits, actions);
    }
  }

  private void take(Optional<LvolSeen> there, List<Commit> commits, List<Action> actions) {
    if (there.isPresent() && there.get().snapshot()) {
      commits.add(new Commit.LvolKept(lvol.id(), lvol.version(), there.get().uuid()));
    } else if (there.isPresent()) {
      conflict(there);
    } else if (!seen.canSnapshot()) {
      out.blocked(
          ref, "a data plane that has bdev_lvol_snapshot: what it held is kept first", null);
    } else if (seen.subsystems().find(lvol.nqn()).map(Subsystem::hosts).isPresent()
        && !seen.subsystems().find(lvol.nqn()).get().hosts().isEmpty()) {
      out.blocked(ref, "its hosts to be taken off: what it held is kept first", null);
    } else {
      actions.add(new SnapshotLvol(lvstore, lvol.name(), Names.kept(lvol.name())));
    }
  }

  private void drop(Optional<LvolSeen> there, List<Commit> commits, List<Action> actions) {
    if (there.isEmpty()) {
      commits.add(new Commit.KeptGone(lvol.id(), lvol.version()));
    } else if (Laws.mayDropKept(lvol, there.get())) {
      actions.add(new DeleteLvol(lvstore, Names.kept(lvol.name())));
    } else {
      conflict(there);
    }
  }

  /** After the replica itself is gone; true when nothing is left of it. */
  boolean isGone(List<Action> actions) {
    if (!seen.lvols().isKnown(alias)) {
      out.blocked(ref, "a look at " + alias, null);
      return false;
    }
    Optional<LvolSeen> there = seen.lvols().find(alias);
    if (there.isPresent() && lvol.state() == LvolState.DELETING) {
      if (Laws.mayDropKept(lvol, there.get())) {
        actions.add(new DeleteLvol(lvstore, Names.kept(lvol.name())));
      } else {
        conflict(there);
      }
    }
    return there.isEmpty();
  }

  private void conflict(Optional<LvolSeen> there) {
    out.blocked(
        ref,
        "an operator: the copy of what it held, %s, is %s, expected %s"
            .formatted(
                alias,
                there.map(l -> (l.snapshot() ? "snapshot " : "lvol ") + l.uuid()).orElse("gone"),
                lvol.keptUuid() == null ? "none" : lvol.keptUuid()),
        null);
  }
}

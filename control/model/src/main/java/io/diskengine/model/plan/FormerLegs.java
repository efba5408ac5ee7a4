package io.diskengine.model.plan;

import io.diskengine.model.Lvol;
import io.diskengine.model.Names;
import io.diskengine.model.NodeView;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.Volume;
import io.diskengine.model.plan.Action.DetachController;
import io.diskengine.model.plan.Action.DisableController;
import io.diskengine.model.plan.BaremetalObserved.Raid;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Controllers of replicas that are deleted already. A leg that was replaced is disabled here before
 * it is detached; its storage node sees nobody connected then, and may be done with it first. Such
 * a controller belongs to no row any more, and to a volume that is mapped here by its name.
 */
final class FormerLegs {
  private final NodeView view;
  private final BaremetalObserved seen;
  private final Map<Long, List<String>> byVolume = new HashMap<>();
  private final Map<String, Volume> volumes = new HashMap<>();
  private final List<String> strangers = new ArrayList<>();

  /**
   * @param settled volumes with nothing of this kind
   */
  FormerLegs(Index rows, BaremetalObserved seen, Set<Long> settled) {
    this.view = rows.view;
    this.seen = seen;
    for (String controller : seen.controllers().groups().beside(settled)) {
      if (!rows.lvolNames().contains(controller)) {
        Names.volumeOf(controller)
            .filter(this::isMapped)
            .flatMap(rows::volume)
            .filter(v -> Names.namespaceUuid(v.id(), v.uuid(), controller).isPresent())
            .ifPresentOrElse(v -> add(v, controller), () -> strangers.add(controller));
      }
    }
  }

  private boolean isMapped(long volume) {
    return view.mappings().stream()
        .anyMatch(m -> m.volumeId() == volume && m.nodeId() == view.node().id());
  }

  private void add(Volume v, String controller) {
    byVolume.computeIfAbsent(v.id(), _ -> new ArrayList<>()).add(controller);
    volumes.put(controller, v);
  }

  List<String> of(long volume) {
    return byVolume.getOrDefault(volume, List.of());
  }

  /** Controllers that are none of these, and that no row names. */
  List<String> strangers() {
    return strangers;
  }

  /**
   * Law 4: what was asked for a leg while it had a row is not answered yet. Which controller that
   * concerns no row tells any more.
   */
  private boolean isAnyUnanswered() {
    List<ObjectRef> legs = seen.busy().stream().filter(o -> o.kind() == ObjectKind.LVOL).toList();
    return !legs.isEmpty()
        && !view.lvols().stream()
            .map(Lvol::id)
            .toList()
            .containsAll(legs.stream().map(ObjectRef::id).toList());
  }

  /** As every leg that leaves: disabled, then, when the RAID has let go of it, detached. */
  void retire(PlanBuilder out, ObjectRef node) {
    volumes.keySet().forEach(out::unsettled);
    List<Action> actions = new ArrayList<>();
    boolean busy = seen.busy().contains(node) || (!volumes.isEmpty() && isAnyUnanswered());
    volumes.forEach((controller, volume) -> {
      if (seen.controllers().isKnown(controller) && !busy) {
        retire(out, controller, volume).ifPresent(actions::add);
      }
    });
    if (!volumes.isEmpty()) {
      out.blocked(node, "controllers of deleted replicas to be gone: " + volumes.keySet(), null);
    }
    if (!actions.isEmpty()) {
      out.work(node, view.node().version(), List.of(), actions);
    }
  }

  private Optional<Action> retire(PlanBuilder out, String controller, Volume volume) {
    Facts<Raid> raids = seen.raids();
    String name = Attachment.raidName(volume);
    boolean member = raids.find(name).filter(r -> r.holds(Names.legBdev(controller))).isPresent();
    Long disabled = seen.disabledSinceMs().get(controller);
    if (!raids.isKnown(name)) {
      return Optional.empty();
    }
    if (member && disabled == null) {
      return Optional.of(new DisableController(controller));
    }
    if (!member || disabled == null || seen.nowMs() - disabled >= Laws.DISABLED_SETTLE_MS) {
      return Optional.of(new DetachController(controller));
    }
    out.requeueAt(disabled + Laws.DISABLED_SETTLE_MS);
    return Optional.empty();
  }
}

package io.diskengine.model.plan;

import io.diskengine.model.NodeView;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeMappingState;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * What a baremetal node does next: every mapping by itself ({@link AttachmentPlanner} sets up,
 * {@link DetachmentPlanner} takes down, {@link FencedPlanner} what was taken away). One bad object
 * never stops the others.
 */
public final class BaremetalPlanner {
  private final Index rows;
  private final NodeView view;
  private final BaremetalObserved seen;
  private final PlanBuilder out;
  private final FormerLegs former;

  private final Set<Long> settled;

  private BaremetalPlanner(Index rows, BaremetalObserved seen, Set<Long> settled) {
    this.rows = rows;
    this.view = rows.view;
    this.seen = seen;
    this.settled = settled;
    this.out = new PlanBuilder(seen.busy());
    this.former = new FormerLegs(rows, seen, settled);
  }

  public static Plan plan(NodeView view, BaremetalObserved seen) {
    return plan(new Index(view), seen, Set.of()).plan();
  }

  /**
   * @param settled volumes that an earlier plan left settled and of which nothing changed since
   */
  public static Planned plan(Index rows, BaremetalObserved seen, Set<Long> settled) {
    return new BaremetalPlanner(rows, seen, settled).plan();
  }

  private Planned plan() {
    for (VolumeMapping mapping : view.mappings()) {
      boolean left = mapping.state().isFinal() && mapping.state() != VolumeMappingState.FENCED;
      if (mapping.nodeId() == view.node().id() && !left && !settled.contains(mapping.volumeId())) {
        out.planVolume(mapping.volumeId(), () -> failSoft(mapping));
      }
    }
    former.retire(out, node());
    quarantine();
    return out.build();
  }

  /** A fault in planning one object must not stop the others. */
  private void failSoft(VolumeMapping mapping) {
    try {
      mapping(mapping);
    } catch (RuntimeException e) {
      ObjectRef ref = new ObjectRef(ObjectKind.VOLUME_MAPPING, mapping.id());
      out.blocked(ref, "a fault in its planner to be mended: " + e, null);
    }
  }

  private void mapping(VolumeMapping mapping) {
    ObjectRef ref = new ObjectRef(ObjectKind.VOLUME_MAPPING, mapping.id());
    Optional<Volume> volume = rows.volume(mapping.volumeId());
    if (volume.isEmpty()) {
      out.blocked(ref, "its volume, which has no row", null);
      return;
    }
    Attachment attachment =
        new Attachment(
            rows,
            seen,
            out,
            volume.get(),
            mapping,
            rows.vmOf(mapping.id()),
            rows.lvolsOf(mapping.volumeId()),
            former.of(mapping.volumeId()));
    if (!attachment.isKnown()) {
      out.blocked(ref, "a look at the RAID, its controllers and vhost", node());
      if (mapping.state() == VolumeMappingState.FENCED) {
        new FencedPlanner(attachment).release();
      }
      return;
    }
    attachment.recordGuest();
    if (mapping.state() == VolumeMappingState.FENCED) {
      new FencedPlanner(attachment).plan();
      return;
    }
    boolean leaving = mapping.state() == VolumeMappingState.DETACHING || seen.stopping();
    if (leaving || attachment.vm.filter(m -> m.state() == VmMappingState.DETACHING).isPresent()) {
      new DetachmentPlanner(attachment).plan();
    } else {
      new AttachmentPlanner(attachment).plan();
    }
  }

  /** Law 11: objects that no row names are reported and left alone. */
  private void quarantine() {
    Set<String> strangers = new TreeSet<>();
    for (String raid : seen.raids().groups().beside(settled)) {
      if (!rows.raidNames().contains(raid)) {
        strangers.add("RAID " + raid);
        out.unsettled(raid);
      }
    }
    for (String controller : former.strangers()) {
      strangers.add("controller " + controller);
      out.unsettled(controller);
    }
    if (!strangers.isEmpty()) {
      out.blocked(node(), "an operator: no row names " + strangers, null);
    }
  }

  private ObjectRef node() {
    return new ObjectRef(ObjectKind.NODE, view.node().id());
  }
}

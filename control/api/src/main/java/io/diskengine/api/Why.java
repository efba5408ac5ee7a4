package io.diskengine.api;

import io.diskengine.api.Views.AttachmentState;
import io.diskengine.model.DataPlaneState;
import io.diskengine.model.Disk;
import io.diskengine.model.DiskState;
import io.diskengine.model.Lvol;
import io.diskengine.model.Node;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.Reason;
import io.diskengine.model.VmMapping;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeState;
import io.diskengine.store.ReasonRow;
import io.diskengine.store.VolumeDetails;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Why an object is not as it should be (law 14). Pure.
 *
 * <p>Two sources, because an agent that is gone publishes nothing: the reasons that agents
 * published, and what the rows themselves say (a state that is not the wanted one, an expired
 * lease). Objects hang below the ones that need them: volume, mapping, replicas, disk, node; the
 * published causes are added. Only branches in which something waits are shown.
 */
final class Why {
  /** Bound of the answer. */
  static final int MAX_LEVELS = 200;

  /**
   * @param state the row's own, for people
   * @param waitingFor null = settled as far as the row says
   * @param needs what it depends on
   */
  private record Item(
      String name,
      String state,
      @Nullable String waitingFor,
      @Nullable Instant since,
      List<ObjectRef> needs) {}

  private final Map<ObjectRef, Item> items = new HashMap<>();
  private final Map<ObjectRef, List<ReasonRow>> reasons;
  private final List<Api.WhyLevel> levels = new ArrayList<>();
  private final Set<ObjectRef> shown = new HashSet<>();

  Why(List<VolumeDetails> volumes, List<Node> nodes, List<Disk> disks, List<ReasonRow> published) {
    nodes.forEach(this::add);
    Map<Long, String> nodeNames = nodes.stream().collect(Collectors.toMap(Node::id, Node::name));
    disks.forEach(d -> add(d, Views.name(nodeNames, d.nodeId())));
    volumes.forEach(this::add);
    reasons = published.stream().collect(Collectors.groupingBy(r -> r.reason().object()));
    published.forEach(r ->
        items.computeIfAbsent(
            r.reason().object(), ref -> new Item(r.objectName(), "", null, null, List.of())));
  }

  /** The object of this kind with this name, else with this id. */
  Optional<ObjectRef> find(ObjectKind kind, String nameOrId) {
    for (Map.Entry<ObjectRef, Item> e : items.entrySet()) {
      if (e.getKey().kind() == kind && e.getValue().name().equals(nameOrId)) {
        return Optional.of(e.getKey());
      }
    }
    return items.keySet().stream()
        .filter(ref -> ref.kind() == kind && Long.toString(ref.id()).equals(nameOrId))
        .findFirst();
  }

  /** The answer for an object that {@link #find} found. */
  Api.Why explain(ObjectRef object) {
    levels.clear();
    shown.clear();
    visit(object, 0);
    Api.WhyLevel root = null;
    for (Api.WhyLevel level : levels) {
      if (level.waitingFor() != null && (root == null || level.depth() > root.depth())) {
        root = level;
      }
    }
    return new Api.Why(
        id(object), root != null, root == null ? null : text(root), List.copyOf(levels));
  }

  static String text(Api.WhyLevel level) {
    return level.object().kind() + " " + level.object().name() + " waits for " + level.waitingFor();
  }

  private void visit(ObjectRef ref, int depth) {
    if (levels.size() >= MAX_LEVELS || !shown.add(ref)) {
      return;
    }
    Item item = item(ref);
    List<ReasonRow> published = reasons.getOrDefault(ref, List.of());
    if (published.isEmpty()) {
      levels.add(
          new Api.WhyLevel(
              depth,
              id(ref),
              item.state(),
              item.waitingFor(),
              item.since(),
              null,
              null,
              null,
              null));
    }
    for (ReasonRow row : published) {
      Reason r = row.reason();
      levels.add(
          new Api.WhyLevel(
              depth,
              id(ref),
              item.state(),
              r.waitingFor(),
              r.since(),
              r.attempts(),
              r.lastError(),
              r.nextTry(),
              row.node()));
    }
    for (ObjectRef below : below(ref)) {
      if (waits(below, new HashSet<>(shown))) {
        visit(below, depth + 1);
      }
    }
  }

  private boolean waits(ObjectRef ref, Set<ObjectRef> seen) {
    if (!seen.add(ref)) {
      return false;
    }
    if (item(ref).waitingFor() != null || reasons.containsKey(ref)) {
      return true;
    }
    return below(ref).stream().anyMatch(b -> waits(b, seen));
  }

  private List<ObjectRef> below(ObjectRef ref) {
    List<ObjectRef> below = new ArrayList<>(item(ref).needs());
    for (ReasonRow row : reasons.getOrDefault(ref, List.of())) {
      ObjectRef cause = row.reason().cause();
      if (cause != null && !below.contains(cause)) {
        below.add(cause);
      }
    }
    return below;
  }

  private Item item(ObjectRef ref) {
    return items.getOrDefault(ref, new Item(ref.toString(), "", null, null, List.of()));
  }

  private Api.ObjectId id(ObjectRef ref) {
    return Views.object(ref, item(ref).name());
  }

  private void add(VolumeDetails d) {
    Volume v = d.volume();
    List<ObjectRef> legs =
        d.lvols().stream().map(l -> new ObjectRef(ObjectKind.LVOL, l.id())).toList();
    VolumeMapping m = d.mapping();
    List<ObjectRef> needs = legs;
    if (m != null) {
      ObjectRef mapping = new ObjectRef(ObjectKind.VOLUME_MAPPING, m.id());
      needs = List.of(mapping);
      add(d, m, mapping, legs);
    }
    items.put(
        new ObjectRef(ObjectKind.VOLUME, v.id()),
        new Item(
            v.name(),
            v.state().name(),
            v.state() == VolumeState.ERROR ? v.error() : volumeWaitsFor(v),
            null,
            needs));
    for (Lvol l : d.lvols()) {
      items.put(
          new ObjectRef(ObjectKind.LVOL, l.id()),
          new Item(
              l.name(),
              l.state() + " " + l.sync(),
              lvolWaitsFor(l, Views.name(d.nodeNames(), l.nodeId())),
              null,
              List.of(new ObjectRef(ObjectKind.DISK, l.diskId()))));
    }
  }

  private void add(VolumeDetails d, VolumeMapping m, ObjectRef ref, List<ObjectRef> legs) {
    String node = Views.name(d.nodeNames(), m.nodeId());
    AttachmentState attachment = Views.attachmentState(d);
    List<ObjectRef> needs = new ArrayList<>();
    VmMapping vm = d.vmMapping();
    if (vm != null) {
      ObjectRef vmRef = new ObjectRef(ObjectKind.VM_MAPPING, vm.id());
      needs.add(vmRef);
      boolean settled =
          vm.state() == VmMappingState.ATTACHED || vm.state() == VmMappingState.DETACHED;
      items.put(
          vmRef,
          new Item(
              vm.controllerName(),
              vm.state().name(),
              settled ? null : "its vhost controller on " + node,
              null,
              List.of(new ObjectRef(ObjectKind.NODE, m.nodeId()))));
    }
    needs.addAll(legs);
    needs.add(new ObjectRef(ObjectKind.NODE, m.nodeId()));
    items.put(
        ref,
        new Item(
            d.volume().name() + " on " + node,
            m.state().name(),
            mappingWaitsFor(attachment, node),
            null,
            needs));
  }

  private void add(Disk d, String node) {
    items.put(
        new ObjectRef(ObjectKind.DISK, d.id()),
        new Item(
            d.serial(),
            d.state().name(),
            d.state() == DiskState.UP || d.state() == DiskState.RETIRED
                ? null
                : "node "
                    + node
                    + " to bring it UP"
                    + (d.health() == null ? "" : " (" + d.health() + ")"),
            null,
            List.of(new ObjectRef(ObjectKind.NODE, d.nodeId()))));
  }

  private void add(Node n) {
    String waits = null;
    Instant since = null;
    if (!n.leaseValid()) {
      waits = "its agent to run: no lease is held";
      since = n.leaseExpires();
    } else if (n.dataPlane() != DataPlaneState.READY) {
      waits = "its data plane to be READY";
      since = n.dataPlaneSince();
    }
    items.put(
        new ObjectRef(ObjectKind.NODE, n.id()),
        new Item(
            n.name(),
            n.leaseValid() ? "data plane " + n.dataPlane() : "agent gone",
            waits,
            since,
            List.of()));
  }

  static @Nullable String volumeWaitsFor(Volume v) {
    return switch (v.state()) {
      case CREATING -> "every replica to be UP";
      case RESIZING -> "every replica to have the new size";
      case DELETING -> "every replica to be gone";
      case ERROR -> v.error();
      case AVAILABLE, DELETED -> null;
    };
  }

  static @Nullable String mappingWaitsFor(AttachmentState state, String node) {
    return switch (state) {
      case ATTACHING -> "node " + node + " to attach the legs and to open the vhost socket";
      case DETACHING -> "node " + node + " to take the attachment down";
      case NONE, ATTACHED -> null;
    };
  }

  static @Nullable String lvolWaitsFor(Lvol l, String node) {
    return switch (l.state()) {
      case CREATING -> "node " + node + " to create it";
      case RESIZING -> "node " + node + " to resize it";
      case DELETING -> "node " + node + " to delete it";
      case FAULTY -> "node " + node + " to repair it";
      case DELETED -> null;
      case UP ->
          switch (l.sync()) {
            case IN_SYNC ->
                l.noReplacement() == null
                    ? null
                    : "a place on another node than " + node + ": " + l.noReplacement();
            case OUT ->
                l.noReplacement() == null
                    ? "a rebuild: it left the set of legs"
                    : node
                        + " to come back, because there is no place for a replacement: "
                        + l.noReplacement();
            case REBUILDING ->
                "its rebuild"
                    + (l.rebuildPercent() == null ? "" : ": " + l.rebuildPercent() + " %");
          };
    };
  }
}

package io.diskengine.testkit.store;

import io.diskengine.model.Cluster;
import io.diskengine.model.ClusterSettings;
import io.diskengine.model.Disk;
import io.diskengine.model.Event;
import io.diskengine.model.Grant;
import io.diskengine.model.GrantState;
import io.diskengine.model.Intent;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Node;
import io.diskengine.model.NodeView;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.Reason;
import io.diskengine.model.VmMapping;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.model.VolumeRows;
import io.diskengine.store.PlanRequest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** All rows at one time. Rows are immutable; a transaction works on a copy. */
public final class MemoryState {
  public Table<Node> nodes = new Table<>();
  public Table<Disk> disks = new Table<>();
  public Table<Volume> volumes = new Table<>();
  public Table<Lvol> lvols = new Table<>(Lvol::volumeId);
  public Table<Grant> grants = new Table<>(Grant::lvolId);
  public Table<VolumeMapping> mappings = new Table<>(VolumeMapping::volumeId);
  public Table<VmMapping> vms = new Table<>(VmMapping::mappingId);
  public Table<Intent> intents = new Table<>();
  public Table<Event> events = new Table<>();
  public Table<PlanRequest> planRequests = new Table<>();
  public final Map<Long, List<Reason>> reasons = new TreeMap<>();
  public final Map<Long, String> plans = new TreeMap<>();

  /** Mappings that are FENCED and of which nothing is left on their nodes. */
  public final Set<Long> gone = new TreeSet<>();

  /** Where mappings that are taken down in order go next: node by mapping. */
  final Map<Long, Long> successors = new TreeMap<>();

  /** Lvols that go when their successors are in sync. */
  final Set<Long> leaving = new TreeSet<>();

  /** Since when lvols are not in sync. */
  final Map<Long, Instant> outSince = new TreeMap<>();

  public Cluster cluster;
  private final Map<String, Long> lastIds = new HashMap<>();

  MemoryState(String clusterId, String nqnPrefix, ClusterSettings settings) {
    cluster = new Cluster(clusterId, nqnPrefix, 1, settings);
  }

  MemoryState copy() {
    MemoryState s = new MemoryState("", "", cluster.settings());
    s.cluster = cluster;
    s.nodes = nodes.copy();
    s.disks = disks.copy();
    s.volumes = volumes.copy();
    s.lvols = lvols.copy();
    s.grants = grants.copy();
    s.mappings = mappings.copy();
    s.vms = vms.copy();
    s.intents = intents.copy();
    s.events = events.copy();
    s.planRequests = planRequests.copy();
    s.reasons.putAll(reasons);
    s.plans.putAll(plans);
    s.gone.addAll(gone);
    s.successors.putAll(successors);
    s.leaving.addAll(leaving);
    s.outSince.putAll(outSince);
    s.lastIds.putAll(lastIds);
    return s;
  }

  void skipIds(String table, long last) {
    lastIds.merge(table, last, Math::max);
  }

  /** What another state has given out is not given out again. */
  void skipIds(MemoryState other) {
    other.lastIds.forEach(this::skipIds);
  }

  long nextId(String table) {
    return lastIds.merge(table, 1L, Long::sum);
  }

  public Optional<Node> node(String name) {
    return nodes.values().stream().filter(n -> n.name().equals(name)).findFirst();
  }

  public Optional<Volume> volume(String name) {
    return volumes.values().stream()
        .filter(v -> v.name().equals(name) && v.state() != io.diskengine.model.VolumeState.DELETED)
        .findFirst();
  }

  public List<Lvol> lvolsOf(long volume) {
    return lvols.group(volume);
  }

  public List<VmMapping> vmsOf(long mapping) {
    return vms.group(mapping);
  }

  public Optional<VolumeMapping> liveMapping(long volume) {
    return mappings.group(volume).stream().filter(m -> !m.state().isFinal()).findFirst();
  }

  /** Law 7: what was taken away concerns its node until it says that nothing is left there. */
  boolean isLeftOn(VolumeMapping m, long node) {
    return m.nodeId() == node && m.state() == VolumeMappingState.FENCED && !gone.contains(m.id());
  }

  /** Whether a node has not taken down yet what was taken away from it. */
  public boolean isLeftAnywhere(VolumeMapping m) {
    return m.state() == VolumeMappingState.FENCED && !gone.contains(m.id());
  }

  /** Whether some volume is on its way from one node to another. */
  public boolean isAnyMoving() {
    return !successors.isEmpty();
  }

  public List<Grant> liveGrants(long lvol) {
    return grants.group(lvol).stream().filter(g -> g.state() != GrantState.REVOKED).toList();
  }

  boolean isLastInSync(Lvol lvol) {
    return lvolsOf(lvol.volumeId()).stream()
        .noneMatch(o ->
            o.id() != lvol.id()
                && o.sync() == LvolSync.IN_SYNC
                && o.state() != LvolState.DELETING
                && o.state() != LvolState.DELETED);
  }

  @Nullable Long version(ObjectRef object) {
    return switch (object.kind()) {
      case CLUSTER -> 0L;
      case NODE -> of(nodes.get(object.id()), Node::version);
      case DISK -> of(disks.get(object.id()), Disk::version);
      case VOLUME -> of(volumes.get(object.id()), Volume::version);
      case LVOL -> of(lvols.get(object.id()), Lvol::version);
      case GRANT -> of(grants.get(object.id()), Grant::version);
      case VOLUME_MAPPING -> of(mappings.get(object.id()), VolumeMapping::version);
      case VM_MAPPING -> of(vms.get(object.id()), VmMapping::version);
    };
  }

  private static <T> @Nullable Long of(
      @Nullable T row, java.util.function.ToLongFunction<T> version) {
    return row == null ? null : version.applyAsLong(row);
  }

  /** The name of an object for people. */
  String objectName(ObjectRef o) {
    String otherwise = o.kind() + " " + o.id();
    return switch (o.kind()) {
      case CLUSTER -> cluster.id();
      case NODE -> nodes.containsKey(o.id()) ? nodes.at(o.id()).name() : otherwise;
      case DISK -> disks.containsKey(o.id()) ? disks.at(o.id()).serial() : otherwise;
      case VOLUME -> volumes.containsKey(o.id()) ? volumes.at(o.id()).name() : otherwise;
      case LVOL -> lvols.containsKey(o.id()) ? lvols.at(o.id()).name() : otherwise;
      case GRANT -> {
        Grant g = grants.get(o.id());
        yield g == null
            ? otherwise
            : objectName(new ObjectRef(ObjectKind.LVOL, g.lvolId())) + " for " + g.hostNqn();
      }
      case VOLUME_MAPPING -> {
        VolumeMapping m = mappings.get(o.id());
        yield m == null
            ? otherwise
            : objectName(new ObjectRef(ObjectKind.VOLUME, m.volumeId()))
                + " on "
                + objectName(new ObjectRef(ObjectKind.NODE, m.nodeId()));
      }
      case VM_MAPPING -> vms.containsKey(o.id()) ? vms.at(o.id()).controllerName() : otherwise;
    };
  }

  static Node seenAt(Node n, Instant now) {
    Instant expires = n.leaseExpires();
    boolean valid = expires != null && expires.isAfter(now);
    return n.leaseValid() == valid ? n : Row.with(n, "leaseValid", valid);
  }

  /** Whether a replica's rows are shown to a node: its own, and those of volumes that it has. */
  private boolean isSeenBy(Lvol l, long node) {
    boolean here = disks.at(l.diskId()).nodeId() == node;
    boolean mapped = liveMapping(l.volumeId()).filter(m -> m.nodeId() == node).isPresent();
    boolean left = mappings.group(l.volumeId()).stream().anyMatch(m -> isLeftOn(m, node));
    return left || (l.state() != LvolState.DELETED && (here || mapped));
  }

  NodeView view(long node, Instant now) {
    TreeSet<Long> volumeIds = new TreeSet<>();
    lvols.values().stream()
        .filter(l -> isSeenBy(l, node))
        .forEach(l -> volumeIds.add(l.volumeId()));
    VolumeRows rows = rows(node, now, volumeIds);
    TreeSet<Long> diskIds = new TreeSet<>();
    rows.lvols().forEach(l -> diskIds.add(l.diskId()));
    disks.values().stream().filter(d -> d.nodeId() == node).forEach(d -> diskIds.add(d.id()));
    TreeSet<Long> nodeIds = new TreeSet<>();
    diskIds.forEach(id -> nodeIds.add(disks.at(id).nodeId()));
    rows.mappings().forEach(m -> nodeIds.add(m.nodeId()));
    nodeIds.remove(node);
    return new NodeView(
        cluster,
        seenAt(nodes.at(node), now),
        nodeIds.stream().map(id -> seenAt(nodes.at(id), now)).toList(),
        diskIds.stream().map(disks::at).toList(),
        rows.volumes(),
        rows.lvols(),
        rows.grants(),
        rows.mappings(),
        rows.vmMappings());
  }

  /** The part of a view that belongs to these volumes; all of it by id. */
  VolumeRows rows(long node, Instant now, Set<Long> volumeIds) {
    Map<Long, Volume> seen = new TreeMap<>();
    Map<Long, Lvol> seenLvols = new TreeMap<>();
    Map<Long, Grant> seenGrants = new TreeMap<>();
    Map<Long, VolumeMapping> live = new TreeMap<>();
    Map<Long, VmMapping> shown = new TreeMap<>();
    for (long volume : volumeIds) {
      List<Lvol> some = lvolsOf(volume).stream().filter(l -> isSeenBy(l, node)).toList();
      if (some.isEmpty()) {
        continue;
      }
      seen.put(volume, volumes.at(volume));
      for (Lvol l : some) {
        seenLvols.put(l.id(), l);
        liveGrants(l.id()).forEach(g -> seenGrants.put(g.id(), g));
      }
      mappings.group(volume).stream()
          .filter(m -> !m.state().isFinal() || isLeftOn(m, node))
          .forEach(m -> live.put(m.id(), m));
    }
    for (long mapping : live.keySet()) {
      vms.group(mapping).stream()
          .filter(v -> v.nodeId() == node && v.state() != VmMappingState.DETACHED)
          .forEach(v -> shown.put(v.id(), v));
    }
    return new VolumeRows(
        cluster,
        List.copyOf(seen.values()),
        List.copyOf(seenLvols.values()),
        List.copyOf(seenGrants.values()),
        List.copyOf(live.values()),
        List.copyOf(shown.values()));
  }

  List<Reason> allReasons() {
    List<Reason> all = new ArrayList<>();
    reasons.values().forEach(all::addAll);
    return all;
  }
}

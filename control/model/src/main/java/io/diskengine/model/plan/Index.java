package io.diskengine.model.plan;

import io.diskengine.model.Disk;
import io.diskengine.model.Grant;
import io.diskengine.model.GrantState;
import io.diskengine.model.Ids;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Names;
import io.diskengine.model.Node;
import io.diskengine.model.NodeView;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.VmMapping;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongPredicate;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/** A node's rows by the keys that planners look them up with. Owned by the agent's thread. */
public final class Index {
  NodeView view;
  private Map<Long, Node> peers = Map.of();
  private Map<Long, Disk> disks = Map.of();
  private final Map<Long, Volume> volumes = new HashMap<>();
  private final Map<Long, VmMapping> vmByMapping = new HashMap<>();
  private final Map<Long, List<Lvol>> lvolsByVolume = new HashMap<>();
  private final Map<Long, List<VolumeMapping>> mappingsByVolume = new HashMap<>();
  private final Map<Long, List<Grant>> grantsByLvol = new HashMap<>();
  private final Set<String> lvolNames = new HashSet<>();
  private final Set<String> nqns = new HashSet<>();
  private final Set<String> raidNames = new HashSet<>();

  /** Of each storage node, once somebody asked. */
  private @Nullable Map<Long, Long> rebuilds;

  public Index(NodeView view) {
    this.view = view;
    add(_ -> true);
  }

  /**
   * Becomes the index of another view, for less than the price of a new one.
   *
   * @param changed all volumes whose rows are others than before
   */
  public void take(NodeView now, Set<Long> changed) {
    changed.forEach(this::forget);
    view = now;
    rebuilds = null;
    add(Ids.of(changed)::contains);
  }

  private void forget(long volumeId) {
    Volume volume = volumes.remove(volumeId);
    if (volume != null) {
      raidNames.remove(Attachment.raidName(volume));
    }
    for (Lvol l : removed(lvolsByVolume, volumeId)) {
      grantsByLvol.remove(l.id());
      lvolNames.remove(l.name());
      lvolNames.remove(Names.kept(l.name()));
      nqns.remove(l.nqn());
    }
    removed(mappingsByVolume, volumeId).forEach(m -> vmByMapping.remove(m.id()));
  }

  private static <T> List<T> removed(Map<Long, List<T>> map, long key) {
    List<T> rows = map.remove(key);
    return rows == null ? List.of() : rows;
  }

  /** The rows of the view that belong to these volumes. */
  private void add(LongPredicate these) {
    peers = byId(view.peers(), Node::id);
    disks = byId(view.disks(), Disk::id);
    for (Volume v : view.volumes()) {
      if (these.test(v.id())) {
        volumes.put(v.id(), v);
      }
    }
    List<Lvol> added = new ArrayList<>();
    for (Lvol l : view.lvols()) {
      if (these.test(l.volumeId())) {
        added.add(l);
      }
    }
    added.sort(Comparator.comparingInt(Lvol::slot).thenComparingInt(Lvol::generation));
    for (Lvol l : added) {
      lvolsByVolume.computeIfAbsent(l.volumeId(), _ -> new ArrayList<>(2)).add(l);
      lvolNames.add(l.name());
      lvolNames.add(Names.kept(l.name()));
      nqns.add(l.nqn());
    }
    Ids lvolIds = Ids.of(added.stream().map(Lvol::id).toList());
    for (Grant g : view.grants()) {
      if (lvolIds.contains(g.lvolId())) {
        grantsByLvol.computeIfAbsent(g.lvolId(), _ -> new ArrayList<>(2)).add(g);
      }
    }
    List<Long> mappingIds = new ArrayList<>();
    for (VolumeMapping m : view.mappings()) {
      if (these.test(m.volumeId())) {
        mappingsByVolume.computeIfAbsent(m.volumeId(), _ -> new ArrayList<>(1)).add(m);
        mappingIds.add(m.id());
        volume(m.volumeId()).map(Attachment::raidName).ifPresent(raidNames::add);
      }
    }
    Ids mapped = Ids.of(mappingIds);
    for (VmMapping vm : view.vmMappings()) {
      if (mapped.contains(vm.mappingId())) {
        vmByMapping.put(vm.mappingId(), vm);
      }
    }
  }

  private static <T> Map<Long, T> byId(List<T> rows, ToLongFunction<T> id) {
    Map<Long, T> map = HashMap.newHashMap(rows.size());
    rows.forEach(r -> map.put(id.applyAsLong(r), r));
    return map;
  }

  public NodeView view() {
    return view;
  }

  /** The volume that a vhost controller shows. */
  public Optional<Long> volumeOfVhost(String controller) {
    return view.vmMappings().stream()
        .filter(m -> m.controllerName().equals(controller))
        .findFirst()
        .flatMap(m -> view.volumeOf(new ObjectRef(ObjectKind.VM_MAPPING, m.id())));
  }

  Optional<Node> peer(long id) {
    return Optional.ofNullable(peers.get(id));
  }

  Optional<Disk> disk(long id) {
    return Optional.ofNullable(disks.get(id));
  }

  public Optional<Volume> volume(long id) {
    return Optional.ofNullable(volumes.get(id));
  }

  public Optional<VmMapping> vmOf(long mappingId) {
    return Optional.ofNullable(vmByMapping.get(mappingId));
  }

  /** By slot, then generation. */
  List<Lvol> lvolsOf(long volumeId) {
    return lvolsByVolume.getOrDefault(volumeId, List.of());
  }

  /** Replicas on a storage node that are rebuilt, or let in to be, as far as these rows go. */
  long rebuildsOn(long nodeId) {
    Map<Long, Long> known = rebuilds;
    if (known == null) {
      known = new HashMap<>();
      for (Lvol l : view.lvols()) {
        if (l.state() != LvolState.DELETED && isRebuilt(l)) {
          known.merge(l.nodeId(), 1L, Long::sum);
        }
      }
      rebuilds = known;
    }
    return known.getOrDefault(nodeId, 0L);
  }

  private boolean isRebuilt(Lvol l) {
    return l.sync() == LvolSync.REBUILDING
        || (l.sync() == LvolSync.OUT
            && grantsOf(l.id()).stream()
                .anyMatch(
                    g -> g.state() == GrantState.GRANTING || g.state() == GrantState.GRANTED));
  }

  List<Grant> grantsOf(long lvolId) {
    return grantsByLvol.getOrDefault(lvolId, List.of());
  }

  /** Those that rows name; what else carries our mark is quarantined. */
  Set<String> lvolNames() {
    return lvolNames;
  }

  Set<String> nqns() {
    return nqns;
  }

  Set<String> raidNames() {
    return raidNames;
  }
}

package io.diskengine.model.plan;

import io.diskengine.model.Disk;
import io.diskengine.model.Grant;
import io.diskengine.model.Lvol;
import io.diskengine.model.Names;
import io.diskengine.model.Node;
import io.diskengine.model.NodeView;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.VmMapping;
import io.diskengine.model.Volume;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A node's rows by the keys that planners look them up with; made once for each view. */
public final class Index {
  final NodeView view;
  private final Map<Long, Node> peers;
  private final Map<Long, Disk> disks;
  private final Map<Long, Volume> volumes;
  private final Map<Long, VmMapping> vmByMapping;
  private final Map<Long, List<Lvol>> lvolsByVolume;
  private final Map<Long, List<Grant>> grantsByLvol;
  private final Set<String> lvolNames;
  private final Set<String> nqns;
  private final Set<String> raidNames;

  public Index(NodeView view) {
    this.view = view;
    peers = byId(view.peers(), Node::id);
    disks = byId(view.disks(), Disk::id);
    volumes = byId(view.volumes(), Volume::id);
    vmByMapping = byId(view.vmMappings(), VmMapping::mappingId);
    lvolsByVolume =
        view.lvols().stream()
            .sorted(Comparator.comparingInt(Lvol::slot).thenComparingInt(Lvol::generation))
            .collect(Collectors.groupingBy(Lvol::volumeId));
    grantsByLvol = view.grants().stream().collect(Collectors.groupingBy(Grant::lvolId));
    lvolNames =
        view.lvols().stream()
            .flatMap(l -> Stream.of(l.name(), Names.kept(l.name())))
            .collect(Collectors.toSet());
    nqns = view.lvols().stream().map(Lvol::nqn).collect(Collectors.toSet());
    raidNames =
        view.mappings().stream()
            .flatMap(m -> volume(m.volumeId()).stream())
            .map(Attachment::raidName)
            .collect(Collectors.toSet());
  }

  private static <T> Map<Long, T> byId(List<T> rows, ToLongFunction<T> id) {
    Map<Long, T> map = HashMap.newHashMap(rows.size());
    Function<T, Long> key = id::applyAsLong;
    rows.forEach(r -> map.put(key.apply(r), r));
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

  Optional<VmMapping> vmOf(long mappingId) {
    return Optional.ofNullable(vmByMapping.get(mappingId));
  }

  /** By slot, then generation. */
  List<Lvol> lvolsOf(long volumeId) {
    return lvolsByVolume.getOrDefault(volumeId, List.of());
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

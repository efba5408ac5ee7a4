package io.diskengine.model;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;
import java.util.stream.IntStream;

/**
 * Every row that concerns one node, read in one snapshot: the desired half of a plan.
 *
 * <p>Storage node: its disks, the lvols on them that are not {@code DELETED}, their volumes, their
 * grants that are not {@code REVOKED}, the volumes' non-final mappings. Baremetal node: its
 * non-final mappings and vm mappings, those {@code FENCED} ones that it has not taken down yet,
 * their volumes, all replicas of these that are not {@code DELETED}, with disks and grants. {@code
 * peers} are the other nodes these rows name.
 */
public record NodeView(
    Cluster cluster,
    Node node,
    List<Node> peers,
    List<Disk> disks,
    List<Volume> volumes,
    List<Lvol> lvols,
    List<Grant> grants,
    List<VolumeMapping> mappings,
    List<VmMapping> vmMappings) {

  /**
   * This view with the rows of some volumes as a later read of only these shows them.
   *
   * @param part what was read, of which {@link #knowsNodesOf} is true
   * @param volumeIds the volumes that were read, also those of which nothing is left
   */
  public NodeView with(VolumeRows part, Set<Long> volumeIds) {
    Ids changed = Ids.of(volumeIds);
    Set<Long> lvolIds = new HashSet<>();
    Set<Long> mappingIds = new HashSet<>();
    for (List<Lvol> some : List.of(lvols, part.lvols())) {
      some.stream().filter(l -> changed.contains(l.volumeId())).forEach(l -> lvolIds.add(l.id()));
    }
    for (List<VolumeMapping> some : List.of(mappings, part.mappings())) {
      some.stream()
          .filter(m -> changed.contains(m.volumeId()))
          .forEach(m -> mappingIds.add(m.id()));
    }
    Ids changedLvols = Ids.of(lvolIds);
    Ids changedMappings = Ids.of(mappingIds);
    return new NodeView(
        part.cluster(),
        node,
        peers,
        disks,
        merged(volumes, v -> changed.contains(v.id()), part.volumes(), Volume::id),
        merged(lvols, l -> changed.contains(l.volumeId()), part.lvols(), Lvol::id),
        merged(grants, g -> changedLvols.contains(g.lvolId()), part.grants(), Grant::id),
        merged(mappings, m -> changed.contains(m.volumeId()), part.mappings(), VolumeMapping::id),
        merged(
            vmMappings,
            m -> changedMappings.contains(m.mappingId()),
            part.vmMappings(),
            VmMapping::id));
  }

  /** This view with the node's own row as it is now. */
  public NodeView with(Node own) {
    return new NodeView(cluster, own, peers, disks, volumes, lvols, grants, mappings, vmMappings);
  }

  /** Whether the nodes and disks that the rows name are among these. */
  public boolean knowsNodesOf(VolumeRows part) {
    Set<Long> nodeIds = new HashSet<>(Set.of(node.id()));
    peers.forEach(n -> nodeIds.add(n.id()));
    return part.mappings().stream().allMatch(m -> nodeIds.contains(m.nodeId()))
        && part.lvols().stream()
            .allMatch(l ->
                nodeIds.contains(l.nodeId()) && disks.stream().anyMatch(d -> d.id() == l.diskId()));
  }

  /** Whether everything but the rows of volumes is as in the other view, leases' times aside. */
  public boolean hasSameSurroundings(NodeView other) {
    return cluster.settings().equals(other.cluster.settings())
        && disks.equals(other.disks)
        && node.isSameBesideLease(other.node)
        && peers.size() == other.peers.size()
        && IntStream.range(0, peers.size())
            .allMatch(i -> peers.get(i).isSameBesideLease(other.peers.get(i)));
  }

  /** The volume that an object belongs to, when it is one of these rows and belongs to one. */
  public Optional<Long> volumeOf(ObjectRef object) {
    return switch (object.kind()) {
      case VOLUME -> Optional.of(object.id());
      case LVOL -> first(lvols, l -> l.id() == object.id()).map(Lvol::volumeId);
      case GRANT ->
          first(grants, g -> g.id() == object.id())
              .flatMap(g -> first(lvols, l -> l.id() == g.lvolId()))
              .map(Lvol::volumeId);
      case VOLUME_MAPPING -> mapping(object.id()).map(VolumeMapping::volumeId);
      case VM_MAPPING ->
          first(vmMappings, m -> m.id() == object.id())
              .flatMap(m -> mapping(m.mappingId()))
              .map(VolumeMapping::volumeId);
      case CLUSTER, NODE, DISK -> Optional.empty();
    };
  }

  /** Whether the rows of the object's volume are the same in both. */
  public boolean hasSameVolume(NodeView other, ObjectRef object) {
    Optional<Long> id = volumeOf(object);
    return id.isPresent()
        && id.equals(other.volumeOf(object))
        && rowsOf(id.get()).equals(other.rowsOf(id.get()));
  }

  private List<List<?>> rowsOf(long volumeId) {
    Set<Long> lvolIds = new HashSet<>();
    Set<Long> mappingIds = new HashSet<>();
    List<Lvol> ownLvols = lvols.stream().filter(l -> l.volumeId() == volumeId).toList();
    List<VolumeMapping> own = mappings.stream().filter(m -> m.volumeId() == volumeId).toList();
    ownLvols.forEach(l -> lvolIds.add(l.id()));
    own.forEach(m -> mappingIds.add(m.id()));
    return List.of(
        volumes.stream().filter(v -> v.id() == volumeId).toList(),
        ownLvols,
        grants.stream().filter(g -> lvolIds.contains(g.lvolId())).toList(),
        own,
        vmMappings.stream().filter(m -> mappingIds.contains(m.mappingId())).toList());
  }

  private Optional<VolumeMapping> mapping(long id) {
    return first(mappings, m -> m.id() == id);
  }

  private static <T> Optional<T> first(List<T> rows, Predicate<T> wanted) {
    return rows.stream().filter(wanted).findFirst();
  }

  /** Both are ordered by id, and so is what comes of them. */
  private static <T> List<T> merged(
      List<T> old, Predicate<T> gone, List<T> now, ToLongFunction<T> id) {
    List<T> all = new ArrayList<>(old.size() + now.size());
    int taken = 0;
    for (T row : old) {
      if (!gone.test(row)) {
        while (taken < now.size() && id.applyAsLong(now.get(taken)) < id.applyAsLong(row)) {
          all.add(now.get(taken++));
        }
        all.add(row);
      }
    }
    all.addAll(now.subList(taken, now.size()));
    return Collections.unmodifiableList(all);
  }
}

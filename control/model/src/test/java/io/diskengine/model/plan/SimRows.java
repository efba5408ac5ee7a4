package io.diskengine.model.plan;

import io.diskengine.model.Cluster;
import io.diskengine.model.ClusterSettings;
import io.diskengine.model.DataPlaneState;
import io.diskengine.model.Disk;
import io.diskengine.model.DiskState;
import io.diskengine.model.FabricAddress;
import io.diskengine.model.Grant;
import io.diskengine.model.GrantState;
import io.diskengine.model.Kept;
import io.diskengine.model.Limits;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Names;
import io.diskengine.model.Node;
import io.diskengine.model.NodeMode;
import io.diskengine.model.NodeView;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.Schedulability;
import io.diskengine.model.VmMapping;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.model.VolumeState;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.NullUnmarked;
import org.jspecify.annotations.Nullable;

/** The rows of the store, in memory, and what one row that changes does to others. */
@NullUnmarked
class SimRows {
  static final long BAREMETAL = 100;

  static final long OTHER_BAREMETAL = 101;

  final Cluster cluster = new Cluster("c1", Names.DEFAULT_NQN_PREFIX, 1, ClusterSettings.DEFAULTS);

  final Map<Long, Node> nodes = new TreeMap<>();

  final Map<Long, Disk> disks = new TreeMap<>();

  final Map<Long, Volume> volumes = new TreeMap<>();

  final Map<Long, Lvol> lvols = new TreeMap<>();

  final Map<Long, Grant> grants = new TreeMap<>();

  final Map<Long, VolumeMapping> mappings = new TreeMap<>();

  final Map<Long, VmMapping> vms = new TreeMap<>();

  /** FENCED mappings of which nothing is left on their nodes. */
  final Set<Long> gone = new HashSet<>();

  /** Replicas that go when their successors are in sync. */
  final Set<Long> leaving = new HashSet<>();

  private long nextId = 1;

  long nextId() {
    return nextId++;
  }

  void node(long id, String name, NodeMode mode) {
    List<FabricAddress> addresses =
        mode == NodeMode.BAREMETAL
            ? List.of()
            : List.of(FabricAddress.parse("tcp:127.0.0.1:" + (4420 + id)));
    nodes.put(
        id,
        new Node(
            id,
            name,
            mode,
            name,
            Names.hostNqn(cluster.nqnPrefix(), cluster.id(), name),
            addresses,
            Schedulability.ACTIVE,
            "h",
            1,
            Instant.EPOCH,
            true,
            "i",
            "26.9",
            DataPlaneState.READY,
            Instant.EPOCH,
            1));
  }

  void dataPlane(long id, DataPlaneState state) {
    Node n = nodes.get(id);
    nodes.put(
        id,
        new Node(
            n.id(),
            n.name(),
            n.mode(),
            n.failureDomain(),
            n.hostNqn(),
            n.addresses(),
            n.schedulability(),
            n.leaseHolder(),
            n.leaseEpoch(),
            n.leaseExpires(),
            true,
            n.incarnation(),
            n.spdkVersion(),
            state,
            Instant.EPOCH,
            n.version() + 1));
  }

  void grant(long lvol, long mapping) {
    long id = nextId();
    long epoch = volumes.get(lvols.get(lvol).volumeId()).epoch();
    grants.put(
        id,
        new Grant(
            id,
            lvol,
            mapping,
            nodes.get(mappings.get(mapping).nodeId()).hostNqn(),
            epoch,
            GrantState.GRANTING,
            null,
            1));
  }

  void put(Volume v, long sizeBytes, Limits limits) {
    volumes.put(
        v.id(),
        new Volume(
            v.id(),
            v.uuid(),
            v.name(),
            sizeBytes,
            v.confirmedSizeBytes(),
            v.blockSize(),
            v.replicas(),
            v.guestBytes(),
            v.thin(),
            limits,
            v.epoch(),
            v.raidCreated(),
            v.state(),
            null,
            v.createdAt(),
            v.version() + 1));
  }

  void release(VolumeMapping m) {
    revoke(g -> g.mappingId() == m.id());
    lvols.values().stream()
        .filter(l -> l.volumeId() == m.volumeId() && l.sync() == LvolSync.REBUILDING)
        .toList()
        .forEach(l -> put(l, l.state(), LvolSync.OUT, l.uuid()));
  }

  void put(Volume v, VolumeState state, long epoch, boolean raidCreated) {
    volumes.put(
        v.id(),
        new Volume(
            v.id(),
            v.uuid(),
            v.name(),
            v.sizeBytes(),
            v.confirmedSizeBytes(),
            v.blockSize(),
            v.replicas(),
            v.guestBytes(),
            v.thin(),
            v.limits(),
            epoch,
            raidCreated,
            state,
            null,
            v.createdAt(),
            v.version() + 1));
  }

  void put(Lvol l, LvolState state, LvolSync sync, @Nullable UUID uuid) {
    put(l, state, sync, uuid, null);
  }

  void put(Lvol l, LvolState state, LvolSync sync, @Nullable UUID uuid, @Nullable Integer percent) {
    put(l, state, sync, uuid, percent, kept(l, sync), l.keptUuid());
  }

  /** What the rows' trigger does. */
  private static Kept kept(Lvol l, LvolSync to) {
    if (to == LvolSync.OUT && l.sync() == LvolSync.IN_SYNC && l.kept() == Kept.NONE) {
      return Kept.WANTED;
    }
    return to == LvolSync.IN_SYNC && l.kept() == Kept.KEPT ? Kept.DROPPING : l.kept();
  }

  void put(Lvol l, Kept kept, @Nullable UUID keptUuid) {
    put(l, l.state(), l.sync(), l.uuid(), l.rebuildPercent(), kept, keptUuid);
  }

  void put(
      Lvol l,
      LvolState state,
      LvolSync sync,
      @Nullable UUID uuid,
      @Nullable Integer percent,
      Kept kept,
      @Nullable UUID keptUuid) {
    lvols.put(
        l.id(),
        new Lvol(
            l.id(),
            l.volumeId(),
            l.diskId(),
            l.nodeId(),
            l.slot(),
            l.generation(),
            l.name(),
            uuid,
            l.sizeBytes(),
            l.nqn(),
            l.namespaceUuid(),
            l.nguid(),
            l.serial(),
            l.minCntlid(),
            l.maxCntlid(),
            state,
            sync,
            percent,
            kept,
            keptUuid,
            null,
            l.version() + 1));
  }

  void put(VolumeMapping m, VolumeMappingState s, boolean clean, @Nullable String raid) {
    mappings.put(
        m.id(),
        new VolumeMapping(m.id(), m.volumeId(), m.nodeId(), s, raid, clean, m.version() + 1));
  }

  void put(VmMapping m, VmMappingState s, @Nullable String socket) {
    vms.put(
        m.id(),
        new VmMapping(
            m.id(),
            m.mappingId(),
            m.nodeId(),
            m.controllerName(),
            socket,
            s,
            m.guestConnected(),
            m.version() + 1));
  }

  void put(Grant g, GrantState s, long epoch, @Nullable String incarnation) {
    grants.put(
        g.id(),
        new Grant(
            g.id(),
            g.lvolId(),
            g.mappingId(),
            g.hostNqn(),
            epoch,
            s,
            incarnation,
            g.version() + 1));
  }

  void put(Disk d, DiskState s, @Nullable Lvstore store) {
    disks.put(
        d.id(),
        new Disk(
            d.id(),
            d.uuid(),
            d.nodeId(),
            d.serial(),
            d.nsid(),
            d.model(),
            d.address(),
            d.sizeBytes(),
            d.blockSize(),
            true,
            false,
            s,
            store == null ? d.lvstoreUuid() : store.uuid(),
            d.lvstoreName(),
            store == null ? d.clusterSizeBytes() : store.clusterBytes(),
            store == null ? d.totalClusters() : store.totalClusters(),
            store == null ? d.freeClusters() : store.freeClusters(),
            null,
            d.version() + 1));
  }

  long version(ObjectRef ref) {
    return switch (ref.kind()) {
      case NODE -> nodes.get(ref.id()).version();
      case DISK -> disks.get(ref.id()).version();
      case VOLUME -> volumes.get(ref.id()).version();
      case LVOL -> lvols.get(ref.id()).version();
      case GRANT -> grants.get(ref.id()).version();
      case VOLUME_MAPPING -> mappings.get(ref.id()).version();
      case VM_MAPPING -> vms.get(ref.id()).version();
      case CLUSTER -> 0;
    };
  }

  void raiseEpoch(Volume v) {
    put(v, v.state(), v.epoch() + 1, v.raidCreated());
    for (Grant g : List.copyOf(grants.values())) {
      if (lvols.get(g.lvolId()).volumeId() == v.id()
          && (g.state() == GrantState.GRANTING || g.state() == GrantState.GRANTED)) {
        put(g, g.state(), v.epoch() + 1, g.incarnation());
      }
    }
  }

  void revoke(java.util.function.Predicate<Grant> which) {
    for (Grant g : List.copyOf(grants.values())) {
      if (which.test(g) && (g.state() == GrantState.GRANTING || g.state() == GrantState.GRANTED)) {
        put(g, GrantState.REVOKING, g.volumeEpoch(), g.incarnation());
      }
    }
  }

  NodeView storageView(long node) {
    List<Disk> d = disks.values().stream().filter(x -> x.nodeId() == node).toList();
    List<Lvol> l =
        lvols.values().stream()
            .filter(x -> x.nodeId() == node && x.state() != LvolState.DELETED)
            .toList();
    List<Grant> g =
        grants.values().stream()
            .filter(x -> x.state() != GrantState.REVOKED && lvols.get(x.lvolId()).nodeId() == node)
            .toList();
    return new NodeView(
        cluster,
        nodes.get(node),
        List.of(nodes.get(BAREMETAL), nodes.get(OTHER_BAREMETAL)),
        d,
        List.copyOf(volumes.values()),
        l,
        g,
        mappings.values().stream().filter(m -> !m.state().isFinal()).toList(),
        List.of());
  }

  boolean holds(long node, long volume) {
    return mappings.values().stream()
        .anyMatch(m -> m.nodeId() == node && m.volumeId() == volume && !m.state().isFinal());
  }

  NodeView baremetalView(long node) {
    List<VolumeMapping> m =
        mappings.values().stream()
            .filter(x -> x.nodeId() == node)
            .filter(x ->
                !x.state().isFinal()
                    || (x.state() == VolumeMappingState.FENCED && !gone.contains(x.id())))
            .toList();
    List<Volume> v =
        volumes.values().stream()
            .filter(x -> m.stream().anyMatch(y -> y.volumeId() == x.id()))
            .toList();
    List<Lvol> l =
        lvols.values().stream()
            .filter(x -> v.stream().anyMatch(y -> y.id() == x.volumeId()))
            .filter(x -> x.state() != LvolState.DELETED)
            .toList();
    List<Grant> g =
        grants.values().stream()
            .filter(x -> x.state() != GrantState.REVOKED)
            .filter(x -> l.stream().anyMatch(y -> y.id() == x.lvolId()))
            .toList();
    List<VmMapping> vm =
        vms.values().stream()
            .filter(x -> x.state() != VmMappingState.DETACHED && x.nodeId() == node)
            .toList();
    return new NodeView(
        cluster,
        nodes.get(node),
        List.copyOf(nodes.values()),
        List.copyOf(disks.values()),
        v,
        l,
        g,
        m,
        vm);
  }
}

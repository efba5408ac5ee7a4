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
import io.diskengine.model.Sizes;
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

/** The rows and the refusals of the store, in memory. */
@NullUnmarked
final class SimDatabase {
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

  Volume createVolume(int replicas, List<Long> onNodes) {
    long id = nextId++;
    UUID uuid = UUID.nameUUIDFromBytes(("vol" + id).getBytes());
    Volume v =
        new Volume(
            id,
            uuid,
            "vol" + id,
            64 * Sizes.MIB,
            0,
            4096,
            replicas,
            1,
            true,
            Limits.NONE,
            1,
            false,
            VolumeState.CREATING,
            null,
            Instant.EPOCH,
            1);
    volumes.put(id, v);
    for (int slot = 0; slot < replicas; slot++) {
      long node = onNodes.get(slot);
      Disk disk = disks.values().stream().filter(d -> d.nodeId() == node).findFirst().orElseThrow();
      insertLvol(v, disk, slot, 1, LvolSync.IN_SYNC);
    }
    return v;
  }

  Volume volume(long id) {
    return volumes.get(id);
  }

  boolean attached(long volume) {
    return mappings.values().stream().anyMatch(m -> m.volumeId() == volume && !m.state().isFinal());
  }

  void attach(long volume) {
    attach(volume, BAREMETAL);
  }

  void attach(long volume, long node) {
    boolean clean =
        mappings.values().stream()
            .filter(m -> m.volumeId() == volume)
            .reduce((a, b) -> b)
            .map(VolumeMapping::clean)
            .orElse(true);
    long id = nextId++;
    mappings.put(
        id, new VolumeMapping(id, volume, node, VolumeMappingState.ASSIGNED, null, clean, 1));
    long vid = nextId++;
    UUID uuid = volumes.get(volume).uuid();
    vms.put(
        vid,
        new VmMapping(
            vid, id, node, Names.vhost(vid, uuid), null, VmMappingState.ATTACHING, false, 1));
    for (Lvol l : List.copyOf(lvols.values())) {
      if (l.volumeId() == volume && l.sync() == LvolSync.IN_SYNC) {
        grant(l.id(), id);
      }
    }
  }

  private void grant(long lvol, long mapping) {
    long id = nextId++;
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

  void detach(long volume) {
    for (VolumeMapping m : List.copyOf(mappings.values())) {
      if (m.volumeId() == volume
          && !m.state().isFinal()
          && m.state() != VolumeMappingState.DETACHING) {
        put(m, VolumeMappingState.DETACHING, m.clean(), m.raidState());
        vms.values().stream()
            .filter(v -> v.mappingId() == m.id())
            .toList()
            .forEach(v -> put(v, VmMappingState.DETACHING, v.socketPath()));
      }
    }
  }

  /** Taken away from where it is; replicas on storage nodes that are down leave the set. */
  void move(long volume, long node) {
    VolumeMapping m =
        mappings.values().stream()
            .filter(x -> x.volumeId() == volume && !x.state().isFinal())
            .findFirst()
            .orElseThrow();
    put(m, VolumeMappingState.FENCED, m.clean(), m.raidState());
    vms.values().stream()
        .filter(v -> v.mappingId() == m.id() && v.state().canBecome(VmMappingState.DETACHING))
        .toList()
        .forEach(v -> put(v, VmMappingState.DETACHING, v.socketPath()));
    release(m);
    List<Lvol> inSync =
        lvols.values().stream()
            .filter(l -> l.volumeId() == volume && l.sync() == LvolSync.IN_SYNC)
            .toList();
    List<Lvol> reachable =
        inSync.stream()
            .filter(l -> nodes.get(l.nodeId()).dataPlane() == DataPlaneState.READY)
            .toList();
    if (!reachable.isEmpty() && volumes.get(volume).raidCreated()) {
      inSync.stream()
          .filter(l -> !reachable.contains(l))
          .forEach(l -> put(l, l.state(), LvolSync.OUT, l.uuid()));
    }
    raiseEpoch(volumes.get(volume));
    attach(volume, node);
  }

  void limit(long volume, Limits limits) {
    Volume v = volumes.get(volume);
    put(v, v.sizeBytes(), limits);
  }

  /** Every replica is to grow. */
  void resize(long volume, long sizeBytes) {
    Volume v = volumes.get(volume);
    put(v, VolumeState.RESIZING, v.epoch(), v.raidCreated());
    put(volumes.get(volume), sizeBytes, v.limits());
    for (Lvol l : List.copyOf(lvols.values())) {
      if (l.volumeId() == volume) {
        put(l, LvolState.RESIZING, l.sync(), l.uuid());
        Lvol r = lvols.get(l.id());
        lvols.put(
            l.id(),
            new Lvol(
                r.id(),
                r.volumeId(),
                r.diskId(),
                r.nodeId(),
                r.slot(),
                r.generation(),
                r.name(),
                r.uuid(),
                Sizes.legBytes(sizeBytes),
                r.nqn(),
                r.namespaceUuid(),
                r.nguid(),
                r.serial(),
                r.minCntlid(),
                r.maxCntlid(),
                r.state(),
                r.sync(),
                r.rebuildPercent(),
                r.kept(),
                r.keptUuid(),
                null,
                r.version()));
      }
    }
  }

  private void put(Volume v, long sizeBytes, Limits limits) {
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

  /** The controller places a replacement. */
  Lvol replace(Lvol old, long node) {
    Disk disk = disks.values().stream().filter(d -> d.nodeId() == node).findFirst().orElseThrow();
    Volume v = volumes.get(old.volumeId());
    return insertLvol(v, disk, old.slot(), old.generation() + 1, LvolSync.OUT);
  }

  private Lvol insertLvol(Volume v, Disk disk, int slot, int generation, LvolSync sync) {
    String name = Names.lvol(v.id(), v.uuid(), slot, generation);
    UUID ns = Names.namespaceUuid(v.uuid(), slot, generation);
    Lvol made =
        new Lvol(
            nextId++,
            v.id(),
            disk.id(),
            disk.nodeId(),
            slot,
            generation,
            name,
            null,
            Sizes.legBytes(v.sizeBytes()),
            Names.subsystemNqn(cluster.nqnPrefix(), cluster.id(), name),
            ns,
            Names.nguid(ns),
            Names.serial(ns),
            Names.minCntlid(slot),
            Names.maxCntlid(slot),
            LvolState.CREATING,
            sync,
            null,
            Kept.NONE,
            null,
            null,
            1);
    lvols.put(made.id(), made);
    return made;
  }

  /** What is out or leaves goes when enough replicas are in sync. */
  private void removeSurplus(long volume) {
    List<Lvol> all =
        lvols.values().stream()
            .filter(l -> l.volumeId() == volume)
            .filter(l -> l.state() != LvolState.DELETING && l.state() != LvolState.DELETED)
            .toList();
    List<Lvol> staying =
        all.stream()
            .filter(l -> l.sync() == LvolSync.IN_SYNC && l.state() == LvolState.UP)
            .filter(l -> !leaving.contains(l.id()))
            .toList();
    long slots = staying.stream().mapToInt(Lvol::slot).distinct().count();
    if (slots >= volumes.get(volume).replicas()) {
      for (Lvol l : all) {
        boolean second =
            l.sync() == LvolSync.IN_SYNC
                && staying.stream()
                    .anyMatch(o -> o.slot() == l.slot() && o.generation() > l.generation());
        if (second || l.sync() == LvolSync.OUT || leaving.contains(l.id())) {
          put(l, LvolState.DELETING, LvolSync.OUT, l.uuid());
          revoke(g -> g.lvolId() == l.id());
        }
      }
    }
  }

  private void release(VolumeMapping m) {
    revoke(g -> g.mappingId() == m.id());
    lvols.values().stream()
        .filter(l -> l.volumeId() == m.volumeId() && l.sync() == LvolSync.REBUILDING)
        .toList()
        .forEach(l -> put(l, l.state(), LvolSync.OUT, l.uuid()));
  }

  void delete(long volume) {
    Volume v = volumes.get(volume);
    put(v, VolumeState.DELETING, v.epoch(), v.raidCreated());
    for (Lvol l : List.copyOf(lvols.values())) {
      if (l.volumeId() == volume) {
        put(l, LvolState.DELETING, l.sync(), l.uuid());
      }
    }
  }

  private void put(Volume v, VolumeState state, long epoch, boolean raidCreated) {
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

  private void put(Lvol l, LvolState state, LvolSync sync, @Nullable UUID uuid) {
    put(l, state, sync, uuid, null);
  }

  private void put(
      Lvol l, LvolState state, LvolSync sync, @Nullable UUID uuid, @Nullable Integer percent) {
    put(l, state, sync, uuid, percent, kept(l, sync), l.keptUuid());
  }

  /** What the rows' trigger does. */
  private static Kept kept(Lvol l, LvolSync to) {
    if (to == LvolSync.OUT && l.sync() == LvolSync.IN_SYNC && l.kept() == Kept.NONE) {
      return Kept.WANTED;
    }
    return to == LvolSync.IN_SYNC && l.kept() == Kept.KEPT ? Kept.DROPPING : l.kept();
  }

  private void put(Lvol l, Kept kept, @Nullable UUID keptUuid) {
    put(l, l.state(), l.sync(), l.uuid(), l.rebuildPercent(), kept, keptUuid);
  }

  private void put(
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

  private void put(VolumeMapping m, VolumeMappingState s, boolean clean, @Nullable String raid) {
    mappings.put(
        m.id(),
        new VolumeMapping(m.id(), m.volumeId(), m.nodeId(), s, raid, clean, m.version() + 1));
  }

  private void put(VmMapping m, VmMappingState s, @Nullable String socket) {
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

  private void put(Grant g, GrantState s, long epoch, @Nullable String incarnation) {
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

  private void put(Disk d, DiskState s, @Nullable Lvstore store) {
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

  /** Applies like the store does; false when refused. */
  boolean commit(long nodeId, Commit commit) {
    switch (commit) {
      case Commit.DiskSeen w -> {
        long id = nextId++;
        UUID uuid = UUID.nameUUIDFromBytes(("disk" + id).getBytes());
        DiskFile f = w.file();
        disks.put(
            id,
            new Disk(
                id,
                uuid,
                nodeId,
                f.serial(),
                f.nsid(),
                f.model(),
                f.path(),
                f.sizeBytes(),
                f.blockSize(),
                true,
                false,
                DiskState.NEW,
                null,
                Names.lvstore(uuid),
                0,
                0,
                0,
                null,
                1));
        return true;
      }
      case Commit.DiskChanged w -> {
        Disk d = disks.get(w.diskId());
        if (d.version() != w.version() || !d.state().canBecome(w.to())) {
          return false;
        }
        put(d, w.to(), null);
        return true;
      }
      case Commit.DiskUp w -> {
        Disk d = disks.get(w.diskId());
        if (d.version() != w.version()) {
          return false;
        }
        put(d, DiskState.UP, w.lvstore());
        return true;
      }
      case Commit.DiskFree _ -> {
        return true;
      }
      case Commit.LvolUp w -> {
        Lvol l = lvols.get(w.lvolId());
        if (l.version() != w.version() || !l.state().canBecome(LvolState.UP)) {
          return false;
        }
        put(l, LvolState.UP, l.sync(), w.uuid());
        Volume v = volumes.get(l.volumeId());
        if ((v.state() == VolumeState.CREATING || v.state() == VolumeState.RESIZING)
            && lvols.values().stream()
                .filter(o -> o.volumeId() == v.id())
                .allMatch(o -> o.state() == LvolState.UP)) {
          put(v, VolumeState.AVAILABLE, v.epoch(), v.raidCreated());
        }
        return true;
      }
      case Commit.LvolChanged w -> {
        Lvol l = lvols.get(w.lvolId());
        boolean granted =
            grants.values().stream()
                .anyMatch(g -> g.lvolId() == l.id() && g.state() != GrantState.REVOKED);
        if (l.version() != w.version()
            || !l.state().canBecome(w.to())
            || (w.to() == LvolState.DELETED && granted)) {
          return false;
        }
        put(l, w.to(), l.sync(), l.uuid());
        return true;
      }
      case Commit.LvolKept w -> {
        Lvol l = lvols.get(w.lvolId());
        if (l.version() != w.version() || l.kept() != Kept.TAKING || l.sync() != LvolSync.OUT) {
          return false;
        }
        put(l, Kept.KEPT, w.snapshotUuid());
        return true;
      }
      case Commit.KeptGone w -> {
        Lvol l = lvols.get(w.lvolId());
        if (l.version() != w.version() || l.kept() != Kept.DROPPING) {
          return false;
        }
        put(l, l.sync() == LvolSync.IN_SYNC ? Kept.NONE : Kept.WANTED, null);
        return true;
      }
      case Commit.GrantConfirmed w -> {
        Grant g = grants.get(w.grantId());
        boolean others =
            grants.values().stream()
                .anyMatch(o ->
                    o.lvolId() == g.lvolId()
                        && o.id() != g.id()
                        && o.state() != GrantState.REVOKED);
        if (g.version() != w.version()
            || (w.to() == GrantState.GRANTED && others)
            || !(g.state().canBecome(w.to()) || g.state() == w.to())) {
          return false;
        }
        put(g, w.to(), g.volumeEpoch(), w.incarnation());
        return true;
      }
      case Commit.MappingChanged w -> {
        VolumeMapping m = mappings.get(w.mappingId());
        if (m.version() != w.version() || !m.state().canBecome(w.to())) {
          return false;
        }
        put(m, w.to(), m.clean() || w.to() == VolumeMappingState.DETACHED, m.raidState());
        if (w.to().isFinal()) {
          release(m);
        }
        return true;
      }
      case Commit.MappingClean w -> {
        VolumeMapping m = mappings.get(w.mappingId());
        if (m.version() != w.version()) {
          return false;
        }
        put(m, m.state(), w.clean(), m.raidState());
        return true;
      }
      case Commit.RaidSeen w -> {
        VolumeMapping m = mappings.get(w.mappingId());
        if (m.version() != w.version()) {
          return false;
        }
        put(m, m.state(), m.clean(), w.raidState());
        return true;
      }
      case Commit.RaidCreated w -> {
        Volume v = volumes.get(w.volumeId());
        if (v.version() != w.version()) {
          return false;
        }
        put(v, v.state(), v.epoch(), true);
        return true;
      }
      case Commit.GrowthMissed _ ->
          throw new IllegalStateException("sizes of RAIDs are not simulated here");
      case Commit.VmMappingChanged w -> {
        VmMapping m = vms.get(w.vmMappingId());
        if (m.version() != w.version() || !m.state().canBecome(w.to())) {
          return false;
        }
        put(m, w.to(), w.socketPath());
        return true;
      }
      case Commit.GuestSeen w -> {
        VmMapping m = vms.get(w.vmMappingId());
        vms.put(
            m.id(),
            new VmMapping(
                m.id(),
                m.mappingId(),
                m.nodeId(),
                m.controllerName(),
                m.socketPath(),
                m.state(),
                w.connected(),
                m.version()));
        return true;
      }
      case Commit.MappingGone w -> {
        VolumeMapping m = mappings.get(w.mappingId());
        if (m.version() != w.version() || m.state() != VolumeMappingState.FENCED) {
          return false;
        }
        gone.add(m.id());
        return true;
      }
      case Commit.CommitOut w -> {
        Volume v = volumes.get(w.volumeId());
        if (mappings.values().stream()
            .noneMatch(
                m -> m.volumeId() == v.id() && m.nodeId() == nodeId && !m.state().isFinal())) {
          return false;
        }
        boolean survivor =
            lvols.values().stream()
                .anyMatch(l ->
                    l.volumeId() == v.id()
                        && l.sync() == LvolSync.IN_SYNC
                        && !w.lvolIds().contains(l.id()));
        if (v.epoch() != w.volumeEpoch() || !survivor) {
          return false;
        }
        for (long id : w.lvolIds()) {
          Lvol l = lvols.get(id);
          put(l, l.state(), LvolSync.OUT, l.uuid());
        }
        revoke(g -> w.lvolIds().contains(g.lvolId()));
        raiseEpoch(v);
        return true;
      }
      case Commit.Readmit w -> {
        Lvol l = lvols.get(w.lvolId());
        boolean granted =
            grants.values().stream()
                .anyMatch(g -> g.lvolId() == l.id() && g.state() != GrantState.REVOKED);
        if (l.version() != w.version()
            || l.sync() != LvolSync.OUT
            || l.state() != LvolState.UP
            || l.kept() == Kept.DROPPING
            || granted) {
          return false;
        }
        long mapping =
            mappings.values().stream()
                .filter(m -> m.volumeId() == l.volumeId() && !m.state().isFinal())
                .findFirst()
                .orElseThrow()
                .id();
        grant(l.id(), mapping);
        put(l, l.kept() == Kept.WANTED ? Kept.TAKING : l.kept(), l.keptUuid());
        return true;
      }
      case Commit.RebuildStarted w -> {
        Lvol l = lvols.get(w.lvolId());
        boolean granted =
            grants.values().stream()
                .anyMatch(g -> g.lvolId() == l.id() && g.state() == GrantState.GRANTED);
        if (l.version() != w.version() || l.sync() != LvolSync.OUT || !granted) {
          return false;
        }
        put(l, l.state(), LvolSync.REBUILDING, l.uuid(), 0);
        return true;
      }
      case Commit.RebuildProgress w -> {
        Lvol l = lvols.get(w.lvolId());
        put(l, l.state(), l.sync(), l.uuid(), w.percent());
        return true;
      }
      case Commit.InSync w -> {
        Lvol l = lvols.get(w.lvolId());
        if (l.version() != w.version() || l.sync() != LvolSync.REBUILDING) {
          return false;
        }
        put(l, l.state(), LvolSync.IN_SYNC, l.uuid());
        removeSurplus(l.volumeId());
        raiseEpoch(volumes.get(l.volumeId()));
        return true;
      }
      case Commit.SourceLost w -> {
        Lvol l = lvols.get(w.lvolId());
        if (l.version() != w.version()
            || l.sync() != LvolSync.REBUILDING
            || volumes.get(w.volumeId()).epoch() != w.volumeEpoch()) {
          return false;
        }
        put(l, l.state(), LvolSync.IN_SYNC, l.uuid());
        for (long id : w.lost()) {
          Lvol lost = lvols.get(id);
          put(lost, lost.state(), LvolSync.OUT, lost.uuid());
        }
        revoke(g -> w.lost().contains(g.lvolId()));
        removeSurplus(w.volumeId());
        raiseEpoch(volumes.get(w.volumeId()));
        return true;
      }
    }
  }

  private void raiseEpoch(Volume v) {
    put(v, v.state(), v.epoch() + 1, v.raidCreated());
    for (Grant g : List.copyOf(grants.values())) {
      if (lvols.get(g.lvolId()).volumeId() == v.id()
          && (g.state() == GrantState.GRANTING || g.state() == GrantState.GRANTED)) {
        put(g, g.state(), v.epoch() + 1, g.incarnation());
      }
    }
  }

  private void revoke(java.util.function.Predicate<Grant> which) {
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

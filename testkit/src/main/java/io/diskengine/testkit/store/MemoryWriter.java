package io.diskengine.testkit.store;

import io.diskengine.model.Disk;
import io.diskengine.model.DiskState;
import io.diskengine.model.Event;
import io.diskengine.model.Grant;
import io.diskengine.model.GrantState;
import io.diskengine.model.Intent;
import io.diskengine.model.Kept;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Names;
import io.diskengine.model.Node;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.VmMapping;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.model.VolumeState;
import io.diskengine.store.AgentWrite;
import io.diskengine.store.PlanRequest;
import io.diskengine.store.WriteResult;
import io.diskengine.store.WriteResult.Applied;
import io.diskengine.store.WriteResult.Refused;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Applies one agent's writes, with the refusals of the store on PostgreSQL. */
final class MemoryWriter {
  private final MemoryState s;
  private final long nodeId;
  private final long leaseEpoch;
  private final MemoryStore store;
  private final Instant now;
  private final MemoryLegs legs;

  MemoryWriter(MemoryState state, long nodeId, long leaseEpoch, MemoryStore store) {
    this.s = state;
    this.nodeId = nodeId;
    this.leaseEpoch = leaseEpoch;
    this.store = store;
    this.now = store.now();
    this.legs = new MemoryLegs(this, state, nodeId, now);
  }

  WriteResult apply(AgentWrite write) {
    return switch (write) {
      case AgentWrite.BeginIntent w -> begin(w);
      case AgentWrite.FinishIntent w -> finish(w);
      case AgentWrite.LvolKept w -> lvolKept(w);
      case AgentWrite.KeptGone w -> keptGone(w);
      case AgentWrite.FinishUnknownIntents w -> finishUnknown(w);
      case AgentWrite.NodeSeen w -> nodeSeen(w);
      case AgentWrite.PublishReasons w -> {
        s.reasons.put(nodeId, w.reasons());
        yield new Applied(nodeId);
      }
      case AgentWrite.PublishPlan w -> {
        s.plans.put(nodeId, w.plan());
        yield new Applied(nodeId);
      }
      case AgentWrite.AnswerPlan w -> answer(w);
      case AgentWrite.AppendEvent w ->
          new Applied(event(w.severity(), w.object(), w.objectName(), w.message()));
      case AgentWrite.DiskSeen w -> diskSeen(w);
      case AgentWrite.DiskChanged w ->
          disk(
              w.diskId(),
              d ->
                  d.version() == w.version()
                      && d.state().canBecome(w.to())
                      && (w.to() != DiskState.UP || d.lvstoreUuid() != null),
              "state",
              w.to(),
              "health",
              w.health());
      case AgentWrite.DiskUp w -> diskUp(w);
      case AgentWrite.DiskFree w -> {
        Disk d = s.disks.get(w.diskId());
        if (d == null || d.nodeId() != nodeId) {
          yield noRow();
        }
        s.disks.put(d.id(), Row.with(d, "freeClusters", w.freeClusters()));
        yield new Applied(d.id());
      }
      case AgentWrite.LvolUp w -> lvolUp(w);
      case AgentWrite.LvolChanged w -> lvolChanged(w);
      case AgentWrite.GrantConfirmed w -> grantConfirmed(w);
      case AgentWrite.MappingChanged w -> mappingChanged(w);
      case AgentWrite.RaidSeen w -> mapping(w.mappingId(), w.version(), "raidState", w.raidState());
      case AgentWrite.MappingClean w -> mappingClean(w);
      case AgentWrite.MappingGone w -> mappingGone(w);
      case AgentWrite.GuestSeen w -> {
        VmMapping vm = s.vms.get(w.vmMappingId());
        if (vm == null || vm.nodeId() != nodeId) {
          yield noRow();
        }
        s.vms.put(vm.id(), Row.with(vm, "guestConnected", w.connected()));
        yield new Applied(vm.id());
      }
      case AgentWrite.RaidCreated w -> raidCreated(w);
      case AgentWrite.VmMappingChanged w -> vmMappingChanged(w);
      case AgentWrite.CommitOut w -> legs.commitOut(w);
      case AgentWrite.Readmit w -> legs.readmit(w);
      case AgentWrite.RebuildStarted w -> legs.rebuildStarted(w);
      case AgentWrite.RebuildProgress w -> {
        Lvol l = s.lvols.get(w.lvolId());
        if (l == null || l.sync() != LvolSync.REBUILDING) {
          yield noRow();
        }
        s.lvols.put(l.id(), Row.with(l, "rebuildPercent", w.percent()));
        yield new Applied(l.id());
      }
      case AgentWrite.InSync w -> legs.inSync(w);
      case AgentWrite.SourceLost w -> legs.sourceLost(w);
      case AgentWrite.GrowthMissed w -> legs.growthMissed(w);
    };
  }

  private static Refused noRow() {
    return new Refused("there is no such row of this node");
  }

  /** Says what is there now. */
  Refused stale(ObjectKind kind, long id) {
    ObjectRef object = new ObjectRef(kind, id);
    Object state =
        switch (kind) {
          case DISK -> s.disks.containsKey(id) ? s.disks.at(id).state() : null;
          case VOLUME -> s.volumes.containsKey(id) ? s.volumes.at(id).state() : null;
          case LVOL -> s.lvols.containsKey(id) ? s.lvols.at(id).state() : null;
          case GRANT -> s.grants.containsKey(id) ? s.grants.at(id).state() : null;
          case VOLUME_MAPPING -> s.mappings.containsKey(id) ? s.mappings.at(id).state() : null;
          case VM_MAPPING -> s.vms.containsKey(id) ? s.vms.at(id).state() : null;
          case CLUSTER, NODE -> null;
        };
    return state == null
        ? new Refused(object + " does not exist")
        : new Refused(
            "%s is %s at version %d: not what this was planned from"
                .formatted(object, state, s.version(object)));
  }

  private WriteResult begin(AgentWrite.BeginIntent w) {
    Long version = s.version(w.object());
    if (version == null
        || (w.object().kind() != ObjectKind.CLUSTER && version != w.plannedFromVersion())) {
      return new Refused(w.object() + " is not at version " + w.plannedFromVersion() + " any more");
    }
    long id = s.nextId("intent");
    s.intents.put(
        id,
        new Intent(
            id,
            nodeId,
            leaseEpoch,
            w.action(),
            w.object(),
            w.plannedFromVersion(),
            now,
            null,
            null));
    return new Applied(id);
  }

  private WriteResult finish(AgentWrite.FinishIntent w) {
    Intent i = s.intents.get(w.intentId());
    if (i == null || i.nodeId() != nodeId || i.finishedAt() != null) {
      return new Refused("no open intent " + w.intentId());
    }
    s.intents.put(i.id(), Row.with(i, "finishedAt", now, "outcome", w.outcome()));
    return new Applied(i.id());
  }

  private WriteResult finishUnknown(AgentWrite.FinishUnknownIntents w) {
    s.intents.replaceAll(
        i ->
            i.nodeId() == nodeId && i.finishedAt() == null && !w.known().contains(i.id())
                ? Row.with(i, "finishedAt", now, "outcome", w.outcome())
                : i,
        Intent::id);
    return new Applied(nodeId);
  }

  private WriteResult nodeSeen(AgentWrite.NodeSeen w) {
    Node n = Objects.requireNonNull(s.nodes.get(nodeId));
    boolean same =
        n.dataPlane() == w.dataPlane()
            && Objects.equals(n.incarnation(), w.incarnation())
            && Objects.equals(n.spdkVersion(), w.spdkVersion());
    if (!same) {
      Node seen =
          Row.with(
              n,
              "dataPlaneSince",
              n.dataPlane() == w.dataPlane() ? n.dataPlaneSince() : now,
              "dataPlane",
              w.dataPlane(),
              "incarnation",
              w.incarnation(),
              "spdkVersion",
              w.spdkVersion(),
              "version",
              n.version() + 1);
      s.nodes.put(nodeId, seen);
    }
    return new Applied(nodeId);
  }

  private WriteResult answer(AgentWrite.AnswerPlan w) {
    PlanRequest p = s.planRequests.get(w.requestId());
    if (p == null || p.nodeId() != nodeId || p.answer() != null) {
      return noRow();
    }
    s.planRequests.put(p.id(), Row.with(p, "answer", w.answer()));
    return new Applied(p.id());
  }

  long event(Event.Severity severity, ObjectRef object, String name, String message) {
    long id = s.nextId("event");
    String node = Objects.requireNonNull(s.nodes.get(nodeId)).name();
    s.events.put(id, new Event(id, now, severity, node, object, name, message));
    return id;
  }

  private WriteResult diskSeen(AgentWrite.DiskSeen w) {
    Optional<Disk> known =
        s.disks.values().stream()
            .filter(d -> d.nodeId() == nodeId && d.serial().equals(w.serial()))
            .filter(d -> d.nsid() == w.nsid())
            .findFirst();
    if (known.isEmpty()) {
      long id = s.nextId("disk");
      UUID uuid = new UUID(store.random.nextLong(), store.random.nextLong());
      s.disks.put(
          id,
          new Disk(
              id,
              uuid,
              nodeId,
              w.serial(),
              w.nsid(),
              w.model(),
              w.address(),
              w.sizeBytes(),
              w.blockSize(),
              false,
              w.volatileWriteCache(),
              DiskState.NEW,
              null,
              Names.lvstore(uuid),
              0,
              0,
              0,
              null,
              1));
      return new Applied(id);
    }
    Disk d = known.get();
    boolean same =
        d.model().equals(w.model())
            && d.address().equals(w.address())
            && d.sizeBytes() == w.sizeBytes()
            && d.volatileWriteCache() == w.volatileWriteCache();
    if (!same && d.blockSize() == w.blockSize()) {
      Disk seen =
          Row.with(
              d,
              "model",
              w.model(),
              "address",
              w.address(),
              "sizeBytes",
              w.sizeBytes(),
              "volatileWriteCache",
              w.volatileWriteCache(),
              "version",
              d.version() + 1);
      s.disks.put(d.id(), seen);
    }
    return new Applied(d.id());
  }

  private WriteResult disk(
      long id, java.util.function.Predicate<Disk> planned, @Nullable Object... changes) {
    Disk d = s.disks.get(id);
    if (d == null || d.nodeId() != nodeId || !planned.test(d)) {
      return stale(ObjectKind.DISK, id);
    }
    s.disks.put(id, raised(Row.with(d, changes), d.version()));
    return new Applied(id);
  }

  private static <T extends Record> T raised(T row, long version) {
    return Row.with(row, "version", version + 1);
  }

  private WriteResult diskUp(AgentWrite.DiskUp w) {
    return disk(
        w.diskId(),
        d ->
            d.version() == w.version()
                && (d.lvstoreUuid() == null || d.lvstoreUuid().equals(w.lvstoreUuid()))
                && (d.state() == DiskState.UP
                    || (d.state() != DiskState.NEW && d.state().canBecome(DiskState.UP))),
        "state",
        DiskState.UP,
        "lvstoreUuid",
        w.lvstoreUuid(),
        "clusterSizeBytes",
        w.clusterSizeBytes(),
        "totalClusters",
        w.totalClusters(),
        "freeClusters",
        w.freeClusters(),
        "unmapZeroes",
        w.unmapZeroes(),
        "health",
        null);
  }

  private @Nullable Lvol mine(long id, long version) {
    Lvol l = s.lvols.get(id);
    return l != null && l.version() == version && l.nodeId() == nodeId ? l : null;
  }

  void put(Volume v, @Nullable Object... changes) {
    s.volumes.put(v.id(), raised(Row.with(v, changes), v.version()));
  }

  void put(Lvol l, @Nullable Object... changes) {
    s.lvols.put(l.id(), raised(Row.with(l, changes), l.version()));
  }

  void put(Grant g, @Nullable Object... changes) {
    s.grants.put(g.id(), raised(Row.with(g, changes), g.version()));
  }

  private WriteResult lvolUp(AgentWrite.LvolUp w) {
    Lvol l = mine(w.lvolId(), w.version());
    boolean other = l != null && l.uuid() != null && !l.uuid().equals(w.lvolUuid());
    if (l == null || !l.state().canBecome(LvolState.UP) || other) {
      return stale(ObjectKind.LVOL, w.lvolId());
    }
    put(l, "state", LvolState.UP, "uuid", w.lvolUuid());
    Volume v = Objects.requireNonNull(s.volumes.get(l.volumeId()));
    long up = s.lvolsOf(v.id()).stream().filter(o -> o.state() == LvolState.UP).count();
    boolean changing = v.state() == VolumeState.CREATING || v.state() == VolumeState.RESIZING;
    boolean growing = s.lvolsOf(v.id()).stream().anyMatch(o -> o.state() == LvolState.RESIZING);
    if (changing && up >= v.replicas() && !growing) {
      put(v, "state", VolumeState.AVAILABLE, "confirmedSizeBytes", v.sizeBytes());
    }
    return new Applied(l.id());
  }

  private WriteResult lvolChanged(AgentWrite.LvolChanged w) {
    Lvol l = mine(w.lvolId(), w.version());
    boolean deleted = w.to() == LvolState.DELETED;
    if (l == null || !l.state().canBecome(w.to()) || (deleted && !s.liveGrants(l.id()).isEmpty())) {
      return stale(ObjectKind.LVOL, w.lvolId());
    }
    put(l, "state", w.to());
    Volume v = Objects.requireNonNull(s.volumes.get(l.volumeId()));
    boolean all = s.lvolsOf(v.id()).stream().allMatch(o -> o.state() == LvolState.DELETED);
    if (deleted && v.state() == VolumeState.DELETING && all) {
      put(v, "state", VolumeState.DELETED);
    }
    return new Applied(l.id());
  }

  private WriteResult grantConfirmed(AgentWrite.GrantConfirmed w) {
    if (w.to() != GrantState.GRANTED && w.to() != GrantState.REVOKED) {
      return new Refused("an agent confirms GRANTED or REVOKED, not " + w.to());
    }
    Grant g = s.grants.get(w.grantId());
    boolean granted = w.to() == GrantState.GRANTED;
    boolean fits =
        g != null
            && g.version() == w.version()
            && Objects.requireNonNull(s.lvols.get(g.lvolId())).nodeId() == nodeId
            && (granted
                ? (g.state() == GrantState.GRANTING || g.state() == GrantState.GRANTED)
                    && s.liveGrants(g.lvolId()).size() == 1
                : g.state() == GrantState.REVOKING);
    if (g == null || !fits) {
      return stale(ObjectKind.GRANT, w.grantId());
    }
    put(g, "state", w.to(), "incarnation", w.incarnation());
    return new Applied(g.id());
  }

  private WriteResult mapping(long id, long version, @Nullable Object... changes) {
    VolumeMapping m = s.mappings.get(id);
    if (m == null || m.version() != version || m.nodeId() != nodeId) {
      return stale(ObjectKind.VOLUME_MAPPING, id);
    }
    s.mappings.put(id, raised(Row.with(m, changes), m.version()));
    return new Applied(id);
  }

  private WriteResult mappingClean(AgentWrite.MappingClean w) {
    VolumeMapping m = s.mappings.get(w.mappingId());
    return m != null && m.state() == VolumeMappingState.FENCED
        ? stale(ObjectKind.VOLUME_MAPPING, m.id())
        : mapping(w.mappingId(), w.version(), "clean", w.clean());
  }

  private WriteResult mappingGone(AgentWrite.MappingGone w) {
    VolumeMapping m = s.mappings.get(w.mappingId());
    if (m == null || !s.isLeftOn(m, nodeId) || isShown(m.id())) {
      return stale(ObjectKind.VOLUME_MAPPING, w.mappingId());
    }
    WriteResult result = mapping(m.id(), w.version());
    if (result.applied()) {
      s.gone.add(m.id());
    }
    return result;
  }

  private boolean isShown(long mapping) {
    return s.vms.values().stream()
        .anyMatch(v -> v.mappingId() == mapping && v.state() != VmMappingState.DETACHED);
  }

  private WriteResult mappingChanged(AgentWrite.MappingChanged w) {
    VolumeMapping m = s.mappings.get(w.mappingId());
    boolean shown = w.to().isFinal() && isShown(w.mappingId());
    if (m == null || !m.state().canBecome(w.to()) || shown) {
      return stale(ObjectKind.VOLUME_MAPPING, w.mappingId());
    }
    boolean clean = m.clean() || w.to() == VolumeMappingState.DETACHED;
    WriteResult result = mapping(m.id(), w.version(), "state", w.to(), "clean", clean);
    if (result.applied() && w.to().isFinal()) {
      revoke(g -> g.mappingId() == m.id());
      s.lvolsOf(m.volumeId()).stream()
          .filter(l -> l.sync() == LvolSync.REBUILDING)
          .forEach(l -> put(l, "sync", LvolSync.OUT, "rebuildPercent", null));
    }
    return result;
  }

  void revoke(java.util.function.Predicate<Grant> which) {
    for (Grant g : List.copyOf(s.grants.values())) {
      boolean live = g.state() == GrantState.GRANTING || g.state() == GrantState.GRANTED;
      if (live && which.test(g)) {
        put(g, "state", GrantState.REVOKING);
      }
    }
  }

  boolean isMappedHere(long volume) {
    return s.liveMapping(volume).filter(m -> m.nodeId() == nodeId).isPresent();
  }

  private WriteResult raidCreated(AgentWrite.RaidCreated w) {
    Volume v = s.volumes.get(w.volumeId());
    if (v == null || v.version() != w.version() || !isMappedHere(v.id())) {
      return stale(ObjectKind.VOLUME, w.volumeId());
    }
    put(v, "raidCreated", true);
    return new Applied(v.id());
  }

  private WriteResult vmMappingChanged(AgentWrite.VmMappingChanged w) {
    VmMapping vm = s.vms.get(w.vmMappingId());
    if (vm == null
        || vm.version() != w.version()
        || vm.nodeId() != nodeId
        || !vm.state().canBecome(w.to())) {
      return stale(ObjectKind.VM_MAPPING, w.vmMappingId());
    }
    String socket = w.socketPath() == null ? vm.socketPath() : w.socketPath();
    if (w.to() == VmMappingState.ATTACHED && socket == null) {
      return new Refused("an attached vm mapping needs its socket's path");
    }
    s.vms.put(vm.id(), raised(Row.with(vm, "state", w.to(), "socketPath", socket), vm.version()));
    return new Applied(vm.id());
  }

  private WriteResult lvolKept(AgentWrite.LvolKept w) {
    Lvol l = mine(w.lvolId(), w.version());
    if (l == null || l.kept() != Kept.TAKING || l.sync() != LvolSync.OUT) {
      return stale(ObjectKind.LVOL, w.lvolId());
    }
    put(l, "kept", Kept.KEPT, "keptUuid", w.snapshotUuid());
    return new Applied(l.id());
  }

  private WriteResult keptGone(AgentWrite.KeptGone w) {
    Lvol l = mine(w.lvolId(), w.version());
    if (l == null || l.kept() != Kept.DROPPING) {
      return stale(ObjectKind.LVOL, w.lvolId());
    }
    Kept next = l.sync() == LvolSync.IN_SYNC ? Kept.NONE : Kept.WANTED;
    put(l, "kept", next, "keptUuid", null);
    return new Applied(l.id());
  }
}

package io.diskengine.testkit.store;

import io.diskengine.model.Event;
import io.diskengine.model.Grant;
import io.diskengine.model.GrantState;
import io.diskengine.model.Kept;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.Sizes;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.model.VolumeState;
import io.diskengine.store.AgentWrite;
import io.diskengine.store.WriteResult;
import io.diskengine.store.WriteResult.Applied;
import io.diskengine.store.WriteResult.Refused;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/** The set of a volume's legs as its baremetal node changes it. */
final class MemoryLegs {
  private final MemoryWriter writer;
  private final MemoryState s;
  private final long nodeId;
  private final Instant now;

  MemoryLegs(MemoryWriter writer, MemoryState state, long nodeId, Instant now) {
    this.writer = writer;
    this.s = state;
    this.nodeId = nodeId;
    this.now = now;
  }

  WriteResult commitOut(AgentWrite.CommitOut w) {
    Volume v = s.volumes.get(w.volumeId());
    if (w.lvolIds().isEmpty()) {
      return new Refused("no leg is named");
    }
    if (v == null || !writer.isMappedHere(v.id())) {
      return new Refused("volume " + w.volumeId() + " is not mapped to this node");
    }
    if (v.epoch() != w.volumeEpoch()) {
      return new Refused("volume " + v.id() + " is at epoch " + v.epoch());
    }
    List<Lvol> leaving =
        s.lvolsOf(v.id()).stream()
            .filter(l -> w.lvolIds().contains(l.id()) && l.sync() != LvolSync.OUT)
            .toList();
    boolean survivor =
        s.lvolsOf(v.id()).stream()
            .anyMatch(l ->
                l.sync() == LvolSync.IN_SYNC
                    && !w.lvolIds().contains(l.id())
                    && l.state() != LvolState.DELETING
                    && l.state() != LvolState.DELETED);
    if (!survivor) {
      return new Refused("no in-sync leg would be left of volume " + v.id());
    }
    if (leaving.isEmpty()) {
      return new Refused("the legs are OUT already");
    }
    leaving.stream()
        .filter(l -> l.sync() == LvolSync.IN_SYNC)
        .forEach(l -> s.outSince.put(l.id(), now));
    leaving.forEach(
        l -> writer.put(l, "sync", LvolSync.OUT, "rebuildPercent", null, "kept", KeptRows.left(l)));
    writer.revoke(g -> w.lvolIds().contains(g.lvolId()));
    raiseEpoch(v);
    String names = String.join(", ", leaving.stream().map(Lvol::name).toList());
    writer.event(
        Event.Severity.WARNING,
        new ObjectRef(ObjectKind.VOLUME, v.id()),
        v.name(),
        names + " is OUT: " + w.cause());
    return new Applied(v.id());
  }

  /** The grants of the legs that stay are valid at the new epoch. */
  private void raiseEpoch(Volume v) {
    writer.put(v, "epoch", v.epoch() + 1);
    for (Grant g : List.copyOf(s.grants.values())) {
      boolean live = g.state() == GrantState.GRANTING || g.state() == GrantState.GRANTED;
      if (live && Objects.requireNonNull(s.lvols.get(g.lvolId())).volumeId() == v.id()) {
        writer.put(g, "volumeEpoch", v.epoch() + 1);
      }
    }
  }

  WriteResult readmit(AgentWrite.Readmit w) {
    Lvol l = s.lvols.get(w.lvolId());
    Optional<VolumeMapping> mapping =
        l == null
            ? Optional.empty()
            : s.liveMapping(l.volumeId())
                .filter(m -> m.nodeId() == nodeId)
                .filter(m ->
                    m.state() == VolumeMappingState.INITIALISED
                        || m.state() == VolumeMappingState.ATTACHED);
    if (l == null
        || mapping.isEmpty()
        || l.version() != w.version()
        || l.sync() != LvolSync.OUT
        || l.state() != LvolState.UP
        || !KeptRows.mayComeBack(s, l)
        || !s.liveGrants(l.id()).isEmpty()
        || rebuilds(o -> o.nodeId() == l.nodeId()) >= s.cluster.settings().maxRebuildsPerNode()
        || rebuilds(o -> o.diskId() == l.diskId()) >= s.cluster.settings().maxRebuildsPerDisk()) {
      return new Refused("lvol " + w.lvolId() + " cannot come back now");
    }
    long id = s.nextId("grant");
    String host = Objects.requireNonNull(s.nodes.get(nodeId)).hostNqn();
    long epoch = Objects.requireNonNull(s.volumes.get(l.volumeId())).epoch();
    s.grants.put(
        id, new Grant(id, l.id(), mapping.get().id(), host, epoch, GrantState.GRANTING, null, 1));
    writer.put(l, "kept", KeptRows.isToBeTaken(l) ? Kept.TAKING : l.kept());
    return new Applied(id);
  }

  private long rebuilds(java.util.function.Predicate<Lvol> where) {
    return s.lvols.values().stream()
        .filter(where)
        .filter(o ->
            o.sync() == LvolSync.REBUILDING
                || (o.sync() == LvolSync.OUT
                    && s.liveGrants(o.id()).stream()
                        .anyMatch(g -> g.state() != GrantState.REVOKING)))
        .count();
  }

  WriteResult rebuildStarted(AgentWrite.RebuildStarted w) {
    Lvol l = s.lvols.get(w.lvolId());
    boolean granted =
        l != null && s.liveGrants(l.id()).stream().anyMatch(g -> g.state() == GrantState.GRANTED);
    if (l == null
        || l.version() != w.version()
        || l.sync() != LvolSync.OUT
        || KeptRows.isToBeTaken(l)
        || !granted
        || !writer.isMappedHere(l.volumeId())) {
      return writer.stale(ObjectKind.LVOL, w.lvolId());
    }
    writer.put(l, "sync", LvolSync.REBUILDING, "rebuildPercent", 0);
    return new Applied(l.id());
  }

  WriteResult inSync(AgentWrite.InSync w) {
    Lvol l = s.lvols.get(w.lvolId());
    if (l == null
        || l.version() != w.version()
        || l.sync() != LvolSync.REBUILDING
        || !writer.isMappedHere(l.volumeId())) {
      return writer.stale(ObjectKind.LVOL, w.lvolId());
    }
    writer.put(l, "sync", LvolSync.IN_SYNC, "rebuildPercent", null, "kept", KeptRows.inSync(l));
    s.outSince.remove(l.id());
    new MemoryChanges(s, now).removeSurplus(l.volumeId());
    raiseEpoch(Objects.requireNonNull(s.volumes.get(l.volumeId())));
    return new Applied(l.id());
  }

  WriteResult growthMissed(AgentWrite.GrowthMissed w) {
    Volume v = s.volumes.get(w.volumeId());
    List<Lvol> replicas =
        s.lvolsOf(w.volumeId()).stream()
            .filter(l -> l.state() != LvolState.DELETING && l.state() != LvolState.DELETED)
            .toList();
    if (v == null
        || v.version() != w.version()
        || v.state() != VolumeState.AVAILABLE
        || !replicas.stream()
            .allMatch(l -> l.state() == LvolState.UP && l.sync() == LvolSync.IN_SYNC)
        || !writer.isMappedHere(v.id())) {
      return writer.stale(ObjectKind.VOLUME, w.volumeId());
    }
    long guestBytes = v.guestBytes() + Sizes.UNIT_BYTES;
    writer.put(v, "state", VolumeState.RESIZING, "guestBytes", guestBytes);
    for (Lvol l : replicas) {
      writer.put(l, "state", LvolState.RESIZING, "sizeBytes", Sizes.legBytesOfGuest(guestBytes));
    }
    writer.event(
        Event.Severity.WARNING,
        new ObjectRef(ObjectKind.VOLUME, v.id()),
        v.name(),
        "its RAID missed that its replicas had grown: they grow by one cluster more");
    return new Applied(v.id());
  }

  WriteResult sourceLost(AgentWrite.SourceLost w) {
    Lvol l = s.lvols.get(w.lvolId());
    Volume v = s.volumes.get(w.volumeId());
    boolean all =
        w.lost().stream()
            .map(id -> s.lvols.get(id))
            .allMatch(
                o -> o != null && o.volumeId() == w.volumeId() && o.sync() == LvolSync.IN_SYNC);
    if (l == null
        || v == null
        || l.version() != w.version()
        || l.sync() != LvolSync.REBUILDING
        || l.volumeId() != v.id()
        || v.epoch() != w.volumeEpoch()
        || w.lost().isEmpty()
        || !all
        || !writer.isMappedHere(v.id())) {
      return writer.stale(ObjectKind.LVOL, w.lvolId());
    }
    writer.put(l, "sync", LvolSync.IN_SYNC, "rebuildPercent", null, "kept", KeptRows.inSync(l));
    s.outSince.remove(l.id());
    for (long id : w.lost()) {
      Lvol lost = s.lvols.at(id);
      writer.put(lost, "sync", LvolSync.OUT, "kept", KeptRows.left(lost));
      s.outSince.put(id, now);
    }
    writer.revoke(g -> w.lost().contains(g.lvolId()));
    String names = String.join(", ", w.lost().stream().map(id -> s.lvols.at(id).name()).toList());
    writer.event(
        Event.Severity.WARNING,
        new ObjectRef(ObjectKind.VOLUME, v.id()),
        v.name(),
        l.name() + " is in sync, " + names + " is OUT: " + w.cause());
    new MemoryChanges(s, now).removeSurplus(v.id());
    raiseEpoch(Objects.requireNonNull(s.volumes.get(v.id())));
    return new Applied(l.id());
  }
}

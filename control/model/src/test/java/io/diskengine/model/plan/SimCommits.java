package io.diskengine.model.plan;

import io.diskengine.model.Disk;
import io.diskengine.model.DiskState;
import io.diskengine.model.Grant;
import io.diskengine.model.GrantState;
import io.diskengine.model.Kept;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Names;
import io.diskengine.model.VmMapping;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.model.VolumeState;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.NullUnmarked;

/** What agents commit, and the refusals of the store. */
@NullUnmarked
final class SimCommits {
  private final SimRows rows;

  SimCommits(SimRows rows) {
    this.rows = rows;
  }

  /** Applies like the store does; false when refused. */
  boolean commit(long nodeId, Commit commit) {
    return switch (commit) {
      case Commit.DiskSeen w -> diskSeen(nodeId, w);
      case Commit.DiskChanged w -> diskChanged(w);
      case Commit.DiskUp w -> diskUp(w);
      case Commit.DiskFree _ -> true;
      case Commit.LvolUp w -> lvolUp(w);
      case Commit.LvolChanged w -> lvolChanged(w);
      case Commit.LvolKept w -> lvolKept(w);
      case Commit.KeptGone w -> keptGone(w);
      case Commit.GrantConfirmed w -> grantConfirmed(w);
      case Commit.MappingChanged w -> mappingChanged(w);
      case Commit.MappingClean w -> mappingClean(w);
      case Commit.RaidSeen w -> raidSeen(w);
      case Commit.RaidCreated w -> raidCreated(w);
      case Commit.GrowthMissed _ ->
          throw new IllegalStateException("sizes of RAIDs are not simulated here");
      case Commit.VmMappingChanged w -> vmMappingChanged(w);
      case Commit.GuestSeen w -> guestSeen(w);
      case Commit.MappingGone w -> mappingGone(w);
      case Commit.CommitOut w -> commitOut(nodeId, w);
      case Commit.Readmit w -> readmit(w);
      case Commit.RebuildStarted w -> rebuildStarted(w);
      case Commit.RebuildProgress w -> rebuildProgress(w);
      case Commit.InSync w -> inSync(w);
      case Commit.SourceLost w -> sourceLost(w);
    };
  }

  private boolean diskSeen(long nodeId, Commit.DiskSeen w) {
    long id = rows.nextId();
    UUID uuid = UUID.nameUUIDFromBytes(("disk" + id).getBytes());
    DiskFile f = w.file();
    rows.disks.put(
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

  private boolean diskChanged(Commit.DiskChanged w) {
    Disk d = rows.disks.get(w.diskId());
    if (d.version() != w.version() || !d.state().canBecome(w.to())) {
      return false;
    }
    rows.put(d, w.to(), null);
    return true;
  }

  private boolean diskUp(Commit.DiskUp w) {
    Disk d = rows.disks.get(w.diskId());
    if (d.version() != w.version()) {
      return false;
    }
    rows.put(d, DiskState.UP, w.lvstore());
    return true;
  }

  private boolean lvolUp(Commit.LvolUp w) {
    Lvol l = rows.lvols.get(w.lvolId());
    if (l.version() != w.version() || !l.state().canBecome(LvolState.UP)) {
      return false;
    }
    rows.put(l, LvolState.UP, l.sync(), w.uuid());
    Volume v = rows.volumes.get(l.volumeId());
    if ((v.state() == VolumeState.CREATING || v.state() == VolumeState.RESIZING)
        && rows.lvols.values().stream()
            .filter(o -> o.volumeId() == v.id())
            .allMatch(o -> o.state() == LvolState.UP)) {
      rows.put(v, VolumeState.AVAILABLE, v.epoch(), v.raidCreated());
    }
    return true;
  }

  private boolean lvolChanged(Commit.LvolChanged w) {
    Lvol l = rows.lvols.get(w.lvolId());
    boolean granted =
        rows.grants.values().stream()
            .anyMatch(g -> g.lvolId() == l.id() && g.state() != GrantState.REVOKED);
    if (l.version() != w.version()
        || !l.state().canBecome(w.to())
        || (w.to() == LvolState.DELETED && granted)) {
      return false;
    }
    rows.put(l, w.to(), l.sync(), l.uuid());
    return true;
  }

  private boolean lvolKept(Commit.LvolKept w) {
    Lvol l = rows.lvols.get(w.lvolId());
    if (l.version() != w.version() || l.kept() != Kept.TAKING || l.sync() != LvolSync.OUT) {
      return false;
    }
    rows.put(l, Kept.KEPT, w.snapshotUuid());
    return true;
  }

  private boolean keptGone(Commit.KeptGone w) {
    Lvol l = rows.lvols.get(w.lvolId());
    if (l.version() != w.version() || l.kept() != Kept.DROPPING) {
      return false;
    }
    rows.put(l, l.sync() == LvolSync.IN_SYNC ? Kept.NONE : Kept.WANTED, null);
    return true;
  }

  private boolean grantConfirmed(Commit.GrantConfirmed w) {
    Grant g = rows.grants.get(w.grantId());
    boolean others =
        rows.grants.values().stream()
            .anyMatch(o ->
                o.lvolId() == g.lvolId() && o.id() != g.id() && o.state() != GrantState.REVOKED);
    if (g.version() != w.version()
        || (w.to() == GrantState.GRANTED && others)
        || !(g.state().canBecome(w.to()) || g.state() == w.to())) {
      return false;
    }
    rows.put(g, w.to(), g.volumeEpoch(), w.incarnation());
    return true;
  }

  private boolean mappingChanged(Commit.MappingChanged w) {
    VolumeMapping m = rows.mappings.get(w.mappingId());
    if (m.version() != w.version() || !m.state().canBecome(w.to())) {
      return false;
    }
    rows.put(m, w.to(), m.clean() || w.to() == VolumeMappingState.DETACHED, m.raidState());
    if (w.to().isFinal()) {
      rows.release(m);
    }
    return true;
  }

  private boolean mappingClean(Commit.MappingClean w) {
    VolumeMapping m = rows.mappings.get(w.mappingId());
    if (m.version() != w.version()) {
      return false;
    }
    rows.put(m, m.state(), w.clean(), m.raidState());
    return true;
  }

  private boolean raidSeen(Commit.RaidSeen w) {
    VolumeMapping m = rows.mappings.get(w.mappingId());
    if (m.version() != w.version()) {
      return false;
    }
    rows.put(m, m.state(), m.clean(), w.raidState());
    return true;
  }

  private boolean raidCreated(Commit.RaidCreated w) {
    Volume v = rows.volumes.get(w.volumeId());
    if (v.version() != w.version()) {
      return false;
    }
    rows.put(v, v.state(), v.epoch(), true);
    return true;
  }

  private boolean vmMappingChanged(Commit.VmMappingChanged w) {
    VmMapping m = rows.vms.get(w.vmMappingId());
    if (m.version() != w.version() || !m.state().canBecome(w.to())) {
      return false;
    }
    rows.put(m, w.to(), w.socketPath());
    return true;
  }

  private boolean guestSeen(Commit.GuestSeen w) {
    VmMapping m = rows.vms.get(w.vmMappingId());
    rows.vms.put(
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

  private boolean mappingGone(Commit.MappingGone w) {
    VolumeMapping m = rows.mappings.get(w.mappingId());
    if (m.version() != w.version() || m.state() != VolumeMappingState.FENCED) {
      return false;
    }
    rows.gone.add(m.id());
    return true;
  }

  private boolean commitOut(long nodeId, Commit.CommitOut w) {
    Volume v = rows.volumes.get(w.volumeId());
    if (rows.mappings.values().stream()
        .noneMatch(m -> m.volumeId() == v.id() && m.nodeId() == nodeId && !m.state().isFinal())) {
      return false;
    }
    boolean survivor =
        rows.lvols.values().stream()
            .anyMatch(l ->
                l.volumeId() == v.id()
                    && l.sync() == LvolSync.IN_SYNC
                    && !w.lvolIds().contains(l.id()));
    if (v.epoch() != w.volumeEpoch() || !survivor) {
      return false;
    }
    for (long id : w.lvolIds()) {
      Lvol l = rows.lvols.get(id);
      rows.put(l, l.state(), LvolSync.OUT, l.uuid());
    }
    rows.revoke(g -> w.lvolIds().contains(g.lvolId()));
    rows.raiseEpoch(v);
    return true;
  }

  private boolean readmit(Commit.Readmit w) {
    Lvol l = rows.lvols.get(w.lvolId());
    boolean granted =
        rows.grants.values().stream()
            .anyMatch(g -> g.lvolId() == l.id() && g.state() != GrantState.REVOKED);
    if (l.version() != w.version()
        || l.sync() != LvolSync.OUT
        || l.state() != LvolState.UP
        || l.kept() == Kept.DROPPING
        || granted) {
      return false;
    }
    long mapping =
        rows.mappings.values().stream()
            .filter(m -> m.volumeId() == l.volumeId() && !m.state().isFinal())
            .findFirst()
            .orElseThrow()
            .id();
    rows.grant(l.id(), mapping);
    rows.put(l, l.kept() == Kept.WANTED ? Kept.TAKING : l.kept(), l.keptUuid());
    return true;
  }

  private boolean rebuildStarted(Commit.RebuildStarted w) {
    Lvol l = rows.lvols.get(w.lvolId());
    boolean granted =
        rows.grants.values().stream()
            .anyMatch(g -> g.lvolId() == l.id() && g.state() == GrantState.GRANTED);
    if (l.version() != w.version() || l.sync() != LvolSync.OUT || !granted) {
      return false;
    }
    rows.put(l, l.state(), LvolSync.REBUILDING, l.uuid(), 0);
    return true;
  }

  private boolean rebuildProgress(Commit.RebuildProgress w) {
    Lvol l = rows.lvols.get(w.lvolId());
    rows.put(l, l.state(), l.sync(), l.uuid(), w.percent());
    return true;
  }

  private boolean inSync(Commit.InSync w) {
    Lvol l = rows.lvols.get(w.lvolId());
    if (l.version() != w.version() || l.sync() != LvolSync.REBUILDING) {
      return false;
    }
    rows.put(l, l.state(), LvolSync.IN_SYNC, l.uuid());
    removeSurplus(l.volumeId());
    rows.raiseEpoch(rows.volumes.get(l.volumeId()));
    return true;
  }

  private boolean sourceLost(Commit.SourceLost w) {
    Lvol l = rows.lvols.get(w.lvolId());
    if (l.version() != w.version()
        || l.sync() != LvolSync.REBUILDING
        || rows.volumes.get(w.volumeId()).epoch() != w.volumeEpoch()) {
      return false;
    }
    rows.put(l, l.state(), LvolSync.IN_SYNC, l.uuid());
    for (long id : w.lost()) {
      Lvol lost = rows.lvols.get(id);
      rows.put(lost, lost.state(), LvolSync.OUT, lost.uuid());
    }
    rows.revoke(g -> w.lost().contains(g.lvolId()));
    removeSurplus(w.volumeId());
    rows.raiseEpoch(rows.volumes.get(w.volumeId()));
    return true;
  }

  /** What is out or leaves goes when enough replicas are in sync. */
  private void removeSurplus(long volume) {
    List<Lvol> all =
        rows.lvols.values().stream()
            .filter(l -> l.volumeId() == volume)
            .filter(l -> l.state() != LvolState.DELETING && l.state() != LvolState.DELETED)
            .toList();
    List<Lvol> staying =
        all.stream()
            .filter(l -> l.sync() == LvolSync.IN_SYNC && l.state() == LvolState.UP)
            .filter(l -> !rows.leaving.contains(l.id()))
            .toList();
    long slots = staying.stream().mapToInt(Lvol::slot).distinct().count();
    if (slots >= rows.volumes.get(volume).replicas()) {
      for (Lvol l : all) {
        boolean second =
            l.sync() == LvolSync.IN_SYNC
                && staying.stream()
                    .anyMatch(o -> o.slot() == l.slot() && o.generation() > l.generation());
        if (second || l.sync() == LvolSync.OUT || rows.leaving.contains(l.id())) {
          rows.put(l, LvolState.DELETING, LvolSync.OUT, l.uuid());
          rows.revoke(g -> g.lvolId() == l.id());
        }
      }
    }
  }
}

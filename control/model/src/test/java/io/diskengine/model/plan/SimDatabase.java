package io.diskengine.model.plan;

import io.diskengine.model.DataPlaneState;
import io.diskengine.model.Disk;
import io.diskengine.model.Kept;
import io.diskengine.model.Limits;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Names;
import io.diskengine.model.Sizes;
import io.diskengine.model.VmMapping;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.model.VolumeState;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.NullUnmarked;

/** The rows and the refusals of the store, in memory: what users ask, and what agents commit. */
@NullUnmarked
final class SimDatabase extends SimRows {
  private final SimCommits commits = new SimCommits(this);

  Volume createVolume(int replicas, List<Long> onNodes) {
    long id = nextId();
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
    long id = nextId();
    mappings.put(
        id, new VolumeMapping(id, volume, node, VolumeMappingState.ASSIGNED, null, clean, 1));
    long vid = nextId();
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
            nextId(),
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

  void delete(long volume) {
    Volume v = volumes.get(volume);
    put(v, VolumeState.DELETING, v.epoch(), v.raidCreated());
    for (Lvol l : List.copyOf(lvols.values())) {
      if (l.volumeId() == volume) {
        put(l, LvolState.DELETING, l.sync(), l.uuid());
      }
    }
  }

  /** Applies like the store does; false when refused. */
  boolean commit(long nodeId, Commit commit) {
    return commits.commit(nodeId, commit);
  }
}

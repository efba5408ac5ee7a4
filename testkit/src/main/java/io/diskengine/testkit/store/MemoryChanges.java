package io.diskengine.testkit.store;

import io.diskengine.model.DataPlaneState;
import io.diskengine.model.Disk;
import io.diskengine.model.DiskState;
import io.diskengine.model.Grant;
import io.diskengine.model.GrantState;
import io.diskengine.model.Kept;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Node;
import io.diskengine.model.NodeMode;
import io.diskengine.model.Placement;
import io.diskengine.model.Sizes;
import io.diskengine.model.VmMapping;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.model.VolumeState;
import io.diskengine.store.RefusedException;
import io.diskengine.store.RefusedException.Code;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Requests that change where a volume and its replicas are, on one state in memory. */
final class MemoryChanges {
  private final MemoryState s;
  private final Instant now;

  MemoryChanges(MemoryState state, Instant now) {
    s = state;
    this.now = now;
  }

  private static RefusedException wrongState(String message) {
    return new RefusedException(Code.WRONG_STATE, message);
  }

  private Node node(long id) {
    return MemoryState.seenAt(s.nodes.at(id), now);
  }

  private static boolean works(Node n) {
    return n.leaseValid() && n.dataPlane() == DataPlaneState.READY;
  }

  private void put(Volume v, @Nullable Object... changes) {
    Volume next = Row.with(s.volumes.at(v.id()), changes);
    s.volumes.put(v.id(), Row.with(next, "version", next.version() + 1));
  }

  private void put(Lvol l, @Nullable Object... changes) {
    Lvol next = Row.with(s.lvols.at(l.id()), changes);
    s.lvols.put(l.id(), Row.with(next, "version", next.version() + 1));
  }

  private void put(VolumeMapping m, @Nullable Object... changes) {
    VolumeMapping next = Row.with(s.mappings.at(m.id()), changes);
    s.mappings.put(m.id(), Row.with(next, "version", next.version() + 1));
  }

  // ---- attachments ----

  void refuseConnectedGuest(VolumeMapping m, Volume v) {
    boolean connected =
        s.vms.values().stream().anyMatch(vm -> vm.mappingId() == m.id() && vm.guestConnected());
    if (connected && m.state() != VolumeMappingState.DETACHING && node(m.nodeId()).leaseValid()) {
      throw new RefusedException(
          Code.GUEST_CONNECTED, "a guest is connected to volume " + v.name());
    }
  }

  private void vmsLeave(VolumeMapping m) {
    for (VmMapping vm : List.copyOf(s.vms.values())) {
      boolean live =
          vm.state() == VmMappingState.ATTACHING || vm.state() == VmMappingState.ATTACHED;
      if (vm.mappingId() == m.id() && live) {
        s.vms.put(
            vm.id(), Row.with(vm, "state", VmMappingState.DETACHING, "version", vm.version() + 1));
      }
    }
  }

  /** To be taken down in order by its node. */
  void leave(VolumeMapping m, @Nullable Node successor) {
    vmsLeave(m);
    Long next = successor == null ? null : successor.id();
    boolean same =
        m.state() == VolumeMappingState.DETACHING && Objects.equals(s.successors.get(m.id()), next);
    if (!same) {
      put(m, "state", VolumeMappingState.DETACHING);
      if (next == null) {
        s.successors.remove(m.id());
      } else {
        s.successors.put(m.id(), next);
      }
    }
  }

  /** Law 7: its node may not write any more. */
  void takeAway(Volume v, VolumeMapping m) {
    vmsLeave(m);
    put(m, "state", VolumeMappingState.FENCED);
    s.successors.remove(m.id());
    for (Grant g : List.copyOf(s.grants.values())) {
      boolean live = g.state() == GrantState.GRANTING || g.state() == GrantState.GRANTED;
      if (live && g.mappingId() == m.id()) {
        revoke(g);
      }
    }
    s.lvolsOf(v.id()).stream()
        .filter(l -> l.sync() == LvolSync.REBUILDING)
        .forEach(l -> put(l, "sync", LvolSync.OUT, "rebuildPercent", null));
    put(v, "epoch", v.epoch() + 1);
  }

  private void revoke(Grant g) {
    s.grants.put(g.id(), Row.with(g, "state", GrantState.REVOKING, "version", g.version() + 1));
  }

  /** How a mapping to a node is made; it may be refused. */
  interface Mapping {
    void map(Node target);
  }

  void move(Volume v, Node target, boolean force, Mapping mapping, Runnable checkTarget) {
    VolumeMapping m =
        s.liveMapping(v.id())
            .orElseThrow(() -> wrongState("volume " + v.name() + " is not attached: attach it"));
    if (m.nodeId() == target.id()) {
      stay(v, m, force);
      return;
    }
    checkTarget.run();
    Node from = node(m.nodeId());
    if (works(from) && !force) {
      refuseConnectedGuest(m, v);
      leave(m, target);
      return;
    }
    takeAway(v, m);
    boolean unused = leaveOut(v, m.clean(), force);
    mapping.map(target);
  }

  private void stay(Volume v, VolumeMapping m, boolean force) {
    if (m.state() == VolumeMappingState.DETACHING) {
      throw wrongState("volume " + v.name() + " is DETACHING");
    }
    if (force && m.state() == VolumeMappingState.ASSIGNED && leaveOut(v, false, true)) {
      long epoch = s.volumes.at(v.id()).epoch() + 1;
      put(v, "epoch", epoch);
      for (Grant g : List.copyOf(s.grants.values())) {
        boolean live = g.state() == GrantState.GRANTING || g.state() == GrantState.GRANTED;
        if (live && s.lvols.at(g.lvolId()).volumeId() == v.id()) {
          s.grants.put(g.id(), Row.with(g, "volumeEpoch", epoch, "version", g.version() + 1));
        }
      }
    }
  }

  /**
   * In-sync replicas that cannot be reached leave the set, if others can be; true when some did.
   */
  private boolean leaveOut(Volume v, boolean clean, boolean force) {
    List<Lvol> away = new ArrayList<>();
    boolean anyReachable = false;
    for (Lvol l : s.lvolsOf(v.id())) {
      if (l.sync() == LvolSync.IN_SYNC && l.state() != LvolState.DELETED) {
        boolean there = l.state() == LvolState.UP || l.state() == LvolState.RESIZING;
        if (works(node(l.nodeId())) && there) {
          anyReachable = true;
        } else {
          away.add(l);
        }
      }
    }
    if (force && !anyReachable) {
      throw wrongState("no in-sync replica of volume " + v.name() + " can be reached");
    }
    boolean created = s.volumes.at(v.id()).raidCreated();
    if (away.isEmpty() || !created || !anyReachable || !(clean || force)) {
      return false;
    }
    for (Lvol l : away) {
      for (Grant g : List.copyOf(s.grants.values())) {
        boolean live = g.state() == GrantState.GRANTING || g.state() == GrantState.GRANTED;
        if (live && g.lvolId() == l.id()) {
          revoke(g);
        }
      }
      out(l);
    }
    return true;
  }

  private void out(Lvol l) {
    put(l, "sync", LvolSync.OUT, "kept", KeptRows.left(l));
    s.outSince.put(l.id(), now);
  }

  /** The second half of orderly moves. */
  void attachSuccessor(long mapping, java.util.function.BiConsumer<Volume, Node> map) {
    VolumeMapping m = s.mappings.at(mapping);
    Long successor = s.successors.remove(mapping);
    Volume v = s.volumes.at(m.volumeId());
    put(m);
    if (successor != null && s.liveMapping(v.id()).isEmpty()) {
      try {
        map.accept(s.volumes.at(v.id()), node(successor));
      } catch (RefusedException e) {
        // On record as an event.
      }
    }
  }

  // ---- replicas ----

  private List<Lvol> replicas(Volume v) {
    return s.lvolsOf(v.id()).stream()
        .filter(l -> l.state() != LvolState.DELETING && l.state() != LvolState.DELETED)
        .sorted(java.util.Comparator.comparingInt(Lvol::slot))
        .toList();
  }

  void moveReplica(Volume v, int slot, @Nullable String nodeName) {
    List<Lvol> replicas = replicas(v);
    Lvol there =
        replicas.stream()
            .filter(l -> l.slot() == slot && l.sync() == LvolSync.IN_SYNC)
            .filter(l -> l.state() == LvolState.UP)
            .findFirst()
            .orElse(null);
    if (there != null && node(there.nodeId()).name().equals(nodeName)) {
      return;
    }
    Lvol notInSync =
        replicas.stream().filter(l -> l.sync() != LvolSync.IN_SYNC).findFirst().orElse(null);
    boolean askedBefore =
        there != null
            && notInSync != null
            && notInSync.slot() == slot
            && notInSync.generation() > there.generation();
    if (askedBefore) {
      return;
    }
    if (there == null || notInSync != null) {
      throw wrongState("every replica must be in sync before one is moved");
    }
    if (s.liveMapping(v.id()).filter(m -> m.state() == VolumeMappingState.ATTACHED).isEmpty()) {
      throw wrongState("volume " + v.name() + " is not attached");
    }
    if (nodeName != null
        && s.node(nodeName).filter(n -> n.mode() == NodeMode.STORAGE_NODE).isEmpty()) {
      throw new RefusedException(Code.NOT_FOUND, "there is no storage node " + nodeName);
    }
    switch (place(v, there, nodeName)) {
      case Placement.Placed placed -> {
        insert(v, there, placed.disks().getFirst());
        s.leaving.add(there.id());
        put(there);
      }
      case Placement.NoPlace noPlace ->
          throw new RefusedException(Code.NO_PLACE, noPlace.message());
    }
  }

  void replaceLost() {
    for (Lvol l : List.copyOf(s.lvols.values())) {
      Volume v = s.volumes.at(l.volumeId());
      if (isLost(l, v)) {
        switch (place(v, l, null)) {
          case Placement.Placed placed -> insert(v, l, placed.disks().getFirst());
          case Placement.NoPlace noPlace -> {
            if (!noPlace.message().equals(l.noReplacement())) {
              put(l, "noReplacement", noPlace.message());
            }
          }
        }
      }
    }
  }

  boolean isAnythingLost() {
    return s.lvols.values().stream().anyMatch(l -> isLost(l, s.volumes.at(l.volumeId())));
  }

  private boolean isLost(Lvol l, Volume v) {
    Instant since = s.outSince.get(l.id());
    Duration wait = Duration.ofSeconds(s.cluster.settings().replaceAfterSec());
    return l.sync() == LvolSync.OUT
        && (l.state() == LvolState.UP || l.state() == LvolState.FAULTY)
        && v.raidCreated()
        && (v.state() == VolumeState.AVAILABLE || v.state() == VolumeState.RESIZING)
        && since != null
        && since.plus(wait).isBefore(now)
        && (s.disks.at(l.diskId()).state() != DiskState.UP || !works(node(l.nodeId())))
        && s.liveMapping(v.id()).filter(m -> m.state() == VolumeMappingState.ATTACHED).isPresent()
        && replicas(v).stream()
            .noneMatch(o -> o.slot() == l.slot() && o.generation() > l.generation());
  }

  private Placement.Result place(Volume v, Lvol old, @Nullable String onlyNode) {
    Set<String> taken = new HashSet<>();
    for (Lvol other : replicas(v)) {
      if (other.id() != old.id()) {
        taken.add(node(other.nodeId()).failureDomain());
      }
    }
    List<Placement.Candidate> candidates = new ArrayList<>();
    for (Disk d : s.disks.values()) {
      Node n = node(d.nodeId());
      if (d.state() != DiskState.RETIRED
          && n.id() != old.nodeId()
          && d.blockSize() == v.blockSize()
          && (onlyNode == null || n.name().equals(onlyNode))
          && !taken.contains(n.failureDomain())) {
        candidates.add(new Placement.Candidate(n, d, promisedBytes(d)));
      }
    }
    return Placement.place(candidates, 1, v.sizeBytes(), s.cluster.settings().overcommitPercent());
  }

  private long promisedBytes(Disk d) {
    return s.lvols.values().stream()
        .filter(l -> l.diskId() == d.id() && l.state() != LvolState.DELETED)
        .mapToLong(Lvol::sizeBytes)
        .sum();
  }

  private void insert(Volume v, Lvol old, Disk disk) {
    int generation =
        s.lvolsOf(v.id()).stream()
                .filter(l -> l.slot() == old.slot())
                .mapToInt(Lvol::generation)
                .max()
                .orElse(0)
            + 1;
    Lvol now1 = s.lvols.at(old.id());
    if (now1.noReplacement() != null) {
      s.lvols.put(old.id(), Row.with(now1, "noReplacement", null));
    }
    Lvol made = MemoryControllerStore.lvol(s, v, disk, old.slot(), generation, LvolSync.OUT);
    s.lvols.put(made.id(), made);
    s.outSince.put(made.id(), now);
  }

  // ---- size ----

  void resize(Volume v, long sizeBytes) {
    if (sizeBytes == v.sizeBytes()) {
      return;
    }
    if (sizeBytes < v.sizeBytes() || v.state() != VolumeState.AVAILABLE) {
      throw wrongState("volume " + v.name() + " cannot be resized now");
    }
    for (Lvol l : replicas(v)) {
      if (l.sync() != LvolSync.IN_SYNC || l.state() != LvolState.UP) {
        throw wrongState("replica " + l.name() + " is not in sync");
      }
      Disk d = s.disks.at(l.diskId());
      long usable =
          d.totalClusters()
              * (100 - Placement.BALLAST_PERCENT)
              / 100
              * d.clusterSizeBytes()
              / 100
              * s.cluster.settings().overcommitPercent();
      if (usable - promisedBytes(d) < sizeBytes - v.sizeBytes()) {
        throw new RefusedException(Code.NO_PLACE, "no room below " + l.name());
      }
    }
    for (Lvol l : replicas(v)) {
      put(
          l,
          "state",
          LvolState.RESIZING,
          "sizeBytes",
          Math.max(l.sizeBytes(), Sizes.legBytes(sizeBytes)));
    }
    put(
        v,
        "state",
        VolumeState.RESIZING,
        "sizeBytes",
        sizeBytes,
        "guestBytes",
        Math.max(v.guestBytes(), Sizes.guestBytes(sizeBytes)));
  }

  // ---- what follows from agents' writes ----

  /** Law 9: what was kept until its successor is in sync may go when enough are. */
  void removeSurplus(long volume) {
    List<Lvol> staying =
        s.lvolsOf(volume).stream()
            .filter(l -> l.sync() == LvolSync.IN_SYNC && l.state() == LvolState.UP)
            .filter(l -> !s.leaving.contains(l.id()))
            .toList();
    long slots = staying.stream().mapToInt(Lvol::slot).distinct().count();
    if (slots < s.volumes.at(volume).replicas()) {
      return;
    }
    for (Lvol l : replicas(s.volumes.at(volume))) {
      boolean second =
          l.sync() == LvolSync.IN_SYNC
              && staying.stream()
                  .anyMatch(o -> o.slot() == l.slot() && o.generation() > l.generation());
      boolean surplus = second || s.leaving.contains(l.id()) || l.sync() == LvolSync.OUT;
      if (surplus && l.sync() != LvolSync.REBUILDING) {
        Kept kept = l.sync() == LvolSync.IN_SYNC ? KeptRows.left(l) : l.kept();
        put(
            l,
            "state",
            LvolState.DELETING,
            "sync",
            LvolSync.OUT,
            "rebuildPercent",
            null,
            "kept",
            kept);
        for (Grant g : List.copyOf(s.grants.values())) {
          boolean live = g.state() == GrantState.GRANTING || g.state() == GrantState.GRANTED;
          if (live && g.lvolId() == l.id()) {
            revoke(g);
          }
        }
      }
    }
  }
}

package io.diskengine.testkit.sim;

import io.diskengine.model.Grant;
import io.diskengine.model.GrantState;
import io.diskengine.model.Kept;
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
import io.diskengine.testkit.spdk.FakeMedia;
import io.diskengine.testkit.spdk.FakeView;
import io.diskengine.testkit.store.MemoryState;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What shall be there when faults have ended, which is exactly what rows name, and what is there
 * instead.
 */
final class SimGoal {
  private final SimWorld world;
  private final Set<String> raids = new TreeSet<>();
  private final Set<String> controllers = new TreeSet<>();
  private final Set<String> subsystems = new TreeSet<>();
  private final Set<String> blobs = new TreeSet<>();
  private long unsettledVolume;

  SimGoal(SimWorld world) {
    this.world = world;
  }

  long unsettledVolume() {
    return unsettledVolume;
  }

  /** What is different of one volume; null also when there is none of that id. */
  @Nullable String still(long id) {
    Volume v = world.store.state().volumes.get(id);
    String wrong = v == null ? null : volume(world.store.state(), v);
    subsystems.clear();
    blobs.clear();
    controllers.clear();
    raids.clear();
    return v == null || wrong == null ? null : v.name() + ": " + wrong;
  }

  /** Null when the state is exactly the desired one; else the first difference. */
  @Nullable String unsettled() {
    MemoryState s = world.store.state();
    if (!world.areAgentsReady()) {
      return "an agent is not ready: " + s.reasons.values();
    }
    if (!world.user.moving.isEmpty() || s.isAnyMoving()) {
      return "the user waits to move " + world.user.moving;
    }
    VolumeMapping left =
        s.mappings.values().stream().filter(s::isLeftAnywhere).findFirst().orElse(null);
    if (left != null) {
      return "is not taken down yet: " + left;
    }
    if (!world.user.detaching.isEmpty()) {
      return "the user waits to detach " + world.user.detaching;
    }
    for (Volume v : s.volumes.values()) {
      String wrong = volume(s, v);
      if (wrong != null) {
        unsettledVolume = v.id();
        return v.name() + ": " + wrong;
      }
    }
    if (s.intents.values().stream().anyMatch(i -> i.finishedAt() == null)) {
      return "an intent is open";
    }
    return extras();
  }

  private @Nullable String volume(MemoryState s, Volume v) {
    if (v.state() == VolumeState.DELETED) {
      return null;
    }
    VolumeMapping m = s.liveMapping(v.id()).orElse(null);
    // The last cluster of one that grows while it is detached follows when it is attached.
    boolean growsLater = m == null && v.state() == VolumeState.RESIZING && v.raidCreated();
    if (v.state() != VolumeState.AVAILABLE && !growsLater) {
      return "is " + v.state();
    }
    for (Lvol l : s.lvolsOf(v.id())) {
      if (l.state() == LvolState.DELETED) {
        continue;
      }
      subsystems.add(l.nqn());
      blobs.add(l.name());
      if (l.kept() == Kept.KEPT) {
        blobs.add(Names.kept(l.name()));
      }
      if (l.state() != LvolState.UP && !(growsLater && isOneClusterShort(l))) {
        return l.name() + " is " + l.state();
      }
      FakeMedia.Blob blob = world.laws.blob(l.name());
      if (l.state() == LvolState.UP && (blob == null || blob.sizeBytes != l.sizeBytes())) {
        return l.name() + " has not the size on record";
      }
      if (m == null && s.liveGrants(l.id()).stream().anyMatch(_ -> true)) {
        return "a grant is left";
      }
      if (m != null) {
        controllers.add(l.name());
        List<Grant> grants = s.liveGrants(l.id());
        boolean granted = grants.size() == 1 && grants.getFirst().state() == GrantState.GRANTED;
        if (l.sync() != LvolSync.IN_SYNC || !granted) {
          return l.name() + " is " + l.sync() + ", grants " + grants;
        }
      }
    }
    if (m == null) {
      return null;
    }
    if (m.state() != VolumeMappingState.ATTACHED) {
      return "mapping is " + m.state();
    }
    String raid = Names.raid(v.id(), v.uuid());
    raids.add(raid);
    return exposed(s, v, m, raid);
  }

  private boolean isOneClusterShort(Lvol l) {
    FakeMedia.Blob blob = world.laws.blob(l.name());
    return l.state() == LvolState.RESIZING
        && blob != null
        && blob.sizeBytes == l.sizeBytes() - Sizes.UNIT_BYTES;
  }

  private @Nullable String exposed(MemoryState s, Volume v, VolumeMapping m, String raid) {
    SimNode node = world.node(s.nodes.at(m.nodeId()).name());
    VmMapping vm =
        s.vmsOf(m.id()).stream()
            .filter(x -> x.state() == VmMappingState.ATTACHED)
            .findFirst()
            .orElse(null);
    if (vm == null || !raid.equals(node.spdk.vhosts().device(vm.controllerName()))) {
      return "is not shown to its guest";
    }
    boolean connected = world.guestsOf(v.name()).stream().anyMatch(SimGuest::isConnected);
    if (connected != !world.guestsOf(v.name()).isEmpty() || vm.guestConnected() != connected) {
      return "its guest is not connected, or not seen to be";
    }
    FakeView.Raid there = node.spdk.view().raid(raid);
    if (there != null && there.bytes() != v.guestBytes()) {
      return "its RAID has %d bytes, not %d".formatted(there.bytes(), v.guestBytes());
    }
    boolean whole =
        there != null
            && there.online()
            && there.rebuilding() == null
            && there.legs().size() == v.replicas();
    return whole ? null : "its RAID is not whole";
  }

  private @Nullable String extras() {
    for (SimNode n : world.nodes.values()) {
      FakeView view = n.spdk.view();
      for (FakeView.Raid r : view.raids()) {
        if (!raids.contains(r.name())) {
          return n.name + " has RAID " + r.name();
        }
      }
      for (String c : view.controllers()) {
        if (!controllers.contains(c)) {
          return n.name + " has controller " + c;
        }
      }
      for (String c : view.controllersAway()) {
        return n.name + "'s controller " + c + " has lost its target";
      }
      for (FakeView.Subsystem sub : view.subsystems()) {
        if (!subsystems.contains(sub.nqn())) {
          return n.name + " has subsystem " + sub.nqn();
        }
      }
      if (!view.nullBdevs().isEmpty()) {
        return n.name + " has " + view.nullBdevs();
      }
      FakeMedia.Disk disk = world.fabric.media.disk(n.disk);
      for (String blob : disk == null ? Set.<String>of() : disk.blobs().keySet()) {
        if (!blobs.contains(blob)) {
          return n.name + " has lvol " + blob;
        }
      }
    }
    return null;
  }

  /** What is there and why it waits. */
  String situation() {
    StringBuilder s = new StringBuilder();
    for (SimNode n : world.nodes.values()) {
      s.append(n.name).append(": ").append(n.status()).append('\n');
    }
    MemoryState state = world.store.state();
    for (Volume v : state.volumes.values()) {
      VolumeMapping m = state.liveMapping(v.id()).orElse(null);
      s.append(v.name()).append(' ').append(v.state()).append(' ').append(m).append('\n');
      state
          .lvolsOf(v.id())
          .forEach(l -> {
            s.append("  ")
                .append(l.name())
                .append(' ')
                .append(l.state())
                .append(' ')
                .append(l.sync());
            s.append(' ').append(state.liveGrants(l.id())).append('\n');
          });
    }
    world.controller.reasons().forEach(r -> s.append("why: ").append(r).append('\n'));
    state.plans.forEach(
        (id, plan) -> s.append("plan of ").append(id).append(": ").append(plan).append('\n'));
    return s.toString();
  }
}

package io.diskengine.testkit.sim;

import io.diskengine.model.Intent;
import io.diskengine.model.Kept;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.Names;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.model.VolumeState;
import io.diskengine.store.VolumeDetails;
import io.diskengine.testkit.spdk.FakeMedia;
import io.diskengine.testkit.spdk.FakeView;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** What is not as it shall be: rows of PostgreSQL against what every data plane has. */
final class PostgresDifference {
  private final PostgresStage stage;
  private final Set<String> wanted = new TreeSet<>();
  private @Nullable String first;

  PostgresDifference(PostgresStage stage) {
    this.stage = stage;
  }

  /**
   * Null when nothing is. An attach of an agent that was killed is under way for minutes when the
   * next one asked again before it was seen (decision 0062): their end is the simulator's to show.
   */
  @Nullable String first() {
    first = null;
    wanted.clear();
    for (PostgresStage.Place p : stage.places()) {
      differs(!p.isReady(), () -> p.name + " is " + p.status);
    }
    List<Intent> open =
        stage.requests().openIntents().stream().filter(i -> !SimIntents.mayComeLate(i)).toList();
    differs(!open.isEmpty(), () -> "open intents: " + open);
    for (VolumeDetails v : stage.requests().volumes()) {
      volume(v);
    }
    stage.room.run(() -> {
      Set<String> there = new TreeSet<>();
      for (PostgresStage.Place p : stage.places()) {
        there(p, there);
      }
      differs(!there.equals(wanted), () -> "there is " + there + ", there shall be " + wanted);
    });
    return first;
  }

  private void differs(boolean is, java.util.function.Supplier<String> what) {
    if (is && first == null) {
      first = what.get();
    }
  }

  private void volume(VolumeDetails v) {
    String name = v.volume().name();
    differs(v.volume().state() != VolumeState.AVAILABLE, () -> name + " is " + v.volume().state());
    VolumeMapping m = v.mapping();
    for (Lvol l : v.lvols()) {
      String node = Objects.requireNonNull(v.nodeNames().get(l.nodeId()));
      wanted.add(node + " subsystem " + l.nqn());
      wanted.add(node + " lvol " + l.name());
      if (l.kept() == Kept.KEPT) {
        wanted.add(node + " lvol " + Names.kept(l.name()));
      }
      differs(l.state() != LvolState.UP, () -> l.name() + " is " + l.state());
    }
    if (m != null) {
      differs(
          v.lvols().stream().anyMatch(l -> l.kept() != Kept.NONE),
          () -> "what a replica of " + name + " held is still kept");
      differs(!stage.isWhole(name), () -> name + " is not whole");
      differs(
          m.state() != VolumeMappingState.ATTACHED
              || v.vmMapping() == null
              || v.vmMapping().state() != VmMappingState.ATTACHED,
          () -> name + " is not attached");
      differs(
          stage.isGuestConnected(name) != stage.hasGuest(name)
              || v.vmMapping() == null
              || v.vmMapping().guestConnected() != stage.hasGuest(name),
          () -> "the guest of " + name + " is not connected, or not seen to be");
      String node = Objects.requireNonNull(v.nodeNames().get(m.nodeId()));
      String raid = Names.raid(v.volume().id(), v.volume().uuid());
      wanted.add(
          "%s RAID %s of %d bytes with %d"
              .formatted(node, raid, v.volume().guestBytes(), v.volume().replicas()));
      v.lvols().forEach(l -> wanted.add(node + " controller " + l.name()));
      if (v.vmMapping() != null) {
        wanted.add(node + " vhost " + v.vmMapping().controllerName() + " on " + raid);
      }
    }
  }

  private void there(PostgresStage.Place p, Set<String> there) {
    FakeView view = p.spdk().view();
    for (FakeView.Raid r : view.raids()) {
      boolean whole = r.online() && r.rebuilding() == null;
      there.add(
          "%s RAID %s of %d bytes %s"
              .formatted(
                  p.name, r.name(), r.bytes(), whole ? "with " + r.legs().size() : "not online"));
    }
    view.controllers().forEach(c -> there.add(p.name + " controller " + c));
    view.subsystems().forEach(s -> there.add(p.name + " subsystem " + s.nqn()));
    view.nullBdevs().forEach(b -> there.add(p.name + " null bdev " + b));
    view.vhosts().forEach((name, bdev) -> there.add(p.name + " vhost " + name + " on " + bdev));
    for (var disk : stage.room.fabric.media.all().entrySet()) {
      if (disk.getKey().endsWith("/" + p.name + ".disk")) {
        FakeMedia.Disk on = disk.getValue();
        on.blobs().keySet().forEach(b -> there.add(p.name + " lvol " + b));
      }
    }
  }
}

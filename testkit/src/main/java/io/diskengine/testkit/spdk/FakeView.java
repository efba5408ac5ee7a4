package io.diskengine.testkit.spdk;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Looks into a data plane from outside: for laws and tests, never for agents. */
public final class FakeView {
  private final FakeSpdk spdk;

  FakeView(FakeSpdk spdk) {
    this.spdk = spdk;
  }

  /**
   * A raid1.
   *
   * @param bytes its size, as whoever has it open sees it
   * @param rebuilding the leg that is being rebuilt
   */
  public record Raid(
      String name,
      UUID uuid,
      boolean online,
      long bytes,
      List<Leg> legs,
      @Nullable String rebuilding) {

    /** What a leg of this size may hold. */
    public static long dataBytes(long legBytes) {
      return legBytes - FakeRaid.DATA_OFFSET_BYTES;
    }
  }

  /**
   * A configured leg.
   *
   * @param leaving it failed and will be taken out within the record gap
   * @param served whether a read that goes to it may be answered
   */
  public record Leg(String bdev, boolean leaving, boolean served) {}

  /**
   * A subsystem.
   *
   * @param listeners {@code address:port}
   */
  public record Subsystem(
      String nqn,
      boolean anyHost,
      Set<String> hosts,
      Set<String> connected,
      List<String> listeners,
      List<UUID> bdevs) {}

  public List<Raid> raids() {
    return spdk.raids.raids().values().stream().map(this::raid).toList();
  }

  /** Null when there is none of that name. */
  public @Nullable Raid raid(String name) {
    FakeRaid raid = spdk.raids.raids().get(name);
    return raid == null ? null : raid(raid);
  }

  /** Whether a vhost controller shows it to a guest. */
  public boolean isShown(String raidName) {
    FakeRaid raid = spdk.raids.raids().get(raidName);
    return raid != null && raid.isOpen();
  }

  private Raid raid(FakeRaid r) {
    List<Leg> legs = new ArrayList<>();
    for (FakeRaid.Slot s : r.slots) {
      FakeBdev bdev = s.bdev;
      if (bdev != null) {
        FakeCtrlr c = controllerOf(bdev.name);
        boolean served = !s.unfinished && (c == null || !c.isDisabled());
        legs.add(new Leg(bdev.name, s.failing, served));
      }
    }
    FakeRaid.Process p = r.process;
    FakeBdev target = p == null ? null : p.target.bdev;
    String rebuilding = target == null ? null : target.name;
    return new Raid(r.name, r.uuid, r.online, r.blocks * r.blockSize, legs, rebuilding);
  }

  private @Nullable FakeCtrlr controllerOf(String bdev) {
    int end = bdev.lastIndexOf('n');
    return end < 0 ? null : spdk.nvme.controllers().get(bdev.substring(0, end));
  }

  /** Names of bdev_nvme controllers. */
  public Set<String> controllers() {
    return new TreeSet<>(spdk.nvme.controllers().keySet());
  }

  /** Names of those whose connect is under way: no RPC tells. */
  public Set<String> connecting() {
    return new TreeSet<>(spdk.nvme.connecting());
  }

  /** Those that have lost their target, whether anybody knows it yet or not. */
  public Set<String> controllersAway() {
    Set<String> away = new TreeSet<>();
    spdk.nvme
        .controllers()
        .forEach((name, controller) -> {
          if (controller.reach() != FakeCtrlr.Reach.HERE) {
            away.add(name);
          }
        });
    return away;
  }

  public Set<String> nullBdevs() {
    Set<String> all = new TreeSet<>();
    for (FakeBdev b : spdk.bdevs.all()) {
      if (b instanceof FakeBdevs.Nothing) {
        all.add(b.name);
      }
    }
    return all;
  }

  public List<Subsystem> subsystems() {
    Map<String, Set<String>> hosts = new HashMap<>();
    for (NvmeConnection c : spdk.nvmf.connections()) {
      hosts.computeIfAbsent(c.nqn, _ -> new TreeSet<>()).add(c.hostNqn);
    }
    List<Subsystem> all = new ArrayList<>();
    for (FakeNvmf.Subsystem s : spdk.nvmf.subsystems().values()) {
      Set<String> connected = hosts.getOrDefault(s.nqn, Set.of());
      List<UUID> bdevs = s.namespaces.values().stream().map(n -> n.bdev().uuid).toList();
      List<String> listeners =
          s.listeners.stream().map(l -> l.traddr() + ":" + l.trsvcid()).toList();
      all.add(
          new Subsystem(
              s.nqn, s.allowAnyHost, new TreeSet<>(s.hosts), connected, listeners, bdevs));
    }
    return all;
  }

  /** Vhost controllers, with the device behind each; empty when that is gone. */
  public Map<String, String> vhosts() {
    return new LinkedHashMap<>(spdk.vhosts.exposed());
  }
}

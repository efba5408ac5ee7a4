package io.diskengine.testkit.spdk;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.util.RawValue;

/** bdev_raid: its RPCs, and assembly by examining superblocks. */
final class FakeRaids {
  private static final Set<String> CATEGORIES = Set.of("all", "online", "configuring", "offline");
  private static final int DEFAULT_REBUILD_STEP_MS = 10;

  private final FakeSpdk self;
  private final Map<String, FakeRaid> raids = new LinkedHashMap<>();
  int rebuildStepMs = DEFAULT_REBUILD_STEP_MS;

  FakeRaids(FakeSpdk self) {
    this.self = self;
  }

  void restart() {
    raids.clear();
    rebuildStepMs = DEFAULT_REBUILD_STEP_MS;
  }

  Map<String, FakeRaid> raids() {
    return raids;
  }

  void forget(FakeRaid raid) {
    raids.remove(raid.name, raid);
  }

  boolean call(String method, Params p, Reply reply) throws RpcFault {
    String name = p.text("name");
    switch (method) {
      case "bdev_raid_set_options" -> {
        long mib = p.number("process_max_bandwidth_mb_sec", 0);
        rebuildStepMs = mib == 0 ? DEFAULT_REBUILD_STEP_MS : (int) Math.max(1, 1_000 / mib);
        reply.ok(true);
      }
      case "bdev_raid_create" -> create(p, name, reply);
      case "bdev_raid_delete" -> {
        FakeRaid raid = raids.get(name);
        if (raid == null) {
          throw new RpcFault(RpcFault.ENODEV, "raid bdev " + name + " not found");
        }
        raid.delete(p.is("clear_sb", false), () -> reply.ok(true));
      }
      case "bdev_raid_get_bdevs" -> list(p.text("category"), reply);
      case "bdev_raid_add_base_bdev" -> add(p.text("raid_bdev"), p.text("base_bdev"), reply);
      case "bdev_raid_remove_base_bdev" -> remove(name, reply);
      default -> {
        return false;
      }
    }
    return true;
  }

  private void list(String category, Reply reply) throws RpcFault {
    if (!CATEGORIES.contains(category)) {
      throw new RpcFault(-32700, "spdk_json_decode_object failed");
    }
    List<String> all = new ArrayList<>();
    for (FakeRaid r : raids.values()) {
      if (category.equals("all") || category.equals(r.online ? "online" : "configuring")) {
        // SPDK writes the member twice.
        String uuid = "\"uuid\":\"" + r.uuid + "\",";
        all.add(r.json().toString().replaceFirst(uuid, uuid + uuid));
      }
    }
    reply.ok(new RawValue("[" + String.join(",", all) + "]"));
  }

  private static RpcFault refused(String name, int code, String why) {
    return new RpcFault(code, "Failed to create RAID bdev " + name + ": " + why);
  }

  private void create(Params p, String name, Reply reply) throws RpcFault {
    UUID given = p.uuid("uuid");
    List<String> bases = p.texts("base_bdevs");
    if (raids.containsKey(name) || self.bdevs.find(name) != null) {
      throw refused(name, RpcFault.EEXIST, "File exists");
    }
    if (!p.text("raid_level").equals("raid1") || bases.size() < 2) {
      throw refused(name, RpcFault.EINVAL, "Invalid argument");
    }
    FakeBdev like = null;
    for (String base : bases) {
      FakeBdev bdev = self.bdevs.find(base);
      if (bdev != null && bdev.claim != null) {
        throw refused(name, RpcFault.EPERM, "Operation not permitted");
      }
      boolean smaller = like == null || (bdev != null && bdev.blocks < like.blocks);
      like = bdev != null && smaller ? bdev : like;
    }
    FakeBdev shape = like == null ? new FakeBdevs.Nothing("", FakeRaid.NO_UUID, 4096, 512) : like;
    FakeRaid raid =
        new FakeRaid(
            self,
            name,
            given == null ? self.fabric.newUuid() : given,
            p.is("superblock", false),
            shape.blockSize,
            FakeRaid.dataBlocks(shape, p.is("superblock", false)));
    raids.put(name, raid);
    for (String base : bases) {
      FakeRaid.Slot slot = new FakeRaid.Slot(FakeRaid.NO_UUID);
      raid.slots.add(slot);
      FakeBdev bdev = self.bdevs.find(base);
      if (bdev == null) {
        slot.wantedName = base;
      } else {
        raid.configure(slot, bdev);
      }
    }
    checkNext(raid, new ArrayDeque<>(raid.slots), reply);
  }

  /** A leg with somebody's superblock makes the creation fail, whoever's it is. */
  private void checkNext(FakeRaid raid, Deque<FakeRaid.Slot> left, Reply reply) {
    FakeRaid.Slot slot = left.poll();
    if (slot == null) {
      if (raid.isComplete()) {
        raid.goOnline(() -> reply.ok(true));
      } else {
        reply.ok(true);
      }
    } else if (slot.bdev == null) {
      checkNext(raid, left, reply);
    } else {
      slot.bdev.submit(
          new FakeIo(
              0,
              null,
              done -> {
                if (done.content() instanceof Superblock) {
                  raid.delete(
                      false, () -> reply.error(refused(raid.name, RpcFault.EEXIST, "File exists")));
                } else {
                  checkNext(raid, left, reply);
                }
              }));
    }
  }

  private void add(String name, String base, Reply reply) throws RpcFault {
    FakeRaid raid = raids.get(name);
    FakeBdev bdev = self.bdevs.find(base);
    if (raid == null || bdev == null) {
      throw RpcFault.errno(RpcFault.ENODEV);
    }
    if (bdev.claim != null || raid.process != null) {
      throw RpcFault.errno(RpcFault.EPERM);
    }
    if (!raid.online) {
      FakeRaid.Slot slot =
          raid.slots.stream()
              .filter(s -> s.bdev == null && !s.lost && s.uuid.equals(bdev.uuid))
              .filter(_ -> raid.fits(bdev))
              .findFirst()
              .orElse(null);
      if (slot == null) {
        throw RpcFault.errno(RpcFault.EINVAL);
      }
      raid.configure(slot, bdev);
      settle(raid, () -> reply.ok(true));
      return;
    }
    if (raid.slots.stream().noneMatch(s -> s.bdev == null) || !raid.fits(bdev)) {
      throw RpcFault.errno(RpcFault.EINVAL);
    }
    bdev.submit(new FakeIo(0, null, done -> addOnline(raid, bdev, done, reply)));
  }

  private void addOnline(FakeRaid raid, FakeBdev bdev, FakeIo.Done head, Reply reply) {
    FakeRaid.Slot slot = freeSlot(raid, bdev);
    boolean foreign = head.content() instanceof Superblock sb && !sb.raid().equals(raid.uuid);
    if (!head.ok() || slot == null || raid.process != null || bdev.claim != null || !raid.online) {
      reply.error(RpcFault.errno(RpcFault.EPERM));
    } else if (foreign) {
      reply.error(RpcFault.errno(RpcFault.EEXIST));
    } else {
      raid.rebuild(slot, bdev);
      reply.ok(true);
    }
  }

  private static FakeRaid.@Nullable Slot freeSlot(FakeRaid raid, FakeBdev bdev) {
    FakeRaid.Slot own =
        raid.slots.stream()
            .filter(s -> s.bdev == null && s.uuid.equals(bdev.uuid))
            .findFirst()
            .orElse(null);
    return own != null
        ? own
        : raid.slots.stream().filter(s -> s.bdev == null).findFirst().orElse(null);
  }

  private void remove(String base, Reply reply) throws RpcFault {
    for (FakeRaid raid : List.copyOf(raids.values())) {
      FakeBdev bdev = self.bdevs.find(base);
      FakeRaid.Slot slot = bdev == null ? null : raid.slotOf(bdev);
      if (slot != null && !slot.removing) {
        raid.removeSlot(slot, () -> reply.ok(true));
        return;
      }
    }
    throw RpcFault.errno(RpcFault.ENODEV);
  }

  /** Online when nothing is missing. */
  private void settle(FakeRaid raid, Runnable then) {
    if (!raid.online && raid.isComplete()) {
      raid.goOnline(then);
    } else {
      then.run();
    }
  }

  void examine(FakeBdev bdev, Runnable done) {
    for (FakeRaid raid : raids.values()) {
      for (FakeRaid.Slot s : raid.slots) {
        if (s.wantedName != null && s.bdev == null && bdev.isCalled(s.wantedName)) {
          raid.configure(s, bdev);
          settle(raid, done);
          return;
        }
      }
    }
    int claims = bdev.raidClaims;
    bdev.submit(
        new FakeIo(
            0,
            null,
            head -> {
              boolean free = bdev.claim == null && bdev.raidClaims == claims;
              if (head.content() instanceof Superblock sb && free) {
                found(bdev, sb, done);
              } else {
                done.run();
              }
            }));
  }

  private void found(FakeBdev bdev, Superblock sb, Runnable done) {
    FakeRaid raid = raids.get(sb.name());
    if (!sb.slots().contains(bdev.uuid) || (raid != null && !raid.uuid.equals(sb.raid()))) {
      done.run();
    } else if (raid == null) {
      others(make(bdev, sb), bdev, sb, done);
    } else if (raid.online) {
      FakeRaid.Slot slot = freeSlot(raid, bdev);
      boolean ours = slot != null && slot.uuid.equals(bdev.uuid) && raid.fits(bdev);
      if (slot != null && ours && raid.process == null) {
        raid.rebuild(slot, bdev);
      }
      done.run();
    } else if (sb.seq() > raid.seq) {
      raid.delete(false, () -> others(make(bdev, sb), bdev, sb, done));
    } else {
      take(raid, bdev);
      settle(raid, done);
    }
  }

  private FakeRaid make(FakeBdev like, Superblock sb) {
    FakeRaid raid = new FakeRaid(self, sb.name(), sb.raid(), true, like.blockSize, sb.blocks());
    raid.seq = sb.seq();
    for (UUID uuid : sb.slots()) {
      FakeRaid.Slot slot = new FakeRaid.Slot(uuid);
      slot.lost = sb.lost().contains(uuid);
      raid.slots.add(slot);
    }
    raids.put(raid.name, raid);
    return raid;
  }

  private static void take(FakeRaid raid, FakeBdev bdev) {
    for (FakeRaid.Slot s : raid.slots) {
      boolean free = s.bdev == null && bdev.claim == null && raid.fits(bdev);
      if (free && !s.lost && s.uuid.equals(bdev.uuid)) {
        raid.configure(s, bdev);
      }
    }
  }

  /** The first leg's examination pulls in the others that are attached. */
  private void others(FakeRaid raid, FakeBdev first, Superblock sb, Runnable done) {
    take(raid, first);
    Deque<FakeBdev> left = new ArrayDeque<>();
    for (UUID uuid : sb.slots()) {
      FakeBdev other = self.bdevs.find(uuid.toString());
      if (other != null && other != first && other.claim == null) {
        left.add(other);
      }
    }
    otherNext(raid, left, done);
  }

  private void otherNext(FakeRaid raid, Deque<FakeBdev> left, Runnable done) {
    FakeBdev other = left.poll();
    if (other == null || raids.get(raid.name) != raid) {
      settleOrForget(raid, done);
      return;
    }
    other.submit(
        new FakeIo(
            0,
            null,
            head -> {
              boolean ours = head.content() instanceof Superblock sb && sb.raid().equals(raid.uuid);
              if (ours && head.content() instanceof Superblock sb && sb.seq() > raid.seq) {
                List<FakeBdev> again = new ArrayList<>(left);
                raid.slots.stream().map(s -> s.bdev).filter(b -> b != null).forEach(again::add);
                raid.delete(
                    false,
                    () -> {
                      FakeRaid newer = make(other, sb);
                      take(newer, other);
                      otherNext(newer, new ArrayDeque<>(again), done);
                    });
              } else {
                if (ours) {
                  take(raid, other);
                }
                otherNext(raid, left, done);
              }
            }));
  }

  private void settleOrForget(FakeRaid raid, Runnable done) {
    if (raids.get(raid.name) != raid) {
      done.run();
      return;
    }
    if (raid.discovered() == 0) {
      forget(raid);
      done.run();
      return;
    }
    settle(raid, done);
  }
}

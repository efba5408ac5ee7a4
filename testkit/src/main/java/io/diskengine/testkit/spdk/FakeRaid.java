package io.diskengine.testkit.spdk;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A raid1. As stock SPDK it acknowledges a write when any leg has it, and only then, a moment
 * later, drops the legs that failed and records it on the others.
 */
final class FakeRaid extends FakeBdev {
  /** The data that is copied by a rebuild; guests write nowhere else. */
  static final int DATA_BLOCKS = 16;

  /** The superblock's MiB. */
  static final int DATA_OFFSET_BYTES = 1 << 20;

  /** From an acknowledgement on fewer legs to the record of it, at most. */
  static final int RECORD_GAP_MS = 5;

  /** A failed rebuild looks finished for this long. */
  private static final int FAILED_REBUILD_MS = 200;

  static final UUID NO_UUID = new UUID(0, 0);

  /** One leg's place. */
  static final class Slot {
    UUID uuid;
    @Nullable String wantedName;
    @Nullable FakeBdev bdev;

    /** Recorded missing or failed. */
    boolean lost;

    boolean failing;

    /** Its removal is under way: it gets no superblock any more. */
    boolean removing;

    /** Its rebuild failed: neither read nor written until it is taken out. */
    boolean unfinished;

    @Nullable Runnable onRemove;

    Slot(UUID uuid) {
      this.uuid = uuid;
    }
  }

  /** A rebuild. */
  static final class Process {
    final Slot target;
    long offset;

    Process(Slot target) {
      this.target = target;
    }
  }

  private final FakeSpdk self;
  final boolean superblock;
  final List<Slot> slots = new ArrayList<>();
  long seq;
  boolean online;
  @Nullable Process process;
  private boolean deleted;
  private int outstanding;
  private int quiesced;
  private final Deque<FakeIo> held = new ArrayDeque<>();
  private final Deque<Runnable> whenQuiet = new ArrayDeque<>();

  FakeRaid(FakeSpdk self, String name, UUID uuid, boolean superblock, int blockSize, long blocks) {
    super(name, uuid, "Raid Volume", blockSize, blocks);
    this.self = self;
    this.superblock = superblock;
  }

  /** What a leg of this size may hold. */
  static long dataBlocks(FakeBdev leg, boolean superblock) {
    return leg.blocks - (superblock ? DATA_OFFSET_BYTES / leg.blockSize : 0);
  }

  /** A leg with less room than the array has is refused. */
  boolean fits(FakeBdev leg) {
    return dataBlocks(leg, superblock) >= blocks;
  }

  /**
   * A leg has another size: the array has what its smallest leg has. An array that is not online
   * does not look, and when it is assembled it has the size of its superblock.
   */
  private void legResized() {
    long smallest =
        slots.stream()
            .flatMap(s -> Stream.ofNullable(s.bdev))
            .mapToLong(b -> dataBlocks(b, superblock))
            .min()
            .orElse(blocks);
    if (online && !deleted && smallest > blocks) {
      self.fabric.log(self.name, name + " has " + smallest + " blocks");
      self.bdevs.resize(this, smallest);
      writeSuperblock(() -> {});
    }
  }

  @Nullable Slot slotOf(FakeBdev bdev) {
    return slots.stream().filter(s -> s.bdev == bdev).findFirst().orElse(null);
  }

  long discovered() {
    return slots.stream().filter(s -> s.bdev != null).count();
  }

  long operational() {
    return online ? discovered() : slots.stream().filter(s -> !s.lost).count();
  }

  boolean isComplete() {
    return slots.stream().allMatch(s -> s.lost || s.bdev != null) && discovered() > 0;
  }

  void configure(Slot slot, FakeBdev bdev) {
    slot.bdev = bdev;
    slot.uuid = bdev.uuid;
    slot.wantedName = null;
    slot.failing = false;
    slot.unfinished = false;
    bdev.claim = "raid";
    bdev.raidClaims++;
    Runnable onRemove = () -> removeSlot(slot, () -> {});
    slot.onRemove = onRemove;
    bdev.open(onRemove, this::legResized);
  }

  private static void release(Slot slot) {
    FakeBdev bdev = slot.bdev;
    slot.bdev = null;
    slot.failing = false;
    slot.removing = false;
    if (bdev != null) {
      bdev.claim = null;
      if (slot.onRemove != null) {
        bdev.close(slot.onRemove);
      }
    }
  }

  /** All legs are there. */
  void goOnline(Runnable then) {
    writeSuperblock(() -> {
      if (!deleted && !online) {
        online = true;
        self.bdevs.register(this);
      }
      then.run();
    });
  }

  private Superblock record() {
    List<UUID> uuids = new ArrayList<>();
    Set<UUID> lost = new HashSet<>();
    for (Slot s : slots) {
      uuids.add(s.uuid);
      if (s.lost) {
        lost.add(s.uuid);
      }
    }
    return new Superblock(name, uuid, seq, blocks, uuids, lost);
  }

  /**
   * All legs at once; a process that dies meanwhile, or a leg that waits, leaves them different.
   */
  void writeSuperblock(Runnable then) {
    List<FakeBdev> legs =
        superblock
            ? slots.stream()
                .filter(s -> !s.removing)
                .flatMap(s -> Stream.ofNullable(s.bdev))
                .toList()
            : List.of();
    if (legs.isEmpty()) {
      then.run();
      return;
    }
    seq++;
    Superblock now = record();
    int[] left = {legs.size()};
    for (FakeBdev leg : legs) {
      leg.submit(
          new FakeIo(
              0,
              now,
              _ -> {
                if (--left[0] == 0) {
                  then.run();
                }
              }));
    }
  }

  @Override
  void submit(FakeIo io) {
    if (deleted || !online) {
      self.soon(io::failed);
    } else if (quiesced > 0) {
      held.add(io);
    } else if (io.isWrite()) {
      write(io);
    } else {
      read(io, new ArrayList<>());
    }
  }

  private boolean takesWrites(Slot s, long block) {
    Process p = process;
    return s.bdev != null && !s.unfinished && (p == null || p.target != s || block < p.offset);
  }

  private void write(FakeIo io) {
    List<Slot> legs = slots.stream().filter(s -> takesWrites(s, io.block())).toList();
    if (legs.isEmpty()) {
      self.soon(io::failed);
      return;
    }
    outstanding++;
    int[] left = {legs.size()};
    List<Slot> failed = new ArrayList<>();
    for (Slot leg : legs) {
      FakeBdev bdev = leg.bdev;
      if (bdev == null) {
        continue;
      }
      bdev.submit(
          new FakeIo(
              io.block() + 1,
              io.content(),
              done -> {
                if (!done.ok() && leg.bdev == bdev) {
                  failed.add(leg);
                }
                left[0] -= done.ok() ? 0 : 1 << 16;
                if ((--left[0] & 0xFFFF) == 0) {
                  written(io, legs.size() > -(left[0] >> 16), failed);
                }
              }));
    }
  }

  private void written(FakeIo io, boolean any, List<Slot> failed) {
    if (any) {
      io.ok(null, name);
    } else {
      io.failed();
    }
    failed.forEach(this::fail);
    ended();
  }

  private void read(FakeIo io, List<Slot> tried) {
    List<Slot> legs =
        slots.stream()
            .filter(s -> s.bdev != null && !s.unfinished && !tried.contains(s))
            .filter(s -> process == null || process.target != s)
            .toList();
    if (tried.isEmpty()) {
      outstanding++;
    }
    if (legs.isEmpty()) {
      tried.forEach(this::fail);
      self.soon(io::failed);
      ended();
      return;
    }
    Slot leg = legs.get(self.time.random().nextInt(legs.size()));
    tried.add(leg);
    FakeBdev bdev = leg.bdev;
    if (bdev == null) {
      return;
    }
    bdev.submit(
        new FakeIo(
            io.block() + 1,
            null,
            done -> {
              if (done.ok()) {
                io.ok(done.content(), done.leg());
                tried.subList(0, tried.size() - 1).forEach(this::fail);
                ended();
              } else {
                read(io, tried);
              }
            }));
  }

  private void ended() {
    outstanding--;
    while (outstanding == 0 && !whenQuiet.isEmpty()) {
      whenQuiet.poll().run();
    }
  }

  private void quiesce(Runnable then) {
    quiesced++;
    if (outstanding == 0) {
      then.run();
    } else {
      whenQuiet.add(then);
    }
  }

  private void unquiesce() {
    if (--quiesced == 0) {
      List<FakeIo> waiting = List.copyOf(held);
      held.clear();
      waiting.forEach(this::submit);
    }
  }

  /** After the write was acknowledged: what stock SPDK does too late for a crash in between. */
  private void fail(Slot slot) {
    if (slot.failing || slot.bdev == null) {
      return;
    }
    slot.failing = true;
    self.fabric.log(self.name, name + " drops a leg that failed: " + slot.bdev.name);
    self.later(1 + self.time.random().nextInt(RECORD_GAP_MS - 1), () -> removeSlot(slot, () -> {}));
  }

  /** Waits for what is under way, records the loss on the other legs, goes on. */
  void removeSlot(Slot slot, Runnable then) {
    if (deleted) {
      release(slot);
      then.run();
      return;
    }
    if (!online) {
      release(slot);
      if (discovered() == 0) {
        self.raids.forget(this);
      }
      then.run();
      return;
    }
    if (slot.removing) {
      then.run();
      return;
    }
    Process p = process;
    if (p != null && p.target != slot && isLastBut(slot, p.target)) {
      // A rebuild whose last source leaves ends first, and its target leaves before the source.
      process = null;
      p.target.unfinished = true;
      self.fabric.log(self.name, name + "'s rebuild failed: its source leaves");
      removeSlot(p.target, () -> removeSlot(slot, then));
      return;
    }
    FakeBdev leaving = slot.bdev;
    slot.removing = true;
    quiesce(() -> {
      if (slot.bdev != leaving || leaving == null) {
        slot.removing = false;
        unquiesce();
        then.run();
        return;
      }
      if (process != null && process.target == slot) {
        process = null;
      }
      release(slot);
      slot.lost = true;
      if (discovered() == 0) {
        self.raids.forget(this);
        deleted = true;
        online = false;
        self.bdevs.unregister(this);
        unquiesce();
        then.run();
      } else {
        writeSuperblock(() -> {
          unquiesce();
          then.run();
        });
      }
    });
  }

  private boolean isLastBut(Slot source, Slot target) {
    return slots.stream().noneMatch(s -> s.bdev != null && s != source && s != target);
  }

  /** A leg that is to be made equal to the others. */
  void rebuild(Slot slot, FakeBdev bdev) {
    configure(slot, bdev);
    slot.lost = true;
    Process p = new Process(slot);
    process = p;
    self.fabric.log(self.name, name + " rebuilds " + bdev.name);
    self.later(self.raids.rebuildStepMs, () -> step(p));
  }

  private void step(Process p) {
    if (process != p || deleted) {
      return;
    }
    if (p.offset >= DATA_BLOCKS) {
      finish(p);
      return;
    }
    quiesce(() -> {
      Slot source =
          slots.stream().filter(s -> s.bdev != null && s != p.target).findFirst().orElse(null);
      FakeBdev to = p.target.bdev;
      if (process != p || source == null || source.bdev == null || to == null) {
        unquiesce();
        end(p);
        return;
      }
      source.bdev.submit(new FakeIo(p.offset + 1, null, done -> copied(p, to, source, done)));
    });
  }

  private void copied(Process p, FakeBdev to, Slot source, FakeIo.Done read) {
    if (!read.ok()) {
      unquiesce();
      fail(source);
      end(p);
      return;
    }
    // Everything is copied: also that the source holds nothing where the target does.
    Object content = read.content();
    to.submit(
        new FakeIo(
            p.offset + 1,
            content == null ? FakeIo.ZEROES : content,
            done -> {
              if (done.ok()) {
                advance(p);
              } else {
                unquiesce();
                end(p);
              }
            }));
  }

  private void advance(Process p) {
    p.offset++;
    unquiesce();
    self.later(self.raids.rebuildStepMs, () -> step(p));
  }

  /** The process vanishes at once, the leg only later. */
  private void end(Process p) {
    if (process == p) {
      process = null;
      p.target.unfinished = true;
      self.fabric.log(self.name, name + "'s rebuild failed");
      self.later(FAILED_REBUILD_MS, () -> removeSlot(p.target, () -> {}));
    }
  }

  /** The process goes on until nothing is under way; the superblock is not waited for. */
  private void finish(Process p) {
    quiesce(() -> {
      if (process == p && !deleted) {
        process = null;
        p.target.lost = false;
        self.fabric.log(self.name, name + "'s rebuild is done");
        writeSuperblock(() -> {});
      }
      unquiesce();
    });
  }

  /** Devices above are told at once; the answer waits for what is under way. */
  void delete(boolean clear, Runnable then) {
    deleted = true;
    process = null;
    boolean wasOnline = online;
    online = false;
    if (wasOnline) {
      self.bdevs.unregister(this);
    }
    quiesce(() -> {
      List<FakeBdev> cleared = new ArrayList<>();
      for (Slot s : slots) {
        if (s.bdev != null && clear) {
          cleared.add(s.bdev);
        }
        release(s);
      }
      self.raids.forget(this);
      clearNext(new ArrayDeque<>(cleared), then);
      unquiesce();
    });
  }

  private static void clearNext(Deque<FakeBdev> left, Runnable then) {
    FakeBdev bdev = left.poll();
    if (bdev == null) {
      then.run();
    } else {
      bdev.submit(new FakeIo(0, "cleared", _ -> clearNext(left, then)));
    }
  }

  @Override
  void describe(ObjectNode specific) {
    specific.set("raid", json());
  }

  ObjectNode json() {
    ObjectNode o = FakeSpdk.object().put("name", name).put("uuid", uuid.toString());
    o.put("strip_size_kb", 0).put("state", online ? "online" : "configuring");
    o.put("raid_level", "raid1").put("superblock", superblock);
    o.put("num_base_bdevs", slots.size()).put("num_base_bdevs_discovered", discovered());
    o.put("num_base_bdevs_operational", operational());
    Process p = process;
    if (p != null && p.target.bdev != null) {
      ObjectNode j = o.putObject("process").put("type", "rebuild");
      j.put("target", p.target.bdev.name);
      j.putObject("progress")
          .put("blocks", p.offset)
          .put("percent", (int) (p.offset * 100 / DATA_BLOCKS));
    }
    ArrayNode legs = o.putArray("base_bdevs_list");
    for (Slot s : slots) {
      ObjectNode leg = FakeSpdk.object();
      if (s.bdev != null) {
        leg.put("name", s.bdev.name);
      } else if (s.wantedName != null) {
        leg.put("name", s.wantedName);
      } else {
        leg.putNull("name");
      }
      UUID shown = s.bdev == null && s.lost ? NO_UUID : s.uuid;
      leg.put("uuid", shown.toString()).put("is_configured", s.bdev != null);
      long offset = superblock ? DATA_OFFSET_BYTES / blockSize : 0;
      legs.add(leg.put("data_offset", offset).put("data_size", blocks));
    }
    return o;
  }
}

package io.diskengine.engine.lvol;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.TestIo;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Power fails at any moment of a random history, with any sectors of unflushed writes lost: the
 * store opens, what was acknowledged is there, no cluster has two owners, and no sector reads as
 * anything but what was written there last or, unflushed, before. Fault model: {@link DiskBdev}.
 */
class LvolCrashTest {
  private static final int BLOCK = 512;
  private static final int CLUSTER = 8 << 10;
  private static final int CLUSTER_BLOCKS = CLUSTER / BLOCK;
  private static final int LVOL_CLUSTERS = 6;
  private static final int LVOL_BLOCKS = LVOL_CLUSTERS * CLUSTER_BLOCKS;
  private static final long DISK = 1 << 20;
  private static final int OPERATIONS = 250;
  private static final int MOMENTS = 45;
  private static final int NEVER = Integer.MAX_VALUE;

  /** What one block of an lvol was set to, and when; 0 is zeros. */
  private static final class Write {
    final long value;
    final int startedAt;
    int endedAt = NEVER;
    boolean durable;

    /** An unmap of what a parent has may leave that: what was there before stays possible. */
    boolean optional;

    Write(long value, int startedAt) {
      this.value = value;
      this.startedAt = startedAt;
    }
  }

  private static final class Volume {
    final String name;
    int createdAt = NEVER;
    int deletionStartedAt = NEVER;
    int deletedAt = NEVER;
    final Map<Integer, List<Write>> blocks = new TreeMap<>();
    final Set<Integer> busy = new HashSet<>();
    final TestIo io;

    /** What this is a snapshot or clone of, as far up as it goes: flushes of those count too. */
    final Set<Volume> origins = new HashSet<>();

    boolean readOnly;
    boolean hadParent;

    Volume(String name, TestIo io) {
      this.name = name;
      this.io = io;
    }

    /** Everything that {@code origin} was told so far is part of this one. */
    void takeOver(Volume origin) {
      origin.blocks.forEach((block, writes) -> blocks.put(block, new ArrayList<>(writes)));
      origins.add(origin);
      origins.addAll(origin.origins);
    }
  }

  private record Flush(Volume volume, int startedAt, int[] endedAt) {}

  private record Pending(TestIo.Call call, Runnable ended) {}

  private final List<Volume> volumes = new ArrayList<>();
  private final List<Flush> flushes = new ArrayList<>();
  private final List<Pending> pending = new ArrayList<>();
  private int storeMadeAt;
  private long nextValue = 1;
  private int derivations;
  private int separations;

  @ParameterizedTest
  @ValueSource(longs = {11, 12, 13, 14, 15, 16})
  void storeSurvivesPowerFailureAtAnyMoment(long seed) {
    Random random = new Random(seed);
    DiskImage image = new DiskImage(DISK);
    byte[] rubbish = new byte[(int) DISK];
    new Random(seed).nextBytes(rubbish);
    image.write(0, rubbish, 0, rubbish.length);
    DiskBdev disk = new DiskBdev("disk0", BLOCK, image, new Random(seed + 1), 40_000);
    try (StoreRig rig = new StoreRig(seed)) {
      rig.add(disk);
      assertThat(rig.createStore("disk0", LvolStoreOptions.named("lvs0").clusterSizeBytes(CLUSTER)))
          .isZero();
      storeMadeAt = disk.moments();
      for (int i = 0; i < OPERATIONS; i++) {
        operate(rig, disk, random);
      }
      pending.forEach(p -> rig.reactors.runUntil(p.call()::done));
      reap();
      if (random.nextBoolean()) {
        volumes.stream().filter(v -> v.deletionStartedAt == NEVER).forEach(v -> v.io.close());
        rig.unload();
      }
    }
    System.out.println(
        "history of seed "
            + seed
            + ": "
            + OPERATIONS
            + " operations, among them "
            + derivations
            + " snapshots and clones, "
            + separations
            + " inflated or decoupled; "
            + MOMENTS
            + " power failures among "
            + disk.moments()
            + " moments");
    for (int i = 0; i < MOMENTS; i++) {
      int moment =
          i == 1
              ? disk.moments() + 1
              : storeMadeAt + 1 + random.nextInt(disk.moments() - storeMadeAt);
      String where = "seed " + seed + ", moment " + moment;
      DiskImage medium = disk.afterPowerFailure(moment, random);
      check(i % 3 == 0 ? afterAnotherFailure(medium, random, where) : medium, moment, where);
    }
    System.out.printf(
        "power failures with many operations at once, seed %d: %d operations, %d of %d moments%n",
        seed, OPERATIONS, MOMENTS, disk.moments());
  }

  /** The store is found, changed a little, and power fails again. */
  private static DiskImage afterAnotherFailure(DiskImage medium, Random random, String where) {
    DiskBdev disk = new DiskBdev("disk0", BLOCK, medium.copy(), random, 20_000);
    try (StoreRig rig = new StoreRig(1)) {
      rig.add(disk);
      assertThat(rig.lvols.stores()).as(where).hasSize(1);
      rig.createLvol("lvs0", "more", CLUSTER, random.nextBoolean());
      rig.createLvol("lvs0", "less", CLUSTER, random.nextBoolean());
      rig.createLvol("lvs0", "much", CLUSTER, true);
      if (rig.lvols.lvol("lvs0/less") != null) {
        rig.deleteLvol("lvs0/less");
      }
    }
    return disk.afterPowerFailure(random.nextInt(disk.moments() + 1), random);
  }

  // ---- the history

  private void operate(StoreRig rig, DiskBdev disk, Random random) {
    rig.reactors.runForUs(random.nextInt(30));
    reap();
    List<Volume> alive = volumes.stream().filter(v -> v.deletionStartedAt == NEVER).toList();
    int kind = random.nextInt(100);
    if (alive.isEmpty() || kind < 6 && alive.size() < 8) {
      create(rig, disk, random);
      return;
    }
    Volume volume = alive.get(random.nextInt(alive.size()));
    if (kind < 9 && volume.busy.isEmpty()) {
      delete(rig, disk, volume);
    } else if (kind < 14 && alive.size() < 8) {
      derive(rig, disk, volume);
    } else if (kind < 17) {
      separate(rig, volume, random);
    } else if (volume.readOnly) {
      return;
    } else if (kind < 60) {
      write(disk, volume, random);
    } else if (kind < 85) {
      zero(disk, volume, random);
    } else {
      flush(disk, volume, random);
    }
  }

  private void create(StoreRig rig, DiskBdev disk, Random random) {
    String name = "v" + volumes.size();
    int errno = rig.createLvol("lvs0", name, LVOL_CLUSTERS * CLUSTER, random.nextInt(4) > 0);
    if (errno == 0) {
      Volume volume = new Volume(name, new TestIo(rig.reactors, "lvs0/" + name));
      volume.createdAt = disk.moments();
      volumes.add(volume);
    }
  }

  /** A snapshot of what can be written, a clone of what cannot. */
  private void derive(StoreRig rig, DiskBdev disk, Volume volume) {
    String name = "v" + volumes.size();
    String alias = "lvs0/" + volume.name;
    // All that was begun is drained first, so it is part of the snapshot.
    int errno = volume.readOnly ? rig.clone(alias, name) : rig.snapshot(alias, name);
    if (errno == 0) {
      Volume derived = new Volume(name, new TestIo(rig.reactors, "lvs0/" + name));
      derived.takeOver(volume);
      derived.readOnly = !volume.readOnly;
      derived.hadParent = volume.readOnly || volume.hadParent;
      volume.hadParent = true;
      derived.createdAt = disk.moments();
      volumes.add(derived);
      derivations++;
    }
  }

  private void separate(StoreRig rig, Volume volume, Random random) {
    String alias = "lvs0/" + volume.name;
    int errno = random.nextBoolean() ? rig.decouple(alias) : rig.inflate(alias);
    separations += errno == 0 ? 1 : 0;
  }

  private static void delete(StoreRig rig, DiskBdev disk, Volume volume) {
    if (rig.lvol("lvs0/" + volume.name).blob().clones.size() > 1) {
      return;
    }
    volume.io.close();
    volume.deletionStartedAt = disk.moments();
    assertThat(rig.deleteLvol("lvs0/" + volume.name)).isZero();
    volume.deletedAt = disk.moments();
  }

  private void write(DiskBdev disk, Volume volume, Random random) {
    int count = 1 + random.nextInt(random.nextInt(3) == 0 ? 2 * CLUSTER_BLOCKS : 3);
    int first = random.nextInt(LVOL_BLOCKS - count + 1);
    ByteBuffer data = ByteBuffer.allocate(count * BLOCK);
    List<Write> writes = new ArrayList<>();
    if (!claim(volume, first, count)) {
      return;
    }
    for (int i = 0; i < count; i++) {
      Write write = new Write(nextValue++, disk.moments());
      for (int at = 0; at < BLOCK; at += Long.BYTES) {
        data.putLong(write.value);
      }
      volume.blocks.computeIfAbsent(first + i, b -> new ArrayList<>()).add(write);
      writes.add(write);
    }
    boolean durable = random.nextInt(4) == 0;
    byte[] bytes = data.array();
    TestIo.Call call =
        volume.io.start(
            random.nextInt(2),
            count,
            c -> {
              c.fill(bytes);
              c.io().write(c.iov(), 1, first, count);
              if (durable) {
                c.io().durable();
              }
            });
    await(disk, volume, call, first, count, writes, durable);
  }

  private void zero(DiskBdev disk, Volume volume, Random random) {
    int count = 1 + random.nextInt(4 * CLUSTER_BLOCKS);
    int first = random.nextInt(LVOL_BLOCKS - count + 1);
    if (random.nextBoolean()) {
      first -= first % CLUSTER_BLOCKS;
    }
    int from = first;
    if (!claim(volume, from, count)) {
      return;
    }
    List<Write> writes = new ArrayList<>();
    boolean unmap = random.nextInt(3) > 0;
    for (int i = 0; i < count; i++) {
      Write write = new Write(0, disk.moments());
      write.optional = unmap && volume.hadParent;
      volume.blocks.computeIfAbsent(from + i, b -> new ArrayList<>()).add(write);
      writes.add(write);
    }
    TestIo.Call call =
        volume.io.start(
            random.nextInt(2),
            0,
            c -> {
              if (unmap) {
                c.io().unmap(from, count);
              } else {
                c.io().writeZeroes(from, count);
              }
            });
    await(disk, volume, call, from, count, writes, false);
  }

  private static boolean claim(Volume volume, int first, int count) {
    for (int i = first; i < first + count; i++) {
      if (volume.busy.contains(i)) {
        return false;
      }
    }
    for (int i = first; i < first + count; i++) {
      volume.busy.add(i);
    }
    return true;
  }

  private void await(
      DiskBdev disk,
      Volume volume,
      TestIo.Call call,
      int first,
      int count,
      List<Write> writes,
      boolean durable) {
    pending.add(
        new Pending(
            call,
            () -> {
              for (int i = first; i < first + count; i++) {
                volume.busy.remove(i);
              }
              // A write that failed (the store is full) may be there or not.
              if (call.status() == 0) {
                for (Write write : writes) {
                  write.endedAt = disk.moments();
                  write.durable = durable;
                }
              }
            }));
  }

  private void flush(DiskBdev disk, Volume volume, Random random) {
    Flush flush = new Flush(volume, disk.moments(), new int[] {NEVER});
    volume.busy.add(-1);
    TestIo.Call call = volume.io.start(random.nextInt(2), 0, c -> c.io().flush());
    flushes.add(flush);
    pending.add(
        new Pending(
            call,
            () -> {
              volume.busy.remove(-1);
              assertThat(call.status()).isZero();
              flush.endedAt()[0] = disk.moments();
            }));
  }

  private void reap() {
    for (int i = pending.size() - 1; i >= 0; i--) {
      if (pending.get(i).call().done()) {
        pending.remove(i).ended().run();
      }
    }
  }

  // ---- what must be true afterwards

  private void check(DiskImage medium, int moment, String where) {
    SoundStore.check(medium, where + ", as the crash left it");
    try (StoreRig rig = new StoreRig(moment)) {
      rig.add(new DiskBdev("disk0", BLOCK, medium));
      assertThat(rig.lvols.stores()).as(where).hasSize(1);
      Map<String, Volume> byName = new HashMap<>();
      for (Volume volume : volumes) {
        byName.put("lvs0/" + volume.name, volume);
        if (volume.createdAt < moment && volume.deletionStartedAt >= moment) {
          assertThat(rig.names()).as(where).contains("lvs0/" + volume.name);
        }
        if (volume.deletedAt < moment) {
          assertThat(rig.names()).as(where).doesNotContain("lvs0/" + volume.name);
        }
      }
      for (String name : rig.names()) {
        Volume volume = byName.get(name);
        if (volume != null && volume.deletionStartedAt >= moment) {
          checkContent(rig, volume, moment, where + ", " + name);
        }
      }
      // The store can be used, closed, and is then sound to somebody else's eyes.
      rig.createLvol("lvs0", "after", CLUSTER, true);
      assertThat(rig.unload()).isZero();
      SoundStore.checkClosed(medium, where + ", closed again");
    }
  }

  private void checkContent(StoreRig rig, Volume volume, int moment, String where) {
    List<byte[]> content = new ArrayList<>();
    rig.read(
        "lvs0/" + volume.name,
        0,
        (long) LVOL_BLOCKS * BLOCK,
        (bytes, count) -> content.add(bytes.clone()));
    ByteBuffer found = ByteBuffer.wrap(content.getFirst());
    int flushed = -1;
    for (Flush flush : flushes) {
      if (flush.endedAt()[0] < moment
          && (flush.volume() == volume || volume.origins.contains(flush.volume()))) {
        flushed = Math.max(flushed, flush.startedAt());
      }
    }
    for (int block = 0; block < LVOL_BLOCKS; block++) {
      long value = found.getLong(block * BLOCK);
      for (int at = 0; at < BLOCK; at += Long.BYTES) {
        assertThat(found.getLong(block * BLOCK + at))
            .as(where + ", block " + block)
            .isEqualTo(value);
      }
      Set<Long> possible =
          possible(
              Objects.requireNonNullElse(volume.blocks.get(block), List.of()), moment, flushed);
      assertThat(possible).as(where + ", block " + block).contains(value);
    }
  }

  private static Set<Long> possible(List<Write> writes, int moment, int flushed) {
    Set<Long> possible = new HashSet<>(Set.of(0L));
    for (Write write : writes) {
      if (write.startedAt >= moment) {
        break;
      }
      boolean safe = write.endedAt <= flushed || write.durable && write.endedAt < moment;
      if (safe && !write.optional) {
        possible.clear();
      }
      possible.add(write.value);
    }
    return possible;
  }
}

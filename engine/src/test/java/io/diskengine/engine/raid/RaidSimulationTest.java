package io.diskengine.engine.raid;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.diskengine.engine.TestIo;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.IoStatus;
import io.diskengine.engine.bdev.IoType;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.ToIntFunction;
import org.junit.jupiter.api.Test;

/**
 * Random faults, removals, returns and crashes under random reads and writes. The fault model: a
 * leg's writes or reads or everything fail, for a while, on any number of legs; a leg hangs and
 * then fails or goes on; a device vanishes and comes back with its old content; requests add and
 * remove legs at any time; the process dies at any moment and starts again from the media.
 *
 * <p>Invariants: every I/O ends once the faults end; a read returns nothing older than what was
 * acknowledged before it; after a crash no trusted leg lacks an acknowledged write; in the end all
 * in-sync legs are equal.
 */
class RaidSimulationTest {
  private static final int SEEDS = Integer.getInteger("raid.seeds", 25);
  private static final long FIRST_SEED = Long.getLong("raid.seed", 1);
  private static final int DATA_BLOCKS = 16;
  private static final int LEG_BYTES = RaidWorld.DATA_BYTES + DATA_BLOCKS * RaidWorld.BLOCK;

  @Test
  void acknowledgedWritesSurviveWhateverHappens() {
    int acknowledged = 0;
    for (long seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      try (Simulation simulation = new Simulation(seed)) {
        simulation.run();
        acknowledged += simulation.completed;
      } catch (RuntimeException | AssertionError e) {
        throw new AssertionError("seed " + seed + ": " + e.getMessage(), e);
      }
    }
    assertTrue(acknowledged > SEEDS * 20, "only " + acknowledged + " writes were acknowledged");
  }

  private record Write(int block, long version, TestIo.Call call) {}

  private record Read(int block, long atLeast, TestIo.Call call) {}

  private static final class Simulation implements AutoCloseable {
    final Random random;
    final long seed;
    final RaidWorld world;
    final int legs;
    final MemoryDisk[] disks;
    final boolean[] present;
    final long[] submitted = new long[DATA_BLOCKS];
    final long[] acknowledged = new long[DATA_BLOCKS];
    final List<Write> writes = new ArrayList<>();
    final List<Read> reads = new ArrayList<>();
    final TestIo io;
    int completed;
    int crashChecks;

    Simulation(long seed) {
      this.seed = seed;
      random = new Random(seed);
      world = new RaidWorld(seed);
      legs = 2 + (int) (seed % (Raid.MOST_MIRROR_LEGS - 1));
      disks = new MemoryDisk[legs];
      present = new boolean[legs];
      String[] names = new String[legs];
      for (int i = 0; i < legs; i++) {
        disks[i] = world.disk(i, new byte[LEG_BYTES]);
        present[i] = true;
        names[i] = "leg" + i;
      }
      mapSmallRegions(world);
      assertEquals(0, world.create(names));
      world.reactors.home(() -> world.module.options(new RaidModule.Options(1, 0)));
      io = world.open();
    }

    /** Two blocks a region, swept all the time, so that rebuilds by map happen too. */
    private static void mapSmallRegions(RaidWorld world) {
      world.reactors.home(
          () -> world.module.intentOptions(new IntentOptions(true, 2 * RaidWorld.BLOCK, 150_000)));
    }

    void run() {
      for (int turn = 0; turn < 6000 && world.raidOrNull() != null; turn++) {
        if (random.nextInt(12) == 0) {
          write();
        }
        if (random.nextInt(25) == 0) {
          read();
        }
        if (random.nextInt(150) == 0) {
          event();
        }
        step();
      }
      if (offline()) {
        return;
      }
      heal();
    }

    boolean offline() {
      return world.raidOrNull() == null || world.raid().state() != Raid.State.ONLINE;
    }

    void write() {
      int block = random.nextInt(DATA_BLOCKS);
      if (offline() || writes.stream().anyMatch(w -> w.block == block)) {
        return;
      }
      long version = ++submitted[block];
      byte[] data = ByteBuffer.allocate(RaidWorld.BLOCK).putLong(version).array();
      writes.add(new Write(block, version, io.startWrite(random.nextInt(2), block, data)));
    }

    void read() {
      int block = random.nextInt(DATA_BLOCKS);
      reads.add(new Read(block, acknowledged[block], io.startRead(random.nextInt(2), block, 1)));
    }

    void event() {
      int index = random.nextInt(legs);
      MemoryDisk disk = disks[index];
      world.reactors.home(() -> {
        switch (random.nextInt(12)) {
          case 0, 1 -> disk.faults(failing(IoType.WRITE, IoStatus.WRITE_FAULT));
          case 2 -> disk.faults(failing(IoType.READ, IoStatus.UNRECOVERED_READ_ERROR));
          case 3 -> disk.faults(i -> IoStatus.INTERNAL_PATH_ERROR);
          case 4, 5, 6 -> disk.faults(i -> IoStatus.SUCCESS);
          case 7 -> disk.hang();
          case 8 -> disk.resume(random.nextBoolean() ? 0 : IoStatus.ABORTED_SQ_DELETION);
          case 9 -> remove(index);
          case 10 -> add(index);
          default -> pullOrReturn(index);
        }
      });
    }

    private static ToIntFunction<BdevIo> failing(IoType type, int status) {
      return i -> i.type() == type ? status : IoStatus.SUCCESS;
    }

    private void remove(int index) {
      if (!offline() && world.raid().inSync().size() > 1) {
        world.module.removeBase("leg" + index, errno -> {});
      }
    }

    private void add(int index) {
      if (!offline() && present[index] && disks[index].claimedBy() == null) {
        try {
          world.module.addBase(world.raid(), "leg" + index, errno -> {});
        } catch (BdevException e) {
          // A rebuild is under way, or no slot is free.
        }
      }
    }

    private void pullOrReturn(int index) throws BdevException {
      if (!present[index]) {
        MemoryDisk old = disks[index];
        if (world.layer.find("leg" + index) == null) {
          MemoryDisk disk =
              new MemoryDisk(
                  "leg" + index, old.uuid(), RaidWorld.BLOCK, old.medium(), random.nextLong());
          world.layer.register(disk);
          disks[index] = disk;
          present[index] = true;
        }
      } else if (!offline() && world.raid().inSync().size() > 1) {
        present[index] = false;
        disks[index].faults(i -> IoStatus.INTERNAL_PATH_ERROR);
        world.layer.unregister(disks[index], errno -> {});
        disks[index].resume(IoStatus.ABORTED_SQ_DELETION);
      }
    }

    void step() {
      world.reactors.step();
      boolean news = false;
      for (Write write : List.copyOf(writes)) {
        if (write.call.done()) {
          writes.remove(write);
          if (write.call.status() == IoStatus.SUCCESS) {
            acknowledged[write.block] = write.version;
            completed++;
            news = true;
          }
        }
      }
      for (Read read : List.copyOf(reads)) {
        if (read.call.done()) {
          reads.remove(read);
          checkRead(read);
        }
      }
      if (news && random.nextInt(8) == 0) {
        crash();
      }
    }

    private void checkRead(Read read) {
      if (read.call.status() != IoStatus.SUCCESS) {
        return;
      }
      long version = ByteBuffer.wrap(read.call.data()).getLong();
      if (version < read.atLeast || version > submitted[read.block]) {
        fail(
            "block "
                + read.block
                + " read as version "
                + version
                + ", acknowledged before: "
                + read.atLeast);
      }
    }

    private void crash() {
      crashChecks++;
      restart(-1);
      restart(random.nextInt(legs));
      lawEight();
    }

    /** Starts from copies of all media, takes all but one leg out and adds them again. */
    private void lawEight() {
      try (RaidWorld after = new RaidWorld(seed)) {
        mapSmallRegions(after);
        String[] names = new String[legs];
        for (int i = 0; i < legs; i++) {
          after.disk(i, disks[i].medium().clone());
          names[i] = "leg" + i;
        }
        after.examine(names);
        if (after.raid().state() != Raid.State.ONLINE) {
          return;
        }
        after.awaitRebuilt();
        List<Leg> trusted = after.raid().inSync();
        for (Leg leg : trusted.subList(1, trusted.size())) {
          assertEquals(0, after.remove(leg.bdev().name()));
        }
        for (Leg leg : trusted.subList(1, trusted.size())) {
          assertEquals(0, after.add(leg.bdev().name()));
          after.awaitRebuilt();
        }
        byte[] truth = ((MemoryDisk) trusted.getFirst().bdev()).medium();
        assertEquals(trusted.size(), after.raid().inSync().size());
        for (Leg leg : after.raid().inSync()) {
          byte[] medium = ((MemoryDisk) leg.bdev()).medium();
          for (int block = 0; block < DATA_BLOCKS; block++) {
            assertEquals(
                version(truth, block), version(medium, block), "after law 8, block " + block);
          }
        }
      }
    }

    /** Starts from copies of all media, or of one only. */
    private void restart(int only) {
      try (RaidWorld after = new RaidWorld(seed)) {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < legs; i++) {
          if (only < 0 || only == i) {
            after.disk(i, disks[i].medium().clone());
            names.add("leg" + i);
          }
        }
        after.examine(names.toArray(String[]::new));
        if (after.raid().state() != Raid.State.ONLINE) {
          return;
        }
        for (Leg leg : after.raid().inSync()) {
          byte[] medium = ((MemoryDisk) leg.bdev()).medium();
          for (int block = 0; block < DATA_BLOCKS; block++) {
            long version = version(medium, block);
            if (version < acknowledged[block]) {
              fail(
                  "after a crash leg"
                      + leg.slot
                      + " is trusted with version "
                      + version
                      + " of block "
                      + block
                      + "; acknowledged: "
                      + acknowledged[block]);
            }
          }
        }
      }
    }

    private static long version(byte[] medium, int block) {
      return ByteBuffer.wrap(medium).getLong(RaidWorld.DATA_BYTES + block * RaidWorld.BLOCK);
    }

    /** No more faults: everything ends, and the legs agree. */
    private void heal() {
      world.reactors.home(() -> {
        for (MemoryDisk disk : disks) {
          disk.faults(i -> IoStatus.SUCCESS);
          disk.resume(IoStatus.SUCCESS);
        }
      });
      for (int turn = 0; turn < 20_000 && !(writes.isEmpty() && reads.isEmpty()); turn++) {
        step();
      }
      assertTrue(writes.isEmpty() && reads.isEmpty(), "I/O hangs");
      if (offline()) {
        return;
      }
      world.awaitRebuilt();
      assertEquals(IoStatus.SUCCESS, io.write(0, 0, version(++submitted[0])));
      acknowledged[0] = submitted[0];
      world.reactors.settle();
      world.reactors.runForUs(500);
      List<Leg> inSync = world.raid().inSync();
      byte[] first = ((MemoryDisk) inSync.getFirst().bdev()).medium();
      for (Leg leg : inSync) {
        byte[] medium = ((MemoryDisk) leg.bdev()).medium();
        for (int block = 0; block < DATA_BLOCKS; block++) {
          assertEquals(version(first, block), version(medium, block), "block " + block);
          assertTrue(version(medium, block) >= acknowledged[block], "block " + block);
        }
      }
      crash();
    }

    private static byte[] version(long version) {
      return ByteBuffer.allocate(RaidWorld.BLOCK).putLong(version).array();
    }

    @Override
    public void close() {
      world.close();
    }
  }
}

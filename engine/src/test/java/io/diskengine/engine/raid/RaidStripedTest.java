package io.diskengine.engine.raid;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.engine.TestIo;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.IoStatus;
import io.diskengine.engine.bdev.IoType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** raid0 and concat: geometry, superblock, I/O over several legs, and their end. */
class RaidStripedTest {
  private static final int BLOCK = RaidWorld.BLOCK;
  private static final int STRIP_KB = 8;
  private static final int STRIP_BLOCKS = STRIP_KB * 1024 / BLOCK;

  private final RaidWorld world = new RaidWorld(11);
  private final List<MemoryDisk> disks = new ArrayList<>();

  @AfterEach
  void close() {
    world.close();
  }

  /** Legs with so many blocks behind the superblock, or in all. */
  private String[] legs(boolean superblock, int... blocks) {
    String[] names = new String[blocks.length];
    for (int i = 0; i < blocks.length; i++) {
      int bytes = blocks[i] * BLOCK + (superblock ? RaidWorld.DATA_BYTES : 0);
      disks.add(world.disk(i, new byte[bytes]));
      names[i] = "leg" + i;
    }
    return names;
  }

  private int create(String level, long stripKb, boolean superblock, String... legs) {
    RaidSpec spec =
        new RaidSpec("r0", level, stripKb, List.of(legs), superblock, RaidWorld.RAID_UUID);
    return world.call(done -> world.module.create(spec, done));
  }

  /** Where a block of the array lies, by the definition of the level: slot and block there. */
  private static long[] place(String level, int legs, long[] used, long block) {
    if (level.equals("raid0")) {
      long strip = block / STRIP_BLOCKS;
      return new long[] {strip % legs, strip / legs * STRIP_BLOCKS + block % STRIP_BLOCKS};
    }
    int slot = 0;
    while (block >= used[slot]) {
      block -= used[slot++];
    }
    return new long[] {slot, block};
  }

  @ParameterizedTest
  @CsvSource({"raid0,3,true", "raid0,1,false", "raid0,4,false", "concat,3,true", "concat,1,false"})
  void everyBlockLiesWhereTheLevelSaysAndRangesReachAllTheirLegs(
      String level, int count, boolean superblock) {
    int[] sizes = Arrays.copyOf(new int[] {100, 87, 131, 96}, count);
    assertEquals(0, create(level, STRIP_KB, superblock, legs(superblock, sizes)));
    long smallest = Arrays.stream(sizes).min().orElseThrow() / STRIP_BLOCKS * STRIP_BLOCKS;
    long[] used = new long[count];
    for (int i = 0; i < count; i++) {
      used[i] = level.equals("raid0") ? smallest : sizes[i] / STRIP_BLOCKS * STRIP_BLOCKS;
    }
    TestIo io = world.open();
    int blocks = (int) Arrays.stream(used).sum();
    assertEquals(blocks, io.bdev().numBlocks());
    byte[] expected = new byte[blocks * BLOCK];
    long seed = 77;
    Random random = new Random(seed);
    for (int turn = 0; turn < 120; turn++) {
      int length = 1 + random.nextInt(Math.min(blocks, 6 * STRIP_BLOCKS));
      int at = random.nextInt(blocks - length + 1);
      int reactor = random.nextInt(2);
      int kind = random.nextInt(4);
      if (kind < 2) {
        byte[] data = new byte[length * BLOCK];
        random.nextBytes(data);
        System.arraycopy(data, 0, expected, at * BLOCK, data.length);
        assertEquals(0, io.write(reactor, at, data), "seed " + seed);
      } else {
        Arrays.fill(expected, at * BLOCK, (at + length) * BLOCK, (byte) 0);
        assertEquals(
            0,
            io.run(
                reactor,
                zero -> {
                  if (kind == 2) {
                    zero.unmap(at, length);
                  } else {
                    zero.writeZeroes(at, length);
                  }
                }),
            "seed " + seed);
      }
    }
    assertArrayEquals(expected, io.read(0, 0, blocks));
    int data = superblock ? RaidWorld.DATA_BYTES : 0;
    for (int block = 0; block < blocks; block++) {
      long[] place = place(level, count, used, block);
      int at = data + (int) place[1] * BLOCK;
      assertTrue(
          Arrays.equals(
              disks.get((int) place[0]).medium(),
              at,
              at + BLOCK,
              expected,
              block * BLOCK,
              (block + 1) * BLOCK),
          level + " block " + block);
    }
  }

  @Test
  void superblockSaysLevelStripAndSizesAndTheArrayIsFoundAgain() {
    assertEquals(0, create("concat", STRIP_KB, true, legs(true, 100, 64)));
    byte[] data = new byte[BLOCK];
    Arrays.fill(data, (byte) 7);
    assertEquals(0, world.open().write(0, 96, data));
    RaidSuperblock found = RaidWorld.superblock(disks.get(1));
    assertEquals(99, found.level());
    assertEquals(STRIP_BLOCKS, found.stripSizeBlocks());
    assertEquals(160, found.sizeBlocks());
    assertEquals(List.of(96L, 64L), found.members().stream().map(m -> m.dataSizeBlocks()).toList());
    try (RaidWorld after = new RaidWorld(12)) {
      after.disk(0, disks.get(0).medium().clone());
      after.examine("leg0");
      assertEquals("configuring 1/2", after.summary());
      after.disk(1, disks.get(1).medium().clone());
      after.examine("leg1");
      assertEquals("online 2/2", after.summary());
      assertEquals((long) STRIP_KB, after.description().get("strip_size_kb"));
      assertArrayEquals(data, after.open().read(1, 96, 1));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"raid0", "concat"})
  void legThatGoesEndsTheArrayAndItsSuperblockGoesOnCallingItConfigured(String level) {
    assertEquals(0, create(level, STRIP_KB, true, legs(true, 64, 64, 64)));
    TestIo io = world.open();
    assertEquals(0, io.write(0, 0, new byte[BLOCK]));
    boolean[] gone = {false};
    world.reactors.home(() -> world.layer.unregister(disks.get(1), errno -> gone[0] = true));
    world.reactors.runUntil(() -> world.raid().state() == Raid.State.OFFLINE);
    assertFalse(io.bdev().ready());
    io.close();
    world.reactors.runUntil(() -> gone[0]);
    assertEquals("offline 2/2", world.summary());
    assertNull(world.layer.find("r0"));
    assertEquals(0, world.remove("leg0"));
    assertNull(disks.get(0).claimedBy());
    assertEquals(0, world.delete(false));
    assertNull(world.raidOrNull());
    assertNull(disks.get(2).claimedBy());
    assertEquals("1 [CONFIGURED, CONFIGURED, CONFIGURED]", RaidWorld.record(disks.get(0)));
  }

  @Test
  void removalOfALegByNameEndsAStripedArray() {
    assertEquals(0, create("raid0", STRIP_KB, false, legs(false, 64, 64)));
    assertEquals(BdevException.EINVAL, world.add("leg9"));
    assertEquals(0, world.remove("leg0"));
    assertEquals("offline 1/1", world.summary());
    assertNull(disks.get(0).claimedBy());
    assertEquals(0, world.remove("leg1"));
    assertNull(world.raidOrNull());
    assertNull(disks.get(1).claimedBy());
  }

  @ParameterizedTest
  @CsvSource({
    "raid0,0",
    "raid0,12",
    "concat,0",
    "concat,3",
    "raid0,4194304",
    "raid1,4",
    "raid5f,4",
    "raid9,4"
  })
  void impossibleStripsAndLevelsAreRefusedAsBySpdk(String level, long stripKb) {
    assertEquals(BdevException.EINVAL, create(level, stripKb, false, legs(false, 64, 64)));
    assertNull(world.raidOrNull());
    assertNull(disks.get(0).claimedBy());
  }

  @Test
  void failedPartFailsTheWholeAndCostsNoLeg() {
    assertEquals(0, create("raid0", STRIP_KB, false, legs(false, 64, 64)));
    TestIo io = world.open();
    disks.get(1).faults(i -> i.type() == IoType.UNMAP ? IoStatus.WRITE_FAULT : IoStatus.SUCCESS);
    assertEquals(IoStatus.WRITE_FAULT, io.run(1, i -> i.unmap(0, 128)));
    assertEquals(IoStatus.SUCCESS, io.run(1, i -> i.unmap(0, STRIP_BLOCKS)));
    disks.get(1).faults(i -> i.type() == IoType.FLUSH ? IoStatus.WRITE_FAULT : IoStatus.SUCCESS);
    assertEquals(IoStatus.WRITE_FAULT, io.run(0, i -> i.flush()));
    assertEquals(IoStatus.SUCCESS, io.run(0, i -> i.reset()));
    assertEquals("online 2/2", world.summary());
  }

  @Test
  void raid0GrowsWithItsSmallestLegByWholeStripsAndConcatDoesNot() {
    assertEquals(0, create("raid0", STRIP_KB, true, legs(true, 64, 64)));
    TestIo io = world.open();
    // The medium does not grow with the size: nothing is read behind it here.
    world.reactors.home(() -> world.layer.resize(disks.get(0), 2048 + 200));
    world.reactors.settle();
    assertEquals(128, io.bdev().numBlocks());
    world.reactors.home(() -> world.layer.resize(disks.get(1), 2048 + 100));
    world.reactors.runUntil(() -> io.bdev().numBlocks() == 192);
    RaidSuperblock found = RaidWorld.superblock(disks.get(0));
    assertEquals(192, found.sizeBlocks());
    assertEquals(List.of(96L, 96L), found.members().stream().map(m -> m.dataSizeBlocks()).toList());
    io.close();
    assertEquals(0, world.delete(true));
    assertEquals(0, create("concat", STRIP_KB, true, "leg0", "leg1"));
    TestIo concat = world.open();
    long before = concat.bdev().numBlocks();
    world.reactors.home(() -> world.layer.resize(disks.get(1), 2048 + 400));
    world.reactors.settle();
    assertEquals(before, concat.bdev().numBlocks());
  }
}

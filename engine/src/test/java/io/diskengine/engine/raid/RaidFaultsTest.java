package io.diskengine.engine.raid;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.engine.TestIo;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.IoStatus;
import io.diskengine.engine.bdev.IoType;
import io.diskengine.engine.bdev.NullBdev;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToIntFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Legs that fail, hang and go. */
class RaidFaultsTest {
  private static final ToIntFunction<BdevIo> NO_WRITES =
      io -> io.type() == IoType.WRITE ? IoStatus.WRITE_FAULT : IoStatus.SUCCESS;
  private static final ToIntFunction<BdevIo> NO_READS =
      io -> io.type() == IoType.READ ? IoStatus.UNRECOVERED_READ_ERROR : IoStatus.SUCCESS;
  private static final ToIntFunction<BdevIo> NOTHING = io -> IoStatus.INTERNAL_PATH_ERROR;
  private static final ToIntFunction<BdevIo> HEALTHY = io -> IoStatus.SUCCESS;

  private static final int EALREADY = -114;

  private final RaidWorld world = new RaidWorld(17);
  private MemoryDisk leg0 = world.disk(0);
  private MemoryDisk leg1 = world.disk(1);
  private TestIo io = online();

  private TestIo online() {
    assertEquals(0, world.create("leg0", "leg1"));
    return world.open();
  }

  @AfterEach
  void close() {
    world.close();
  }

  private static byte[] filled(int value) {
    byte[] data = new byte[2 * RaidWorld.BLOCK];
    Arrays.fill(data, (byte) value);
    return data;
  }

  private static byte[] dataOf(MemoryDisk disk, int block) {
    int at = RaidWorld.DATA_BYTES + block * RaidWorld.BLOCK;
    return Arrays.copyOfRange(disk.medium(), at, at + 2 * RaidWorld.BLOCK);
  }

  @Test
  void writesReachAllLegsAndReadsGoToTheFirstWhenIdle() {
    assertEquals(IoStatus.SUCCESS, io.write(1, 5, filled(3)));
    assertArrayEquals(filled(3), dataOf(leg0, 5));
    assertArrayEquals(filled(3), dataOf(leg1, 5));
    leg0.readsAt().clear();
    leg1.readsAt().clear();
    for (int i = 0; i < 4; i++) {
      assertArrayEquals(filled(3), io.read(0, 5, 2));
    }
    assertEquals(List.of(2053L, 2053L, 2053L, 2053L), leg0.readsAt());
    assertTrue(leg1.readsAt().isEmpty());
  }

  @Test
  void readsUnderWayAreBalancedByTheirBlocks() {
    leg0.readsAt().clear();
    leg1.readsAt().clear();
    List<TestIo.Call> calls = new ArrayList<>();
    world.reactors.home(() -> {
      leg0.hang();
      leg1.hang();
    });
    calls.add(io.startRead(0, 0, 8));
    for (int i = 0; i < 3; i++) {
      calls.add(io.startRead(0, 100 + i, 2));
    }
    world.reactors.runForUs(200);
    world.reactors.home(() -> {
      leg0.resume(0);
      leg1.resume(0);
    });
    calls.forEach(io::await);
    assertEquals(List.of(2048L), leg0.readsAt());
    assertEquals(3, leg1.readsAt().size());
  }

  @Test
  void failedWriteCostsTheLegAndIsRecorded() {
    world.reactors.home(() -> leg1.faults(NO_WRITES));
    assertEquals(IoStatus.SUCCESS, io.write(1, 0, filled(1)));
    assertEquals("2 [CONFIGURED, FAILED]", RaidWorld.record(leg0));
    world.awaitSummary("online 1/1");
    assertEquals(IoStatus.SUCCESS, io.write(0, 0, filled(2)));
    assertArrayEquals(filled(2), io.read(1, 0, 2));
    world.reactors.runUntil(() -> leg1.claimedBy() == null);
  }

  @Test
  void failedFlushAndUnmapCostTheLegToo() {
    world.reactors.home(
        () -> leg0.faults(i -> i.type() == IoType.FLUSH ? IoStatus.WRITE_FAULT : IoStatus.SUCCESS));
    assertEquals(IoStatus.SUCCESS, io.run(1, BdevIo::flush));
    assertEquals("2 [FAILED, CONFIGURED]", RaidWorld.record(leg1));
    assertEquals(IoStatus.SUCCESS, io.write(1, 4, filled(7)));
    assertEquals(IoStatus.SUCCESS, io.run(0, i -> i.unmap(4, 1)));
    assertEquals(IoStatus.SUCCESS, io.run(0, i -> i.writeZeroes(5, 1)));
    assertArrayEquals(filled(0), io.read(0, 4, 2));
  }

  /** Both reactors may write without asking for a bit in the map first. */
  private void announce() {
    assertEquals(IoStatus.SUCCESS, io.write(0, 100, filled(0)));
    assertEquals(IoStatus.SUCCESS, io.write(1, 100, filled(0)));
  }

  @Test
  void bothLegsFailingFromTheFirstWriteOnNeverHangAndKeepBoth() {
    world.reactors.home(() -> {
      leg0.faults(i -> IoStatus.INTERNAL_PATH_ERROR);
      leg1.faults(i -> IoStatus.INTERNAL_PATH_ERROR);
    });
    TestIo.Call first = io.startWrite(0, 0, filled(1));
    TestIo.Call second = io.startWrite(1, 8, filled(2));
    assertNotEquals(IoStatus.SUCCESS, io.await(first).status());
    assertNotEquals(IoStatus.SUCCESS, io.await(second).status());
    world.reactors.home(() -> {
      leg0.faults(HEALTHY);
      leg1.faults(HEALTHY);
    });
    assertEquals(IoStatus.SUCCESS, io.write(0, 0, filled(4)));
    assertEquals("online 2/2", world.summary());
    assertArrayEquals(filled(4), dataOf(leg0, 0));
    assertArrayEquals(filled(4), dataOf(leg1, 0));
  }

  @Test
  void bothLegsFailingKeepsOneAndLaterWritesWork() {
    announce();
    world.reactors.home(() -> {
      leg0.faults(NO_WRITES);
      leg1.faults(NO_WRITES);
    });
    TestIo.Call first = io.startWrite(0, 0, filled(1));
    TestIo.Call second = io.startWrite(1, 8, filled(2));
    assertNotEquals(IoStatus.SUCCESS, io.await(first).status());
    assertNotEquals(IoStatus.SUCCESS, io.await(second).status());
    world.awaitSummary("online 1/1");
    assertNotEquals(IoStatus.SUCCESS, io.write(0, 3, filled(3)));
    world.reactors.home(() -> {
      leg0.faults(HEALTHY);
      leg1.faults(HEALTHY);
    });
    assertEquals(IoStatus.SUCCESS, io.write(0, 0, filled(4)));
    assertArrayEquals(filled(4), io.read(1, 0, 2));
    MemoryDisk kept = leg0.claimedBy() == null ? leg1 : leg0;
    assertTrue(RaidWorld.record(kept).contains("FAILED"), RaidWorld.record(kept));
  }

  @Test
  void writeIsNotAcknowledgedWhenTheSurvivorCannotTakeItsSuperblock() {
    announce();
    world.reactors.home(() -> {
      leg0.faults(NO_WRITES);
      leg1.faults(i ->
          i.type() == IoType.WRITE && i.offsetBlocks() == 0
              ? IoStatus.WRITE_FAULT
              : IoStatus.SUCCESS);
    });
    assertEquals(IoStatus.WRITE_FAULT, io.write(1, 0, filled(1)));
    assertEquals(IoStatus.INTERNAL_DEVICE_ERROR, io.write(0, 0, filled(2)));
    assertEquals("1 [CONFIGURED, CONFIGURED]", RaidWorld.record(leg1));
    assertEquals("online 1/1", world.summary());
    world.reactors.home(() -> leg1.faults(HEALTHY));
    assertEquals(IoStatus.SUCCESS, io.write(1, 0, filled(3)));
    assertTrue(RaidWorld.record(leg1).endsWith("[FAILED, CONFIGURED]"), RaidWorld.record(leg1));
  }

  @Test
  void unreadableBlocksComeFromTheOtherLegAndAreWrittenBack() {
    assertEquals(IoStatus.SUCCESS, io.write(0, 6, filled(8)));
    boolean[] bad = {true};
    world.reactors.home(() ->
        leg0.faults(i -> {
          if (i.type() == IoType.WRITE) {
            bad[0] = false;
          }
          return i.type() == IoType.READ && bad[0]
              ? IoStatus.UNRECOVERED_READ_ERROR
              : IoStatus.SUCCESS;
        }));
    assertArrayEquals(filled(8), io.read(1, 6, 2));
    world.reactors.runUntil(() -> !bad[0]);
    world.reactors.settle();
    assertEquals("online 2/2", world.summary());
    leg1.readsAt().clear();
    assertArrayEquals(filled(8), io.read(0, 6, 2));
    assertTrue(leg1.readsAt().isEmpty());
  }

  @Test
  void unreadableLegThatCannotBeWrittenHasFailed() {
    world.reactors.home(() -> leg0.faults(NOTHING));
    assertArrayEquals(filled(0), io.read(1, 6, 2));
    world.awaitSummary("online 1/1");
    assertEquals("2 [FAILED, CONFIGURED]", RaidWorld.record(leg1));
  }

  @Test
  void readThatNoLegCanServeFailsAndCostsNoLeg() {
    world.reactors.home(() -> {
      leg0.faults(NO_READS);
      leg1.faults(NO_READS);
    });
    assertEquals(IoStatus.UNRECOVERED_READ_ERROR, io.await(io.startRead(0, 0, 1)).status());
    world.reactors.runForUs(200);
    assertEquals("online 2/2", world.summary());
  }

  @Test
  void removedDeviceLeavesWhileItsWritesHang() {
    world.reactors.home(() -> leg1.hang());
    TestIo.Call write = io.startWrite(1, 0, filled(1));
    world.reactors.runForUs(200);
    assertFalse(write.done());
    boolean[] gone = {false};
    world.reactors.home(() -> world.layer.unregister(leg1, errno -> gone[0] = true));
    world.awaitSummary("online 1/1");
    assertEquals("2 [CONFIGURED, MISSING]", RaidWorld.record(leg0));
    assertEquals(IoStatus.SUCCESS, io.write(0, 8, filled(2)));
    assertFalse(gone[0], "freed under its I/O");
    world.reactors.home(() -> leg1.resume(IoStatus.ABORTED_SQ_DELETION));
    assertEquals(IoStatus.SUCCESS, io.await(write).status());
    world.reactors.runUntil(() -> gone[0]);
    assertArrayEquals(filled(1), io.read(1, 0, 2));
  }

  @Test
  void removalByNameAnswersWhileTheLegHangs() {
    world.reactors.home(() -> leg0.hang());
    TestIo.Call write = io.startWrite(0, 0, filled(1));
    world.reactors.runForUs(200);
    assertEquals(0, world.remove("leg0"));
    assertEquals("online 1/1", world.summary());
    assertEquals(BdevException.ENODEV, world.remove("leg0"));
    world.reactors.home(() -> leg0.resume(IoStatus.SUCCESS));
    assertEquals(IoStatus.SUCCESS, io.await(write).status());
    world.reactors.runUntil(() -> leg0.claimedBy() == null);
  }

  @Test
  void lastLegRemovedEndsTheArrayAndKeepsItsSuperblock() {
    assertEquals(0, world.remove("leg1"));
    io.close();
    assertEquals(0, world.remove("leg0"));
    assertNull(world.raidOrNull());
    assertNull(world.layer.find("r0"));
    assertEquals("2 [CONFIGURED, MISSING]", RaidWorld.record(leg0));
    assertNull(leg0.claimedBy());
    world.examine("leg0");
    assertEquals("online 1/1", world.summary());
  }

  @Test
  void bothDevicesRemovedAtOnceEndTheArrayWithoutHanging() {
    boolean[] gone = {false, false};
    world.reactors.home(() -> {
      leg0.faults(NOTHING);
      leg1.faults(NOTHING);
    });
    TestIo.Call write = io.startWrite(1, 0, filled(1));
    world.reactors.home(() -> {
      world.layer.unregister(leg0, errno -> gone[0] = true);
      world.layer.unregister(leg1, errno -> gone[1] = true);
    });
    assertNotEquals(IoStatus.SUCCESS, io.await(write).status());
    io.close();
    world.reactors.runUntil(() -> gone[0] && gone[1]);
    assertNull(world.raidOrNull());
    assertEquals("1 [CONFIGURED, CONFIGURED]", RaidWorld.record(leg0));
    assertEquals("1 [CONFIGURED, CONFIGURED]", RaidWorld.record(leg1));
  }

  @Test
  void deletionWaitsForIoUnderWayAndWritesNothing() {
    world.reactors.home(() -> leg0.hang());
    TestIo.Call write = io.startWrite(0, 0, filled(1));
    boolean[] deleted = {false};
    world.reactors.home(
        () -> world.module.delete(world.raid(), false, errno -> deleted[0] = errno == 0));
    world.reactors.runForUs(200);
    assertFalse(deleted[0]);
    assertEquals(EALREADY, world.delete(false));
    world.reactors.home(() -> leg0.resume(IoStatus.SUCCESS));
    assertEquals(IoStatus.SUCCESS, io.await(write).status());
    io.close();
    world.reactors.runUntil(() -> deleted[0]);
    assertEquals("1 [CONFIGURED, CONFIGURED]", RaidWorld.record(leg0));
    assertNull(leg0.claimedBy());
  }

  @Test
  void orderlyEndGivesAllLegsBackUnchanged() {
    io.close();
    boolean[] closed = {false};
    world.reactors.home(() -> world.module.close(() -> closed[0] = true));
    world.reactors.runUntil(() -> closed[0]);
    assertEquals("1 [CONFIGURED, CONFIGURED]", RaidWorld.record(leg1));
    assertNull(leg1.claimedBy());
    assertTrue(world.module.raids().isEmpty());
  }

  @Test
  void arrayGrowsWithItsSmallestLegAndSaysSoInTheSuperblock() {
    NullBdev big = new NullBdev("n0", RaidWorld.uuid(1), RaidWorld.BLOCK, 5000);
    NullBdev small = new NullBdev("n1", RaidWorld.uuid(2), RaidWorld.BLOCK, 4000);
    world.reactors.home(() -> {
      world.layer.register(big);
      world.layer.register(small);
    });
    RaidSpec spec = new RaidSpec("grow", "1", 0, List.of("n0", "n1"), true, RaidWorld.uuid(3));
    assertEquals(0, world.call(done -> world.module.create(spec, done)));
    TestIo grow = new TestIo(world.reactors, "grow");
    assertEquals(4000 - 2048, grow.bdev().numBlocks());
    world.reactors.home(() -> world.layer.resize(small, 6000));
    world.reactors.runUntil(() -> grow.bdev().numBlocks() == 5000 - 2048);
    Raid raid = world.module.find("grow");
    RaidSuperblock found = raid == null ? null : raid.superblock;
    assertTrue(found != null && found.sequence() == 2);
    assertEquals(5000 - 2048, found.sizeBlocks());
    assertEquals(5000 - 2048, found.members().get(0).dataSizeBlocks());
  }
}

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
import io.diskengine.engine.bdev.NullBdev;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The write-intent map: what a short absence and an unclean stop cost, and when it is void. */
class WriteIntentTest {
  private static final int REGION_BLOCKS = 16;
  private static final int REGIONS = RaidWorld.DATA_BLOCKS / REGION_BLOCKS;
  private static final long SWEEP_NS = 2_000_000;
  private static final int FIRST_DATA_BLOCK = RaidWorld.DATA_BYTES / RaidWorld.BLOCK;
  private static final int SECOND_PAGE =
      (int) (IntentHeader.OFFSET_BYTES + IntentHeader.BYTES) / RaidWorld.BLOCK;

  private RaidWorld world = world(7);

  @AfterEach
  void close() {
    world.close();
  }

  static RaidWorld world(long seed) {
    RaidWorld made = new RaidWorld(seed);
    made.reactors.home(() ->
        made.module.intentOptions(
            new IntentOptions(true, REGION_BLOCKS * RaidWorld.BLOCK, SWEEP_NS)));
    return made;
  }

  private static byte[] data(byte[] medium) {
    return Arrays.copyOfRange(medium, RaidWorld.DATA_BYTES, medium.length);
  }

  private static byte[] filled(int blocks, int value) {
    byte[] data = new byte[blocks * RaidWorld.BLOCK];
    Arrays.fill(data, (byte) value);
    return data;
  }

  private static void writeRegion(TestIo io, int region, int value) {
    assertEquals(0, io.write(region % 2, region * REGION_BLOCKS + 3, filled(5, value)));
  }

  /** The regions of the data that writes went to. */
  private static BitSet regionsWritten(MemoryDisk disk) {
    BitSet regions = new BitSet();
    BitSet written = disk.written();
    for (int b = written.nextSetBit(FIRST_DATA_BLOCK); b >= 0; b = written.nextSetBit(b + 1)) {
      regions.set((b - FIRST_DATA_BLOCK) / REGION_BLOCKS);
    }
    return regions;
  }

  private static BitSet set(int... regions) {
    BitSet set = new BitSet();
    for (int region : regions) {
      set.set(region);
    }
    return set;
  }

  private BitSet marked() {
    BitSet[] marked = {new BitSet()};
    world.reactors.home(() -> {
      WriteIntent intent = world.raid().intent;
      marked[0] = intent == null ? new BitSet() : intent.marked();
    });
    return marked[0];
  }

  /** The map is empty, on the media too. */
  private void awaitSwept() {
    world.reactors.runUntil(() -> marked().isEmpty());
    world.reactors.runForUs(200);
  }

  /** A mirror whose every region was written once and swept. */
  private TestIo mirror() {
    world.disk(0);
    world.disk(1);
    assertEquals(0, world.create("leg0", "leg1"));
    TestIo io = world.open();
    byte[] all = new byte[RaidWorld.DATA_BLOCKS * RaidWorld.BLOCK];
    new Random(5).nextBytes(all);
    assertEquals(0, io.write(0, 0, all));
    awaitSwept();
    return io;
  }

  private MemoryDisk leg(int index) {
    for (Leg leg : world.raid().legs(leg -> leg.slot == index)) {
      return (MemoryDisk) leg.bdev();
    }
    throw new AssertionError("no leg" + index);
  }

  /** Starts another process over copies of media; null is an absent leg. */
  private void restart(byte[]... media) {
    world.close();
    world = world(19);
    for (int i = 0; i < media.length; i++) {
      if (media[i] != null) {
        world.disk(i, media[i]);
      }
    }
  }

  /** Takes the leg out, puts it back and waits: the regions that were copied. */
  private BitSet rebuild(int index) {
    MemoryDisk disk = leg(index);
    assertEquals(0, world.remove("leg" + index));
    return readd(disk);
  }

  private BitSet readd(MemoryDisk disk) {
    world.reactors.runUntil(() -> disk.claimedBy() == null);
    disk.written().clear();
    assertEquals(0, world.add(disk.name()));
    world.awaitRebuilt();
    assertEquals("online 2/2", world.summary());
    assertArrayEquals(data(leg(0).medium()), data(leg(1).medium()));
    return regionsWritten(disk);
  }

  @Test
  void shortAbsenceCostsWhatChanged() {
    TestIo io = mirror();
    MemoryDisk away = leg(1);
    assertEquals(0, world.remove("leg1"));
    writeRegion(io, 5, 1);
    writeRegion(io, 40, 2);
    assertEquals(0, io.run(0, unmap -> unmap.unmap(20 * REGION_BLOCKS, 2 * REGION_BLOCKS)));
    writeRegion(io, 21, 3);
    assertEquals(set(5, 20, 21, 40), marked());
    // Region 20 is zero now: a write zeroes is no write to this disk.
    assertEquals(set(5, 21, 40), readd(away));
    awaitSwept();
  }

  @Test
  void absenceOverARestartOfTheSurvivorCostsWhatChanged() {
    TestIo io = mirror();
    byte[] away = leg(1).medium();
    assertEquals(0, world.remove("leg1"));
    writeRegion(io, 6, 1);
    restart(leg(0).medium().clone());
    world.examine("leg0");
    assertEquals("online 1/1", world.summary());
    writeRegion(world.open(), 7, 2);
    assertEquals(set(6, 7), readd(world.disk(1, away)));
  }

  @Test
  void afterAnUncleanStopTheLegIsCopiedWhereWritesWereUnderWay() {
    TestIo io = mirror();
    writeRegion(io, 9, 1);
    leg(1).hang();
    TestIo.Call unacknowledged = io.startWrite(1, 30 * REGION_BLOCKS, filled(4, 8));
    world.reactors.runForUs(1_000);
    assertFalse(unacknowledged.done());
    restart(leg(0).medium().clone(), leg(1).medium().clone());
    world.examine("leg0");
    assertEquals("online 2/2", world.summary());
    assertTrue(marked().get(30));
    BitSet found = marked();
    world.reactors.runForUs(20_000);
    assertEquals(found, marked(), "nobody may forget where the legs differ");
    BitSet copied = rebuild(1);
    assertEquals(found, copied);
    assertTrue(copied.cardinality() <= 2, copied + " was copied");
    awaitSwept();
  }

  @Test
  void cleanStopLeavesNothingMarked() {
    TestIo io = mirror();
    writeRegion(io, 9, 1);
    byte[] leg0 = leg(0).medium();
    byte[] leg1 = leg(1).medium();
    io.close();
    assertEquals(0, world.delete(false));
    restart(leg0.clone(), leg1.clone());
    world.examine("leg1");
    assertEquals("online 2/2", world.summary());
    assertEquals(new BitSet(), marked());
    assertEquals(new BitSet(), rebuild(0));
  }

  /** What stock SPDK leaves: another sequence number, the map as it was. */
  private static void foreignRun(byte[] medium) {
    RaidSuperblock found = RaidSuperblock.decode(medium);
    if (found == null) {
      throw new AssertionError("no superblock");
    }
    byte[] next = found.with(found.sequence() + 1, found.sizeBlocks(), found.members()).encode();
    System.arraycopy(next, 0, medium, 0, next.length);
  }

  @Test
  void mapIsVoidAfterSomebodyElseRanTheArray() {
    mirror();
    byte[] leg0 = leg(0).medium().clone();
    byte[] leg1 = leg(1).medium().clone();
    foreignRun(leg0);
    foreignRun(leg1);
    leg1[RaidWorld.DATA_BYTES + 50 * REGION_BLOCKS * RaidWorld.BLOCK] ^= 1;
    restart(leg0, leg1);
    world.examine("leg0");
    assertEquals("online 2/2", world.summary());
    assertEquals(REGIONS, marked().cardinality());
    assertEquals(REGIONS, rebuild(1).cardinality());
    awaitSwept();
    writeRegion(world.open(), 3, 3);
    assertEquals(set(3), rebuild(1));
  }

  @Test
  void legThatSomebodyElseRanAloneIsCopiedInFull() {
    TestIo io = mirror();
    MemoryDisk away = leg(1);
    assertEquals(0, world.remove("leg1"));
    writeRegion(io, 3, 3);
    foreignRun(away.medium());
    away.medium()[RaidWorld.DATA_BYTES + 50 * REGION_BLOCKS * RaidWorld.BLOCK] ^= 1;
    assertEquals(REGIONS, readd(away).cardinality());
  }

  @Test
  void legsThatRanApartAreNotTakenForOneAnother() {
    mirror();
    byte[] leg0 = leg(0).medium().clone();
    byte[] leg1 = leg(1).medium().clone();
    restart(null, leg1);
    startAlone("leg1", 0);
    writeRegion(world.open(), 11, 11);
    byte[] apart =
        world.raid().inSync().stream()
            .map(leg -> ((MemoryDisk) leg.bdev()).medium())
            .findFirst()
            .orElseThrow();
    restart(leg0);
    startAlone("leg0", 1);
    writeRegion(world.open(), 12, 12);
    assertEquals(REGIONS, readd(world.disk(1, apart)).cardinality());
  }

  /** The placeholder of a forced degraded start, with the uuid of the absent leg. */
  private void startAlone(String present, int absent) {
    world.examine(present);
    NullBdev placeholder =
        new NullBdev(
            "ph", RaidWorld.uuid(0xd0 + absent), RaidWorld.BLOCK, RaidWorld.LEG_BYTES / 512);
    world.reactors.home(() -> world.layer.register(placeholder));
    assertEquals(0, world.add("ph"));
    assertEquals("online 2/2", world.summary());
    assertEquals(0, world.remove("ph"));
    assertEquals("online 1/1", world.summary());
    assertEquals(0, world.call(done -> world.layer.unregister(placeholder, done)));
  }

  @Test
  void legThatWasAbsentAtAForcedStartGetsWhatChanged() {
    TestIo io = mirror();
    writeRegion(io, 2, 2);
    byte[] leg0 = leg(0).medium().clone();
    byte[] leg1 = leg(1).medium().clone();
    restart(leg0);
    startAlone("leg0", 1);
    writeRegion(world.open(), 33, 3);
    assertEquals(set(2, 33), readd(world.disk(1, leg1)));
  }

  @Test
  void legThatWasSetBackBehindASweepIsCopiedInFull() {
    TestIo io = mirror();
    writeRegion(io, 1, 1);
    byte[] old = leg(1).medium().clone();
    writeRegion(io, 2, 2);
    awaitSwept();
    assertEquals(0, world.unregister(leg(1)));
    world.awaitSummary("online 1/1");
    assertEquals(REGIONS, readd(world.disk(1, old)).cardinality());
  }

  @Test
  void firstWriteOfARegionWaitsForItsBitOnAllLegs() {
    TestIo io = mirror();
    MemoryDisk leg0 = leg(0);
    leg(1).hang();
    TestIo.Call write = io.startWrite(1, 8 * REGION_BLOCKS, filled(1, 9));
    world.reactors.runUntil(() -> leg(1).hung() == 1);
    world.reactors.runForUs(1_000);
    assertEquals(1, leg(1).hung());
    assertEquals(1, leg0.medium()[SECOND_PAGE * RaidWorld.BLOCK + 1], "bit 8 is on leg0");
    assertFalse(leg0.medium()[RaidWorld.DATA_BYTES + 8 * REGION_BLOCKS * RaidWorld.BLOCK] == 9);
    world.reactors.home(() -> leg(1).resume(IoStatus.SUCCESS));
    assertEquals(IoStatus.SUCCESS, io.await(write).status());
  }

  @Test
  void oneWriteOfAPageServesAllWhoWaitAndWarmRegionsNeedNone() {
    TestIo io = mirror();
    int[] pages = {0};
    leg(0)
        .faults(i -> {
          pages[0] += i.type() == IoType.WRITE && i.offsetBlocks() == SECOND_PAGE ? 1 : 0;
          return IoStatus.SUCCESS;
        });
    for (int round = 0; round < 3; round++) {
      List<TestIo.Call> calls = new ArrayList<>();
      for (int region = 0; region < REGIONS; region++) {
        calls.add(io.startWrite(region % 2, region * REGION_BLOCKS + round, filled(1, round)));
      }
      calls.forEach(io::await);
    }
    assertTrue(pages[0] <= REGIONS / 2, pages[0] + " pages for " + 3 * REGIONS + " writes");
    System.out.printf("%d writes of %d regions: %d of the map%n", 3 * REGIONS, REGIONS, pages[0]);
  }

  @Test
  void removalGoesOnWhileALegHangsWithItsBit() {
    TestIo io = mirror();
    MemoryDisk hanging = leg(1);
    hanging.hang();
    TestIo.Call write = io.startWrite(1, 8 * REGION_BLOCKS, filled(1, 9));
    world.reactors.runUntil(() -> hanging.hung() == 1);
    assertEquals(0, world.remove("leg1"));
    assertEquals(IoStatus.SUCCESS, io.await(write).status());
    assertEquals("online 1/1", world.summary());
    world.reactors.home(() -> hanging.resume(IoStatus.ABORTED_SQ_DELETION));
    world.reactors.runUntil(() -> hanging.claimedBy() == null);
  }

  @Test
  void legThatCannotTakeItsBitIsOutBeforeTheWriteIsAcknowledged() {
    TestIo io = mirror();
    MemoryDisk failing = leg(1);
    failing.faults(i -> i.type() == IoType.WRITE ? IoStatus.WRITE_FAULT : IoStatus.SUCCESS);
    writeRegion(io, 8, 1);
    assertTrue(RaidWorld.record(leg(0)).contains("[CONFIGURED, FAILED]"));
    world.awaitSummary("online 1/1");
    failing.faults(i -> IoStatus.SUCCESS);
    assertEquals(set(8), readd(failing));
  }

  @Test
  void writeFailsAndNobodyIsGivenUpWhenNoLegTakesItsBit() {
    TestIo io = mirror();
    for (int i = 0; i < 2; i++) {
      leg(i).faults(f -> f.type() == IoType.WRITE ? IoStatus.WRITE_FAULT : IoStatus.SUCCESS);
    }
    assertEquals(IoStatus.WRITE_FAULT, io.write(1, 0, filled(1, 1)));
    assertEquals("online 2/2", world.summary());
    for (int i = 0; i < 2; i++) {
      leg(i).faults(f -> IoStatus.SUCCESS);
    }
    writeRegion(io, 0, 2);
    assertArrayEquals(data(leg(0).medium()), data(leg(1).medium()));
  }

  @Test
  void clearedSuperblocksTakeTheMapWithThem() {
    TestIo io = mirror();
    MemoryDisk leg0 = leg(0);
    io.close();
    assertEquals(0, world.delete(true));
    byte[] page = new byte[IntentHeader.BYTES];
    System.arraycopy(leg0.medium(), (int) IntentHeader.OFFSET_BYTES, page, 0, page.length);
    assertNull(IntentHeader.decode(page));
  }

  @Test
  void legThatMissedAGrowthGetsTheNewPartToo() {
    byte[] small = new byte[RaidWorld.LEG_BYTES];
    world.disk(0, new byte[RaidWorld.LEG_BYTES]);
    MemoryDisk leg1 = world.disk(1, small);
    assertEquals(0, world.create("leg0", "leg1"));
    assertEquals(0, world.remove("leg1"));
    WriteIntent[] intent = {null};
    world.reactors.home(() -> {
      WriteIntent map = world.raid().intent;
      intent[0] = map;
      if (map != null) {
        map.resized(RaidWorld.DATA_BLOCKS + 3 * REGION_BLOCKS);
      }
    });
    assertEquals(set(REGIONS - 1, REGIONS, REGIONS + 1, REGIONS + 2), marked());
    assertEquals(BdevException.ENODEV, world.remove(leg1.name()));
  }

  @Test
  void headerIsReadBackAndAnyChangedByteMakesItInvalid() {
    List<UUID> lineage = List.of(new UUID(1, 2), new UUID(3, 4));
    IntentHeader header = new IntentHeader(RaidWorld.RAID_UUID, 12, 8192, 77, lineage);
    byte[] page = header.encode();
    assertEquals(header, IntentHeader.decode(page));
    assertEquals(new UUID(3, 4), header.generation());
    for (int at = 0; at < page.length; at++) {
      page[at] ^= 1;
      assertNull(IntentHeader.decode(page), "byte " + at);
      page[at] ^= 1;
    }
  }
}

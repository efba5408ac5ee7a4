package io.diskengine.engine.raid;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.engine.TestIo;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.GuestActivity;
import io.diskengine.engine.bdev.IoStatus;
import io.diskengine.engine.bdev.IoType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RaidRebuildTest {
  private final RaidWorld world = new RaidWorld(29);
  private MemoryDisk leg0 = world.disk(0);
  private MemoryDisk leg1 = world.disk(1);

  @BeforeEach
  void degraded() {
    assertEquals(0, world.create("leg0", "leg1"));
    assertEquals(0, world.remove("leg1"));
    // Old bytes, and no map that could tell what they are worth: everything is copied.
    byte[] old = new byte[RaidWorld.LEG_BYTES - (int) IntentHeader.OFFSET_BYTES];
    new Random(1).nextBytes(old);
    System.arraycopy(old, 0, leg1.medium(), (int) IntentHeader.OFFSET_BYTES, old.length);
  }

  @AfterEach
  void close() {
    world.close();
  }

  private static byte[] data(MemoryDisk disk) {
    return Arrays.copyOfRange(disk.medium(), RaidWorld.DATA_BYTES, disk.medium().length);
  }

  private void smallWindows(long bandwidthMbSec) {
    world.reactors.home(() -> world.module.options(new RaidModule.Options(16, bandwidthMbSec)));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void legsAreEqualAfterARebuildUnderRandomWrites(long seed) {
    try (RaidWorld busy = new RaidWorld(seed)) {
      MemoryDisk source = busy.disk(0);
      MemoryDisk target = busy.disk(1);
      assertEquals(0, busy.create("leg0", "leg1"));
      assertEquals(0, busy.remove("leg1"));
      new Random(seed).nextBytes(target.medium());
      Arrays.fill(target.medium(), 0, 4096, (byte) 0);
      busy.reactors.home(() -> busy.module.options(new RaidModule.Options(16, 0)));
      TestIo io = busy.open();
      Model model = new Model(io, new Random(seed), seed);
      for (int i = 0; i < 20; i++) {
        model.write();
      }
      assertEquals(0, busy.add("leg1"));
      for (int turn = 0; busy.description().containsKey("process"); turn++) {
        if (turn % 3 == 0) {
          model.write();
        }
        busy.reactors.step();
        model.collect();
      }
      assertTrue(model.completed > 100, "only " + model.completed + " writes, seed " + seed);
      while (!model.calls.isEmpty()) {
        busy.reactors.step();
        model.collect();
      }
      assertEquals("online 2/2", busy.summary());
      assertArrayEquals(model.expected, data(source), "source, seed " + seed);
      assertArrayEquals(model.expected, data(target), "target, seed " + seed);
    }
  }

  /** Writes at random places, none over another one under way, and what they should leave. */
  private static final class Model {
    final TestIo io;
    final Random random;
    final long seed;
    final byte[] expected = new byte[RaidWorld.DATA_BLOCKS * RaidWorld.BLOCK];
    final List<TestIo.Call> calls = new ArrayList<>();
    int completed;

    Model(TestIo io, Random random, long seed) {
      this.io = io;
      this.random = random;
      this.seed = seed;
    }

    void write() {
      int blocks = 1 + random.nextInt(8);
      int at = random.nextInt(RaidWorld.DATA_BLOCKS - blocks);
      for (TestIo.Call call : calls) {
        long from = call.io().offsetBlocks();
        if (at < from + call.io().lengthBlocks() && from < at + blocks) {
          return;
        }
      }
      byte[] data = new byte[blocks * RaidWorld.BLOCK];
      random.nextBytes(data);
      System.arraycopy(data, 0, expected, at * RaidWorld.BLOCK, data.length);
      calls.add(io.startWrite(random.nextInt(2), at, data));
    }

    void collect() {
      calls.removeIf(call -> {
        if (call.done()) {
          assertEquals(IoStatus.SUCCESS, call.status(), "seed " + seed);
          completed++;
        }
        return call.done();
      });
    }
  }

  @Test
  void targetIsWrittenButNotReadUntilItIsInSync() {
    smallWindows(0);
    TestIo io = world.open();
    byte[] data = new byte[RaidWorld.DATA_BLOCKS * RaidWorld.BLOCK];
    new Random(2).nextBytes(data);
    assertEquals(IoStatus.SUCCESS, io.write(0, 0, data));
    assertEquals(0, world.add("leg1"));
    leg1.readsAt().clear();
    while (world.description().containsKey("process")) {
      io.read(1, RaidWorld.DATA_BLOCKS - 1, 1);
      assertTrue(leg1.readsAt().isEmpty() || !world.description().containsKey("process"));
    }
    assertArrayEquals(data(leg0), data(leg1));
  }

  @Test
  void zerosOfTheSourceAreNotWrittenAndOldBytesOfTheTargetAreGone() {
    TestIo io = world.open();
    byte[] data = new byte[8 * RaidWorld.BLOCK];
    Arrays.fill(data, (byte) 3);
    assertEquals(IoStatus.SUCCESS, io.write(0, 300, data));
    // The target has old bytes in front of block 512 and zeros, as if never allocated, behind.
    Arrays.fill(
        leg1.medium(),
        RaidWorld.DATA_BYTES + 512 * RaidWorld.BLOCK,
        leg1.medium().length,
        (byte) 0);
    leg1.written().clear();
    assertEquals(0, world.add("leg1"));
    world.awaitRebuilt();
    assertEquals("online 2/2", world.summary());
    assertArrayEquals(data(leg0), data(leg1));
    leg1.written().clear(0, RaidWorld.DATA_BYTES / RaidWorld.BLOCK);
    // One chunk of 128 KiB is written: the one with data.
    assertEquals(2048 + 256, leg1.written().nextSetBit(0));
    assertEquals(256, leg1.written().cardinality());
  }

  @Test
  void zerosOverATargetThatCannotBeReadAreWritten() {
    world.reactors.home(() ->
        leg1.faults(i ->
            i.type() == IoType.READ && i.offsetBlocks() >= 2048
                ? IoStatus.UNRECOVERED_READ_ERROR
                : IoStatus.SUCCESS));
    assertEquals(0, world.add("leg1"));
    world.awaitRebuilt();
    assertEquals("online 2/2", world.summary());
    assertArrayEquals(data(leg0), data(leg1));
  }

  @Test
  void progressIsShownAndFurtherLegsAreRefusedMeanwhile() {
    smallWindows(0);
    world.disk(2);
    assertEquals(0, world.add("leg1"));
    assertEquals("online 2/2", world.summary());
    assertEquals(BdevException.EPERM, world.add("leg2"));
    world.reactors.runUntil(() -> blocks() >= 512);
    Map<?, ?> process = (Map<?, ?>) world.description().get("process");
    assertTrue(process != null);
    assertEquals("rebuild", process.get("type"));
    assertEquals("leg1", process.get("target"));
    assertEquals(
        Map.of("blocks", blocks(), "percent", (int) (blocks() * 100 / 1024)),
        process.get("progress"));
    assertEquals("2 [CONFIGURED, MISSING]", RaidWorld.record(leg0));
    world.awaitRebuilt();
    assertEquals("3 [CONFIGURED, CONFIGURED]", RaidWorld.record(leg1));
  }

  private long blocks() {
    Map<?, ?> process = (Map<?, ?>) world.description().get("process");
    Map<?, ?> progress = process == null ? null : (Map<?, ?>) process.get("progress");
    return progress != null && progress.get("blocks") instanceof Long blocks ? blocks : 0;
  }

  @Test
  void bandwidthIsLimited() {
    smallWindows(1);
    long start = world.reactors.nowNs();
    assertEquals(0, world.add("leg1"));
    world.awaitRebuilt();
    long tookMs = (world.reactors.nowNs() - start) / 1_000_000;
    assertTrue(tookMs >= 450 && tookMs < 800, "512 KiB at 1 MiB/s took " + tookMs + " ms");
  }

  /** Block ranges of the reads of the source that hang. */
  private List<Long> windowsUnderWay() {
    assertEquals(0, world.add("leg1"));
    world.reactors.runUntil(() -> blocks() >= 128);
    world.reactors.home(leg0::hang);
    for (int i = 0; i < 2000; i++) {
      world.reactors.step();
    }
    List<Long> at = leg0.hungAt();
    world.reactors.home(() -> leg0.resume(IoStatus.SUCCESS));
    return at;
  }

  @Test
  void anUnusedArrayIsCopiedInSeveralWindowsAtATime() {
    smallWindows(0);
    List<Long> at = windowsUnderWay();
    assertEquals(Rebuild.WINDOWS_QUIET, at.size(), "reads at " + at);
    world.awaitRebuilt();
    assertArrayEquals(data(leg0), data(leg1));
  }

  @Test
  void anArrayThatIsUsedIsCopiedInOneWindowAtATime() {
    world.reactors.home(() -> world.module.options(new RaidModule.Options(1, 0)));
    TestIo io = world.open();
    assertEquals(0, world.add("leg1"));
    long until = world.reactors.nowNs() + 4 * GuestActivity.LOOK_NS;
    while (world.reactors.nowNs() < until) {
      assertEquals(IoStatus.SUCCESS, io.write(1, 1000, new byte[512]));
    }
    assertTrue(world.description().containsKey("process"), "it ended too soon");
    world.reactors.home(leg0::hang);
    for (int i = 0; i < 2000; i++) {
      world.reactors.step();
    }
    assertEquals(1, leg0.hung(), "reads at " + leg0.hungAt());
    world.reactors.home(() -> leg0.resume(IoStatus.SUCCESS));
    world.awaitRebuilt();
    assertArrayEquals(data(leg0), data(leg1));
  }

  @Test
  void oneWindowThatFailsEndsTheRebuildOnceTheOthersHaveEnded() {
    smallWindows(0);
    assertEquals(0, world.add("leg1"));
    world.reactors.runUntil(() -> blocks() >= 128);
    world.reactors.home(() -> {
      leg1.faults(i ->
          i.type().changesData() && i.offsetBlocks() < 2048 + 512
              ? IoStatus.WRITE_FAULT
              : IoStatus.SUCCESS);
      leg1.hang();
    });
    world.reactors.runUntil(() -> leg1.hung() == Rebuild.WINDOWS_QUIET);
    assertEquals("online 2/2", world.summary());
    world.reactors.home(() -> leg1.resume(IoStatus.SUCCESS));
    world.awaitSummary("online 1/1");
    assertFalse(world.description().containsKey("process"));
    world.reactors.runUntil(() -> leg1.claimedBy() == null);
    assertEquals(IoStatus.SUCCESS, world.open().write(0, 0, new byte[512]));
  }

  @Test
  void failedTargetVanishesTogetherWithItsProcess() {
    smallWindows(0);
    assertEquals(0, world.add("leg1"));
    world.reactors.runUntil(() -> blocks() >= 256);
    world.reactors.home(
        () -> leg1.faults(i -> i.type().changesData() ? IoStatus.WRITE_FAULT : IoStatus.SUCCESS));
    while (world.description().containsKey("process")) {
      assertEquals("online 2/2", world.summary());
      world.reactors.step();
    }
    assertEquals("online 1/1", world.summary());
    world.reactors.runUntil(() -> leg1.claimedBy() == null);
    assertEquals("2 [CONFIGURED, MISSING]", RaidWorld.record(leg0));
    world.reactors.home(() -> leg1.faults(i -> IoStatus.SUCCESS));
    assertEquals(0, world.add("leg1"));
    world.awaitRebuilt();
    assertEquals("online 2/2", world.summary());
    assertArrayEquals(data(leg0), data(leg1));
  }

  @Test
  void unreadableSourceEndsTheRebuildAndStaysItself() {
    smallWindows(0);
    assertEquals(0, world.add("leg1"));
    world.reactors.runUntil(() -> blocks() >= 256);
    world.reactors.home(() ->
        leg0.faults(
            i -> i.type() == IoType.READ ? IoStatus.UNRECOVERED_READ_ERROR : IoStatus.SUCCESS));
    world.awaitSummary("online 1/1");
    assertFalse(world.description().containsKey("process"));
    world.reactors.home(() -> leg0.faults(i -> IoStatus.SUCCESS));
    assertArrayEquals(new byte[512], world.open().read(1, 1000, 1));
  }

  @Test
  void superblockThatTheTargetCannotTakeKeepsItOut() {
    assertEquals(0, world.add("leg1"));
    world.reactors.home(() ->
        leg1.faults(i ->
            i.type() == IoType.WRITE && i.offsetBlocks() == 0
                ? IoStatus.WRITE_FAULT
                : IoStatus.SUCCESS));
    world.awaitSummary("online 1/1");
    assertEquals("4 [CONFIGURED, FAILED]", RaidWorld.record(leg0));
    TestIo io = world.open();
    assertEquals(IoStatus.SUCCESS, io.write(1, 0, new byte[512]));
  }

  @Test
  void targetTakenOutOrPulledEndsTheRebuild() {
    smallWindows(1);
    assertEquals(0, world.add("leg1"));
    assertEquals(0, world.remove("leg1"));
    assertEquals("online 1/1", world.summary());
    assertFalse(world.description().containsKey("process"));
    assertEquals(0, world.add("leg1"));
    assertEquals(0, world.unregister(leg1));
    world.awaitSummary("online 1/1");
    assertFalse(world.description().containsKey("process"));
    assertEquals(IoStatus.SUCCESS, world.open().write(0, 0, new byte[512]));
  }

  @Test
  void arrayIsDeletedInTheMiddleOfARebuild() {
    smallWindows(0);
    assertEquals(0, world.add("leg1"));
    world.reactors.runUntil(() -> blocks() >= 256);
    assertEquals(0, world.delete(false));
    assertNull(world.raidOrNull());
    assertNull(leg1.claimedBy());
    world.examine("leg1");
    assertEquals("online 1/1", world.summary());
    assertEquals("3 [CONFIGURED, MISSING]", RaidWorld.record(leg0));
  }

  @Test
  void sourceThatFailsAWriteDuringARebuildIsKept() {
    smallWindows(0);
    TestIo io = world.open();
    assertEquals(0, world.add("leg1"));
    world.reactors.runUntil(() -> blocks() >= 128);
    world.reactors.home(
        () -> leg0.faults(i -> i.type() == IoType.WRITE ? IoStatus.WRITE_FAULT : IoStatus.SUCCESS));
    assertEquals(IoStatus.WRITE_FAULT, io.write(0, 1000, new byte[512]));
    world.reactors.home(() -> leg0.faults(i -> IoStatus.SUCCESS));
    world.reactors.runUntil(() -> !world.description().containsKey("process"));
    assertEquals(IoStatus.SUCCESS, io.write(0, 1000, new byte[512]));
    assertTrue(RaidWorld.record(leg0).contains("[CONFIGURED"));
  }
}

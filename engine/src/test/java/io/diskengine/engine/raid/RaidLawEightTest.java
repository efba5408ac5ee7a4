package io.diskengine.engine.raid;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.engine.TestIo;
import io.diskengine.engine.bdev.IoStatus;
import io.diskengine.engine.bdev.IoType;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Law 8 by crashing everywhere: after every change of any medium and every acknowledgement the
 * media are copied, and an engine is started from the copies. No leg that it trusts may lack an
 * acknowledged write.
 */
class RaidLawEightTest {
  private static final int DATA_BLOCKS = 16;
  private static final int LEG_BYTES = RaidWorld.DATA_BYTES + DATA_BLOCKS * RaidWorld.BLOCK;

  /** Which version of each block was acknowledged last; versions count up per block. */
  private static final class History {
    final long[] submitted = new long[DATA_BLOCKS];
    final long[] acknowledged = new long[DATA_BLOCKS];
  }

  /** A world under writes whose every moment is a possible crash. */
  private static final class Scenario implements AutoCloseable {
    final RaidWorld world;
    final List<MemoryDisk> legs = new ArrayList<>();
    final History history = new History();
    final Random random;
    final long seed;
    final TestIo io;
    final List<Write> writes = new ArrayList<>();
    int crashes;

    record Write(int block, long version, TestIo.Call call) {}

    Scenario(long seed, int legCount, AcknowledgeRule rule) {
      this.seed = seed;
      random = new Random(seed);
      world = new RaidWorld(seed, rule);
      String[] names = new String[legCount];
      for (int i = 0; i < legCount; i++) {
        legs.add(world.disk(i, new byte[LEG_BYTES]));
        names[i] = "leg" + i;
      }
      assertEquals(0, world.create(names));
      io = world.open();
      legs.forEach(leg -> leg.onChange(this::crash));
    }

    /** One write at a random place, with at most one under way per block. */
    void write() {
      int block = random.nextInt(DATA_BLOCKS);
      if (writes.stream().anyMatch(w -> w.block == block)) {
        return;
      }
      long version = ++history.submitted[block];
      byte[] data = ByteBuffer.allocate(RaidWorld.BLOCK).putLong(version).array();
      writes.add(new Write(block, version, io.startWrite(random.nextInt(2), block, data)));
    }

    void step() {
      world.reactors.step();
      for (Write write : List.copyOf(writes)) {
        if (write.call.done()) {
          writes.remove(write);
          if (write.call.status() == IoStatus.SUCCESS) {
            history.acknowledged[write.block] = write.version;
            crash();
          }
        }
      }
    }

    /** Everything stops now: would a new engine trust a leg that lacks something? */
    void crash() {
      crashes++;
      List<byte[]> media = legs.stream().map(leg -> leg.medium().clone()).toList();
      for (int only = 1; only < 1 << media.size(); only++) {
        restart(media, only);
      }
    }

    private void restart(List<byte[]> media, int present) {
      try (RaidWorld after = new RaidWorld(seed)) {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < media.size(); i++) {
          if ((present & 1 << i) != 0) {
            after.disk(i, media.get(i).clone());
            names.add("leg" + i);
          }
        }
        after.examine(names.toArray(String[]::new));
        if (after.raid().state() != Raid.State.ONLINE) {
          return;
        }
        for (Leg leg : after.raid().inSync()) {
          requireAcknowledged(((MemoryDisk) leg.bdev()).medium(), leg.slot, present);
        }
      }
    }

    private void requireAcknowledged(byte[] medium, int slot, int present) {
      for (int block = 0; block < DATA_BLOCKS; block++) {
        int at = RaidWorld.DATA_BYTES + block * RaidWorld.BLOCK;
        long version = ByteBuffer.wrap(medium).getLong(at);
        if (version < history.acknowledged[block]) {
          throw new StaleLegTrusted(
              "seed "
                  + seed
                  + ": after a crash leg"
                  + slot
                  + " is trusted (legs present: "
                  + Integer.toBinaryString(present)
                  + ") with version "
                  + version
                  + " of block "
                  + block
                  + "; acknowledged was "
                  + history.acknowledged[block]);
        }
      }
    }

    @Override
    public void close() {
      world.close();
    }
  }

  private static final class StaleLegTrusted extends AssertionError {
    private static final long serialVersionUID = 1L;

    StaleLegTrusted(String message) {
      super(message);
    }
  }

  private static void failOneLegUnderWrites(long seed, int legCount, AcknowledgeRule rule) {
    try (Scenario scenario = new Scenario(seed, legCount, rule)) {
      for (int i = 0; i < 6; i++) {
        scenario.write();
      }
      int victim = scenario.random.nextInt(legCount);
      scenario
          .legs
          .get(victim)
          .faults(io -> io.type() == IoType.WRITE ? IoStatus.WRITE_FAULT : IoStatus.SUCCESS);
      for (int turn = 0; turn < 1200; turn++) {
        if (turn % 40 == 0 && turn < 600) {
          scenario.write();
        }
        scenario.step();
      }
      assertTrue(scenario.writes.isEmpty(), "writes hang");
      int left = legCount - 1;
      assertEquals("online " + left + "/" + left, scenario.world.summary());
      assertTrue(scenario.crashes > 10, "few crashes: " + scenario.crashes);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void noCrashTrustsALegThatFailedAWrite(long seed) {
    failOneLegUnderWrites(seed, 2, AcknowledgeRule.ON_ALL_TRUSTED_LEGS);
  }

  @Test
  void noCrashTrustsOneOfThreeLegsThatFailedAWrite() {
    failOneLegUnderWrites(11, 3, AcknowledgeRule.ON_ALL_TRUSTED_LEGS);
  }

  @Test
  void withoutTheRuleACrashDoesTrustIt() {
    AcknowledgeRule asStockSpdk = (writtenOn, trusted) -> writtenOn != 0;
    StaleLegTrusted found =
        assertThrows(
            StaleLegTrusted.class,
            () -> {
              for (long seed = 1; seed <= 20; seed++) {
                failOneLegUnderWrites(seed, 2, asStockSpdk);
              }
            });
    assertTrue(found.toString().contains("is trusted"), found::toString);
  }

  @ParameterizedTest
  @ValueSource(longs = {21, 22, 23})
  void noCrashTrustsALegThatWasTakenOutOrIsBeingRebuilt(long seed) {
    try (Scenario scenario = new Scenario(seed, 2, AcknowledgeRule.ON_ALL_TRUSTED_LEGS)) {
      int victim = scenario.random.nextInt(2);
      scenario.write();
      boolean[] removed = {false};
      scenario.world.reactors.home(
          () -> scenario.world.module.removeBase("leg" + victim, errno -> removed[0] = errno == 0));
      for (int turn = 0; turn < 300; turn++) {
        if (turn % 50 == 0) {
          scenario.write();
        }
        scenario.step();
      }
      assertTrue(removed[0]);
      assertEquals(0, scenario.world.add("leg" + victim));
      for (int turn = 0; turn < 2000 || !scenario.writes.isEmpty(); turn++) {
        if (turn % 100 == 0 && turn < 1000) {
          scenario.write();
        }
        scenario.step();
      }
      assertEquals("online 2/2", scenario.world.summary());
      assertEquals(RaidWorld.record(scenario.legs.get(0)), RaidWorld.record(scenario.legs.get(1)));
      assertEquals("3 [CONFIGURED, CONFIGURED]", RaidWorld.record(scenario.legs.get(0)));
    }
  }
}

package io.diskengine.engine.lvol;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.TestIo;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Clusters go from lvol to lvol while both reactors read, write and unmap the same ranges and the
 * disk answers in any order: no lvol ever shows bytes of another.
 */
class LvolReuseTest {
  private static final int BLOCK = 4096;
  private static final int CLUSTER = 16 << 10;
  private static final int CLUSTER_BLOCKS = CLUSTER / BLOCK;
  private static final int LVOL_BLOCKS = 8 * CLUSTER_BLOCKS;
  private static final int LVOLS = 3;

  private record Read(int owner, TestIo.Call call) {}

  @ParameterizedTest
  @ValueSource(longs = {21, 22, 23})
  void clustersNeverShowAnotherLvolsBytes(long seed) {
    Random random = new Random(seed);
    // Fewer clusters than the lvols could use together.
    DiskBdev disk = new DiskBdev("disk0", BLOCK, new DiskImage(26L * CLUSTER), random, 60_000);
    List<TestIo> lvols = new ArrayList<>();
    List<TestIo.Call> calls = new ArrayList<>();
    List<Read> reads = new ArrayList<>();
    try (StoreRig rig = new StoreRig(seed)) {
      rig.add(disk);
      assertThat(rig.createStore("disk0", LvolStoreOptions.named("lvs0").clusterSizeBytes(CLUSTER)))
          .isZero();
      for (int i = 0; i < LVOLS; i++) {
        assertThat(rig.createLvol("lvs0", "v" + i, LVOL_BLOCKS * BLOCK, true)).isZero();
        lvols.add(new TestIo(rig.reactors, "lvs0/v" + i));
      }
      for (int i = 0; i < 1500; i++) {
        rig.reactors.runForUs(random.nextInt(20));
        int owner = random.nextInt(LVOLS);
        TestIo lvol = lvols.get(owner);
        int reactor = random.nextInt(2);
        int count = 1 + random.nextInt(3 * CLUSTER_BLOCKS);
        int first = random.nextInt(LVOL_BLOCKS - count + 1);
        switch (random.nextInt(4)) {
          case 0, 1 -> calls.add(lvol.startWrite(reactor, first, stamped(owner, count)));
          case 2 -> {
            int from = first - first % CLUSTER_BLOCKS;
            calls.add(
                lvol.start(
                    reactor, 0, call -> call.io().unmap(from, Math.max(count, CLUSTER_BLOCKS))));
          }
          default -> reads.add(new Read(owner, lvol.startRead(reactor, first, count)));
        }
      }
      calls.forEach(call -> rig.reactors.runUntil(call::done));
      for (Read read : reads) {
        rig.reactors.runUntil(read.call()::done);
        assertThat(read.call().status()).isZero();
        checkStamps(read.call().data(), read.owner(), "seed " + seed);
      }
      for (int owner = 0; owner < LVOLS; owner++) {
        checkStamps(lvols.get(owner).read(0, 0, LVOL_BLOCKS), owner, "seed " + seed);
        lvols.get(owner).close();
      }
      assertThat(rig.unload()).isZero();
      StoreImage parsed = new StoreImage(disk.image());
      assertThat(parsed.problems).isEmpty();
    }
  }

  private static byte[] stamped(int owner, int blocks) {
    ByteBuffer data = ByteBuffer.allocate(blocks * BLOCK);
    while (data.hasRemaining()) {
      data.putLong(owner + 1);
    }
    return data.array();
  }

  private static void checkStamps(byte[] content, int owner, String where) {
    ByteBuffer data = ByteBuffer.wrap(content);
    while (data.hasRemaining()) {
      long stamp = data.getLong();
      if (stamp != 0 && stamp != owner + 1) {
        throw new AssertionError(
            where + ": lvol " + owner + " shows " + stamp + " at " + data.position());
      }
    }
  }
}

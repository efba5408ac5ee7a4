package io.diskengine.engine.lvcheck;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Hostile stores: whatever the bytes are, a look ends soon, within bounds, without an exception.
 */
class StoreCheckFuzzTest {
  private static final int ROUNDS = 150;
  private static final int MOST_CHANGES = 40;

  /** Changed bytes have right checksums again, so that they are believed. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "lvs-basic",
        "lvs-basic-dirty",
        "lvs-rle",
        "lvs-extent",
        "lvs-esnap",
        "lvs-snapshot-delete-cut1"
      })
  @Timeout(value = 60, unit = TimeUnit.SECONDS)
  void changedBytesAreReportedOnAndRepairedOrLeftAlone(String fixture) throws Exception {
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("fuzz of " + fixture + ": -Dseed=" + seed);
    Random random = new Random(seed);
    MemoryMedium original = MemoryMedium.fixture(fixture);
    int wrong = 0;
    for (int round = 0; round < ROUNDS; round++) {
      MemoryMedium medium = original.copy();
      change(medium, random);
      StoreCheck.Result result = StoreCheck.check(medium);
      wrong += result instanceof StoreCheck.Result.Checked(Report r) && !r.consistent() ? 1 : 0;
      repair(medium, seed + " round " + round);
    }
    assertThat(wrong).isPositive();
  }

  private static void repair(MemoryMedium medium, String where) throws Exception {
    switch (StoreRepair.repair(medium, change -> {})) {
      case StoreRepair.Result.NoStore _ -> {}
      case StoreRepair.Result.Unchanged(StoreRepair.Plan plan) ->
          assertThat(plan.report().consistent() || !plan.obstacles().isEmpty()).as(where).isTrue();
      case StoreRepair.Result.Repaired(StoreRepair.Plan _, Report after) ->
          assertThat(after.consistent()).as(where + after.findings()).isTrue();
    }
  }

  private static void change(MemoryMedium medium, Random random) {
    Damage damage = new Damage(medium);
    byte[] superBlock = medium.read(0, 4096);
    int pages = Bytes.i32(superBlock, 52);
    int changes = 1 + random.nextInt(MOST_CHANGES);
    for (int i = 0; i < changes; i++) {
      int kind = random.nextInt(12);
      if (kind == 0) {
        damage.superBlock(s -> scribble(s, random, 96));
      } else if (kind == 1) {
        medium.write(
            4096L * random.nextInt(4) + random.nextInt(64), new byte[] {(byte) random.nextInt()});
      } else if (kind == 2) {
        damage.put(random.nextInt(pages), damage.page(random.nextInt(pages)));
      } else if (kind == 3) {
        damage.flip(damage.offset(random.nextInt(Math.min(pages, 40))) + random.nextInt(4096));
      } else {
        damage.page(
            random.nextInt(Math.min(pages, 40)),
            p -> scribble(p, random, random.nextInt(3) == 0 ? 4096 : 300));
      }
    }
  }

  /** A byte, a number, or one of the numbers that break things. */
  private static void scribble(byte[] bytes, Random random, int within) {
    int at = random.nextInt(within - 8);
    int[] nasty = {0, 1, -1, Integer.MAX_VALUE, Integer.MIN_VALUE, 512, 511, 64};
    switch (random.nextInt(3)) {
      case 0 -> bytes[at] = (byte) random.nextInt();
      case 1 -> Bytes.put32(bytes, at, nasty[random.nextInt(nasty.length)]);
      default -> Bytes.put64(bytes, at, random.nextLong());
    }
  }

  /** Every page refers to everything: the worst that overlapping maps can do. */
  @Test
  @Timeout(value = 60, unit = TimeUnit.SECONDS)
  void mapsThatOverlapAgainAndAgainAreNotFollowedForEver() {
    MemoryMedium medium = new MemoryMedium(1L << 36);
    int clusters = 1 << 22;
    int pages = 2000;
    int masks = clusters / 8 / 4096 + 1;
    byte[] superBlock = new byte[4096];
    System.arraycopy(MemoryMedium.fixture("lvs-basic").read(0, 4096), 0, superBlock, 0, 4096);
    Bytes.put32(superBlock, 16, 0);
    Bytes.put32(superBlock, 28, 16384);
    Bytes.put32(superBlock, 36, 1);
    Bytes.put32(superBlock, 44, masks);
    Bytes.put32(superBlock, 72, 2 + masks);
    Bytes.put32(superBlock, 48, 3 + masks);
    Bytes.put32(superBlock, 52, pages);
    Bytes.put64(superBlock, 80, 1L << 36);
    MetadataPages.seal(superBlock);
    medium.write(0, superBlock);
    Damage damage = new Damage(medium);
    for (int page = 0; page < pages; page++) {
      byte[] bytes = new byte[4096];
      Bytes.put64(bytes, 0, Layout.FIRST_BLOB_ID + page);
      Bytes.put32(bytes, 4088, -1);
      bytes[16] = Descriptors.EXTENT_RLE;
      Bytes.put32(bytes, 17, 8 * 500);
      for (int i = 0; i < 500; i++) {
        Bytes.put32(bytes, 21 + 8 * i, 1000);
        Bytes.put32(bytes, 25 + 8 * i, clusters - 1000);
      }
      damage.put(page, bytes);
    }
    Report report = medium.check();
    assertThat(report.inconsistencies()).isGreaterThan(1_000_000);
    assertThat(report.findings().size()).isLessThanOrEqualTo(2 * Findings.MAX_KEPT);
  }

  @Test
  @Timeout(value = 60, unit = TimeUnit.SECONDS)
  void randomBytesBehindASignatureAreAnswered() throws Exception {
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("fuzz of super blocks: -Dseed=" + seed);
    Random random = new Random(seed);
    for (int round = 0; round < 2000; round++) {
      MemoryMedium medium = new MemoryMedium(1L << (12 + random.nextInt(50)));
      byte[] bytes = new byte[4096];
      byte[] noise = new byte[96];
      random.nextBytes(noise);
      System.arraycopy(noise, 0, bytes, 0, 96);
      System.arraycopy("SPDKBLOB".getBytes(), 0, bytes, 0, 8);
      if (random.nextBoolean()) {
        Bytes.put32(bytes, 8, 3);
        Bytes.put32(bytes, 92, 4096);
        Bytes.put32(bytes, 28, 4096 << random.nextInt(12));
      }
      MetadataPages.seal(bytes);
      medium.write(0, bytes);
      assertThat(StoreCheck.check(medium)).isInstanceOf(StoreCheck.Result.Checked.class);
    }
  }
}

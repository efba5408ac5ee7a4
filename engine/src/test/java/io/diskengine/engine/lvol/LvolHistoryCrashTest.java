package io.diskengine.engine.lvol;

import io.diskengine.engine.lvol.CrashScene.Start;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Long random histories of all operations, with power failures at random moments, some of them
 * during the recovery from another. A new operation is one line in {@link #ACTIONS}.
 */
class LvolHistoryCrashTest {
  private static final int SEGMENTS = 3;
  private static final int OPERATIONS = 30;
  private static final int MOMENTS = 40;
  private static final int MEDIA_PER_MOMENT = 6;
  private static final int SECOND_FAILURES = 8;
  private static final int MOST_LVOLS = 6;
  private static final CrashJudge.Counts COUNTS = new CrashJudge.Counts();

  /** Does something, if it can be done now. */
  private interface Action {
    void act(CrashScene scene, Random random, String lvol);
  }

  private record Weighted(int weight, boolean needsLvol, Action action) {}

  private static final List<Weighted> ACTIONS = new ArrayList<>();

  private static void onStore(int weight, Action action) {
    ACTIONS.add(new Weighted(weight, false, action));
  }

  private static void onLvol(int weight, Action action) {
    ACTIONS.add(new Weighted(weight, true, action));
  }

  static {
    onStore(10, LvolHistoryCrashTest::create);
    onLvol(4, (scene, random, lvol) -> scene.delete(lvol));
    onLvol(
        20,
        (scene, random, lvol) -> {
          if (scene.freeClusters() > 4) {
            int first = block(scene, random, lvol);
            scene.write(lvol, first, Math.min(2, blocks(scene, lvol) - first));
          }
        });
    onLvol(
        8,
        (scene, random, lvol) -> {
          int first = block(scene, random, lvol);
          scene.unmap(lvol, first, blocks(scene, lvol) - first);
        });
    onLvol(
        4,
        (scene, random, lvol) -> {
          int first = block(scene, random, lvol);
          scene.writeZeroes(lvol, first, blocks(scene, lvol) - first);
        });
    onLvol(8, (scene, random, lvol) -> scene.flush(lvol));
  }

  private static void create(CrashScene scene, Random random, String ignored) {
    List<String> there = scene.lvols();
    int clusters = 1 + random.nextInt(5);
    boolean thin = random.nextInt(3) > 0;
    if (there.size() >= MOST_LVOLS || !thin && scene.freeClusters() < clusters + 4) {
      return;
    }
    int number = 0;
    while (there.contains("v" + number)) {
      number++;
    }
    scene.create("v" + number, clusters, thin);
  }

  private static int blocks(CrashScene scene, String lvol) {
    return scene.clusters(lvol) * CrashScene.CLUSTER_BLOCKS;
  }

  private static int block(CrashScene scene, Random random, String lvol) {
    int block = random.nextInt(blocks(scene, lvol));
    return random.nextBoolean() ? block : block - block % CrashScene.CLUSTER_BLOCKS;
  }

  private static void anything(CrashScene scene, Random random) {
    List<String> lvols = scene.lvols();
    int chance = random.nextInt(ACTIONS.stream().mapToInt(Weighted::weight).sum());
    for (Weighted each : ACTIONS) {
      chance -= each.weight();
      if (chance < 0) {
        if (!each.needsLvol()) {
          each.action().act(scene, random, "");
        } else if (!lvols.isEmpty()) {
          each.action().act(scene, random, lvols.get(random.nextInt(lvols.size())));
        }
        return;
      }
    }
  }

  /** {@code -Ddiskengine.crash.histories=N} from {@code -Ddiskengine.seed=S} on. */
  static LongStream seeds() {
    long first = Long.getLong("diskengine.seed", 1);
    return LongStream.range(first, first + Integer.getInteger("diskengine.crash.histories", 8));
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void acknowledgedOperationsSurviveWheneverPowerFails(long seed) {
    Random random = new Random(seed);
    try (CrashScene scene = new CrashScene(seed)) {
      scene.createStore();
      for (int segment = 0; segment < SEGMENTS; segment++) {
        scene.begin(Start.values()[random.nextInt(Start.values().length)]);
        for (int i = 0; i < OPERATIONS; i++) {
          anything(scene, random);
        }
        scene.quiet();
        String where = "seed " + seed + ", segment " + segment;
        CrashJudge judge = new CrashJudge(scene, where, random, COUNTS);
        for (int i = 0; i < MOMENTS; i++) {
          judge.moment(1 + random.nextInt(scene.disk().moments() + 1), MEDIA_PER_MOMENT);
        }
        for (int i = 0; i < SECOND_FAILURES; i++) {
          int moment = 1 + random.nextInt(scene.disk().moments() + 1);
          failAgain(judge.medium(moment), random, where + ", again after moment " + moment);
        }
      }
    }
  }

  private static void failAgain(DiskImage medium, Random random, String where) {
    try (CrashScene scene = new CrashScene(random.nextLong(), medium)) {
      anything(scene, random);
      anything(scene, random);
      scene.quiet();
      CrashJudge judge = new CrashJudge(scene, where, random, COUNTS);
      for (int moment = 1; moment <= scene.disk().moments() + 1; moment++) {
        judge.moment(moment, MEDIA_PER_MOMENT);
      }
    }
  }

  @AfterAll
  static void print() {
    System.out.println("power failures in random histories: " + COUNTS);
  }
}

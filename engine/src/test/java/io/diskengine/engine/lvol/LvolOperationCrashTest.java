package io.diskengine.engine.lvol;

import io.diskengine.engine.lvol.CrashScene.Start;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Each metadata operation, at every moment, with every subset of the unflushed sectors lost. A new
 * operation is a method of {@link CrashScene}, made of {@link CrashScene#step}, and one line in
 * {@link #operations}; what it changes about an lvol belongs into {@link StoreState#of}.
 */
class LvolOperationCrashTest {
  private static final CrashJudge.Counts COUNTS = new CrashJudge.Counts();

  private record Operation(
      String name, List<Start> starts, Consumer<CrashScene> given, Consumer<CrashScene> when) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static final List<Operation> OPERATIONS = new ArrayList<>();

  /** From every state of the store. */
  private static void add(String name, Consumer<CrashScene> given, Consumer<CrashScene> when) {
    OPERATIONS.add(new Operation(name, List.of(Start.values()), given, when));
  }

  private static void add(
      String name, Start start, Consumer<CrashScene> given, Consumer<CrashScene> when) {
    OPERATIONS.add(new Operation(name, List.of(start), given, when));
  }

  /** What there is before most operations: a thick lvol and a thin one, both with content. */
  private static void two(CrashScene s) {
    s.createStore();
    s.create("thick", 2, false);
    s.create("thin", 6, true);
    s.write("thick", 3, 2);
    s.write("thin", CrashScene.CLUSTER_BLOCKS - 1, 2);
  }

  static Stream<Operation> operations() {
    OPERATIONS.clear();
    int cluster = CrashScene.CLUSTER_BLOCKS;
    add("create store", Start.IN_USE, s -> {}, CrashScene::createStore);
    add("delete store", LvolOperationCrashTest::two, CrashScene::deleteStore);
    add(
        "create store where one was",
        Start.IN_USE,
        s -> {
          two(s);
          s.deleteStore();
        },
        CrashScene::createStore);
    add("unload", LvolOperationCrashTest::two, CrashScene::unload);
    add("create thin", LvolOperationCrashTest::two, s -> s.create("new", 5, true));
    add("create thick", LvolOperationCrashTest::two, s -> s.create("new", 5, false));
    add("create empty", LvolOperationCrashTest::two, s -> s.create("new", 0, true));
    add(
        "create thick in the place of another",
        s -> {
          two(s);
          s.delete("thick");
        },
        s -> s.create("new", 3, false));
    add("create many", LvolOperationCrashTest::two, s -> s.createMany(1, false, "a", "b", "c"));
    add("delete thick", LvolOperationCrashTest::two, s -> s.delete("thick"));
    add("delete thin", LvolOperationCrashTest::two, s -> s.delete("thin"));
    add("first write", LvolOperationCrashTest::two, s -> s.write("thin", 4 * cluster + 1, 1));
    add(
        "first write of a new lvol",
        s -> {
          two(s);
          s.create("new", 3, true);
        },
        s -> {
          s.write("new", cluster + 1, 2);
          s.flush("new");
        });
    add("first writes at once", LvolOperationCrashTest::two, s -> s.writeMany("thin", 2, 3, 4, 5));
    add(
        "write, flush, write",
        LvolOperationCrashTest::two,
        s -> {
          s.write("thin", 3 * cluster - 1, 2);
          s.flush("thin");
          s.write("thin", 3 * cluster - 1, 2);
        });
    add("unmap of a cluster", LvolOperationCrashTest::two, s -> s.unmap("thin", 0, cluster));
    add(
        "unmap and write again",
        LvolOperationCrashTest::two,
        s -> {
          s.unmap("thin", 0, 2 * cluster);
          s.write("thin", 1, 1);
          s.flush("thin");
        });
    add(
        "write zeroes over clusters",
        LvolOperationCrashTest::two,
        s -> s.writeZeroes("thin", 2, 2 * cluster));
    return OPERATIONS.stream();
  }

  @ParameterizedTest
  @MethodSource("operations")
  void survivesPowerFailureAtEveryMoment(Operation operation) {
    for (Start start : operation.starts) {
      long seed = 31 + start.ordinal();
      try (CrashScene scene = new CrashScene(seed)) {
        operation.given.accept(scene);
        scene.begin(start);
        operation.when.accept(scene);
        scene.quiet();
        new CrashJudge(scene, operation.name + ", " + start, new Random(seed), COUNTS)
            .everyMoment();
      }
    }
  }

  @AfterAll
  static void print() {
    System.out.println("power failures in each metadata operation: " + COUNTS);
  }
}

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

  /**
   * Pages are taken from the front: what comes after its deletion has its root in an extent page.
   */
  private static void rootBehindItsExtentPage(CrashScene s) {
    s.createStore();
    s.create("first", 2, false);
    s.create("behind", 2, true);
    s.delete("first");
    s.write("behind", 0, 1);
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
    add(
        "create thick where an extent page was zeroed and not flushed",
        LvolOperationCrashTest::rootBehindItsExtentPage,
        s -> {
          s.delete("behind");
          s.create("new", 2, false);
        });
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
    addSnapshots();
    addParents();
    addSizesAndNames();
    return OPERATIONS.stream();
  }

  /** A chain: base, then mid, then thin, each with content of its own; thick beside them. */
  private static void chain(CrashScene s) {
    int cluster = CrashScene.CLUSTER_BLOCKS;
    two(s);
    s.snapshot("thin", "base");
    s.write("thin", 2, 1);
    s.write("thin", 3 * cluster, 1);
    s.snapshot("thin", "mid");
    s.write("thin", 3 * cluster + 1, 1);
    s.write("thin", 4 * cluster, 1);
    s.flush("thin");
  }

  private static void addSnapshots() {
    int cluster = CrashScene.CLUSTER_BLOCKS;
    add("snapshot thin", LvolOperationCrashTest::two, s -> s.snapshot("thin", "snap"));
    add("snapshot thick", LvolOperationCrashTest::two, s -> s.snapshot("thick", "snap"));
    add("snapshot of a clone", LvolOperationCrashTest::chain, s -> s.snapshot("thin", "snap"));
    add(
        "snapshot, write, snapshot",
        LvolOperationCrashTest::two,
        s -> {
          s.snapshot("thin", "s1");
          s.write("thin", cluster, 1);
          s.flush("thin");
          s.snapshot("thin", "s2");
        });
    add("clone", LvolOperationCrashTest::chain, s -> s.cloneOf("base", "clone"));
    add(
        "first write to a clone",
        LvolOperationCrashTest::chain,
        s -> {
          s.write("thin", 1, 1);
          s.flush("thin");
        });
    add("delete snapshot", LvolOperationCrashTest::chain, s -> s.delete("mid"));
    add("delete first snapshot", LvolOperationCrashTest::chain, s -> s.delete("base"));
    add(
        "delete snapshot of a thick lvol",
        s -> {
          two(s);
          s.snapshot("thick", "snap");
          s.write("thick", 1, 1);
        },
        s -> s.delete("snap"));
    add(
        "delete snapshot, its clone cannot read further",
        s -> {
          two(s);
          s.snapshot("thin", "base");
          s.resize("thin", 1);
          s.snapshot("thin", "mid");
          s.resize("thin", 6);
        },
        s -> s.delete("mid"));
    add("delete clone", LvolOperationCrashTest::chain, s -> s.delete("thin"));
    add(
        "delete and snapshot",
        LvolOperationCrashTest::chain,
        s -> {
          s.delete("mid");
          s.snapshot("thin", "again");
        });
  }

  private static void addParents() {
    add("inflate", LvolOperationCrashTest::chain, s -> s.inflate("thin"));
    add("inflate without parent", LvolOperationCrashTest::two, s -> s.inflate("thin"));
    add("decouple", LvolOperationCrashTest::chain, s -> s.decouple("thin"));
    add("decouple from the last", LvolOperationCrashTest::chain, s -> s.decouple("mid"));
    add("set parent", LvolOperationCrashTest::chain, s -> s.setParent("thin", "base"));
    add("clone of a bdev", LvolOperationCrashTest::two, s -> s.cloneBdev("ext"));
    add("parent bdev", LvolOperationCrashTest::chain, s -> s.setParentBdev("thin"));
    add(
        "first write over a bdev",
        s -> {
          two(s);
          s.cloneBdev("ext");
        },
        s -> {
          s.write("ext", 3, 1);
          s.flush("ext");
        });
    add(
        "snapshot over a bdev",
        s -> {
          two(s);
          s.cloneBdev("ext");
          s.write("ext", 3, 1);
        },
        s -> s.snapshot("ext", "snap"));
    add(
        "delete snapshot over a bdev",
        s -> {
          two(s);
          s.cloneBdev("ext");
          s.snapshot("ext", "snap");
          s.write("ext", 3, 1);
        },
        s -> s.delete("snap"));
    add(
        "inflate over a bdev",
        s -> {
          two(s);
          s.cloneBdev("ext");
        },
        s -> s.inflate("ext"));
  }

  private static void addSizesAndNames() {
    add("grow thin", LvolOperationCrashTest::two, s -> s.resize("thin", 9));
    add("grow thin by a row", LvolOperationCrashTest::two, s -> s.resize("thin", 600));
    add("grow thick", LvolOperationCrashTest::two, s -> s.resize("thick", 5));
    add("shrink thin", LvolOperationCrashTest::two, s -> s.resize("thin", 1));
    add("shrink thick", LvolOperationCrashTest::two, s -> s.resize("thick", 1));
    add("shrink to nothing", LvolOperationCrashTest::two, s -> s.resize("thick", 0));
    add(
        "grow a clone that was cut",
        s -> {
          chain(s);
          s.resize("thin", 1);
        },
        s -> s.resize("thin", 6));
    add("rename", LvolOperationCrashTest::two, s -> s.rename("thin", "renamed"));
    add("rename store", LvolOperationCrashTest::two, s -> s.renameStore("lvs1"));
    add("set read-only", LvolOperationCrashTest::two, s -> s.setReadOnly("thin"));
    add(
        "grow store",
        s -> {
          s.diskSize(50);
          two(s);
        },
        CrashScene::grow);
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

package io.diskengine.testkit.sim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diskengine.testkit.sim.SimMatrix.Cell;
import io.diskengine.testkit.sim.SimMatrix.Crossings;
import io.diskengine.testkit.sim.SimMatrix.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The matrix workflow x action kind x fault x line. The test command plays a part of it that a
 * printed seed chooses; {@code -Ddiskengine.matrix=all} plays everything, {@code =WORKFLOW,...}
 * some workflows, and the name of a cell that one, with its trace.
 */
class SimMatrixTest {
  private static final String ASKED = System.getProperty("diskengine.matrix", "");

  /** Of the part that is chosen; the workflows without faults come before. */
  private static final int BUDGET_SECONDS = Integer.getInteger("diskengine.matrix.seconds", 40);

  private static final long SEED = Long.getLong("diskengine.seed", 1);
  private static final long NS_PER_SEC = 1_000_000_000L;
  private static final Path PAGE = root().resolve("docs/coverage/fault-matrix.md");

  private static Path root() {
    Path path = Path.of("").toAbsolutePath();
    while (path != null && !Files.exists(path.resolve("mvnw"))) {
      path = path.getParent();
    }
    return Objects.requireNonNull(path, "run inside the source tree");
  }

  /** Each was broken once: a fault in the agents that no history had shown (decision 0051). */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "DETACH/bdev_raid_delete/BEFORE_EXECUTE/ANSWER_LATE/FIRST",
        "MOVE/bdev_nvme_attach_controller/AFTER_EXECUTE/ANSWER_LATE/FIRST",
        "MOVE_REPLICA/bdev_nvme_disable_controller/AFTER_SEND/PLANE_SILENT/FIRST",
        "REPLACE_LOST_REPLICA/bdev_nvme_detach_controller/BEFORE_EXECUTE/ANSWER_LATE/FIRST"
      })
  void whatWasBrokenOnceIsNot(String name) {
    Cell cell = Cell.parse(name);
    Outcome outcome = SimMatrix.run(cell, SimMatrix.crossings(cell.workflow(), SEED), SEED);
    assertThat(outcome.struck()).isTrue();
  }

  @Test
  void sameCellIsTheSameHistory() {
    Cell cell = Cell.parse("ATTACH/bdev_raid_create/AFTER_EXECUTE/AGENT_KILLED/FIRST");
    Crossings crossings = SimMatrix.crossings(cell.workflow(), SEED);
    List<String> trace = SimMatrix.trace(cell, crossings, SEED);
    assertThat(trace).anyMatch(l -> l.contains("fault AGENT_KILLED at "));
    assertThat(trace).anyMatch(l -> l.contains("agent is killed"));
    assertThat(SimMatrix.trace(cell, crossings, SEED)).isEqualTo(trace);
  }

  @Test
  void aCellThatIsNotPlayedIsSeenInThePage() {
    Crossings crossings = SimMatrix.crossings(Workflow.CREATE, SEED);
    List<Outcome> outcomes =
        crossings.cells().stream()
            .filter(c -> c.fault() != MatrixFault.AGENT_KILLED || c.isBefore())
            .map(c -> new Outcome(c, true, 1))
            .toList();
    assertThatThrownBy(() -> SimMatrixPage.section(crossings, outcomes))
        .hasMessageContaining("empty cell: CREATE/")
        .hasMessageContaining("AGENT_KILLED");
  }

  @Test
  void everyWorkflowSurvivesOneFaultAtEveryLineOfEachOfItsActions() throws IOException {
    if (ASKED.contains("/")) {
      one(Cell.parse(ASKED));
    } else if (ASKED.isEmpty()) {
      some();
    } else {
      List<Workflow> asked =
          ASKED.equals("all")
              ? List.of(Workflow.values())
              : Arrays.stream(ASKED.split(",", -1)).map(Workflow::valueOf).toList();
      all(asked);
    }
  }

  private static void one(Cell cell) {
    Crossings crossings = SimMatrix.crossings(cell.workflow(), SEED);
    SimMatrix.trace(cell, crossings, SEED).forEach(System.out::println);
    System.out.println(SimMatrix.run(cell, crossings, SEED));
  }

  /** In turn from each workflow, chosen by chance, until the time is over. */
  private static void some() throws IOException {
    long chance = Long.getLong("diskengine.matrix.chance", System.nanoTime() & 0xFFFFFF);
    System.out.printf(
        "SimMatrixTest -Ddiskengine.seed=%d -Ddiskengine.matrix.chance=%d%n", SEED, chance);
    String page = Files.readString(PAGE);
    Map<Workflow, Crossings> crossings = new EnumMap<>(Workflow.class);
    Map<Workflow, List<Cell>> cells = new EnumMap<>(Workflow.class);
    for (Workflow w : Workflow.values()) {
      Crossings seen = SimMatrix.crossings(w, SEED);
      assertThat(SimMatrixPage.rows(page, w))
          .as("%s is stale: play %s again (see CONTRIBUTING.md)", PAGE, w)
          .isEqualTo(seen.actions());
      crossings.put(w, seen);
      List<Cell> shuffled = seen.cells();
      Collections.shuffle(shuffled, new Random(chance));
      cells.put(w, shuffled);
    }
    assertThat(page)
        .as("%s is stale: what is before its tables", PAGE)
        .startsWith(SimMatrixPage.head());
    long until = System.nanoTime() + BUDGET_SECONDS * NS_PER_SEC;
    int runs = 0;
    int all = cells.values().stream().mapToInt(List::size).sum();
    while (System.nanoTime() < until && runs < all) {
      for (Workflow w : Workflow.values()) {
        List<Cell> left = Objects.requireNonNull(cells.get(w));
        if (!left.isEmpty()) {
          Object unused =
              SimMatrix.run(left.removeLast(), Objects.requireNonNull(crossings.get(w)), SEED);
          runs++;
        }
      }
    }
    System.out.println(runs + " of " + all + " cells of the fault matrix");
    assertThat(runs).isGreaterThanOrEqualTo(Workflow.values().length);
  }

  private static void all(List<Workflow> workflows) throws IOException {
    List<String> broken = new ArrayList<>();
    String page = SimMatrixPage.head();
    if (Files.exists(PAGE)) {
      String old = Files.readString(PAGE);
      int tables = old.indexOf("\n## ");
      page += tables < 0 ? "" : old.substring(tables);
    }
    for (Workflow w : workflows) {
      long from = System.nanoTime();
      Crossings crossings = SimMatrix.crossings(w, SEED);
      List<Outcome> outcomes = new ArrayList<>();
      int bad = broken.size();
      for (Cell cell : crossings.cells()) {
        try {
          outcomes.add(SimMatrix.run(cell, crossings, SEED));
        } catch (AssertionError e) {
          System.out.println(e.getMessage());
          broken.add(cell.toString());
        }
      }
      System.out.printf(
          "%s: %d cells, %d broken, %d s%n",
          w,
          crossings.cells().size(),
          broken.size() - bad,
          (System.nanoTime() - from) / NS_PER_SEC);
      if (broken.size() == bad) {
        String section = SimMatrixPage.section(crossings, outcomes);
        System.out.println(section);
        page = SimMatrixPage.with(page, w, section);
        if (Boolean.getBoolean("diskengine.update-docs")) {
          Files.writeString(PAGE, page);
        }
      }
    }
    assertThat(broken).as("broken cells").isEmpty();
  }
}

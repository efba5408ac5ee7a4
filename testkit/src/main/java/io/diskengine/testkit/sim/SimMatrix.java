package io.diskengine.testkit.sim;

import io.diskengine.testkit.sim.Crossing.Fate;
import io.diskengine.testkit.sim.Crossing.Line;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;

/**
 * Workflows under one fault each: at the first and at the last crossing of a line by an action of a
 * kind, as it was seen in a run without faults. The fault comes at the same moment, because the
 * same seed is the same history until then.
 */
public final class SimMatrix {
  private static final int STORAGE_NODES = 3;
  private static final int BAREMETAL_NODES = 2;

  /** RPCs that wait and change nothing. */
  private static final Set<String> WAITS =
      Set.of("framework_wait_init", "bdev_wait_for_examine", "rpc_get_methods");

  private SimMatrix() {}

  /** Which of the crossings of a line meets the fault. */
  enum Which {
    FIRST,
    LAST
  }

  /** One run. */
  record Cell(Workflow workflow, String action, Line line, MatrixFault fault, Which which) {
    static final int PARTS = 5;

    /** As {@link #toString} writes it. */
    static Cell parse(String text) {
      String[] part = text.split("/", -1);
      return new Cell(
          Workflow.valueOf(part[0]),
          part[1],
          Line.valueOf(part[2]),
          MatrixFault.valueOf(part[3]),
          Which.valueOf(part[4]));
    }

    boolean isBefore() {
      return line != Line.AFTER_COMMIT && line != Line.AFTER_EXECUTE;
    }

    @Override
    public String toString() {
      return workflow + "/" + action + "/" + line + "/" + fault + "/" + which;
    }
  }

  /**
   * What a run came to.
   *
   * @param struck whether there was anything that the fault could befall
   * @param healedMs from the fault to the desired state
   */
  record Outcome(Cell cell, boolean struck, long healedMs) {}

  /** How often each kind of action crosses each line while a workflow is played. */
  record Crossings(Workflow workflow, Map<String, Map<Line, Integer>> counts) {
    List<String> actions() {
      return List.copyOf(counts.keySet());
    }

    /** Every line that is crossed, with every fault that means something there. */
    List<Cell> cells() {
      List<Cell> cells = new ArrayList<>();
      counts.forEach((action, lines) -> {
        boolean commit = lines.containsKey(Line.BEFORE_COMMIT);
        for (MatrixFault fault : MatrixFault.values()) {
          for (Line line : fault.lines(commit)) {
            cells.add(new Cell(workflow, action, line, fault, Which.FIRST));
            if (lines.getOrDefault(line, 0) > 1) {
              cells.add(new Cell(workflow, action, line, fault, Which.LAST));
            }
          }
        }
      });
      return cells;
    }

    int count(Cell cell) {
      return Objects.requireNonNull(counts.get(cell.action)).getOrDefault(cell.line, 0);
    }
  }

  /** Kinds of writes of one transaction, or the method of a mutating RPC; else nothing. */
  private static List<String> actions(Crossing crossing) {
    if (crossing.line() == Line.BEFORE_COMMIT || crossing.line() == Line.AFTER_COMMIT) {
      return List.of(crossing.action().split("\\+", -1));
    }
    boolean read = crossing.action().contains("_get_") || WAITS.contains(crossing.action());
    return read ? List.of() : List.of(crossing.action());
  }

  /** Plays the workflow without faults. */
  static Crossings crossings(Workflow workflow, long seed) {
    Map<String, Map<Line, Integer>> counts = new TreeMap<>();
    new Run(workflow, seed)
        .play(c -> {
          for (String action : actions(c)) {
            Map<Line, Integer> lines =
                counts.computeIfAbsent(action, _ -> new EnumMap<>(Line.class));
            lines.merge(c.line(), 1, Integer::sum);
          }
          return Fate.GOES_ON;
        });
    return new Crossings(workflow, counts);
  }

  /** Plays one cell; throws what broke, with its name and its trace. */
  static Outcome run(Cell cell, Crossings crossings, long seed) {
    int target = cell.which == Which.FIRST ? 1 : crossings.count(cell);
    Run run = new Run(cell.workflow, seed);
    Strike strike = new Strike(run.world, cell, target);
    try {
      run.play(strike);
    } catch (SimWorld.Failure | RuntimeException broken) {
      throw new AssertionError(
          "cell %s of the fault matrix is broken; replay it with:%n%s%n%s"
              .formatted(cell, command(cell, seed), broken.getMessage()),
          broken);
    }
    if (strike.crossed < target) {
      throw new AssertionError("cell " + cell + " is empty: its line is not crossed; seed " + seed);
    }
    return new Outcome(cell, strike.struckAtMs >= 0, run.desiredAtMs - strike.struckAtMs);
  }

  static String command(Cell cell, long seed) {
    return ("./mvnw test -Dfast -pl testkit -am -Dtest=SimMatrixTest"
            + " \"-Dtest.jvm.args=-Ddiskengine.matrix=%s -Ddiskengine.seed=%d\"")
        .formatted(cell, seed);
  }

  /** The trace of a cell that passes. */
  static List<String> trace(Cell cell, Crossings crossings, long seed) {
    Run run = new Run(cell.workflow, seed);
    run.play(new Strike(run.world, cell, cell.which == Which.FIRST ? 1 : crossings.count(cell)));
    return run.world.trace();
  }

  /** The fault, once: at the target's crossing, or the first one after it that it can befall. */
  private static final class Strike implements Crossing.Faults {
    private final SimWorld world;
    private final Cell cell;
    private final int target;
    private int crossed;
    private long struckAtMs = -1;

    Strike(SimWorld world, Cell cell, int target) {
      this.world = world;
      this.cell = cell;
      this.target = target;
    }

    @Override
    public Fate at(Crossing c) {
      boolean here = c.line() == cell.line && actions(c).contains(cell.action);
      if (!here || ++crossed < target || struckAtMs >= 0) {
        return Fate.GOES_ON;
      }
      world.log("fault " + cell.fault + " at " + c);
      struckAtMs = world.scheduler.nowMs();
      var fate = cell.fault.strike(world, world.node(c.node()), c.line());
      if (fate.isEmpty()) {
        struckAtMs = -1;
      }
      return fate.orElse(Fate.GOES_ON);
    }
  }

  /** One workflow from an empty cluster to its silent end. */
  private static final class Run {
    private final Workflow workflow;
    private final SimWorld world;
    private long desiredAtMs;

    Run(Workflow workflow, long seed) {
      this.workflow = workflow;
      world = new SimWorld(seed, STORAGE_NODES, BAREMETAL_NODES);
    }

    void play(Crossing.Faults faults) {
      SimStage stage = new SimStage(world);
      workflow.prepare(stage);
      world.setFaults(faults);
      workflow.play(stage);
      desiredAtMs = world.scheduler.nowMs();
      world.settle();
    }
  }
}

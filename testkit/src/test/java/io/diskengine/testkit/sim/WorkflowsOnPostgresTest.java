package io.diskengine.testkit.sim;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.testkit.scale.ScaleDatabase;
import io.diskengine.testkit.sim.Crossing.Fate;
import io.diskengine.testkit.sim.Crossing.Line;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The workflows of the fault matrix on real PostgreSQL, in real time. */
class WorkflowsOnPostgresTest {
  /** Most of a workflow's time is waited for. */
  private static final int AT_ONCE = 6;

  private static final Map<String, String> SETTINGS = Map.of("max_connections", "400");

  @TempDir Path directory;

  @SuppressWarnings("NullAway.Init") // JUnit sets the field
  WorkflowsOnPostgresTest() {}

  /** What happens once while a workflow is played. */
  private enum Fault {
    NONE,
    /** The first transaction that journals an intent, or else the first that says what was seen. */
    COMMIT_ANSWER_LOST,
    /** Of the first request that changes something. */
    AGENT_KILLED_AFTER_SEND
  }

  /** One run; how it struck, and how long it took. */
  private record Ran(Workflow workflow, Fault fault, String struckAt, long ms) {}

  @Test
  void everyWorkflowAlsoWorksOnPostgresAlsoWhenACommitsAnswerIsLostOrAnAgentDies()
      throws Exception {
    List<Ran> all = new ArrayList<>();
    long seed = Long.getLong("diskengine.seed", System.nanoTime() & 1);
    System.out.println("WorkflowsOnPostgresTest -Ddiskengine.seed=" + seed);
    try (ScaleDatabase database = ScaleDatabase.start(directory, SETTINGS);
        var threads = Executors.newFixedThreadPool(AT_ONCE)) {
      List<Future<Ran>> running = new ArrayList<>();
      for (Workflow w : Workflow.values()) {
        running.add(threads.submit(() -> run(database, w, Fault.NONE)));
        Fault fault =
            (w.ordinal() + seed) % 2 == 0
                ? Fault.COMMIT_ANSWER_LOST
                : Fault.AGENT_KILLED_AFTER_SEND;
        running.add(threads.submit(() -> run(database, w, fault)));
      }
      for (Future<Ran> one : running) {
        all.add(one.get());
      }
    } catch (ExecutionException e) {
      throw new AssertionError(e.getCause());
    }
    for (Workflow w : Workflow.values()) {
      System.out.print(w);
      all.stream()
          .filter(r -> r.workflow == w)
          .forEach(r -> System.out.printf(" | %s %s %d ms", r.fault, r.struckAt, r.ms));
      System.out.println();
    }
    assertThat(all)
        .filteredOn(r -> r.fault != Fault.NONE)
        .allSatisfy(r -> assertThat(r.struckAt).as("%s", r).isNotEmpty());
  }

  private Ran run(ScaleDatabase server, Workflow workflow, Fault fault) throws Exception {
    String name = (workflow + "_" + fault).toLowerCase(java.util.Locale.ROOT);
    Path dir = Files.createDirectory(directory.resolve(Integer.toString(NAMES.incrementAndGet())));
    long from = System.nanoTime();
    try (PostgresStage stage =
        new PostgresStage(StageDatabase.of(server.beside(name)), dir, workflow.ordinal())) {
      workflow.prepare(stage);
      Strike strike = new Strike(stage, fault);
      stage.setFaults(strike);
      workflow.play(stage);
      stage.awaitSilence();
      String at = strike.struckAt;
      return new Ran(workflow, fault, at == null ? "" : at, (System.nanoTime() - from) / 1_000_000);
    } catch (AssertionError | RuntimeException e) {
      throw new AssertionError(name + ": " + e.getMessage(), e);
    }
  }

  private static final AtomicInteger NAMES = new AtomicInteger();

  /** Called by agents' threads. */
  private static final class Strike implements Crossing.Faults {
    private final PostgresStage stage;
    private final Fault fault;
    private volatile @Nullable String struckAt;

    Strike(PostgresStage stage, Fault fault) {
      this.stage = stage;
      this.fault = fault;
    }

    @Override
    public synchronized Fate at(Crossing c) {
      if (struckAt != null) {
        return Fate.GOES_ON;
      }
      switch (fault) {
        case NONE -> {}
        case COMMIT_ANSWER_LOST -> {
          if (c.line() == Line.AFTER_COMMIT && c.action().contains("BeginIntent")) {
            struckAt = c.node() + " " + c.action();
            return Fate.CUT_OFF;
          }
        }
        case AGENT_KILLED_AFTER_SEND -> {
          if (c.line() == Line.AFTER_SEND && SimWorld.isMutation(c.action())) {
            struckAt = c.node() + " " + c.action();
            stage.killAgent(stage.place(c.node()));
          }
        }
      }
      return Fate.GOES_ON;
    }
  }
}

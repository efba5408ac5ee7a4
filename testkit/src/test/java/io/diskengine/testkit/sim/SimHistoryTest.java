package io.diskengine.testkit.sim;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.testkit.process.ChildProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Random histories: at least one, and more until the given time is over. Seeds are printed, and one
 * seed is one history.
 */
class SimHistoryTest {
  /** 0 is one history. */
  private static final int BUDGET_SECONDS = Integer.getInteger("diskengine.sim.seconds", 60);

  private static final int MIN_HISTORIES_FOR_MEDIAN = 10;
  private static final Duration ANOTHER_JVM = Duration.ofMinutes(3);

  /** What happens in another JVM, where objects, and so sets of enums, have other hashes. */
  static final class AnotherJvm {
    private static final int HASHES = 12_345;
    private static final int COMPARED_FROM = 7;
    private static final int COMPARED_TO = 10;

    private AnotherJvm() {}

    /** The file for what happens here. */
    public static void main(String[] args) throws IOException {
      int hash = 0;
      for (int i = 0; i < HASHES; i++) {
        hash ^= System.identityHashCode(new Object());
      }
      var unused = Files.write(Path.of(args[0]), whatHappens());
      System.out.println("hashes used up: " + hash);
    }

    /** Traces of some histories, and what each workflow of the matrix crosses how often. */
    static List<String> whatHappens() {
      List<String> all = new ArrayList<>();
      for (long seed = COMPARED_FROM; seed <= COMPARED_TO; seed++) {
        all.addAll(SimHistory.trace(seed));
      }
      for (Workflow w : Workflow.values()) {
        all.add(w + " " + SimMatrix.crossings(w, 1).counts());
      }
      return all;
    }
  }

  @Test
  void sameSeedsAreTheSameHistoriesInAnotherJvm(@TempDir Path dir) throws IOException {
    Path trace = dir.resolve("trace");
    String there =
        ChildProcess.run(
            ANOTHER_JVM,
            List.of(
                Objects.requireNonNull(ProcessHandle.current().info().command().orElse("java")),
                "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED",
                "--add-opens",
                "java.base/java.lang=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                AnotherJvm.class.getName(),
                trace.toString()));
    assertThat(there).contains("hashes used up");
    assertThat(Files.readAllLines(trace)).isEqualTo(AnotherJvm.whatHappens());
  }

  @Test
  void sameSeedIsTheSameHistory() {
    List<String> once = SimHistory.trace(7);
    assertThat(once).hasSizeGreaterThan(200);
    assertThat(SimHistory.trace(7)).isEqualTo(once);
    assertThat(SimHistory.trace(8)).isNotEqualTo(once);
  }

  @Test
  void lawsHoldAfterEveryEventOfRandomHistories() {
    long first = Long.getLong("diskengine.seed", 1);
    long until = System.nanoTime() + BUDGET_SECONDS * 1_000_000_000L;
    List<SimHistory.Outcome> outcomes = new ArrayList<>();
    System.out.println("SimHistoryTest -Ddiskengine.seed=" + first);
    long seed = first;
    do {
      outcomes.add(SimHistory.run(seed++));
    } while (System.nanoTime() < until);
    List<Long> actions = outcomes.stream().map(o -> o.actions()).sorted().toList();
    System.out.printf(
        "%d histories, actions: median %d, most %d; virtual hours %.1f; reads checked %d; looks"
            + " inside SPDK's window %d; errors while a disk was full or gone %d%n",
        outcomes.size(),
        actions.get(actions.size() / 2),
        actions.getLast(),
        outcomes.stream().mapToLong(o -> o.virtualMs()).sum() / 3_600_000.0,
        outcomes.stream().mapToLong(o -> o.reads()).sum(),
        outcomes.stream().mapToLong(o -> o.windowHits()).sum(),
        outcomes.stream().mapToLong(o -> o.mediumErrors()).sum());
    if (outcomes.size() >= MIN_HISTORIES_FOR_MEDIAN) {
      assertThat(actions.get(actions.size() / 2)).isGreaterThanOrEqualTo(100);
    }
  }
}

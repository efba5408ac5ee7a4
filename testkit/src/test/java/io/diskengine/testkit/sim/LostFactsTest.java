package io.diskengine.testkit.sim;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.app.EmbeddedDatabase;
import io.diskengine.testkit.sim.Crossing.Fate;
import io.diskengine.testkit.sim.Crossing.Line;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Facts are committed without waiting for the disk (decision 0039). Here PostgreSQL is killed right
 * after such a commit was answered, and started again without it: the agent, which was told that it
 * is on record, says it again.
 */
class LostFactsTest {
  private static final Duration LIMIT = Duration.ofSeconds(30);

  @TempDir Path directory;

  @SuppressWarnings("NullAway.Init") // JUnit sets the field
  LostFactsTest() {}

  /** A kind of write, and where what it says is. */
  private enum Fact {
    LVOL_UP("LvolUp", "SELECT count(*) FROM lvol WHERE state = 'UP'"),
    GRANT_CONFIRMED("GrantConfirmed", "SELECT count(*) FROM lvol_grant WHERE state = 'GRANTED'"),
    ATTACHED("VmMappingChanged", "SELECT count(*) FROM vm_mapping WHERE state = 'ATTACHED'");

    private final String write;
    private final String said;

    Fact(String write, String said) {
      this.write = write;
      this.said = said;
    }
  }

  @ParameterizedTest
  @EnumSource
  void aFactThatIsLostWithPostgresIsSaidAgain(Fact fact) throws Exception {
    Path data = directory.resolve("postgres");
    EmbeddedDatabase database = EmbeddedDatabase.start(data, _ -> {});
    try (PostgresStage stage =
        new PostgresStage(
            StageDatabase.of(database), Files.createDirectory(directory.resolve("stage")), 1)) {
      stage.start();
      try (Connection open = stage.database().owner()) {
        Strike strike = new Strike(stage, data, fact, open);
        stage.setFaults(strike);
        stage.create("v1", 1);
        if (fact != Fact.LVOL_UP) {
          stage.awaitWhole("v1");
          stage.attach("v1", "bm1");
        }
        assertThat(strike.killed.await(LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(strike.onRecord).as("on record before PostgreSQL was killed").isEqualTo(1);
      }
      assertThat(database.onExit().get(LIMIT.toSeconds(), TimeUnit.SECONDS)).isNotNull();

      database = EmbeddedDatabase.start(data, _ -> {});
      assertThat(count(stage.database(), fact)).as("of it after the crash").isZero();

      stage.transactions.letGo();
      stage.awaitWhole("v1");
      if (fact == Fact.LVOL_UP) {
        stage.attach("v1", "bm1");
      }
      stage.awaitAttached("v1", "bm1");
      stage.awaitDesiredState();
      stage.awaitSilence();
      assertThat(count(stage.database(), fact)).as("of it in the end").isEqualTo(1);
    } finally {
      database.close();
    }
  }

  /** Lets the fact's transaction be the only one, and kills PostgreSQL when it has its answer. */
  private static final class Strike implements Crossing.Faults {
    private final PostgresStage stage;
    private final Path data;
    private final Fact fact;
    private final Connection open;
    private final CountDownLatch killed = new CountDownLatch(1);
    private volatile int onRecord;
    private volatile boolean alone;

    Strike(PostgresStage stage, Path data, Fact fact, Connection open) {
      this.stage = stage;
      this.data = data;
      this.fact = fact;
      this.open = open;
    }

    @Override
    public Fate at(Crossing c) {
      boolean here = c.action().contains(fact.write) && !c.action().contains("BeginIntent");
      if (here && c.line() == Line.BEFORE_COMMIT && !alone) {
        alone = true;
        stage.transactions.holdOthers();
      } else if (here && c.line() == Line.AFTER_COMMIT && killed.getCount() > 0) {
        try {
          onRecord = count(open, fact);
          kill(data);
          stage.transactions.holdAll();
        } catch (IOException | SQLException e) {
          stage.broken(e.toString());
        }
        killed.countDown();
      }
      return Fate.GOES_ON;
    }
  }

  /** All of its processes at once: what they had in memory is lost. */
  private static void kill(Path data) throws IOException {
    Path pidFile = data.resolve("data/postmaster.pid");
    long pid = Long.parseLong(Files.readAllLines(pidFile).getFirst().strip());
    ProcessHandle postmaster = ProcessHandle.of(pid).orElseThrow();
    List<ProcessHandle> children = postmaster.children().toList();
    boolean unused = postmaster.destroyForcibly();
    for (ProcessHandle child : children) {
      unused = child.destroyForcibly();
    }
  }

  private static int count(StageDatabase database, Fact fact) throws SQLException {
    try (Connection c = database.owner()) {
      return count(c, fact);
    }
  }

  private static int count(Connection c, Fact fact) throws SQLException {
    try (Statement s = c.createStatement();
        ResultSet r = s.executeQuery(fact.said)) {
      r.next();
      return r.getInt(1);
    }
  }
}

package io.diskengine.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SupervisorTest {
  @TempDir Path dir;

  private final BlockingQueue<String> told = new LinkedBlockingQueue<>();
  private Supervisor supervisor;

  @BeforeEach
  void prepare() throws IOException {
    Supervisor.prepare(dir);
    supervisor = shell("exec sleep 1000");
  }

  @AfterEach
  void stop() {
    supervisor.stop(Duration.ofSeconds(10));
  }

  private Supervisor shell(String script) {
    return new Supervisor("child", () -> List.of("sh", "-c", script), dir, told::add);
  }

  private String nextTold() throws InterruptedException {
    return String.valueOf(told.poll(20, TimeUnit.SECONDS));
  }

  private long pid() throws IOException, InterruptedException {
    Path file = dir.resolve("run/child.pid");
    while (!Files.exists(file) || Files.size(file) == 0) {
      Thread.sleep(5);
    }
    return Long.parseLong(Files.readString(file).strip());
  }

  @Test
  void pausesGrowFromNoneToTheLongest() {
    assertThat(Supervisor.pauseAfter(1)).isZero();
    assertThat(Supervisor.pauseAfter(2)).isEqualTo(Duration.ofMillis(100));
    assertThat(Supervisor.pauseAfter(3)).isEqualTo(Duration.ofMillis(200));
    assertThat(Supervisor.pauseAfter(1_000)).isEqualTo(Supervisor.LONGEST_PAUSE);
  }

  @Test
  void aChildThatWasKilledIsStartedAgainAtOnce() throws Exception {
    supervisor.start();
    long first = pid();
    ProcessHandle.of(first).orElseThrow().destroyForcibly();
    assertThat(nextTold()).contains("child ended with status 137").contains("started again");
    while (pid() == first) {
      Thread.sleep(5);
    }
    assertThat(ProcessHandle.of(pid())).isPresent();
  }

  @Test
  void aHeldChildStaysDownUntilReleased() throws Exception {
    Path hold = dir.resolve("hold/child");
    Files.writeString(hold, "");
    supervisor.start();
    assertThat(nextTold()).contains("stays down while " + hold);
    assertThat(dir.resolve("run/child.pid")).doesNotExist();
    Files.delete(hold);
    assertThat(ProcessHandle.of(pid())).isPresent();
  }

  @Test
  void aStoppedChildGetsSigtermWithItsPipeOpenAndIsNotStartedAgain() throws Exception {
    Path trace = dir.resolve("trace");
    // Whatever ends the pipe before the signal would show up as "pipe".
    supervisor =
        shell(
            """
            trap 'echo term > %s; kill $reader; exit 0' TERM
            exec 3<&0
            (cat <&3 >/dev/null; echo pipe >> %s.pipe) & reader=$!
            echo > %s.up
            while :; do sleep 0.05; done
            """
                .formatted(trace, trace, trace));
    supervisor.start();
    long pid = pid();
    while (!Files.exists(dir.resolve("trace.up"))) {
      Thread.sleep(5);
    }
    supervisor.stop(Duration.ofSeconds(10));
    assertThat(Files.readString(trace)).isEqualTo("term\n");
    assertThat(dir.resolve("trace.pipe")).doesNotExist();
    assertThat(ProcessHandle.of(pid)).isEmpty();
    assertThat(told).isEmpty();
  }

  @Test
  void aChildThatIgnoresSigtermIsKilledAfterTheLimit() throws Exception {
    supervisor =
        shell("trap '' TERM; echo > " + dir.resolve("up") + "; while :; do sleep 0.05; done");
    supervisor.start();
    long pid = pid();
    while (!Files.exists(dir.resolve("up"))) {
      Thread.sleep(5);
    }
    supervisor.stop(Duration.ofMillis(300));
    assertThat(nextTold()).contains("is killed");
    assertThat(ProcessHandle.of(pid)).isEmpty();
  }

  @Test
  void aProgramThatCannotBeStartedIsToldAndTriedAgain() throws Exception {
    supervisor = new Supervisor("child", () -> List.of("/no/such/program"), dir, told::add);
    supervisor.start();
    assertThat(nextTold()).contains("ended with status");
    assertThat(nextTold()).contains("starting again in 100 ms");
  }

  @Test
  void whatAnEarlierRunLeftBehindIsKilledAndNobodyElse() throws Exception {
    supervisor.start();
    long left = pid();
    Process stranger = new ProcessBuilder("sleep", "1000").start();
    try {
      Files.writeString(dir.resolve("run/stranger.pid"), stranger.pid() + "\n");
      Path hold = dir.resolve("hold/child");
      Files.writeString(hold, "");
      Supervisor.prepare(dir);
      assertThat(ProcessHandle.of(left)).isEmpty();
      assertThat(stranger.isAlive()).isTrue();
      assertThat(dir.resolve("run/stranger.pid")).doesNotExist();
    } finally {
      stranger.destroyForcibly().waitFor();
    }
  }
}

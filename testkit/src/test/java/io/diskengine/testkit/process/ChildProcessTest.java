package io.diskengine.testkit.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ChildProcessTest {
  private static final Duration SHORT = Duration.ofSeconds(20);

  /**
   * What the test below kills: starts a child from a thread that ends at once, says its pid, waits.
   */
  static final class Parent {
    public static void main(String[] args) throws InterruptedException {
      Thread starter =
          new Thread(
              () -> System.out.println(ChildProcess.start("sleep", List.of("sleep", "600")).pid()));
      starter.start();
      starter.join();
      Thread.sleep(600_000);
    }
  }

  @Test
  void childOutlivesTheThreadThatStartedItButNotTheKilledJvm() throws Exception {
    CompletableFuture<Long> pid = new CompletableFuture<>();
    String java = System.getProperty("java.home") + "/bin/java";
    String path = System.getProperty("java.class.path");
    try (ChildProcess parent =
        ChildProcess.start(
            "parent",
            List.of(java, "-XX:TieredStopAtLevel=1", "-cp", path, Parent.class.getName()),
            line -> pid.complete(Long.parseLong(line)))) {
      ProcessHandle child = ProcessHandle.of(pid.get(20, TimeUnit.SECONDS)).orElseThrow();
      Thread.sleep(200);
      assertThat(child.isAlive()).isTrue();
      parent.kill();
      child.onExit().get(20, TimeUnit.SECONDS);
      assertThat(child.isAlive()).isFalse();
    }
  }

  /**
   * A blocking read of a pipe keeps the carrier of a virtual thread. The scheduler starts a spare
   * for it, which ends after 30 idle seconds and is not started again: two silent children on two
   * CPUs then stop every virtual thread of the JVM.
   */
  @Test
  void outputIsReadByAPlatformThread() {
    try (ChildProcess child = ChildProcess.start("silent", List.of("sleep", "600"))) {
      assertThat(child.alive()).isTrue();
      assertThat(Thread.getAllStackTraces().keySet()) // platform threads only
          .anyMatch(thread -> thread.getName().equals("silent-output"));
    }
  }

  @Test
  void runAnswersTheOutputAndAFailureCarriesIt() {
    assertThat(ChildProcess.run(SHORT, List.of("sh", "-c", "echo one; echo two >&2")))
        .isEqualTo("one\ntwo");
    assertThatThrownBy(() -> ChildProcess.run(SHORT, List.of("sh", "-c", "echo why; exit 3")))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("exit code 3")
        .hasMessageContaining("why");
  }

  @Test
  void aCommandThatDoesNotEndInTimeIsAnErrorAndIsKilled() {
    try (ChildProcess child = ChildProcess.start("sleep", List.of("sleep", "600"))) {
      assertThatThrownBy(() -> child.await(Duration.ofMillis(50)))
          .hasMessageContaining("still runs");
      child.kill();
      assertThat(child.alive()).isFalse();
      assertThat(child.await(SHORT)).isEqualTo(137);
    }
  }
}

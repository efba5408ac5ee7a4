package io.diskengine.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class MainTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... args) {
    CommandLine command = Main.commandLine();
    command.setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true));
    return command.execute(args);
  }

  @Test
  void versionNamesTheProgram() {
    assertThat(run("--version")).isZero();
    assertThat(out.toString()).startsWith("diskengine ");
  }

  @Test
  void helpDocumentsTheExitCodes() {
    assertThat(run("--help")).isZero();
    assertThat(out.toString()).contains("Exit codes:").contains("JDK 25");
  }

  @Test
  void anUnknownCommandIsNamedAndExitsWithTwo() {
    assertThat(run("volumee")).isEqualTo(2);
    assertThat(err.toString()).contains("volumee");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void noCommandExitsWithTwoAndPrintsUsage() {
    assertThat(run()).isEqualTo(2);
    assertThat(err.toString()).contains("Missing command").contains("Usage: diskengine");
  }
}

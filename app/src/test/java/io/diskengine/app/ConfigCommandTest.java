package io.diskengine.app;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.Engine;
import io.diskengine.engine.EngineOptions;
import io.diskengine.engine.reactor.ReactorOptions;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

final class ConfigCommandTest {
  @TempDir private Path temp;
  private String socket = "";
  private Path file = Path.of("");

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @BeforeEach
  void names() {
    socket = temp.resolve("spdk.sock").toString();
    file = temp.resolve("config.json");
  }

  private Engine engine(boolean waitForRpc) throws IOException {
    return Engine.start(new EngineOptions(socket, temp, waitForRpc, ReactorOptions.of(1)));
  }

  private int run(String... args) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    CommandLine command = Main.commandLine();
    command.setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true));
    return command.execute(args);
  }

  private int config(String what) {
    return run("config", what, "-s", socket, file.toString());
  }

  private void malloc(String name) {
    assertThat(
            run(
                "rpc",
                "-s",
                socket,
                "bdev_malloc_create",
                "{\"name\":\"%s\",\"num_blocks\":2048,\"block_size\":512}".formatted(name)))
        .isZero();
  }

  private void assertOneErrorLine(String text) {
    assertThat(err.toString().strip().lines()).hasSize(1);
    assertThat(err.toString()).contains(text);
  }

  @Test
  void whatIsSavedIsReplayedAndThenDoesNotDiffer() throws IOException {
    try (Engine engine = engine(false)) {
      malloc("M0");
      assertThat(config("save")).isZero();
      assertThat(out.toString()).matches("saved \\d+ entries of \\d+ subsystems\n");
      assertThat(Files.getPosixFilePermissions(file)).hasSize(2);
      assertThat(config("diff")).isZero();
      assertThat(out.toString()).isEqualTo("no difference\n");
    }
    try (Engine engine = engine(true)) {
      assertThat(config("replay")).as(out::toString).isZero();
      assertThat(out.toString()).containsPattern("bdev bdev_malloc_create \\{.*M0.*}: ok\n");
      assertThat(out.toString()).endsWith(", 0 failed\n");
      assertThat(config("diff")).as(out::toString).isZero();
    }
  }

  @Test
  void whatIsOnlyInTheFileAndOnlyRunningIsNamed() throws IOException {
    try (Engine engine = engine(false)) {
      malloc("M0");
      assertThat(config("save")).isZero();
      malloc("M1");
      assertThat(run("rpc", "-s", socket, "bdev_malloc_delete", "{\"name\":\"M0\"}")).isZero();
      assertThat(config("diff")).isEqualTo(1);
      assertThat(out.toString().lines().toList()).hasSize(2);
      assertThat(out.toString().lines().toList().get(0))
          .startsWith("- bdev_malloc_create {")
          .contains("M0");
      assertThat(out.toString().lines().toList().get(1))
          .startsWith("+ bdev_malloc_create {")
          .contains("M1");
    }
  }

  @Test
  void thePreviousDumpIsKept() throws IOException {
    try (Engine engine = engine(false)) {
      assertThat(config("save")).isZero();
      String first = Files.readString(file);
      malloc("M0");
      assertThat(config("save")).isZero();
      assertThat(Files.readString(ConfigDump.previous(file))).isEqualTo(first);
      assertThat(Files.readString(file)).contains("M0");
      malloc("M1");
      assertThat(config("save")).isZero();
      assertThat(Files.readString(ConfigDump.previous(file))).contains("M0").doesNotContain("M1");
      try (var files = Files.list(temp)) {
        assertThat(files.map(f -> f.getFileName().toString()))
            .contains("config.json", "config.json.previous")
            .doesNotContain("config.json.new");
      }
    }
  }

  @Test
  void aDumpThatCannotBeWrittenLeavesTheOldOne() throws IOException {
    file = temp.resolve("not-there/config.json");
    try (Engine engine = engine(false)) {
      assertThat(config("save")).isEqualTo(1);
      assertOneErrorLine("not-there/config.json could not be written");
    }
  }

  @Test
  void everyEntryHasAnOutcomeInTwoPhases() throws IOException {
    Files.writeString(
        file,
        """
        /* made by hand */
        {"subsystems": [{"subsystem": "bdev", "config": [
          {"method": "bdev_malloc_create", "params": {"name": "M0", "num_blocks": 2048, "block_size": 512}},
          {"method": "no_such_method"},
          {"method": "bdev_malloc_create", "params": {"name": "M0", "num_blocks": 2048, "block_size": 512}},
          {"method": "bdev_set_options", "params": {"bdev_auto_examine": false}},
          {"method": "bdev_malloc_create", "params": {"name": "M1", "num_blocks": 2048, "block_size": 512}}
        ]}, {"subsystem": "nbd", "config": null}]}
        """);
    try (Engine engine = engine(true)) {
      assertThat(config("replay")).isEqualTo(1);
      assertThat(out.toString().lines().map(l -> l.replaceAll(" \\{.*}", "")))
          .containsExactly(
              "bdev bdev_set_options: ok",
              "bdev bdev_malloc_create: ok",
              "bdev no_such_method: -32601 METHOD_NOT_FOUND: Method not found",
              "bdev bdev_malloc_create: -17 EEXIST: File exists",
              "bdev bdev_malloc_create: ok",
              "5 entries, 2 failed");
      assertThat(config("replay")).isEqualTo(1);
      assertThat(out.toString()).endsWith("5 entries, 5 failed\n");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{|is not JSON, line 1",
        "[]|must be an object with the array \"subsystems\"",
        "{\"subsystems\":[{}]}|a subsystem needs a name",
        "{\"subsystems\":[{\"subsystem\":\"bdev\",\"config\":[{\"params\":{}}]}]}|it needs a method",
        "{\"subsystems\":[{\"subsystem\":\"b\",\"config\":[{\"method\":\"m\",\"params\":[]}]}]}|params as an object"
      })
  void whatIsNoDumpIsRefused(String content, String rule) throws IOException {
    Files.writeString(file, content);
    for (String command : new String[] {"diff", "replay"}) {
      assertThat(config(command)).isEqualTo(2);
      assertOneErrorLine(rule);
    }
  }

  @Test
  void withoutAFileOrADataPlaneOneLineSaysSo() throws IOException {
    assertThat(config("replay")).isEqualTo(2);
    assertOneErrorLine("is no file");
    assertThat(config("save")).isEqualTo(69);
    assertOneErrorLine("is the data plane running with -r " + socket);
    Files.writeString(file, "{\"subsystems\":[]}");
    assertThat(config("diff")).isEqualTo(69);
    assertThat(config("replay")).isEqualTo(69);
    assertThat(run("config")).isEqualTo(2);
    assertOneErrorLine("Missing command: ");
  }
}

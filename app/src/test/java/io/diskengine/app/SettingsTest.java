package io.diskengine.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

class SettingsTest {
  @TempDir Path dir;

  private static Settings settings(Map<String, String> environment, String... args) {
    CommandLine command = new CommandLine(new StorageNodeCommand());
    command.parseArgs(args);
    return new Settings(command.getCommandSpec(), environment);
  }

  private Path file(String... lines) throws IOException {
    return Files.write(dir.resolve("settings"), List.of(lines));
  }

  @Test
  void aFlagBeatsTheEnvironmentWhichBeatsTheFile() throws IOException {
    String file = file("node = of-file", "state-dir = /file", "db-url = jdbc:x").toString();
    Map<String, String> environment =
        Map.of(
            "DISKENGINE_NODE", "of-env", "DISKENGINE_STATE_DIR", "/env", "DISKENGINE_CONFIG", file);
    Settings settings = settings(environment, "--node", "of-flag");
    assertThat(settings.find("node")).hasValue(new Settings.Setting("of-flag", "--node"));
    assertThat(settings.find("state-dir"))
        .hasValue(new Settings.Setting("/env", "DISKENGINE_STATE_DIR"));
    assertThat(settings.find("db-url")).hasValue(new Settings.Setting("jdbc:x", file + ", db-url"));
    assertThat(settings.find("failure-domain")).isEmpty();
  }

  @Test
  void olderNamesOfTheEnvironmentAreTakenAfterOurs() {
    Map<String, String> both = Map.of("SPDK_RPC_SOCK", "/old", "DISKENGINE_SPDK_SOCKET", "/new");
    assertThat(settings(both).find("spdk-socket", "SPDK_RPC_SOCK").orElseThrow().text())
        .isEqualTo("/new");
    assertThat(
            settings(Map.of("SPDK_RPC_SOCK", "/old"))
                .find("spdk-socket", "SPDK_RPC_SOCK")
                .orElseThrow()
                .text())
        .isEqualTo("/old");
  }

  @Test
  void severalValuesOfAFlagAreJoinedAsTheEnvironmentHasThem() {
    assertThat(settings(Map.of(), "--disk", "/a", "--disk", "/b").find("disk").orElseThrow().text())
        .isEqualTo("/a,/b");
  }

  @Test
  void anUnknownKeyInTheFileIsNamed() throws IOException {
    String file = file("nodename = sn1").toString();
    assertThatThrownBy(() -> settings(Map.of(), "--config", file))
        .isInstanceOf(ParameterException.class)
        .hasMessageContaining("\"nodename\" is no setting");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          controller   | --db-url mysql://x                     | mysql://x
          controller   | --api-listen nowhere                   | "nowhere"
          controller   | --api-listen 127.0.0.1:70000           | 70000
          controller   | --api-listen 0.0.0.0:7600              | token file
          controller   | --db-password-file /no/such/file       | /no/such/file
          storage-node | --node UPPER                           | "UPPER"
          storage-node | --node x --listen tcp:1.2.3:4420       | tcp:1.2.3:4420
          storage-node | --node x --disk /no/such/disk          | /no/such/disk
          storage-node | --node x --failure-domain 'a/b'        | a/b
          baremetal    | --node                                 | --node
          baremetal    | --node x --db-user 'drop table'        | drop table
          baremetal    | --node x --spdk-socket host:99999      | 99999
          up           | --disk-size 5GB                        | 5GB
          up           | --api-port 0                           | --api-port 0
          up           | --api-port 4421                        | 4421
          up           | --nvmf-port 65535                      | 65536
          """)
  void aBadValueIsOneLineWithTheValueAndExitCodeTwo(String command, String wrong, String shown)
      throws IOException {
    List<String> args = new ArrayList<>(List.of(command));
    for (String word : wrong.split(" (?=(?:[^']*'[^']*')*[^']*$)")) {
      args.add(word.replace("'", ""));
    }
    if (!command.equals("up")) {
      Path password = Files.writeString(dir.resolve("password"), "secret");
      Path disk = Files.writeString(dir.resolve("disk"), "");
      Map<String, String> rest =
          Map.of(
              "--db-url",
              "jdbc:postgresql://127.0.0.1:1/x",
              "--db-password-file",
              password.toString());
      rest.forEach((option, value) -> add(args, option, value));
      if (command.equals("storage-node")) {
        add(args, "--listen", "tcp:127.0.0.1:4420");
        add(args, "--disk", disk.toString());
      }
      if (!command.equals("controller")) {
        add(args, "--state-dir", dir.resolve("state").toString());
      }
    }
    StringWriter err = new StringWriter();
    CommandLine main = Main.commandLine().setErr(new PrintWriter(err, true));
    assertThat(main.execute(args.toArray(String[]::new))).isEqualTo(2);
    assertThat(err.toString().lines()).singleElement().asString().contains(shown);
    assertThat(dir.resolve("state")).doesNotExist();
  }

  private static void add(List<String> args, String option, String value) {
    if (!args.contains(option)) {
      args.addAll(List.of(option, value));
    }
  }
}

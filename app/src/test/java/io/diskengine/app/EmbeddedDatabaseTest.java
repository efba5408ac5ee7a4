package io.diskengine.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.diskengine.app.EmbeddedDatabase.Role;
import io.diskengine.store.Database;
import io.diskengine.store.PostgresControllerStore;
import io.diskengine.store.StoreConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class EmbeddedDatabaseTest {
  @TempDir private Path temp;

  private PostgresControllerStore controller(EmbeddedDatabase database) throws IOException {
    return new PostgresControllerStore(
        new Database(
            StoreConfig.forController(
                database.url(), Role.CONTROLLER.user(), database.password(Role.CONTROLLER))));
  }

  @Test
  void keepsItsDataIsSafeAndStopsWithItsOwner() throws Exception {
    Path directory = temp.resolve("postgresql");
    List<String> steps = new ArrayList<>();
    String clusterId;
    String url;
    try (EmbeddedDatabase first = EmbeddedDatabase.start(directory, steps::add)) {
      url = first.url();
      try (PostgresControllerStore store = controller(first)) {
        assertThat(store.database().serverProblems()).isEmpty();
        clusterId = store.cluster().id();
      }
      for (Role role : Role.values()) {
        assertThat(Files.getPosixFilePermissions(first.passwordFile(role)))
            .isEqualTo(PosixFilePermissions.fromString("rw-------"));
      }
      assertThatThrownBy(() -> DriverManager.getConnection(first.url(), Role.OWNER.user(), "guess"))
          .isInstanceOf(SQLException.class)
          .hasMessageContaining("password authentication failed");
      assertThat(first.statistics().statements()).isPositive();
      assertThat(steps).hasSize(2);
    }
    assertThatThrownBy(() -> DriverManager.getConnection(url, "x", "y"))
        .hasMessageContaining("refused");

    try (EmbeddedDatabase second = EmbeddedDatabase.start(directory, steps::add)) {
      assertThat(second.url()).isEqualTo(url);
      try (PostgresControllerStore store = controller(second)) {
        assertThat(store.cluster().id()).isEqualTo(clusterId);
      }
      assertThat(steps).hasSize(2);
      kill(directory);
      second.onExit().get(30, TimeUnit.SECONDS);
    }
    try (EmbeddedDatabase recovered = EmbeddedDatabase.start(directory, steps::add);
        PostgresControllerStore store = controller(recovered)) {
      assertThat(store.cluster().id()).isEqualTo(clusterId);
    }
  }

  /** As an out-of-memory killer would: the server only, not its watcher. */
  private static void kill(Path directory) throws IOException {
    String pid = Files.readAllLines(directory.resolve("data/postmaster.pid")).getFirst().trim();
    ProcessHandle.of(Long.parseLong(pid)).orElseThrow().destroyForcibly();
  }

  @Test
  void serverShutsDownWhenItsOwnerIsKilled() throws Exception {
    Path directory = temp.resolve("postgresql");
    Process owner =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Owner.class.getName(),
                directory.toString())
            .redirectErrorStream(true)
            .start();
    String pid;
    try (var output = owner.inputReader()) {
      String line = output.readLine();
      while (line != null && !line.startsWith("ready ")) {
        line = output.readLine();
      }
      assertThat(line).startsWith("ready ");
      pid = Files.readAllLines(directory.resolve("data/postmaster.pid")).getFirst().trim();
      owner.destroyForcibly();
    }
    ProcessHandle server = ProcessHandle.of(Long.parseLong(pid)).orElseThrow();
    server.onExit().get(30, TimeUnit.SECONDS);
    assertThat(directory.resolve("data/postmaster.pid")).doesNotExist();
  }

  @Test
  void rootWithoutUserNamespacesRunsItAsNobody() throws Exception {
    assumeThat(Unprivileged.isRoot()).as("only root needs another user").isTrue();
    Files.setPosixFilePermissions(temp, PosixFilePermissions.fromString("rwx--x--x"));
    Path directory = temp.resolve("postgresql");
    for (int i = 0; i < 2; i++) {
      try (EmbeddedDatabase database =
              EmbeddedDatabase.start(directory, step -> {}, Unprivileged.asNobody());
          PostgresControllerStore store = controller(database)) {
        assertThat(store.cluster().id()).isNotEmpty();
        assertThat(Files.getOwner(directory.resolve("data")).getName()).isEqualTo("nobody");
        assertThat(Files.getOwner(database.passwordFile(Role.OWNER)).getName()).isEqualTo("root");
      }
    }
  }

  /** A process that starts the database and is killed by the test. */
  static final class Owner {
    public static void main(String[] args) throws Exception {
      EmbeddedDatabase database = EmbeddedDatabase.start(Path.of(args[0]), step -> {});
      System.out.println("ready " + database.url());
      database.onExit().join();
    }
  }
}

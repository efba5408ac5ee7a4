package io.diskengine.store;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;

/**
 * The PostgreSQL servers of the suite, each started once per JVM, without fsync, with one migrated
 * database that every test finds empty.
 */
enum Server {
  EMBEDDED_18 {
    @Override
    int start() throws IOException {
      return EmbeddedPostgres.builder().start().getPort();
    }
  },
  DEBIAN_15 {
    @Override
    int start() throws IOException {
      return startDebian();
    }
  };

  static final String PASSWORD = "test-only";
  private static final Path DEBIAN_BIN = Path.of("/usr/lib/postgresql/15/bin");
  private static final String DATABASE = "diskengine";
  private static final String EMPTY =
      "TRUNCATE diskengine.node, diskengine.disk, diskengine.volume, diskengine.lvol,"
          + " diskengine.volume_mapping, diskengine.vm_mapping, diskengine.lvol_grant,"
          + " diskengine.intent, diskengine.event, diskengine.reason, diskengine.plan_request,"
          + " diskengine.cluster RESTART IDENTITY;"
          + " INSERT INTO diskengine.cluster SELECT * FROM public.first_cluster";
  private static final int START_TIMEOUT_SEC = 60;
  private int port;
  private @Nullable Exception failure;

  abstract int start() throws IOException;

  /** URL of the database, emptied; aborts the test, loudly, when the server is not there. */
  synchronized String emptyDatabase() {
    if (this == DEBIAN_15 && !Files.isExecutable(DEBIAN_BIN.resolve("initdb"))) {
      String why = "ABORTED: PostgreSQL 15 is not installed: apt-get install postgresql-15";
      System.err.println(why);
      Assumptions.abort(why);
    }
    if (port == 0) {
      startAndMigrate();
    }
    execute(url(DATABASE), EMPTY);
    return url(DATABASE);
  }

  private void startAndMigrate() {
    if (failure != null) {
      throw new IllegalStateException("did not start", failure);
    }
    try {
      port = start();
      execute(url("postgres"), "CREATE DATABASE " + DATABASE);
      Migrations.migrate(url(DATABASE), "postgres", "", "test", "nqn.2026-11.io.diskengine");
      execute(
          url(DATABASE), "CREATE TABLE public.first_cluster AS SELECT * FROM diskengine.cluster");
      for (String role : List.of("diskengine_controller", "diskengine_agent")) {
        execute(url("postgres"), "ALTER ROLE " + role + " LOGIN PASSWORD '" + PASSWORD + "'");
      }
    } catch (IOException | RuntimeException e) {
      failure = e;
      throw new IllegalStateException(this + " did not start", e);
    }
  }

  private String url(String database) {
    return "jdbc:postgresql://127.0.0.1:" + port + "/" + database;
  }

  /** As the superuser. */
  static void execute(String url, String sql) {
    try (Connection c = DriverManager.getConnection(url, "postgres", "");
        Statement s = c.createStatement()) {
      s.execute(sql);
    } catch (SQLException e) {
      throw new IllegalStateException(sql, e);
    }
  }

  private static int startDebian() throws IOException {
    Path dir = Files.createTempDirectory("diskengine-pg15-");
    Path data = dir.resolve("data");
    List<String> unprivileged = new ArrayList<>();
    if (System.getProperty("user.name").equals("root")) {
      Files.setOwner(
          dir, dir.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName("nobody"));
      unprivileged.addAll(List.of("setpriv", "--reuid=nobody", "--clear-groups"));
    }
    List<String> initdb = new ArrayList<>(unprivileged);
    initdb.addAll(List.of(DEBIAN_BIN + "/initdb", "-D", data.toString(), "-U", "postgres"));
    initdb.addAll(List.of("-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"));
    run(dir, initdb).onExit().join();
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    List<String> postgres = new ArrayList<>(unprivileged);
    postgres.addAll(List.of(DEBIAN_BIN + "/postgres", "-D", data.toString(), "-p", "" + port));
    for (String setting :
        List.of(
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "full_page_writes=off",
            "max_connections=100")) {
      postgres.addAll(List.of("-c", setting));
    }
    Process server = run(dir, postgres);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(server, dir)));
    awaitConnection(port, server, dir);
    return port;
  }

  private static Process run(Path dir, List<String> command) throws IOException {
    return new ProcessBuilder(command)
        .directory(dir.toFile())
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(dir.resolve("log").toFile()))
        .start();
  }

  private static void awaitConnection(int port, Process server, Path dir) throws IOException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_TIMEOUT_SEC);
    while (System.nanoTime() < deadline && server.isAlive()) {
      try (Connection c =
          DriverManager.getConnection(
              "jdbc:postgresql://127.0.0.1:" + port + "/postgres", "postgres", "")) {
        return;
      } catch (SQLException notYet) {
        try {
          Thread.sleep(50);
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
      }
    }
    throw new IOException("PostgreSQL 15 did not start: " + Files.readString(dir.resolve("log")));
  }

  private static void stop(Process server, Path dir) {
    server.toHandle().destroy();
    try {
      if (!server.waitFor(2, TimeUnit.SECONDS)) {
        server.destroyForcibly().waitFor(5, TimeUnit.SECONDS);
      }
      try (Stream<Path> files = Files.walk(dir)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.deleteIfExists(file);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}

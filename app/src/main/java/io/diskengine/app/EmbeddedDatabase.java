package io.diskengine.app;

import io.diskengine.model.Names;
import io.diskengine.store.Migrations;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * The PostgreSQL of {@code up}: a server process of its own on loopback, every commit flushed to
 * disk, all state in one directory that later starts find again.
 *
 * <p>Directory: {@code server/} binaries, {@code data/}, {@code log}, {@code port}, {@code
 * *.password} (0600, scram). The server has its own session, so that Ctrl-C reaches it only through
 * {@link #close}, and a pipe to this process: when this process dies in any way, it shuts down.
 */
public final class EmbeddedDatabase implements AutoCloseable {
  /** Who may connect; each has a password file in the directory. */
  public enum Role {
    OWNER("diskengine_owner"),
    CONTROLLER("diskengine_controller"),
    AGENT("diskengine_agent");

    private final String user;

    Role(String user) {
      this.user = user;
    }

    public String user() {
      return user;
    }
  }

  /**
   * What all clients together asked since the statistics began.
   *
   * @param statements {@code BEGIN} and {@code COMMIT} included
   * @param commits transactions that ended well, those that only read included
   */
  public record Statistics(long statements, long commits) {}

  private static final String DATABASE = "diskengine";
  private static final Duration START_LIMIT = Duration.ofSeconds(120);
  private static final Duration STOP_LIMIT = Duration.ofSeconds(60);
  private static final int MAX_CONNECTIONS = 60;
  private static final long MAX_LOG_BYTES = 10 << 20;

  /**
   * A start may fail once or twice: the port was taken just now, or the last processes of a server
   * that was killed are still about to notice.
   */
  private static final int START_ATTEMPTS = 3;

  private static final long RETRY_PAUSE_MS = 1_000;
  private static final int POLL_MS = 20;

  /**
   * Runs the server beside a watcher of standard input; its end, when we close it or die, is the
   * order to shut down fast (SIGINT).
   */
  private static final String WATCHED =
      """
      exec 3<&0
      "$@" </dev/null 3<&- &
      server=$!
      ( cat <&3 >/dev/null; kill -INT $server 2>/dev/null ) &
      watcher=$!
      exec 3<&-
      wait $server
      status=$?
      kill $watcher 2>/dev/null
      exit $status
      """;

  private final Path directory;
  private final int port;
  private final Process process;

  private EmbeddedDatabase(Path directory, int port, Process process) {
    this.directory = directory;
    this.port = port;
    this.process = process;
  }

  /**
   * Starts the server, initialising it on first use, and migrates the schema.
   *
   * @param directory for this database only; created 0700
   * @param progress told each step that takes time
   * @throws IOException with one line that says what failed and where the log is
   */
  public static EmbeddedDatabase start(Path directory, Consumer<String> progress)
      throws IOException {
    return start(directory, progress, Unprivileged.here());
  }

  static EmbeddedDatabase start(
      Path directory, Consumer<String> progress, Unprivileged unprivileged) throws IOException {
    Path dir = directory.toAbsolutePath().normalize();
    PrivateFiles.createDirectory(dir);
    unprivileged.give(dir);
    Path server = PostgresBinaries.unpack(dir.resolve("server"), progress);
    unprivileged.giveTree(dir.resolve("server"));
    for (Role role : Role.values()) {
      PrivateFiles.passwordIn(passwordFile(dir, role));
    }
    Path data = dir.resolve("data");
    awaitFormerServer(data, progress);
    if (!Files.exists(data)) {
      progress.accept("initialising PostgreSQL in " + data);
      initialise(dir, server, data, unprivileged);
    }
    rotate(dir.resolve("log"));
    for (int attempt = 1; ; attempt++) {
      int port = port(dir.resolve("port"));
      Process process = launch(dir, server, data, port, unprivileged);
      EmbeddedDatabase database = new EmbeddedDatabase(dir, port, process);
      try {
        database.awaitReady();
        database.prepare();
        return database;
      } catch (IOException | RuntimeException e) {
        boolean died = !process.isAlive();
        database.close();
        if (!died || attempt == START_ATTEMPTS) {
          throw e;
        }
        progress.accept("PostgreSQL ended while it started, trying again");
        pause(RETRY_PAUSE_MS);
      }
    }
  }

  private static void pause(long ms) throws IOException {
    try {
      Thread.sleep(ms);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while PostgreSQL was starting", e);
    }
  }

  private static void rotate(Path log) throws IOException {
    if (Files.exists(log) && Files.size(log) > MAX_LOG_BYTES) {
      Files.move(log, log.resolveSibling("log.1"), StandardCopyOption.REPLACE_EXISTING);
    }
  }

  /** JDBC URL of the diskengine database. */
  public String url() {
    return url(DATABASE);
  }

  private String url(String database) {
    return "jdbc:postgresql://127.0.0.1:" + port + "/" + database;
  }

  public Path passwordFile(Role role) {
    return passwordFile(directory, role);
  }

  private static Path passwordFile(Path directory, Role role) {
    return directory.resolve(role.name().toLowerCase(java.util.Locale.ROOT) + ".password");
  }

  public String password(Role role) throws IOException {
    return PrivateFiles.passwordIn(passwordFile(role));
  }

  /** Completes when the server's process ended, by {@link #close} or by itself. */
  public CompletableFuture<Process> onExit() {
    return process.onExit();
  }

  public Statistics statistics() throws IOException {
    try (Connection c = connect(DATABASE);
        Statement s = c.createStatement();
        ResultSet r =
            s.executeQuery(
                "SELECT (SELECT sum(calls) FROM pg_stat_statements), xact_commit"
                    + " FROM pg_stat_database WHERE datname = current_database()")) {
      r.next();
      return new Statistics(r.getLong(1), r.getLong(2));
    } catch (SQLException e) {
      throw new IOException("PostgreSQL statistics: " + e.getMessage(), e);
    }
  }

  private Connection connect(String database) throws IOException, SQLException {
    return DriverManager.getConnection(url(database), Role.OWNER.user(), password(Role.OWNER));
  }

  /** A server of a process that was killed shuts itself down: give it the time, then insist. */
  private static void awaitFormerServer(Path data, Consumer<String> progress) throws IOException {
    Path pidFile = data.resolve("postmaster.pid");
    if (!Files.exists(pidFile)) {
      return;
    }
    List<String> lines = Files.readAllLines(pidFile);
    if (lines.isEmpty()) {
      return;
    }
    Optional<ProcessHandle> former =
        ProcessHandle.of(Long.parseLong(lines.getFirst().trim())).filter(p -> serves(p, data));
    if (former.isEmpty()) {
      return;
    }
    progress.accept("waiting for the former PostgreSQL, pid " + former.get().pid() + ", to stop");
    try {
      former.get().onExit().orTimeout(10, TimeUnit.SECONDS).join();
    } catch (java.util.concurrent.CompletionException stillThere) {
      new ProcessBuilder("kill", "-INT", Long.toString(former.get().pid())).start();
      try {
        former.get().onExit().orTimeout(STOP_LIMIT.toSeconds(), TimeUnit.SECONDS).join();
      } catch (java.util.concurrent.CompletionException e) {
        throw new IOException(
            "PostgreSQL, pid " + former.get().pid() + ", still serves " + data + ": stop it", e);
      }
    }
  }

  private static boolean serves(ProcessHandle process, Path data) {
    try {
      String command = Files.readString(Path.of("/proc/" + process.pid() + "/cmdline"));
      return command.contains("\0-D\0" + data + "\0");
    } catch (IOException gone) {
      return false;
    }
  }

  /** Under another name first: a data directory exists only when it is complete. */
  private static void initialise(Path dir, Path server, Path data, Unprivileged unprivileged)
      throws IOException {
    Path fresh = dir.resolve("data.new");
    PrivateFiles.deleteTree(fresh);
    PrivateFiles.createDirectory(fresh);
    Path passwordFile = fresh.resolveSibling("data.new.password");
    Files.copy(passwordFile(dir, Role.OWNER), passwordFile, StandardCopyOption.REPLACE_EXISTING);
    unprivileged.give(fresh);
    unprivileged.give(passwordFile);
    List<String> command = new ArrayList<>(unprivileged.prefix());
    command.addAll(List.of(server.resolve("bin/initdb").toString(), "-D", fresh.toString()));
    command.addAll(List.of("-U", Role.OWNER.user(), "-A", "scram-sha-256"));
    command.addAll(List.of("--pwfile", passwordFile.toString(), "-E", "UTF8", "--locale=C"));
    command.addAll(List.of("--data-checksums", "--no-instructions"));
    Process initdb = process(dir, command).start();
    int status = initdb.onExit().join().exitValue();
    Files.delete(passwordFile);
    if (status != 0) {
      throw new IOException("initdb failed (status " + status + "): see " + dir.resolve("log"));
    }
    Files.move(fresh, data, StandardCopyOption.ATOMIC_MOVE);
  }

  private static Process launch(
      Path dir, Path server, Path data, int port, Unprivileged unprivileged) throws IOException {
    List<String> command = new ArrayList<>(List.of("setsid", "sh", "-c", WATCHED, "postgres"));
    command.addAll(unprivileged.prefix());
    command.addAll(List.of(server.resolve("bin/postgres").toString(), "-D", data.toString()));
    for (String setting :
        List.of(
            "listen_addresses=127.0.0.1",
            "port=" + port,
            "unix_socket_directories=",
            "fsync=on",
            "full_page_writes=on",
            "synchronous_commit=on",
            "max_connections=" + MAX_CONNECTIONS,
            "shared_buffers=32MB",
            "max_wal_size=256MB",
            // Leases are renewed all the time: what follows a write by the clock is done seldom.
            "checkpoint_timeout=15min",
            "wal_writer_delay=10s",
            // Nothing replicates from here; no idle workers.
            "wal_level=minimal",
            "max_wal_senders=0",
            "max_logical_replication_workers=0",
            "io_method=sync",
            "jit=off",
            "shared_preload_libraries=pg_stat_statements",
            "log_line_prefix=%m [%p] %a ",
            "log_checkpoints=off",
            "log_timezone=UTC",
            "timezone=UTC")) {
      command.addAll(List.of("-c", setting));
    }
    return process(dir, command).start();
  }

  private static ProcessBuilder process(Path dir, List<String> command) {
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(dir.toFile())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(dir.resolve("log").toFile()));
    builder.environment().put("LC_ALL", "C");
    return builder;
  }

  /** The port of the last start while it is free: clients that outlived us find the server. */
  private static int port(Path file) throws IOException {
    if (Files.exists(file)) {
      int port = Integer.parseInt(Files.readString(file).trim());
      try (ServerSocket probe = new ServerSocket()) {
        probe.setReuseAddress(true);
        probe.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        return port;
      } catch (IOException taken) {
        // another one below
      }
    }
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      Files.writeString(file, Integer.toString(free.getLocalPort()));
      return free.getLocalPort();
    }
  }

  private void awaitReady() throws IOException {
    long deadlineNs = System.nanoTime() + START_LIMIT.toNanos();
    String last = "";
    while (process.isAlive() && System.nanoTime() < deadlineNs) {
      try (Connection c = connect("postgres")) {
        return;
      } catch (SQLException e) {
        last = String.valueOf(e.getMessage());
        if ("28P01".equals(e.getSQLState())) {
          break; // wrong password: waiting does not help
        }
      }
      try {
        if (process.waitFor(POLL_MS, TimeUnit.MILLISECONDS)) {
          break;
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted while PostgreSQL was starting", e);
      }
    }
    throw new IOException(
        "PostgreSQL did not start (" + last + "): see " + directory.resolve("log"));
  }

  private void prepare() throws IOException {
    try {
      try (Connection c = connect("postgres");
          Statement s = c.createStatement();
          ResultSet r =
              s.executeQuery("SELECT 1 FROM pg_database WHERE datname = '" + DATABASE + "'")) {
        if (!r.next()) {
          try (Statement create = c.createStatement()) {
            create.execute("CREATE DATABASE " + DATABASE);
          }
        }
      }
      Migrations.migrate(
          url(),
          Role.OWNER.user(),
          password(Role.OWNER),
          Migrations.newClusterId(),
          Names.DEFAULT_NQN_PREFIX);
      try (Connection c = connect(DATABASE);
          Statement s = c.createStatement()) {
        s.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements");
        for (Role role : List.of(Role.CONTROLLER, Role.AGENT)) {
          // generated: letters and digits only
          s.execute("ALTER ROLE " + role.user() + " LOGIN PASSWORD '" + password(role) + "'");
        }
      }
    } catch (SQLException e) {
      throw new IOException("PostgreSQL could not be prepared: " + e.getMessage(), e);
    }
  }

  /**
   * Fast shutdown: clients are disconnected, everything committed is on disk. Waits for the end.
   */
  @Override
  public void close() throws IOException {
    process.getOutputStream().close();
    try {
      if (!process.waitFor(STOP_LIMIT.toSeconds(), TimeUnit.SECONDS)) {
        throw new IOException("PostgreSQL, pid " + process.pid() + ", does not stop");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}

package io.diskengine.testkit.scale;

import io.diskengine.store.Database;
import io.diskengine.store.Migrations;
import io.diskengine.store.PostgresControllerStore;
import io.diskengine.store.StoreConfig;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Map;

/** A migrated, empty database on a PostgreSQL of its own. */
public final class ScaleDatabase implements AutoCloseable {
  public static final String AGENT = "diskengine_agent";
  private static final String CONTROLLER = "diskengine_controller";
  private static final String PASSWORD = "of-a-test";
  private static final String NAME = "diskengine";
  private static final String TEMPLATE = "diskengine_template";

  private final EmbeddedPostgres server;
  private final String name;
  private final Path passwordFile;
  private final Path data;

  private ScaleDatabase(EmbeddedPostgres server, String name, Path data, Path passwordFile) {
    this.server = server;
    this.name = name;
    this.data = data;
    this.passwordFile = passwordFile;
  }

  /**
   * @param directory for its data and the roles' password
   * @param settings of the server
   */
  public static ScaleDatabase start(Path directory, Map<String, String> settings)
      throws IOException, SQLException {
    Path data = directory.resolve("db");
    EmbeddedPostgres.Builder builder = EmbeddedPostgres.builder().setDataDirectory(data);
    settings.forEach(builder::setServerConfig);
    Path passwordFile = Files.writeString(directory.resolve("password"), PASSWORD + "\n");
    ScaleDatabase started = new ScaleDatabase(builder.start(), NAME, data, passwordFile);
    try {
      started.prepare();
    } catch (SQLException | RuntimeException e) {
      started.close();
      throw e;
    }
    return started;
  }

  private void prepare() throws SQLException {
    try (Connection c = DriverManager.getConnection(url("postgres"), "postgres", "");
        Statement s = c.createStatement()) {
      s.execute("CREATE DATABASE " + TEMPLATE);
      Migrations.migrate(url(TEMPLATE), "postgres", "", "test", "nqn.2026-11.io.diskengine");
      s.execute("CREATE DATABASE " + NAME + " TEMPLATE " + TEMPLATE);
      for (String role : List.of(CONTROLLER, AGENT)) {
        s.execute("ALTER ROLE " + role + " LOGIN PASSWORD '" + PASSWORD + "'");
      }
    }
  }

  /** Another one on the same server; ends with this one. */
  public ScaleDatabase beside(String other) throws SQLException {
    try (Connection c = DriverManager.getConnection(url("postgres"), "postgres", "");
        Statement s = c.createStatement()) {
      s.execute("CREATE DATABASE " + other + " TEMPLATE " + TEMPLATE);
    }
    return new ScaleDatabase(server, other, data, passwordFile);
  }

  private String url(String database) {
    return "jdbc:postgresql://127.0.0.1:" + server.getPort() + "/" + database;
  }

  public String url() {
    return url(name);
  }

  /** A file with the password of {@link #AGENT}. */
  public Path passwordFile() {
    return passwordFile;
  }

  /** Of the server's first process. */
  public long pid() throws IOException {
    return Long.parseLong(Files.readAllLines(data.resolve("postmaster.pid")).getFirst().strip());
  }

  /** A superuser's connection. */
  public Connection owner() throws SQLException {
    Connection c = DriverManager.getConnection(url(), "postgres", "");
    try (Statement s = c.createStatement()) {
      s.execute("SET search_path = diskengine");
    }
    return c;
  }

  public StoreConfig agent(String node) {
    return StoreConfig.forAgent(url(), AGENT, PASSWORD, node);
  }

  /** The caller closes it. */
  public PostgresControllerStore controller() {
    return new PostgresControllerStore(
        new Database(StoreConfig.forController(url(), CONTROLLER, PASSWORD)));
  }

  @Override
  public void close() throws IOException {
    server.close();
  }
}

package io.diskengine.api;

import io.diskengine.store.Migrations;
import io.diskengine.store.StoreConfig;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.atomic.AtomicInteger;

/** One PostgreSQL without fsync for the JVM; a database of its own for every test. */
final class TestServer {
  private static final String PASSWORD = "test-only";
  private static final AtomicInteger DATABASES = new AtomicInteger();
  private static final EmbeddedPostgres SERVER = start();

  private TestServer() {}

  private static EmbeddedPostgres start() {
    try {
      EmbeddedPostgres server = EmbeddedPostgres.builder().start();
      execute(server, "CREATE DATABASE template_de");
      Migrations.migrate(
          url(server, "template_de"), "postgres", "", "test", "nqn.2026-11.io.diskengine");
      for (String role : new String[] {"diskengine_controller", "diskengine_agent"}) {
        execute(server, "ALTER ROLE " + role + " LOGIN PASSWORD '" + PASSWORD + "'");
      }
      return server;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String url(EmbeddedPostgres server, String database) {
    return "jdbc:postgresql://127.0.0.1:" + server.getPort() + "/" + database;
  }

  private static void execute(EmbeddedPostgres server, String sql) {
    try (Connection c = DriverManager.getConnection(url(server, "postgres"), "postgres", "");
        Statement s = c.createStatement()) {
      s.execute(sql);
    } catch (SQLException e) {
      throw new IllegalStateException(sql, e);
    }
  }

  /** JDBC URL of a fresh, migrated database. */
  static synchronized String newDatabase() {
    String name = "t" + DATABASES.incrementAndGet();
    execute(SERVER, "CREATE DATABASE " + name + " TEMPLATE template_de");
    return url(SERVER, name);
  }

  static StoreConfig controller(String url) {
    return StoreConfig.forController(url, "diskengine_controller", PASSWORD);
  }

  static StoreConfig agent(String url, String node) {
    return StoreConfig.forAgent(url, "diskengine_agent", PASSWORD, node);
  }

  /** Runs SQL as the owner of everything. */
  static void executeIn(String url, String sql) {
    try (Connection c = DriverManager.getConnection(url, "postgres", "");
        Statement s = c.createStatement()) {
      s.execute(sql);
    } catch (SQLException e) {
      throw new IllegalStateException(sql, e);
    }
  }

  /** Text of the first column of every row, joined: what a test compares before and after. */
  static String dump(String url, String sql) {
    StringBuilder text = new StringBuilder();
    try (Connection c = DriverManager.getConnection(url, "postgres", "");
        Statement s = c.createStatement();
        var r = s.executeQuery(sql)) {
      while (r.next()) {
        text.append(r.getString(1)).append('\n');
      }
    } catch (SQLException e) {
      throw new IllegalStateException(sql, e);
    }
    return text.toString();
  }
}

package io.diskengine.testkit.sim;

import io.diskengine.app.EmbeddedDatabase;
import io.diskengine.app.EmbeddedDatabase.Role;
import io.diskengine.store.Database;
import io.diskengine.store.PostgresControllerStore;
import io.diskengine.store.StoreConfig;
import io.diskengine.testkit.scale.ScaleDatabase;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;

/** A migrated database on a real PostgreSQL, for a stage. */
interface StageDatabase {
  String url();

  /** With the password of {@code diskengine_agent}. */
  Path passwordFile();

  /** A superuser's connection. */
  Connection owner() throws SQLException;

  /** The caller closes it. */
  PostgresControllerStore controller();

  static StageDatabase of(ScaleDatabase database) {
    return new StageDatabase() {
      @Override
      public String url() {
        return database.url();
      }

      @Override
      public Path passwordFile() {
        return database.passwordFile();
      }

      @Override
      public Connection owner() throws SQLException {
        return database.owner();
      }

      @Override
      public PostgresControllerStore controller() {
        return database.controller();
      }
    };
  }

  /** The one of {@code up}; also while it is down and after it was started again. */
  static StageDatabase of(EmbeddedDatabase database) throws IOException {
    String url = database.url();
    Path agent = database.passwordFile(Role.AGENT);
    String owner = database.password(Role.OWNER);
    String controller = database.password(Role.CONTROLLER);
    return new StageDatabase() {
      @Override
      public String url() {
        return url;
      }

      @Override
      public Path passwordFile() {
        return agent;
      }

      @Override
      public Connection owner() throws SQLException {
        Connection c = DriverManager.getConnection(url, Role.OWNER.user(), owner);
        try (Statement s = c.createStatement()) {
          s.execute("SET search_path = diskengine");
        }
        return c;
      }

      @Override
      public PostgresControllerStore controller() {
        return new PostgresControllerStore(
            new Database(StoreConfig.forController(url, Role.CONTROLLER.user(), controller)));
      }
    };
  }
}

package io.diskengine.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.LinkedHashMap;
import java.util.Map;

/** What the PostgreSQL of an {@code up} was asked; its own questions are left out. */
final class Statements implements AutoCloseable {
  private static final String ASK =
      """
      SELECT regexp_replace(query, '\\s+', ' ', 'g'), sum(calls)::bigint
      FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_%' GROUP BY 1
      UNION ALL SELECT 'FLUSHES', sum(fsyncs)::bigint FROM pg_stat_io WHERE object = 'wal'
      """;

  private final Connection connection;

  private Statements(Connection connection) {
    this.connection = connection;
  }

  static Statements of(Path dataDir) throws IOException {
    Path db = dataDir.resolve("db");
    String url =
        "jdbc:postgresql://127.0.0.1:"
            + Files.readString(db.resolve("port")).strip()
            + "/diskengine";
    try {
      return new Statements(
          DriverManager.getConnection(
              url, "diskengine_owner", Files.readString(db.resolve("owner.password")).strip()));
    } catch (SQLException e) {
      throw new IOException("PostgreSQL of " + dataDir, e);
    }
  }

  /** Calls so far by text; {@code FLUSHES}: of the write-ahead log to disk. */
  Map<String, Long> calls() {
    try (Statement s = connection.createStatement();
        ResultSet r = s.executeQuery(ASK)) {
      Map<String, Long> calls = new LinkedHashMap<>();
      while (r.next()) {
        calls.merge(r.getString(1), r.getLong(2), Long::sum);
      }
      return calls;
    } catch (SQLException e) {
      throw new IllegalStateException("PostgreSQL's statistics", e);
    }
  }

  @Override
  public void close() throws IOException {
    try {
      connection.close();
    } catch (SQLException e) {
      throw new IOException(e);
    }
  }
}

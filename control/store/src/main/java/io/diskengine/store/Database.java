package io.diskengine.store;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.jspecify.annotations.Nullable;

/**
 * A pool of connections and the two ways to use one: a transaction that writes, and a single
 * statement or snapshot that only reads. Decides which failures mean that PostgreSQL is unavailable
 * and which are bugs.
 */
public final class Database implements AutoCloseable {
  private static final int CONNECT_TIMEOUT_SEC = 3;
  private static final int SOCKET_TIMEOUT_SEC = 15;
  private static final String SESSION_LIMITS =
      "-c lock_timeout=5s -c idle_in_transaction_session_timeout=15s -c statement_timeout=";

  /**
   * Statements are few, short and look rows up by keys: each is planned once for each connection.
   * What is planned while a table is small or was never analysed must neither scan it later nor
   * sort it or hash it for a join: a few keys are looked up one by one.
   */
  private static final String PLANNER =
      " -c plan_cache_mode=force_generic_plan -c jit=off -c enable_seqscan=off"
          + " -c enable_bitmapscan=off -c enable_hashjoin=off -c enable_mergejoin=off";

  private static final String BEGIN = "BEGIN";
  private static final String BEGIN_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
  private static final String TRUSTED = "com.zaxxer.hikari.aliveBypassWindowMs";
  private static final int MAX_ATTEMPTS = 4;
  private static final int MINIMUM_SERVER_VERSION = 15;

  private final StoreConfig config;
  private final HikariDataSource pool;
  private final StoreCounters counters = new StoreCounters();

  /** A unit of work on one connection. */
  interface Work<T extends @Nullable Object> {
    T run(Tx tx) throws SQLException;
  }

  /** Does not connect: PostgreSQL may be down when an agent starts. */
  public Database(StoreConfig config) {
    this.config = config;
    HikariConfig hikari = new HikariConfig();
    hikari.setPoolName(config.applicationName());
    hikari.setJdbcUrl(config.url());
    hikari.setUsername(config.user());
    hikari.setPassword(config.password());
    hikari.setMaximumPoolSize(config.maxConnections());
    // What is used now and then stays; nothing is opened before it is used.
    hikari.setMinimumIdle(0);
    hikari.setConnectionTimeout(config.waitMs());
    hikari.setInitializationFailTimeout(-1);
    // A connection is tested when it is taken, and is not made anew for its age: with a thousand
    // agents either would keep PostgreSQL busy.
    hikari.setKeepaliveTime(0);
    hikari.setMaxLifetime(0);
    connectionProperties().forEach((k, v) -> hikari.addDataSourceProperty((String) k, v));
    hikari.addDataSourceProperty("socketTimeout", Integer.toString(SOCKET_TIMEOUT_SEC));
    pool = pool(hikari, config.trustedMs());
  }

  /** When a pool is made is the only time at which it can be told, and by this only. */
  private static synchronized HikariDataSource pool(HikariConfig hikari, int trustedMs) {
    String before = System.getProperty(TRUSTED);
    System.setProperty(TRUSTED, Integer.toString(trustedMs));
    try {
      return new HikariDataSource(hikari);
    } finally {
      if (before == null) {
        System.clearProperty(TRUSTED);
      } else {
        System.setProperty(TRUSTED, before);
      }
    }
  }

  StoreConfig config() {
    return config;
  }

  /** Driver properties shared by pool and listener (which must not have a socket timeout). */
  Properties connectionProperties() {
    Properties p = new Properties();
    p.setProperty("currentSchema", "diskengine");
    p.setProperty("ApplicationName", config.applicationName());
    p.setProperty("connectTimeout", Integer.toString(CONNECT_TIMEOUT_SEC));
    p.setProperty("tcpKeepAlive", "true");
    p.setProperty("options", SESSION_LIMITS + config.statementLimitMs() + PLANNER);
    p.setProperty("prepareThreshold", "1");
    return p;
  }

  public StoreCounters counters() {
    return counters;
  }

  /** Runs {@code work} in a transaction and commits; repeats it after a deadlock. */
  <T extends @Nullable Object> T transaction(Work<T> work) {
    for (int attempt = 1; ; attempt++) {
      try {
        return once(
            BEGIN,
            tx -> {
              T result = work.run(tx);
              if (tx.commit()) {
                counters.commits.increment();
              }
              return result;
            });
      } catch (SQLException e) {
        if (!isConflict(e) || attempt == MAX_ATTEMPTS) {
          throw translate(e);
        }
        counters.conflicts.increment();
      }
    }
  }

  /** SELECTs in one snapshot; one round trip. */
  Tx.Results snapshot(List<Tx.Statement<?>> selects) {
    try {
      return once(BEGIN_SNAPSHOT, tx -> tx.last(selects));
    } catch (SQLException e) {
      throw translate(e);
    }
  }

  /** Runs {@code work} with every statement on its own; for one statement that reads or writes. */
  <T extends @Nullable Object> T single(Work<T> work) {
    try {
      return once(null, work);
    } catch (SQLException e) {
      throw translate(e);
    }
  }

  private <T extends @Nullable Object> T once(@Nullable String begin, Work<T> work)
      throws SQLException {
    try (Connection connection = pool.getConnection()) {
      Tx tx = new Tx(connection, counters, begin);
      try {
        return work.run(tx);
      } catch (SQLException | RuntimeException e) {
        if (tx.isOpen()) {
          counters.rollbacks.increment();
          rollback(connection, e);
        }
        throw e;
      }
    }
  }

  /** The driver does not know of a transaction that SQL began. */
  private void rollback(Connection connection, Exception cause) {
    try (Statement s = connection.createStatement()) {
      s.execute("ROLLBACK");
    } catch (SQLException e) {
      cause.addSuppressed(e);
      pool.evictConnection(connection);
    }
  }

  /**
   * What is wrong with the server for a store that must never lose an acknowledged commit (law 13);
   * empty when all is well. Tests run without fsync and do not ask.
   */
  public List<String> serverProblems() {
    return single(tx -> {
      List<String> problems = new ArrayList<>();
      int version = Integer.parseInt(tx.setting("server_version_num")) / 10_000;
      if (version < MINIMUM_SERVER_VERSION) {
        problems.add("PostgreSQL " + version + " is too old: 15 or newer is needed");
      }
      for (String name : List.of("fsync", "full_page_writes")) {
        if (!tx.setting(name).equals("on")) {
          problems.add(name + " is " + tx.setting(name) + ": must be on");
        }
      }
      if (tx.setting("synchronous_commit").equals("off")) {
        problems.add("synchronous_commit is off: must be on");
      }
      if (tx.setting("synchronous_standby_names").isEmpty()
          && !tx.query(r -> 1, "SELECT 1 FROM pg_stat_replication LIMIT 1").isEmpty()) {
        problems.add("a standby is not synchronous: name it in synchronous_standby_names");
      }
      return problems;
    });
  }

  /** Deadlock or serialisation failure: nothing was done, the same work may be tried again. */
  private static boolean isConflict(SQLException e) {
    return "40P01".equals(e.getSQLState()) || "40001".equals(e.getSQLState());
  }

  /** SQLSTATE class decides: what the server refused for a reason in the statement is a bug. */
  RuntimeException translate(SQLException e) {
    String state = e.getSQLState() == null ? "08000" : e.getSQLState();
    return switch (state.substring(0, 2)) {
      case "08", "53", "55", "57", "58", "XX", "40", "28", "3D" ->
          new StoreUnavailableException(config + ": " + e.getMessage(), e);
      case "25" ->
          new StoreUnavailableException(config + " is read-only or idle: " + e.getMessage(), e);
      default -> new StoreStatementException(state, e);
    };
  }

  @Override
  public void close() {
    pool.close();
  }
}

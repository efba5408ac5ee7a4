package io.diskengine.store;

/**
 * How to reach PostgreSQL.
 *
 * @param url JDBC URL, e.g. {@code jdbc:postgresql://127.0.0.1:5432/diskengine}
 * @param applicationName shown by {@code pg_stat_activity}; an agent's own name ({@link #forAgent})
 *     keeps its writes from waking itself
 * @param maxConnections bound of the pool
 * @param waitMs how long a caller waits for a connection before the store counts as unavailable
 * @param statementLimitMs PostgreSQL ends a statement after this; 0 = no limit
 * @param trustedMs a connection that was used within this time is not tested before it is used
 */
public record StoreConfig(
    String url,
    String user,
    String password,
    String applicationName,
    int maxConnections,
    int waitMs,
    int statementLimitMs,
    int trustedMs) {
  private static final int AGENT_CONNECTIONS = 3;
  private static final int AGENT_WAIT_MS = 3_000;

  /**
   * None. The alarm of a limit stays set when the statement is over, and wakes a process of
   * PostgreSQL that sleeps ever since: a beat would cost two wake-ups. What an agent asks looks up
   * rows by keys, waiting for locks is limited, and it gives a connection up that does not answer.
   */
  private static final int AGENT_STATEMENT_LIMIT_MS = 0;

  /**
   * Longer than from beat to beat, so that each is one round trip. An agent tries again at once; it
   * is worth a test to spare the caller of a controller that.
   */
  private static final int AGENT_TRUSTED_MS = 60_000;

  private static final int CONTROLLER_CONNECTIONS = 8;

  /** Long enough for hundreds of requests at once to take their turns. */
  private static final int CONTROLLER_WAIT_MS = 8_000;

  private static final int CONTROLLER_STATEMENT_LIMIT_MS = 10_000;
  private static final int CONTROLLER_TRUSTED_MS = 500;

  public static StoreConfig forAgent(String url, String user, String password, String nodeName) {
    return new StoreConfig(
        url,
        user,
        password,
        "diskengine-agent " + nodeName,
        AGENT_CONNECTIONS,
        AGENT_WAIT_MS,
        AGENT_STATEMENT_LIMIT_MS,
        AGENT_TRUSTED_MS);
  }

  public static StoreConfig forController(String url, String user, String password) {
    return new StoreConfig(
        url,
        user,
        password,
        "diskengine-controller",
        CONTROLLER_CONNECTIONS,
        CONTROLLER_WAIT_MS,
        CONTROLLER_STATEMENT_LIMIT_MS,
        CONTROLLER_TRUSTED_MS);
  }

  @Override
  public String toString() {
    return url + " as " + user;
  }
}

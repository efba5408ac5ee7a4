package io.diskengine.store;

/**
 * How to reach PostgreSQL.
 *
 * @param url JDBC URL, e.g. {@code jdbc:postgresql://127.0.0.1:5432/diskengine}
 * @param applicationName shown by {@code pg_stat_activity}; an agent's own name ({@link #forAgent})
 *     keeps its writes from waking itself
 * @param maxConnections bound of the pool
 * @param waitMs how long a caller waits for a connection before the store counts as unavailable
 */
public record StoreConfig(
    String url,
    String user,
    String password,
    String applicationName,
    int maxConnections,
    int waitMs) {
  private static final int AGENT_CONNECTIONS = 3;
  private static final int AGENT_WAIT_MS = 3_000;
  private static final int CONTROLLER_CONNECTIONS = 8;

  /** Long enough for hundreds of requests at once to take their turns. */
  private static final int CONTROLLER_WAIT_MS = 8_000;

  public static StoreConfig forAgent(String url, String user, String password, String nodeName) {
    return new StoreConfig(
        url, user, password, "diskengine-agent " + nodeName, AGENT_CONNECTIONS, AGENT_WAIT_MS);
  }

  public static StoreConfig forController(String url, String user, String password) {
    return new StoreConfig(
        url, user, password, "diskengine-controller", CONTROLLER_CONNECTIONS, CONTROLLER_WAIT_MS);
  }

  @Override
  public String toString() {
    return url + " as " + user;
  }
}

package io.diskengine.store;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * LISTEN on a connection of its own. Wakes once when it (re)connected, because notifications sent
 * before are lost, and once for every batch that arrives. A connection that died silently is found
 * by TCP keep-alive; the resync covers the time until then.
 */
final class NotificationListener implements WakeUps {
  private static final Logger LOG = LoggerFactory.getLogger(NotificationListener.class);
  private static final int POLL_MS = 60_000;
  private static final long FIRST_PAUSE_MS = 200;
  private static final long LONGEST_PAUSE_MS = 5_000;

  private final Database database;
  private final String channel;
  private final Consumer<Wake> onWake;
  private final Thread thread;
  private final CountDownLatch listening = new CountDownLatch(1);
  private volatile @Nullable Connection current;
  private volatile boolean closed;

  NotificationListener(Database database, String channel, Consumer<Wake> onWake) {
    this.database = database;
    this.channel = channel;
    this.onWake = onWake;
    thread = Thread.ofPlatform().daemon().name("listen-" + channel).unstarted(this::run);
  }

  NotificationListener start() {
    thread.start();
    return this;
  }

  private void run() {
    long pauseMs = FIRST_PAUSE_MS;
    while (!closed) {
      try {
        listen();
        pauseMs = FIRST_PAUSE_MS;
      } catch (SQLException e) {
        if (closed) {
          return;
        }
        LOG.atWarn().addKeyValue("channel", channel).log("not listening: {}", e.getMessage());
        listening.countDown(); // who waits learns from its own connection what is wrong
      }
      try {
        Thread.sleep(pauseMs);
      } catch (InterruptedException e) {
        return;
      }
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  /** Returns when the connection, once listening, was lost; throws when it never listened. */
  private void listen() throws SQLException {
    StoreConfig config = database.config();
    Properties properties = database.connectionProperties();
    properties.setProperty("user", config.user());
    properties.setProperty("password", config.password());
    properties.setProperty("socketFactory", PromptSockets.class.getName());
    try (Connection connection = DriverManager.getConnection(config.url(), properties)) {
      current = connection;
      try (Statement s = connection.createStatement()) {
        s.execute("LISTEN \"" + channel + "\"");
        database.counters().statements.increment();
      }
      PGConnection pg = connection.unwrap(PGConnection.class);
      onWake.accept(Wake.ALL);
      listening.countDown();
      try {
        while (!closed) {
          PGNotification[] notifications = pg.getNotifications(POLL_MS);
          if (notifications != null && notifications.length > 0) {
            onWake.accept(Wake.parse(payloads(notifications)));
          }
        }
      } catch (SQLException e) {
        if (!closed) {
          LOG.atWarn().addKeyValue("channel", channel).log("lost: {}", e.getMessage());
        }
      }
    } finally {
      current = null;
    }
  }

  private static List<String> payloads(PGNotification[] notifications) {
    return Arrays.stream(notifications).map(PGNotification::getParameter).toList();
  }

  @Override
  public void awaitListening(long ms) throws InterruptedException {
    boolean unused = listening.await(ms, TimeUnit.MILLISECONDS);
  }

  @Override
  public void close() {
    closed = true;
    listening.countDown();
    Connection connection = current;
    if (connection != null) {
      try {
        connection.abort(Runnable::run);
      } catch (SQLException e) {
        LOG.atDebug().addKeyValue("channel", channel).log("closing: {}", e.getMessage());
      }
    }
    thread.interrupt();
  }
}

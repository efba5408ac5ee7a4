package io.diskengine.store;

import io.diskengine.model.ClusterSettings;
import io.diskengine.model.Inputs;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.Locale;
import java.util.UUID;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;

/** Brings a database to this version's schema; run as the schema's owner, never as an agent. */
public final class Migrations {
  private static final int GENERATED_ID_DIGITS = 12;

  private Migrations() {}

  /**
   * Forward-only and idempotent. The first run also inserts the cluster row with the default
   * settings; later runs leave id and prefix as they are.
   *
   * @param clusterId part of every NQN, see {@link #newClusterId}
   * @throws StoreUnavailableException when the server cannot be reached or a migration failed; a
   *     failed migration is rolled back
   */
  public static void migrate(
      String url, String owner, String password, String clusterId, String nqnPrefix) {
    Inputs.clusterId(clusterId);
    Inputs.nqnPrefix(nqnPrefix);
    try {
      Flyway.configure(Migrations.class.getClassLoader())
          .dataSource(url, owner, password)
          .locations("classpath:io/diskengine/store/migrations")
          .schemas("diskengine")
          .createSchemas(true)
          .connectRetries(0)
          .load()
          .migrate();
    } catch (FlywayException e) {
      throw new StoreUnavailableException("migration of " + url + ": " + e.getMessage(), e);
    }
    try (Connection c = DriverManager.getConnection(url, owner, password);
        PreparedStatement s =
            c.prepareStatement(
                "INSERT INTO diskengine.cluster (id, nqn_prefix, reconnect_delay_sec,"
                    + " ctrlr_loss_timeout_sec, fast_io_fail_timeout_sec, transport_ack_timeout,"
                    + " probe_interval_ms, probe_deadline_ms, grace_ms, lease_ttl_ms, resync_ms,"
                    + " max_rebuilds_per_node, overcommit_percent, thin, replace_after_sec,"
                    + " max_rebuilds_per_disk, rebuild_mb_per_sec)"
                    + " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                    + " ON CONFLICT DO NOTHING")) {
      ClusterSettings d = ClusterSettings.DEFAULTS;
      Object[] values = {
        clusterId,
        nqnPrefix,
        d.reconnectDelaySec(),
        d.ctrlrLossTimeoutSec(),
        d.fastIoFailTimeoutSec(),
        d.transportAckTimeout(),
        d.probeIntervalMs(),
        d.probeDeadlineMs(),
        d.graceMs(),
        d.leaseTtlMs(),
        d.resyncMs(),
        d.maxRebuildsPerNode(),
        d.overcommitPercent(),
        d.thin(),
        d.replaceAfterSec(),
        d.maxRebuildsPerDisk(),
        d.rebuildMbPerSec()
      };
      for (int i = 0; i < values.length; i++) {
        s.setObject(i + 1, values[i]);
      }
      s.executeUpdate();
    } catch (SQLException e) {
      throw new StoreUnavailableException(url + ": " + e.getMessage(), e);
    }
  }

  /** A cluster id for a new installation. */
  public static String newClusterId() {
    String hex = UUID.randomUUID().toString().replace("-", "");
    return hex.substring(0, GENERATED_ID_DIGITS).toLowerCase(Locale.ROOT);
  }
}

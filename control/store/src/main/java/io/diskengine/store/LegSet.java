package io.diskengine.store;

import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.Sizes;
import io.diskengine.store.AgentWrite.CommitOut;
import io.diskengine.store.AgentWrite.GrowthMissed;
import io.diskengine.store.AgentWrite.InSync;
import io.diskengine.store.AgentWrite.Readmit;
import io.diskengine.store.AgentWrite.RebuildStarted;
import io.diskengine.store.AgentWrite.SourceLost;
import io.diskengine.store.WriteResult.Applied;
import io.diskengine.store.WriteResult.Refused;
import java.sql.SQLException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Changes of the set of legs that a volume may use (laws 7 to 9). Each raises the volume's epoch
 * and carries the grants of the legs that stay, so that no RPC is needed for them.
 */
final class LegSet {
  private static final String MY_VOLUME =
      "volume_id IN (SELECT m.volume_id FROM volume_mapping m WHERE m.node_id = ?"
          + " AND m.state NOT IN "
          + Rows.FINAL_MAPPING
          + ")";

  private final Tx tx;
  private final long nodeId;

  LegSet(Tx tx, long nodeId) {
    this.tx = tx;
    this.nodeId = nodeId;
  }

  /** Why {@link WriteSet} did not apply it; nothing was changed for it. */
  Refused whyNotOut(CommitOut w) throws SQLException {
    if (w.lvolIds().isEmpty()) {
      return new Refused("no leg is named");
    }
    Optional<Long> epoch =
        tx.first(
            r -> r.getLong(1),
            "SELECT v.epoch FROM volume v JOIN volume_mapping m ON m.volume_id = v.id"
                + " WHERE v.id = ? AND m.node_id = ? AND m.state NOT IN "
                + Rows.FINAL_MAPPING,
            w.volumeId(),
            nodeId);
    if (epoch.isEmpty()) {
      return new Refused("volume " + w.volumeId() + " is not mapped to this node");
    }
    if (epoch.get() != w.volumeEpoch()) {
      return new Refused("volume " + w.volumeId() + " is at epoch " + epoch.get());
    }
    long survivors =
        tx.number(
            "SELECT count(*) FROM lvol WHERE volume_id = ? AND sync = 'IN_SYNC' AND id <> ALL(?::bigint[])"
                + " AND state NOT IN ('DELETING', 'DELETED')",
            w.volumeId(),
            w.lvolIds());
    return new Refused(
        survivors == 0
            ? "no in-sync leg would be left of volume " + w.volumeId()
            : "the legs are OUT already");
  }

  /** The grants of the legs that stay are valid at the new epoch. */
  private void raiseEpoch(long volumeId) throws SQLException {
    tx.update(
        "WITH raised AS (UPDATE volume SET epoch = epoch + 1, version = version + 1"
            + " WHERE id = ? RETURNING id, epoch)"
            + " UPDATE lvol_grant g SET volume_epoch = raised.epoch, version = g.version + 1"
            + " FROM raised, lvol l WHERE l.volume_id = raised.id AND g.lvol_id = l.id"
            + " AND g.state IN ('GRANTING', 'GRANTED')",
        volumeId);
  }

  WriteResult readmit(Readmit w) throws SQLException {
    Optional<String> whyNot = KeptCopies.whyNot(tx, w.lvolId());
    if (whyNot.isPresent()) {
      return new Refused("lvol " + w.lvolId() + " cannot come back now: " + whyNot.get());
    }
    Optional<Long> grant =
        tx.first(
            r -> r.getLong(1),
            "WITH leg AS (SELECT l.id, l.volume_id, l.disk_id, d.node_id FROM lvol l"
                + " JOIN disk d ON d.id = l.disk_id WHERE l.id = ? AND l.version = ?"
                + " AND l.sync = 'OUT' AND l.state = 'UP' AND NOT EXISTS"
                + " (SELECT FROM lvol_grant g WHERE g.lvol_id = l.id AND g.state <> 'REVOKED'))"
                + " INSERT INTO lvol_grant (lvol_id, mapping_id, host_nqn, volume_epoch)"
                + " SELECT leg.id, m.id, n.host_nqn, v.epoch FROM leg"
                + " JOIN volume v ON v.id = leg.volume_id"
                + " JOIN volume_mapping m ON m.volume_id = v.id AND m.node_id = ?"
                + " AND m.state IN ('INITIALISED', 'ATTACHED')"
                + " JOIN node n ON n.id = m.node_id"
                + " WHERE (SELECT count(*) FROM lvol o JOIN disk d ON d.id = o.disk_id"
                + " WHERE d.node_id = leg.node_id AND (o.sync = 'REBUILDING' OR (o.sync = 'OUT'"
                + " AND EXISTS (SELECT FROM lvol_grant g WHERE g.lvol_id = o.id"
                + " AND g.state IN ('GRANTING', 'GRANTED')))))"
                + " < (SELECT max_rebuilds_per_node FROM cluster)"
                + " AND (SELECT count(*) FROM lvol o WHERE o.disk_id = leg.disk_id"
                + " AND (o.sync = 'REBUILDING' OR (o.sync = 'OUT'"
                + " AND EXISTS (SELECT FROM lvol_grant g WHERE g.lvol_id = o.id"
                + " AND g.state IN ('GRANTING', 'GRANTED')))))"
                + " < (SELECT max_rebuilds_per_disk FROM cluster)"
                + " RETURNING id",
            w.lvolId(),
            w.version(),
            nodeId);
    if (grant.isEmpty()) {
      return new Refused(
          "lvol "
              + w.lvolId()
              + " cannot come back now: it changed, is not UP and OUT, has a grant that is not"
              + " REVOKED, or its node or disk rebuilds as many replicas as it may");
    }
    KeptCopies.readmitted(tx, w.lvolId());
    return new Applied(grant.get());
  }

  WriteResult rebuildStarted(RebuildStarted w) throws SQLException {
    int rows =
        tx.update(
            "UPDATE lvol SET sync = 'REBUILDING', rebuild_percent = 0, version = version + 1"
                + " WHERE id = ? AND version = ? AND sync = 'OUT'"
                + " AND kept NOT IN ('WANTED', 'TAKING') AND EXISTS"
                + " (SELECT FROM lvol_grant g WHERE g.lvol_id = lvol.id AND g.state = 'GRANTED')"
                + " AND "
                + MY_VOLUME,
            w.lvolId(),
            w.version(),
            nodeId);
    if (rows == 1) {
      event(w.lvolId(), "'rebuild of ' || l.name || ' on ' || n.name || ' started'");
    }
    return updated(ObjectKind.LVOL, w.lvolId(), rows);
  }

  /** History of a replica, told of its volume. */
  void event(long lvolId, String messageSql) throws SQLException {
    tx.update(
        "INSERT INTO event (severity, node_id, object_kind, object_id, object_name, message)"
            + " SELECT 'INFO', ?, 'VOLUME', v.id, v.name, "
            + messageSql
            + " FROM lvol l JOIN volume v ON v.id = l.volume_id JOIN disk d ON d.id = l.disk_id"
            + " JOIN node n ON n.id = d.node_id WHERE l.id = ?",
        nodeId,
        lvolId);
  }

  WriteResult inSync(InSync w) throws SQLException {
    Optional<String> outFor =
        tx.first(
            r -> r.getString(1),
            "SELECT round(extract(epoch FROM clock_timestamp() - out_since))::text FROM lvol"
                + " WHERE id = ? AND out_since IS NOT NULL",
            w.lvolId());
    Optional<Long> volume =
        tx.first(
            r -> r.getLong(1),
            "UPDATE lvol SET sync = 'IN_SYNC', rebuild_percent = NULL, version = version + 1"
                + " WHERE id = ? AND version = ? AND sync = 'REBUILDING' AND "
                + MY_VOLUME
                + " RETURNING volume_id",
            w.lvolId(),
            w.version(),
            nodeId);
    if (volume.isPresent()) {
      event(
          w.lvolId(),
          "l.name || ' on ' || n.name || ' is in sync after %s s'"
              .formatted(outFor.orElse("an unknown number of")));
      removeSurplus(volume.get());
      raiseEpoch(volume.get());
    }
    return updated(ObjectKind.LVOL, w.lvolId(), volume.isPresent() ? 1 : 0);
  }

  WriteResult sourceLost(SourceLost w) throws SQLException {
    int rows =
        w.lost().isEmpty()
            ? 0
            : tx.update(
                "UPDATE lvol SET sync = 'IN_SYNC', rebuild_percent = NULL, version = version + 1"
                    + " WHERE id = ? AND version = ? AND sync = 'REBUILDING' AND volume_id = ?"
                    + " AND EXISTS (SELECT FROM volume v WHERE v.id = lvol.volume_id AND v.epoch = ?)"
                    + " AND (SELECT count(*) FROM lvol s WHERE s.volume_id = lvol.volume_id"
                    + " AND s.sync = 'IN_SYNC' AND s.id = ANY(?::bigint[])) = ? AND "
                    + MY_VOLUME,
                w.lvolId(),
                w.version(),
                w.volumeId(),
                w.volumeEpoch(),
                w.lost(),
                w.lost().size(),
                nodeId);
    if (rows == 1) {
      tx.update(
          "UPDATE lvol SET sync = 'OUT', version = version + 1 WHERE id = ANY(?::bigint[])",
          w.lost());
      tx.update(
          "UPDATE lvol_grant SET state = 'REVOKING', version = version + 1"
              + " WHERE lvol_id = ANY(?::bigint[]) AND state IN ('GRANTING', 'GRANTED')",
          w.lost());
      tx.update(
          "INSERT INTO event (severity, node_id, object_kind, object_id, object_name, message)"
              + " SELECT 'WARNING', ?, 'VOLUME', v.id, v.name, l.name || ' is in sync, '"
              + " || (SELECT string_agg(s.name, ', ' ORDER BY s.id) FROM lvol s"
              + " WHERE s.id = ANY(?::bigint[])) || ' is OUT: ' || ?"
              + " FROM lvol l JOIN volume v ON v.id = l.volume_id WHERE l.id = ?",
          nodeId,
          w.lost(),
          w.cause(),
          w.lvolId());
      removeSurplus(w.volumeId());
      raiseEpoch(w.volumeId());
    }
    return updated(ObjectKind.LVOL, w.lvolId(), rows);
  }

  WriteResult growthMissed(GrowthMissed w) throws SQLException {
    int rows =
        tx.update(
            "UPDATE volume SET state = 'RESIZING', guest_bytes = guest_bytes + ?,"
                + " version = version + 1 WHERE id = ? AND version = ? AND state = 'AVAILABLE'"
                + " AND NOT EXISTS (SELECT FROM lvol l WHERE l.volume_id = volume.id"
                + " AND l.state NOT IN ('DELETING', 'DELETED')"
                + " AND (l.state <> 'UP' OR l.sync <> 'IN_SYNC'))"
                + " AND id IN (SELECT m.volume_id FROM volume_mapping m WHERE m.node_id = ?"
                + " AND m.state NOT IN "
                + Rows.FINAL_MAPPING
                + ")",
            Sizes.UNIT_BYTES,
            w.volumeId(),
            w.version(),
            nodeId);
    if (rows == 1) {
      tx.update(
          "UPDATE lvol l SET state = 'RESIZING', size_bytes = v.guest_bytes + ?,"
              + " version = l.version + 1 FROM volume v WHERE v.id = l.volume_id AND v.id = ?"
              + " AND l.state = 'UP'",
          Sizes.SUPERBLOCK_BYTES,
          w.volumeId());
      tx.update(
          "INSERT INTO event (severity, node_id, object_kind, object_id, object_name, message)"
              + " SELECT 'WARNING', ?, 'VOLUME', id, name, 'its RAID missed that its replicas had"
              + " grown: they grow by one cluster more' FROM volume WHERE id = ?",
          nodeId,
          w.volumeId());
    }
    return updated(ObjectKind.VOLUME, w.volumeId(), rows);
  }

  /**
   * Law 9: what was kept until its successor is in sync may go when as many replicas as wanted are:
   * those that leave, those that are out, and those whose successor is in sync beside them. They
   * get their tombstones here.
   */
  void removeSurplus(long volumeId) throws SQLException {
    List<String> names =
        tx.query(
            r -> r.getString(1),
            "WITH removed AS (UPDATE lvol l SET state = 'DELETING', sync = 'OUT',"
                + " rebuild_percent = NULL, version = version + 1"
                + " WHERE volume_id = ? AND sync <> 'REBUILDING'"
                + " AND state NOT IN ('DELETING', 'DELETED')"
                + " AND (leaving OR sync = 'OUT' OR EXISTS (SELECT FROM lvol o"
                + " WHERE o.volume_id = l.volume_id AND o.slot = l.slot"
                + " AND o.generation > l.generation AND o.sync = 'IN_SYNC' AND o.state = 'UP'"
                + " AND NOT o.leaving))"
                + " AND (SELECT count(DISTINCT o.slot) FROM lvol o WHERE o.volume_id = l.volume_id"
                + " AND o.sync = 'IN_SYNC' AND o.state = 'UP' AND NOT o.leaving)"
                + " >= (SELECT replicas FROM volume v WHERE v.id = l.volume_id)"
                + " RETURNING id, name), revoked AS (UPDATE lvol_grant SET state = 'REVOKING',"
                + " version = version + 1 WHERE lvol_id IN (SELECT id FROM removed)"
                + " AND state IN ('GRANTING', 'GRANTED')) SELECT name FROM removed",
            volumeId);
    if (!names.isEmpty()) {
      tx.update(
          "INSERT INTO event (severity, node_id, object_kind, object_id, object_name, message)"
              + " VALUES ('INFO', ?, 'VOLUME', ?, object_name('VOLUME', ?), ?)",
          nodeId,
          volumeId,
          volumeId,
          String.join(", ", names) + " is not needed any more and is deleted");
    }
  }

  /** A mapping that ended: its grants are to be revoked; an unfinished rebuild is worth nothing. */
  void release(long mappingId) throws SQLException {
    tx.update(
        "UPDATE lvol_grant SET state = 'REVOKING', version = version + 1"
            + " WHERE mapping_id = ? AND state IN ('GRANTING', 'GRANTED')",
        mappingId);
    tx.update(
        "UPDATE lvol SET sync = 'OUT', rebuild_percent = NULL, version = version + 1"
            + " WHERE sync = 'REBUILDING'"
            + " AND volume_id = (SELECT volume_id FROM volume_mapping WHERE id = ?)",
        mappingId);
  }

  /** Applied for one row; else says what is there now. */
  WriteResult updated(ObjectKind kind, long id, int rows) throws SQLException {
    if (rows == 1) {
      return new Applied(id);
    }
    String table = kind == ObjectKind.GRANT ? "lvol_grant" : kind.name().toLowerCase(Locale.ROOT);
    Optional<String> now =
        tx.first(
            r -> r.getString(1) + " at version " + r.getLong(2),
            "SELECT state, version FROM " + table + " WHERE id = ?",
            id);
    ObjectRef object = new ObjectRef(kind, id);
    return new Refused(
        now.map(state -> object + " is " + state + ": not what this was planned from")
            .orElse(object + " does not exist"));
  }
}

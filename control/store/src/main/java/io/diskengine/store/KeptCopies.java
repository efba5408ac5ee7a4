package io.diskengine.store;

import io.diskengine.model.ObjectKind;
import io.diskengine.model.Sizes;
import io.diskengine.store.AgentWrite.KeptGone;
import io.diskengine.store.AgentWrite.LvolKept;
import java.sql.SQLException;
import java.util.Optional;

/** Law 9 in the rows: what replicas held before they are overwritten ({@code lvol.kept}). */
final class KeptCopies {
  private final Tx tx;
  private final long nodeId;
  private final LegSet legs;

  KeptCopies(Tx tx, long nodeId, LegSet legs) {
    this.tx = tx;
    this.nodeId = nodeId;
    this.legs = legs;
  }

  private record Room(String kept, boolean wanted, String disk, long freeBytes, long neededBytes) {}

  /**
   * Why a replica cannot be let in for a rebuild now. A snapshot makes it thin, and the rebuild may
   * write all of it once more: its full size must be free, beside what other copies on the disk may
   * still need.
   */
  static Optional<String> whyNot(Tx tx, long lvolId) throws SQLException {
    Optional<Room> there =
        tx.first(
            r ->
                new Room(
                    r.getString("kept"),
                    r.getBoolean("keep_old_legs"),
                    r.getString("serial"),
                    r.getLong("free_bytes"),
                    r.getLong("needed_bytes")),
            "SELECT l.kept, c.keep_old_legs, d.serial,"
                + " d.free_clusters * d.cluster_size_bytes AS free_bytes,"
                + " l.size_bytes + coalesce((SELECT sum(o.size_bytes) FROM lvol o"
                + " WHERE o.disk_id = d.id AND o.id <> l.id AND o.kept IN ('TAKING', 'KEPT')"
                + " AND o.state <> 'DELETED'), 0) AS needed_bytes"
                + " FROM lvol l JOIN disk d ON d.id = l.disk_id CROSS JOIN cluster c"
                + " WHERE l.id = ?",
            lvolId);
    if (there.isEmpty()) {
      return Optional.empty();
    }
    Room room = there.get();
    return switch (room.kept()) {
      case "DROPPING" -> Optional.of("the copy of what it held before is not removed yet");
      case "WANTED", "TAKING" ->
          room.wanted() && room.freeBytes() < room.neededBytes()
              ? Optional.of(
                  ("disk %s has %d MiB free, %d MiB are needed to keep what it holds while it is"
                          + " rebuilt")
                      .formatted(
                          room.disk(),
                          room.freeBytes() / Sizes.MIB,
                          room.neededBytes() / Sizes.MIB))
              : Optional.empty();
      default -> Optional.empty();
    };
  }

  /** The replica was let in: now the copy is taken, or was given up by the cluster's setting. */
  static void readmitted(Tx tx, long lvolId) throws SQLException {
    tx.update(
        "UPDATE lvol SET version = version + 1, kept = CASE WHEN kept NOT IN ('WANTED', 'TAKING')"
            + " THEN kept WHEN (SELECT keep_old_legs FROM cluster) THEN 'TAKING' ELSE 'NONE' END"
            + " WHERE id = ?",
        lvolId);
  }

  WriteResult taken(LvolKept w) throws SQLException {
    int rows =
        tx.update(
            "UPDATE lvol SET kept = 'KEPT', kept_uuid = ?, version = version + 1"
                + " WHERE id = ? AND version = ? AND kept = 'TAKING' AND sync = 'OUT'"
                + " AND disk_id IN (SELECT id FROM disk WHERE node_id = ?)",
            w.snapshotUuid(),
            w.lvolId(),
            w.version(),
            nodeId);
    if (rows == 1) {
      legs.event(w.lvolId(), "'what ' || l.name || ' on ' || n.name || ' held is kept'");
    }
    return legs.updated(ObjectKind.LVOL, w.lvolId(), rows);
  }

  WriteResult gone(KeptGone w) throws SQLException {
    int rows =
        tx.update(
            "UPDATE lvol SET kept = CASE sync WHEN 'IN_SYNC' THEN 'NONE' ELSE 'WANTED' END,"
                + " kept_uuid = NULL, version = version + 1"
                + " WHERE id = ? AND version = ? AND kept = 'DROPPING'"
                + " AND disk_id IN (SELECT id FROM disk WHERE node_id = ?)",
            w.lvolId(),
            w.version(),
            nodeId);
    if (rows == 1) {
      legs.event(
          w.lvolId(),
          "'what ' || l.name || ' on ' || n.name || ' held before is not kept any more'");
    }
    return legs.updated(ObjectKind.LVOL, w.lvolId(), rows);
  }
}

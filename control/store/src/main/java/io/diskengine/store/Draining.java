package io.diskengine.store;

import io.diskengine.model.Node;
import io.diskengine.model.NodeMode;
import io.diskengine.model.Schedulability;
import io.diskengine.store.RefusedException.Code;
import java.sql.SQLException;
import java.util.List;

/**
 * Whether a node gets new work, and the emptying of a storage node that is {@code DRAINING}: its
 * replicas of attached volumes move away as if somebody had asked for it, one by one, no more at a
 * time than a node may rebuild. Only rows say that a node is drained; nothing is remembered.
 */
final class Draining {
  /** Replicas that are tried in one look. */
  private static final int MAX_TRIES = 16;

  /** Replicas of nodes that are drained; those that could not go before are tried last. */
  private static final String ON_DRAINED =
      " FROM lvol l JOIN volume v ON v.id = l.volume_id JOIN disk d ON d.id = l.disk_id"
          + " JOIN node n ON n.id = d.node_id WHERE n.schedulability = 'DRAINING'"
          + " AND l.state NOT IN ('DELETING', 'DELETED')";

  /** Those that may go now: everything of the volume is in sync and it is attached. */
  private static final String MAY_GO =
      " AND l.sync = 'IN_SYNC' AND l.state = 'UP' AND NOT l.leaving AND v.raid_created"
          + " AND v.state = 'AVAILABLE' AND EXISTS (SELECT FROM volume_mapping m"
          + " WHERE m.volume_id = v.id AND m.state = 'ATTACHED')"
          + " AND NOT EXISTS (SELECT FROM lvol o WHERE o.volume_id = v.id"
          + " AND o.state NOT IN ('DELETING', 'DELETED')"
          + " AND (o.leaving OR o.sync <> 'IN_SYNC' OR o.state <> 'UP'))"
          + " AND (SELECT count(*) FROM lvol o JOIN disk od ON od.id = o.disk_id"
          + " WHERE od.node_id = d.node_id AND o.leaving AND o.state = 'UP')"
          + " < (SELECT max_rebuilds_per_node FROM cluster)";

  private static final String LEAVES_NEXT =
      "CASE WHEN l.leaving THEN NULL"
          + " WHEN l.sync <> 'IN_SYNC' OR l.state <> 'UP' THEN 'it is ' || l.state || ' and '"
          + " || l.sync"
          + " WHEN NOT EXISTS (SELECT FROM volume_mapping m WHERE m.volume_id = v.id"
          + " AND m.state = 'ATTACHED')"
          + " THEN 'the volume is not attached: its baremetal node copies, attach it'"
          + " WHEN l.no_replacement IS NOT NULL THEN l.no_replacement"
          + " ELSE 'its turn comes: few replicas move at a time, and only of volumes that are whole'"
          + " END";

  private final Tx tx;

  Draining(Tx tx) {
    this.tx = tx;
  }

  /** Replicas that are to leave their nodes now. */
  static List<Step> due(Tx tx) throws SQLException {
    return tx.query(
        r -> new Step(r.getString(1), r.getInt(2)),
        "SELECT v.name, l.slot"
            + ON_DRAINED
            + MAY_GO
            + " ORDER BY l.no_replacement IS NOT NULL, random() LIMIT ?",
        MAX_TRIES);
  }

  /** One replica of one volume. */
  record Step(String volume, int slot) {}

  /** In a transaction that holds the placement lock and the volume's: still to be moved? */
  boolean isDue(Step step) throws SQLException {
    return tx.number(
            "SELECT count(*)" + ON_DRAINED + MAY_GO + " AND v.name = ? AND l.slot = ?",
            step.volume(),
            step.slot())
        == 1;
  }

  NodeUse set(String name, Schedulability wanted) throws SQLException {
    Node node = node(name, " FOR NO KEY UPDATE OF n");
    if (node.schedulability() != wanted) {
      tx.update(
          "UPDATE node SET schedulability = ?, version = version + 1 WHERE id = ?",
          wanted,
          node.id());
      tx.update(
          "UPDATE lvol SET no_replacement = NULL, version = version + 1"
              + " WHERE no_replacement IS NOT NULL AND sync = 'IN_SYNC'"
              + " AND disk_id IN (SELECT id FROM disk WHERE node_id = ?)",
          node.id());
      tx.update(
          "INSERT INTO event (severity, object_kind, object_id, object_name, message)"
              + " VALUES ('INFO', 'NODE', ?, ?, ?)",
          node.id(),
          name,
          switch (wanted) {
            case ACTIVE -> "gets new work again";
            case CORDONED -> "gets no new work";
            case DRAINING -> "gets no new work and is emptied";
          });
    }
    return use(name);
  }

  NodeUse use(String name) throws SQLException {
    Node node = node(name, "");
    long replicas =
        tx.number(
            "SELECT count(*) FROM lvol l JOIN disk d ON d.id = l.disk_id"
                + " WHERE d.node_id = ? AND l.state <> 'DELETED'",
            node.id());
    long attachments =
        tx.number(
            "SELECT count(*) FROM volume_mapping WHERE node_id = ? AND state NOT IN "
                + Rows.FINAL_MAPPING,
            node.id());
    return new NodeUse(node, replicas, attachments, staying(node));
  }

  private List<String> staying(Node node) throws SQLException {
    if (node.schedulability() != Schedulability.DRAINING) {
      return List.of();
    }
    if (node.mode() == NodeMode.BAREMETAL) {
      return tx.query(
          r -> "volume " + r.getString(1) + ": move it with `volume move`, or detach it",
          "SELECT v.name FROM volume_mapping m JOIN volume v ON v.id = m.volume_id"
              + " WHERE m.node_id = ? AND m.state NOT IN "
              + Rows.FINAL_MAPPING
              + " ORDER BY v.name LIMIT ?",
          node.id(),
          NodeUse.MAX_STAYING);
    }
    return tx.query(
        r -> "volume " + r.getString(1) + ": " + r.getString(2),
        "SELECT name, why FROM (SELECT v.name, "
            + LEAVES_NEXT
            + " AS why"
            + ON_DRAINED
            + " AND n.id = ?) AS s WHERE why IS NOT NULL ORDER BY name LIMIT ?",
        node.id(),
        NodeUse.MAX_STAYING);
  }

  private Node node(String name, String lock) throws SQLException {
    return tx.first(Rows::node, Rows.SELECT_NODE + " WHERE n.name = ?" + lock, name)
        .orElseThrow(() -> new RefusedException(Code.NOT_FOUND, "there is no node " + name));
  }
}

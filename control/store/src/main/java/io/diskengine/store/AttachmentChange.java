package io.diskengine.store;

import io.diskengine.model.DataPlaneState;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Names;
import io.diskengine.model.Node;
import io.diskengine.model.NodeMode;
import io.diskengine.model.Schedulability;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.store.RefusedException.Code;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What users change about where a volume is attached, in a transaction that holds the volume's
 * lock. Requests that the present state forbids throw {@link RefusedException}.
 */
final class AttachmentChange {
  private final Tx tx;
  private final Volume volume;

  AttachmentChange(Tx tx, Volume volume) {
    this.tx = tx;
    this.volume = volume;
  }

  static Optional<VolumeMapping> liveMapping(Tx tx, long volumeId) throws SQLException {
    return tx.first(
        Rows::mapping,
        "SELECT * FROM volume_mapping WHERE volume_id = ? AND state NOT IN " + Rows.FINAL_MAPPING,
        volumeId);
  }

  private Node baremetalNode(String name) throws SQLException {
    Node node =
        tx.first(Rows::node, Rows.SELECT_NODE + " WHERE n.name = ?", name)
            .orElseThrow(() -> new RefusedException(Code.NOT_FOUND, "there is no node " + name));
    if (node.mode() != NodeMode.BAREMETAL) {
      throw wrongState(
          "node " + name + " is a " + node.mode().text() + ": attach needs a baremetal node");
    }
    return node;
  }

  private Node node(long id) throws SQLException {
    return tx.first(Rows::node, Rows.SELECT_NODE + " WHERE n.id = ?", id).orElseThrow();
  }

  private static RefusedException wrongState(String message) {
    return new RefusedException(Code.WRONG_STATE, message);
  }

  /** Mapping, vm mapping and grants of every in-sync replica, at a new epoch. */
  private void map(Node node) throws SQLException {
    checkTarget(node);
    long mapping =
        tx.number(
            "INSERT INTO volume_mapping (volume_id, node_id, clean) SELECT ?, ?,"
                + " coalesce((SELECT clean FROM volume_mapping WHERE volume_id = ?"
                + " ORDER BY id DESC LIMIT 1), true) RETURNING id",
            volume.id(),
            node.id(),
            volume.id());
    long vmMapping =
        tx.number("SELECT nextval(pg_get_serial_sequence('diskengine.vm_mapping', 'id'))");
    tx.update(
        "INSERT INTO vm_mapping (id, mapping_id, controller_name)"
            + " OVERRIDING SYSTEM VALUE VALUES (?, ?, ?)",
        vmMapping,
        mapping,
        Names.vhost(vmMapping, volume.uuid()));
    tx.update(
        "WITH raised AS (UPDATE volume SET epoch = epoch + 1, version = version + 1"
            + " WHERE id = ? RETURNING id, epoch)"
            + " INSERT INTO lvol_grant (lvol_id, mapping_id, host_nqn, volume_epoch)"
            + " SELECT l.id, ?, ?, raised.epoch FROM raised JOIN lvol l ON l.volume_id = raised.id"
            + " WHERE l.sync = 'IN_SYNC' AND l.state IN ('CREATING', 'UP', 'RESIZING')"
            + " ORDER BY l.id",
        volume.id(),
        mapping,
        node.hostNqn());
  }

  private void checkTarget(Node node) throws SQLException {
    switch (volume.state()) {
      case CREATING, AVAILABLE, RESIZING -> {}
      case ERROR, DELETING, DELETED ->
          throw wrongState(
              "volume " + volume.name() + " is " + volume.state() + ": it cannot be attached");
    }
    if (node.schedulability() != Schedulability.ACTIVE) {
      throw wrongState("node " + node.name() + " is " + node.schedulability());
    }
    long left =
        tx.number(
            "SELECT count(*) FROM volume_mapping WHERE volume_id = ? AND node_id = ?"
                + " AND state = 'FENCED' AND NOT gone",
            volume.id(),
            node.id());
    if (left > 0) {
      throw wrongState(leftOn(node, volume));
    }
  }

  static String leftOn(Node node, Volume volume) {
    return "node %s has not taken down yet what it had of volume %s when it was taken away: its agent must run"
        .formatted(node.name(), volume.name());
  }

  void detach(boolean force) throws SQLException {
    Optional<VolumeMapping> mapping = liveMapping(tx, volume.id());
    if (mapping.isEmpty()) {
      return;
    }
    Node node = node(mapping.get().nodeId());
    if (force) {
      takeAway(mapping.get());
      event("WARNING", "detached by force: taken away from " + node.name());
      return;
    }
    refuseConnectedGuest(mapping.get(), node, "--force cuts it off");
    if (mapping.get().state() != VolumeMappingState.DETACHING) {
      event("INFO", "detach requested");
    }
    leave(mapping.get(), null);
  }

  private void refuseConnectedGuest(VolumeMapping mapping, Node node, String otherwise)
      throws SQLException {
    boolean leaving = mapping.state() == VolumeMappingState.DETACHING;
    boolean connected =
        tx.number(
                "SELECT count(*) FROM vm_mapping WHERE mapping_id = ? AND guest_connected",
                mapping.id())
            > 0;
    if (connected && !leaving && node.leaseValid()) {
      throw new RefusedException(
          Code.GUEST_CONNECTED,
          "a guest on %s is connected to volume %s: end QEMU or unplug the disk first; %s"
              .formatted(node.name(), volume.name(), otherwise));
    }
  }

  /** To be taken down in order by its node. */
  private void leave(VolumeMapping mapping, @org.jspecify.annotations.Nullable Node successor)
      throws SQLException {
    tx.update(
        "UPDATE vm_mapping SET state = 'DETACHING', version = version + 1"
            + " WHERE mapping_id = ? AND state IN ('ATTACHING', 'ATTACHED')",
        mapping.id());
    tx.update(
        "UPDATE volume_mapping SET state = 'DETACHING', successor_node_id = ?,"
            + " version = version + 1 WHERE id = ?"
            + " AND (state <> 'DETACHING' OR successor_node_id IS DISTINCT FROM ?::bigint)",
        successor == null ? null : successor.id(),
        mapping.id(),
        successor == null ? null : successor.id());
  }

  /** Law 7: the node may not write any more; it takes down what it has when it learns that. */
  private void takeAway(VolumeMapping mapping) throws SQLException {
    tx.update(
        "UPDATE vm_mapping SET state = 'DETACHING', version = version + 1"
            + " WHERE mapping_id = ? AND state IN ('ATTACHING', 'ATTACHED')",
        mapping.id());
    tx.update(
        "UPDATE volume_mapping SET state = 'FENCED', successor_node_id = NULL,"
            + " version = version + 1 WHERE id = ?",
        mapping.id());
    new LegSet(tx, mapping.nodeId()).release(mapping.id());
    tx.update(
        "UPDATE volume SET epoch = epoch + 1, version = version + 1 WHERE id = ?", volume.id());
  }

  void move(String nodeName, boolean force) throws SQLException {
    Node target = baremetalNode(nodeName);
    Optional<VolumeMapping> there = liveMapping(tx, volume.id());
    if (there.isEmpty()) {
      throw wrongState("volume " + volume.name() + " is not attached: attach it");
    }
    VolumeMapping mapping = there.get();
    if (mapping.nodeId() == target.id()) {
      stay(mapping, target, force);
      return;
    }
    checkTarget(target);
    Node from = node(mapping.nodeId());
    boolean works = from.leaseValid() && from.dataPlane() == DataPlaneState.READY;
    if (works && !force) {
      refuseConnectedGuest(mapping, from, "--force cuts it off and moves the volume");
      leave(mapping, target);
      event("INFO", "move from " + from.name() + " to " + nodeName + " requested");
      return;
    }
    takeAway(mapping);
    event(
        "WARNING",
        "taken away from %s (%s) and moved to %s"
            .formatted(from.name(), works ? "by force" : state(from), nodeName));
    leaveOut(mapping.clean(), force);
    map(target);
  }

  /** Moving a volume to where it is. */
  private void stay(VolumeMapping mapping, Node node, boolean force) throws SQLException {
    if (mapping.state() == VolumeMappingState.DETACHING) {
      throw wrongState(
          "volume %s is DETACHING on node %s: attach it again when that is done"
              .formatted(volume.name(), node.name()));
    }
    if (force && mapping.state() == VolumeMappingState.ASSIGNED && leaveOut(false, true)) {
      tx.update(
          "WITH raised AS (UPDATE volume SET epoch = epoch + 1, version = version + 1"
              + " WHERE id = ? RETURNING id, epoch)"
              + " UPDATE lvol_grant g SET volume_epoch = raised.epoch, version = g.version + 1"
              + " FROM raised, lvol l WHERE l.volume_id = raised.id AND g.lvol_id = l.id"
              + " AND g.state IN ('GRANTING', 'GRANTED')",
          volume.id());
    }
  }

  private static String state(Node node) {
    return node.leaseValid() ? "its data plane is " + node.dataPlane() : "its agent is gone";
  }

  /**
   * Laws 7 and 9: in-sync replicas that cannot be reached leave the set, if others can be. After an
   * unclean stop that may lose writes that only they have (a replica that failed a write just
   * before, which is not on record yet), so that somebody has to ask for it; else the volume waits
   * for them. True when some left.
   */
  private boolean leaveOut(boolean clean, boolean force) throws SQLException {
    List<String> away = new ArrayList<>();
    List<Long> ids = new ArrayList<>();
    boolean anyReachable = false;
    for (Lvol l :
        tx.query(
            Rows::lvol,
            Rows.SELECT_LVOL + " WHERE l.volume_id = ? AND l.state <> 'DELETED' ORDER BY l.slot",
            volume.id())) {
      Node node = node(l.nodeId());
      boolean reachable = node.leaseValid() && node.dataPlane() == DataPlaneState.READY;
      boolean there = l.state() == LvolState.UP || l.state() == LvolState.RESIZING;
      if (l.sync() == LvolSync.IN_SYNC && reachable && there) {
        anyReachable = true;
      } else if (l.sync() == LvolSync.IN_SYNC) {
        ids.add(l.id());
        away.add(l.name() + " on " + node.name() + " (" + state(node) + ")");
      }
    }
    String replicas = String.join(", ", away);
    if (force && !anyReachable) {
      throw wrongState(
          "no in-sync replica of volume %s can be reached: %s".formatted(volume.name(), replicas));
    }
    if (ids.isEmpty() || !volume.raidCreated() || !anyReachable || !(clean || force)) {
      return false;
    }
    tx.update(
        "UPDATE lvol_grant SET state = 'REVOKING', version = version + 1"
            + " WHERE lvol_id = ANY(?::bigint[]) AND state IN ('GRANTING', 'GRANTED')",
        ids);
    tx.update(
        "UPDATE lvol SET sync = 'OUT', version = version + 1 WHERE id = ANY(?::bigint[])", ids);
    event(
        "WARNING",
        clean
            ? "goes on without " + replicas
            : "goes on without " + replicas + " by force: what only they have is lost");
    return true;
  }

  /** Names of volumes that left one node in order and are to be attached to another. */
  static List<String> successors(Tx tx) throws SQLException {
    return tx.query(
        r -> r.getString(1),
        "SELECT v.name FROM volume_mapping m JOIN volume v ON v.id = m.volume_id"
            + " WHERE m.successor_node_id IS NOT NULL AND m.state = 'DETACHED'"
            + " AND v.state <> 'DELETED' ORDER BY m.id");
  }

  /** The second half of an orderly move; nothing when somebody else did it or attached it again. */
  void attachSuccessor() throws SQLException {
    Optional<Long> successor =
        tx.first(
            r -> r.getLong(1),
            "UPDATE volume_mapping m SET successor_node_id = NULL, version = m.version + 1"
                + " FROM (SELECT id, successor_node_id AS node FROM volume_mapping"
                + " WHERE volume_id = ? AND successor_node_id IS NOT NULL AND state = 'DETACHED'"
                + " ORDER BY id DESC LIMIT 1 FOR UPDATE) old WHERE m.id = old.id"
                + " RETURNING old.node",
            volume.id());
    if (successor.isEmpty() || liveMapping(tx, volume.id()).isPresent()) {
      return;
    }
    Node node = node(successor.get());
    try {
      map(node);
    } catch (RefusedException e) {
      event("ERROR", "not moved to " + node.name() + ": " + e.getMessage());
    }
  }

  private void event(String severity, String message) throws SQLException {
    tx.update(
        "INSERT INTO event (severity, object_kind, object_id, object_name, message)"
            + " VALUES (?, 'VOLUME', ?, ?, ?)",
        severity,
        volume.id(),
        volume.name(),
        message);
  }
}

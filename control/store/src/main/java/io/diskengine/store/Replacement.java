package io.diskengine.store;

import io.diskengine.model.Cluster;
import io.diskengine.model.Disk;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Names;
import io.diskengine.model.Node;
import io.diskengine.model.Placement;
import io.diskengine.model.Sizes;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.store.RefusedException.Code;
import java.sql.SQLException;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * New replicas for old ones: where they go, in a transaction that holds the placement lock and the
 * volume's. The baremetal node that has the volume rebuilds them; when enough are in sync, the old
 * ones go ({@link LegSet#removeSurplus}).
 */
final class Replacement {
  /** Out, out of reach, past the wait, of a volume that is attached; without a successor. */
  private static final String LOST =
      " FROM lvol l JOIN volume v ON v.id = l.volume_id JOIN disk d ON d.id = l.disk_id"
          + " JOIN node n ON n.id = d.node_id CROSS JOIN cluster c"
          + " WHERE l.sync = 'OUT' AND l.state IN ('UP', 'FAULTY') AND v.raid_created"
          + " AND v.state IN ('AVAILABLE', 'RESIZING')"
          + " AND l.out_since < clock_timestamp() - c.replace_after_sec * interval '1 s'"
          + " AND (d.state <> 'UP' OR n.data_plane <> 'READY'"
          + " OR n.lease_expires IS NULL OR n.lease_expires < clock_timestamp())"
          + " AND EXISTS (SELECT FROM volume_mapping m WHERE m.volume_id = v.id"
          + " AND m.state = 'ATTACHED')"
          + " AND NOT EXISTS (SELECT FROM lvol s WHERE s.volume_id = v.id AND s.slot = l.slot"
          + " AND s.generation > l.generation AND s.state NOT IN ('DELETING', 'DELETED'))";

  private final Tx tx;
  private final Volume volume;

  Replacement(Tx tx, Volume volume) {
    this.tx = tx;
    this.volume = volume;
  }

  /** Names of the volumes with something to replace. */
  static List<String> due(Tx tx) throws SQLException {
    return tx.query(r -> r.getString(1), "SELECT DISTINCT v.name" + LOST);
  }

  void replaceLost() throws SQLException {
    for (Lvol lost :
        tx.query(
            Rows::lvol,
            "SELECT l.*, d.node_id" + LOST + " AND v.id = ? ORDER BY l.slot",
            volume.id())) {
      Map<Long, Node> nodes = storageNodes();
      switch (place(lost, nodes, null)) {
        case Placement.Placed placed -> {
          Lvol made = insert(lost, placed);
          event(
              "WARNING",
              "replica %s on %s is out of reach: %s on %s takes its place"
                  .formatted(lost.name(), name(nodes, lost), made.name(), name(nodes, made)));
        }
        case Placement.NoPlace noPlace -> noPlace(lost, nodes, noPlace);
      }
    }
  }

  void move(int slot, @Nullable String nodeName) throws SQLException {
    List<Lvol> replicas = replicas();
    Optional<Lvol> there =
        replicas.stream()
            .filter(l -> l.slot() == slot && l.sync() == LvolSync.IN_SYNC)
            .filter(l -> l.state() == LvolState.UP)
            .findFirst();
    Map<Long, Node> nodes = storageNodes();
    if (there.isPresent() && name(nodes, there.get()).equals(nodeName)) {
      return;
    }
    Optional<Lvol> notInSync =
        replicas.stream().filter(l -> l.sync() != LvolSync.IN_SYNC).findFirst();
    if (there.isPresent()
        && notInSync
            .filter(l -> l.slot() == slot && l.generation() > there.get().generation())
            .isPresent()) {
      return; // asked for before
    }
    if (there.isEmpty() || notInSync.isPresent()) {
      String other = notInSync.map(Lvol::name).orElse("none in slot " + slot);
      throw wrongState("every replica must be in sync before one is moved; not in sync: " + other);
    }
    boolean attached =
        AttachmentChange.liveMapping(tx, volume.id())
            .filter(m -> m.state() == VolumeMappingState.ATTACHED)
            .isPresent();
    if (!attached) {
      throw wrongState(
          "volume "
              + volume.name()
              + " is not attached: its baremetal node copies replicas, attach it first");
    }
    if (nodeName != null && nodes.values().stream().noneMatch(n -> n.name().equals(nodeName))) {
      throw new RefusedException(Code.NOT_FOUND, "there is no storage node " + nodeName);
    }
    switch (place(there.get(), nodes, nodeName)) {
      case Placement.Placed placed -> leave(there.get(), nodes, placed, "");
      case Placement.NoPlace noPlace ->
          throw new RefusedException(Code.NO_PLACE, noPlace.message());
    }
  }

  /** One replica leaves a node that is drained. */
  void drain(int slot) throws SQLException {
    Map<Long, Node> nodes = storageNodes();
    for (Lvol old : replicas()) {
      if (old.slot() == slot && nodes.containsKey(old.nodeId())) {
        switch (place(old, nodes, null)) {
          case Placement.Placed placed -> leave(old, nodes, placed, ", which is drained");
          case Placement.NoPlace noPlace -> noPlace(old, nodes, noPlace);
        }
      }
    }
  }

  private void leave(Lvol old, Map<Long, Node> nodes, Placement.Placed placed, String because)
      throws SQLException {
    Lvol made = insert(old, placed);
    tx.update("UPDATE lvol SET leaving = true, version = version + 1 WHERE id = ?", old.id());
    event(
        "INFO",
        "replica %s moves from %s to %s%s"
            .formatted(old.name(), name(nodes, old), name(nodes, made), because));
  }

  /** On record while it is so, told once for each reason. */
  private void noPlace(Lvol old, Map<Long, Node> nodes, Placement.NoPlace noPlace)
      throws SQLException {
    int told =
        tx.update(
            "UPDATE lvol SET no_replacement = ?, version = version + 1"
                + " WHERE id = ? AND no_replacement IS DISTINCT FROM ?::text",
            noPlace.message(),
            old.id(),
            noPlace.message());
    if (told > 0) {
      event(
          "ERROR",
          "no place for a replacement of %s on %s: %s"
              .formatted(old.name(), name(nodes, old), noPlace.message()));
    }
  }

  private static RefusedException wrongState(String message) {
    return new RefusedException(Code.WRONG_STATE, message);
  }

  private List<Lvol> replicas() throws SQLException {
    return tx.query(
        Rows::lvol,
        Rows.SELECT_LVOL
            + " WHERE l.volume_id = ? AND l.state NOT IN ('DELETING', 'DELETED') ORDER BY l.slot",
        volume.id());
  }

  private Map<Long, Node> storageNodes() throws SQLException {
    return tx.query(Rows::node, Rows.SELECT_NODE + " WHERE n.mode = 'STORAGE_NODE'").stream()
        .collect(Collectors.toMap(Node::id, Function.identity()));
  }

  private static String name(Map<Long, Node> nodes, Lvol lvol) {
    Node node = nodes.get(lvol.nodeId());
    return node == null ? "node " + lvol.nodeId() : node.name();
  }

  /** Not where it was and not in a failure domain of the other replicas. */
  private Placement.Result place(Lvol old, Map<Long, Node> nodes, @Nullable String onlyNode)
      throws SQLException {
    Set<String> taken = new HashSet<>();
    for (Lvol other : replicas()) {
      Node node = nodes.get(other.nodeId());
      if (other.id() != old.id() && node != null) {
        taken.add(node.failureDomain());
      }
    }
    List<Placement.Candidate> candidates =
        candidates(nodes).stream()
            .filter(c -> c.node().id() != old.nodeId())
            .filter(c -> c.disk().blockSize() == volume.blockSize())
            .filter(c -> onlyNode == null || c.node().name().equals(onlyNode))
            .filter(c -> !taken.contains(c.node().failureDomain()))
            .toList();
    int overcommitPercent = (int) tx.number("SELECT overcommit_percent FROM cluster");
    return Placement.place(candidates, 1, volume.sizeBytes(), overcommitPercent);
  }

  /** Every disk of the nodes that is not retired, with what is promised on it. */
  private List<Placement.Candidate> candidates(Map<Long, Node> nodes) throws SQLException {
    return tx.query(
        r ->
            new Placement.Candidate(
                Objects.requireNonNull(nodes.get(r.getLong("node_id"))),
                Rows.disk(r),
                r.getLong("promised_bytes")),
        "SELECT d.*, (SELECT coalesce(sum(l.size_bytes), 0) FROM lvol l"
            + " WHERE l.disk_id = d.id AND l.state <> 'DELETED') AS promised_bytes"
            + " FROM disk d WHERE d.state <> 'RETIRED' AND d.node_id = ANY(?::bigint[])"
            + " ORDER BY d.id",
        List.copyOf(nodes.keySet()));
  }

  private Lvol insert(Lvol old, Placement.Placed placed) throws SQLException {
    int generation =
        (int)
            tx.number(
                "SELECT max(generation) + 1 FROM lvol WHERE volume_id = ? AND slot = ?",
                volume.id(),
                old.slot());
    tx.update("UPDATE lvol SET no_replacement = NULL WHERE id = ?", old.id());
    Cluster cluster = tx.first(Rows::cluster, "SELECT * FROM cluster").orElseThrow();
    Disk disk = placed.disks().getFirst();
    String name = Names.lvol(volume.id(), volume.uuid(), old.slot(), generation);
    UUID namespaceUuid = Names.namespaceUuid(volume.uuid(), old.slot(), generation);
    return tx.query(
            Rows::lvol,
            "INSERT INTO lvol (volume_id, disk_id, slot, generation, name, size_bytes, nqn,"
                + " namespace_uuid, nguid, serial, min_cntlid, max_cntlid, sync)"
                + " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'OUT')"
                + " RETURNING *, ?::bigint AS node_id",
            volume.id(),
            disk.id(),
            old.slot(),
            generation,
            name,
            Sizes.legBytesOfGuest(volume.guestBytes()),
            Names.subsystemNqn(cluster.nqnPrefix(), cluster.id(), name),
            namespaceUuid,
            Names.nguid(namespaceUuid),
            Names.serial(namespaceUuid),
            Names.minCntlid(old.slot()),
            Names.maxCntlid(old.slot()),
            disk.nodeId())
        .getFirst();
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

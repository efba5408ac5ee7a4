package io.diskengine.store;

import io.diskengine.model.Cluster;
import io.diskengine.model.Disk;
import io.diskengine.model.Event;
import io.diskengine.model.Intent;
import io.diskengine.model.Lvol;
import io.diskengine.model.Names;
import io.diskengine.model.Node;
import io.diskengine.model.NodeMode;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.Placement;
import io.diskengine.model.Schedulability;
import io.diskengine.model.Sizes;
import io.diskengine.model.VmMapping;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.model.VolumeState;
import io.diskengine.store.RefusedException.Code;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** {@link ControllerStore} on PostgreSQL. */
public final class PostgresControllerStore implements ControllerStore, AutoCloseable {
  public static final int MAX_EVENTS = 1_000;
  private static final int MAX_WHY_DEPTH = 16;

  /** Serialises placement, so that two volumes never count the same room. */
  private static final long PLACEMENT_LOCK = 0x6469736B706C6163L;

  private final Database database;

  public PostgresControllerStore(Database database) {
    this.database = database;
  }

  public Database database() {
    return database;
  }

  @Override
  public Cluster cluster() {
    return database.single(PostgresControllerStore::cluster);
  }

  private static Cluster cluster(Tx tx) throws SQLException {
    return tx.first(Rows::cluster, "SELECT * FROM cluster").orElseThrow();
  }

  @Override
  public VolumeDetails createVolume(NewVolume volume) {
    try {
      return database.transaction(tx -> create(tx, volume));
    } catch (StoreStatementException e) {
      if (e.isUniqueViolation()) {
        throw exists(volume.name());
      }
      throw e;
    }
  }

  private static RefusedException exists(String name) {
    return new RefusedException(Code.ALREADY_EXISTS, "volume " + name + " exists already");
  }

  private static VolumeDetails create(Tx tx, NewVolume request) throws SQLException {
    tx.query(r -> 1, "SELECT pg_advisory_xact_lock(?)", PLACEMENT_LOCK);
    if (find(tx, request.name(), false).isPresent()) {
      throw exists(request.name());
    }
    Cluster cluster = cluster(tx);
    Map<Long, Node> nodes =
        tx.query(Rows::node, Rows.SELECT_NODE + " WHERE n.mode = 'STORAGE_NODE'").stream()
            .collect(Collectors.toMap(Node::id, Function.identity()));
    List<Disk> disks = place(tx, request, nodes, cluster.settings().overcommitPercent());
    UUID uuid = UUID.randomUUID();
    Volume volume =
        tx.query(
                Rows::volume,
                "INSERT INTO volume (uuid, name, size_bytes, block_size, replicas, guest_bytes,"
                    + " thin) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING *",
                uuid,
                request.name(),
                request.sizeBytes(),
                disks.getFirst().blockSize(),
                request.replicas(),
                Sizes.guestBytes(request.sizeBytes()),
                cluster.settings().thin())
            .getFirst();
    List<Lvol> lvols = new ArrayList<>();
    Map<Long, String> nodeNames = new LinkedHashMap<>();
    for (int slot = 0; slot < disks.size(); slot++) {
      Disk disk = disks.get(slot);
      lvols.add(insertLvol(tx, cluster, volume, disk, slot));
      nodeNames.put(disk.nodeId(), Objects.requireNonNull(nodes.get(disk.nodeId())).name());
    }
    event(
        tx,
        volume,
        "create requested: %s, %d replica(s) on %s"
            .formatted(
                Sizes.text(volume.sizeBytes()),
                volume.replicas(),
                String.join(", ", nodeNames.values())));
    // Nothing else can be there yet; asking would keep the others waiting for the lock.
    return new VolumeDetails(volume, lvols, null, null, nodeNames, List.of());
  }

  /** What users asked for, as history for people. */
  private static void event(Tx tx, Volume volume, String message) throws SQLException {
    tx.update(
        "INSERT INTO event (severity, object_kind, object_id, object_name, message)"
            + " VALUES ('INFO', 'VOLUME', ?, ?, ?)",
        volume.id(),
        volume.name(),
        message);
  }

  private static Lvol insertLvol(Tx tx, Cluster cluster, Volume volume, Disk disk, int slot)
      throws SQLException {
    int generation = 1;
    String name = Names.lvol(volume.id(), volume.uuid(), slot, generation);
    UUID namespaceUuid = Names.namespaceUuid(volume.uuid(), slot, generation);
    return tx.query(
            Rows::lvol,
            "INSERT INTO lvol (volume_id, disk_id, slot, generation, name, size_bytes, nqn,"
                + " namespace_uuid, nguid, serial, min_cntlid, max_cntlid, sync)"
                + " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'IN_SYNC') RETURNING *, ?::bigint AS node_id",
            volume.id(),
            disk.id(),
            slot,
            generation,
            name,
            Sizes.legBytes(volume.sizeBytes()),
            Names.subsystemNqn(cluster.nqnPrefix(), cluster.id(), name),
            namespaceUuid,
            Names.nguid(namespaceUuid),
            Names.serial(namespaceUuid),
            Names.minCntlid(slot),
            Names.maxCntlid(slot),
            disk.nodeId())
        .getFirst();
  }

  private static List<Disk> place(
      Tx tx, NewVolume request, Map<Long, Node> nodes, int overcommitPercent) throws SQLException {
    List<Placement.Candidate> candidates =
        tx.query(
            r ->
                new Placement.Candidate(
                    Objects.requireNonNull(nodes.get(r.getLong("node_id"))),
                    Rows.disk(r),
                    r.getLong("promised_bytes")),
            "SELECT d.*, (SELECT coalesce(sum(l.size_bytes), 0) FROM lvol l"
                + " WHERE l.disk_id = d.id AND l.state <> 'DELETED') AS promised_bytes"
                + " FROM disk d WHERE d.state <> 'RETIRED' AND d.node_id = ANY(?::bigint[]) ORDER BY d.id",
            List.copyOf(nodes.keySet()));
    return switch (Placement.place(
        candidates, request.replicas(), request.sizeBytes(), overcommitPercent)) {
      case Placement.Placed placed -> placed.disks();
      case Placement.NoPlace noPlace -> {
        String diskless =
            nodes.values().stream()
                .map(Node::name)
                .filter(name -> !noPlace.whyNot().containsKey(name))
                .sorted()
                .map(name -> "; " + name + ": " + Placement.nodeWithoutDisks())
                .collect(Collectors.joining());
        throw new RefusedException(Code.NO_PLACE, noPlace.message() + diskless);
      }
    };
  }

  @Override
  public List<VolumeDetails> volumes() {
    return database.read(tx ->
        details(
            tx,
            tx.query(Rows::volume, "SELECT * FROM volume WHERE state <> 'DELETED' ORDER BY name")));
  }

  @Override
  public Optional<VolumeDetails> volume(String name) {
    return database.read(tx -> {
      Optional<Volume> volume = find(tx, name, false);
      return volume.isEmpty()
          ? Optional.empty()
          : Optional.of(details(tx, List.of(volume.get())).getFirst());
    });
  }

  @Override
  public List<VolumeDetails> volumes(Set<String> names) {
    return database.read(tx ->
        details(
            tx,
            tx.query(
                Rows::volume,
                "SELECT * FROM volume WHERE name = ANY(?) AND state <> 'DELETED' ORDER BY name",
                List.copyOf(names))));
  }

  private static Optional<Volume> find(Tx tx, String name, boolean lock) throws SQLException {
    return tx.first(
        Rows::volume,
        "SELECT * FROM volume WHERE name = ? AND state <> 'DELETED'"
            + (lock ? " FOR NO KEY UPDATE" : ""),
        name);
  }

  private static Volume locked(Tx tx, String name) throws SQLException {
    return find(tx, name, true)
        .orElseThrow(() -> new RefusedException(Code.NOT_FOUND, "there is no volume " + name));
  }

  private static List<VolumeDetails> details(Tx tx, List<Volume> volumes) throws SQLException {
    if (volumes.isEmpty()) {
      return List.of();
    }
    List<Long> ids = volumes.stream().map(Volume::id).toList();
    Map<Long, List<Lvol>> lvols =
        tx
            .query(
                Rows::lvol,
                Rows.SELECT_LVOL
                    + " WHERE l.volume_id = ANY(?::bigint[]) AND l.state <> 'DELETED' ORDER BY l.slot, l.id",
                ids)
            .stream()
            .collect(Collectors.groupingBy(Lvol::volumeId));
    Map<Long, VolumeMapping> mappings =
        tx
            .query(
                Rows::mapping,
                "SELECT * FROM volume_mapping WHERE volume_id = ANY(?::bigint[]) AND state NOT IN "
                    + Rows.FINAL_MAPPING,
                ids)
            .stream()
            .collect(Collectors.toMap(VolumeMapping::volumeId, Function.identity()));
    Map<Long, VmMapping> vmMappings = new HashMap<>();
    for (VmMapping vm :
        tx.query(
            Rows::vmMapping,
            Rows.SELECT_VM_MAPPING + " WHERE vm.mapping_id = ANY(?::bigint[]) ORDER BY vm.id",
            mappings.values().stream().map(VolumeMapping::id).toList())) {
      vmMappings.put(vm.mappingId(), vm);
    }
    Map<Long, String> nodeNames = new HashMap<>();
    tx.query(r -> nodeNames.put(r.getLong(1), r.getString(2)) == null, "SELECT id, name FROM node");
    List<ReasonRow> reasons = tx.query(Rows::reason, Rows.SELECT_REASON + " ORDER BY r.since");
    List<VolumeDetails> details = new ArrayList<>();
    for (Volume volume : volumes) {
      List<Lvol> own = lvols.getOrDefault(volume.id(), List.of());
      VolumeMapping mapping = mappings.get(volume.id());
      VmMapping vm = mapping == null ? null : vmMappings.get(mapping.id());
      details.add(
          new VolumeDetails(
              volume, own, mapping, vm, nodeNames, about(reasons, volume, own, mapping, vm)));
    }
    return details;
  }

  private static List<ReasonRow> about(
      List<ReasonRow> reasons,
      Volume volume,
      List<Lvol> lvols,
      @Nullable VolumeMapping mapping,
      @Nullable VmMapping vmMapping) {
    if (reasons.isEmpty()) {
      return List.of();
    }
    Set<ObjectRef> objects = new HashSet<>();
    objects.add(new ObjectRef(ObjectKind.VOLUME, volume.id()));
    lvols.forEach(l -> objects.add(new ObjectRef(ObjectKind.LVOL, l.id())));
    if (mapping != null) {
      objects.add(new ObjectRef(ObjectKind.VOLUME_MAPPING, mapping.id()));
    }
    if (vmMapping != null) {
      objects.add(new ObjectRef(ObjectKind.VM_MAPPING, vmMapping.id()));
    }
    return reasons.stream().filter(r -> objects.contains(r.reason().object())).toList();
  }

  @Override
  public VolumeDetails attach(String volumeName, String nodeName) {
    return database.transaction(tx -> {
      Volume volume = locked(tx, volumeName);
      Node node = baremetalNode(tx, nodeName);
      Optional<VolumeMapping> mapping = liveMapping(tx, volume.id());
      if (mapping.isPresent()) {
        checkSame(tx, volume, mapping.get(), node);
      } else {
        map(tx, volume, node);
        event(tx, volume, "attach to " + nodeName + " requested");
      }
      return details(tx, List.of(locked(tx, volumeName))).getFirst();
    });
  }

  private static Node baremetalNode(Tx tx, String name) throws SQLException {
    Node node =
        tx.first(Rows::node, Rows.SELECT_NODE + " WHERE n.name = ?", name)
            .orElseThrow(() -> new RefusedException(Code.NOT_FOUND, "there is no node " + name));
    if (node.mode() != NodeMode.BAREMETAL) {
      throw new RefusedException(
          Code.WRONG_STATE,
          "node " + name + " is a " + node.mode().text() + ": attach needs a baremetal node");
    }
    return node;
  }

  private static Optional<VolumeMapping> liveMapping(Tx tx, long volumeId) throws SQLException {
    return tx.first(
        Rows::mapping,
        "SELECT * FROM volume_mapping WHERE volume_id = ? AND state NOT IN " + Rows.FINAL_MAPPING,
        volumeId);
  }

  private static void checkSame(Tx tx, Volume volume, VolumeMapping mapping, Node node)
      throws SQLException {
    String holder =
        tx.first(r -> r.getString(1), "SELECT name FROM node WHERE id = ?", mapping.nodeId())
            .orElseThrow();
    String text = "volume " + volume.name() + " is " + mapping.state() + " on node " + holder;
    if (mapping.nodeId() != node.id()) {
      throw new RefusedException(Code.ATTACHED_ELSEWHERE, text + ": detach it first");
    }
    switch (mapping.state()) {
      case ASSIGNED, INITIALISED, ATTACHED -> {}
      case DETACHING, DETACHED, FENCED ->
          throw new RefusedException(
              Code.WRONG_STATE, text + ": attach it again when that is done");
    }
  }

  private static void map(Tx tx, Volume volume, Node node) throws SQLException {
    switch (volume.state()) {
      case CREATING, AVAILABLE, RESIZING -> {}
      case ERROR, DELETING, DELETED ->
          throw new RefusedException(
              Code.WRONG_STATE,
              "volume " + volume.name() + " is " + volume.state() + ": it cannot be attached");
    }
    if (node.schedulability() != Schedulability.ACTIVE) {
      throw new RefusedException(
          Code.WRONG_STATE, "node " + node.name() + " is " + node.schedulability());
    }
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
            + " WHERE l.sync = 'IN_SYNC' AND l.state IN ('CREATING', 'UP', 'RESIZING')",
        volume.id(),
        mapping,
        node.hostNqn());
  }

  @Override
  public VolumeDetails detach(String volumeName) {
    return database.transaction(tx -> {
      Volume volume = locked(tx, volumeName);
      Optional<VolumeMapping> mapping = liveMapping(tx, volume.id());
      if (mapping.isPresent()) {
        tx.update(
            "UPDATE vm_mapping SET state = 'DETACHING', version = version + 1"
                + " WHERE mapping_id = ? AND state IN ('ATTACHING', 'ATTACHED')",
            mapping.get().id());
        if (mapping.get().state() != VolumeMappingState.DETACHING) {
          event(tx, volume, "detach requested");
        }
        tx.update(
            "UPDATE volume_mapping SET state = 'DETACHING', version = version + 1"
                + " WHERE id = ? AND state IN ('ASSIGNED', 'INITIALISED', 'ATTACHED')",
            mapping.get().id());
      }
      return details(tx, List.of(volume)).getFirst();
    });
  }

  @Override
  public VolumeDetails delete(String volumeName) {
    return database.transaction(tx -> {
      Volume volume = locked(tx, volumeName);
      if (volume.state() == VolumeState.DELETING) {
        return details(tx, List.of(volume)).getFirst();
      }
      if (liveMapping(tx, volume.id()).isPresent()) {
        throw new RefusedException(
            Code.WRONG_STATE, "volume " + volumeName + " is attached: detach it first");
      }
      tx.update(
          "UPDATE lvol SET state = 'DELETING', version = version + 1"
              + " WHERE volume_id = ? AND state NOT IN ('DELETING', 'DELETED')",
          volume.id());
      List<Volume> deleted =
          tx.query(
              Rows::volume,
              "UPDATE volume SET state = 'DELETING', version = version + 1"
                  + " WHERE id = ? RETURNING *",
              volume.id());
      event(tx, volume, "delete requested");
      return details(tx, deleted).getFirst();
    });
  }

  @Override
  public List<Node> nodes() {
    return database.single(tx -> tx.query(Rows::node, Rows.SELECT_NODE + " ORDER BY n.name"));
  }

  @Override
  public List<Disk> disks() {
    return database.single(
        tx -> tx.query(Rows::disk, "SELECT * FROM disk ORDER BY node_id, serial, nsid"));
  }

  @Override
  public void setSchedulability(String nodeName, Schedulability schedulability) {
    int rows =
        database.transaction(tx ->
            tx.update(
                "UPDATE node SET schedulability = ?, version = version + 1 WHERE name = ?",
                schedulability,
                nodeName));
    if (rows == 0) {
      throw new RefusedException(Code.NOT_FOUND, "there is no node " + nodeName);
    }
  }

  @Override
  public List<Event> events(long beforeId, int limit) {
    return database.single(tx ->
        tx.query(
            Rows::event,
            Rows.SELECT_EVENT + " WHERE ? = 0 OR e.id < ? ORDER BY e.id DESC LIMIT ?",
            beforeId,
            beforeId,
            Math.clamp(limit, 1, MAX_EVENTS)));
  }

  @Override
  public List<ReasonRow> why(ObjectRef object) {
    List<ReasonRow> all = reasons();
    List<ReasonRow> chain = new ArrayList<>();
    Set<ObjectRef> seen = new HashSet<>();
    List<ObjectRef> next = List.of(object);
    while (!next.isEmpty() && chain.size() < MAX_WHY_DEPTH) {
      List<ObjectRef> causes = new ArrayList<>();
      for (ObjectRef wanted : next) {
        if (seen.add(wanted)) {
          for (ReasonRow row : all) {
            if (row.reason().object().equals(wanted)) {
              chain.add(row);
              if (row.reason().cause() != null) {
                causes.add(row.reason().cause());
              }
            }
          }
        }
      }
      next = causes;
    }
    return chain;
  }

  @Override
  public List<ReasonRow> reasons() {
    return database.single(tx -> tx.query(Rows::reason, Rows.SELECT_REASON + " ORDER BY r.since"));
  }

  @Override
  public long requestPlan(String nodeName) {
    return database.transaction(tx -> {
      tx.update(
          "DELETE FROM plan_request WHERE requested_at < clock_timestamp() - interval '1 hour'");
      return tx.first(
              r -> r.getLong(1),
              "INSERT INTO plan_request (node_id) SELECT id FROM node WHERE name = ?"
                  + " RETURNING id",
              nodeName)
          .orElseThrow(() -> new RefusedException(Code.NOT_FOUND, "there is no node " + nodeName));
    });
  }

  @Override
  public Optional<PlanRequest> planRequest(long id) {
    return database.single(tx ->
        tx.first(
            Rows::planRequest,
            "SELECT p.*, n.name AS node_name FROM plan_request p"
                + " JOIN node n ON n.id = p.node_id WHERE p.id = ?",
            id));
  }

  @Override
  public Optional<String> lastPlan(String nodeName) {
    return database.single(tx ->
        tx.first(
            r -> r.getString(1),
            "SELECT plan FROM node WHERE name = ? AND plan IS NOT NULL",
            nodeName));
  }

  @Override
  public List<Intent> openIntents() {
    return database.single(
        tx -> tx.query(Rows::intent, "SELECT * FROM intent WHERE finished_at IS NULL ORDER BY id"));
  }

  @Override
  public void prune() {
    String old =
        "(SELECT id FROM volume WHERE state = 'DELETED'"
            + " AND deleted_at < now() - ? * interval '1 day')";
    int days = Retention.DELETED_VOLUMES_DAYS;
    database.transaction(tx -> {
      tx.update(
          "DELETE FROM intent WHERE finished_at < now() - ? * interval '1 hour'",
          Retention.FINISHED_INTENTS_HOURS);
      tx.update(
          "DELETE FROM plan_request WHERE requested_at < now() - ? * interval '1 hour'",
          Retention.PLAN_REQUESTS_HOURS);
      tx.update("DELETE FROM event WHERE id <= (SELECT max(id) FROM event) - ?", Retention.EVENTS);
      tx.update(
          "DELETE FROM lvol_grant WHERE lvol_id IN"
              + (" (SELECT id FROM lvol WHERE volume_id IN " + old + ")"),
          days);
      tx.update(
          "DELETE FROM vm_mapping WHERE mapping_id IN"
              + (" (SELECT id FROM volume_mapping WHERE volume_id IN " + old + ")"),
          days);
      tx.update("DELETE FROM volume_mapping WHERE volume_id IN " + old, days);
      tx.update("DELETE FROM lvol WHERE volume_id IN " + old, days);
      return tx.update("DELETE FROM volume WHERE id IN " + old, days);
    });
  }

  @Override
  public WakeUps listen(Runnable onWake) {
    return new NotificationListener(database, "diskengine_controller", onWake).start();
  }

  @Override
  public void close() {
    database.close();
  }
}

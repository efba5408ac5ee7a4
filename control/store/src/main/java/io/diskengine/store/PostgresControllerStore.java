package io.diskengine.store;

import io.diskengine.model.Cluster;
import io.diskengine.model.Disk;
import io.diskengine.model.Event;
import io.diskengine.model.Intent;
import io.diskengine.model.Limits;
import io.diskengine.model.Node;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.Schedulability;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeState;
import io.diskengine.store.RefusedException.Code;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** {@link ControllerStore} on PostgreSQL. */
public final class PostgresControllerStore implements ControllerStore, AutoCloseable {
  public static final int MAX_EVENTS = 1_000;
  private static final int MAX_WHY_DEPTH = 16;

  private final Database database;
  private final Together<NewVolume, VolumeDetails> creates =
      new Together<>(all -> transaction(tx -> VolumeCreation.create(tx, all)));
  private final Together<Attaching.Request, VolumeDetails> attaches =
      new Together<>(all -> transaction(tx -> Attaching.attach(tx, all)));

  public PostgresControllerStore(Database database) {
    this.database = database;
  }

  private <T> T transaction(Database.Work<T> work) {
    return database.transaction(work);
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
      return creates.ask(volume);
    } catch (StoreStatementException e) {
      if (e.isUniqueViolation()) {
        throw VolumeCreation.exists(volume.name());
      }
      throw e;
    }
  }

  @Override
  public List<VolumeDetails> volumes() {
    return read(DetailsQuery.all());
  }

  @Override
  public Optional<VolumeDetails> volume(String name) {
    return read(DetailsQuery.named(List.of(name))).stream().findFirst();
  }

  @Override
  public List<VolumeDetails> volumes(Set<Long> volumeIds) {
    return read(DetailsQuery.live(List.copyOf(volumeIds)));
  }

  /** One statement: it is asked after each change of a volume that somebody waits for. */
  @Override
  public List<VolumeStatus> statuses(Set<Long> volumeIds) {
    return database.single(tx ->
        tx.query(
            Rows::status,
            "SELECT v.id, v.state, m.id AS mapping_id, n.name AS node_name, m.state AS mapping,"
                + " vm.state AS vm_mapping, vm.guest_connected, (SELECT count(*) = v.replicas AND"
                + " count(*) FILTER (WHERE l.state = 'UP' AND l.sync = 'IN_SYNC') = v.replicas"
                + " FROM lvol l WHERE l.volume_id = v.id AND l.state <> 'DELETED') AS whole"
                + " FROM volume v LEFT JOIN volume_mapping m ON m.volume_id = v.id"
                + (" AND m.state NOT IN " + Rows.FINAL_MAPPING)
                + " LEFT JOIN node n ON n.id = m.node_id"
                + " LEFT JOIN vm_mapping vm ON vm.mapping_id = m.id"
                + " WHERE v.id = ANY(?::bigint[]) AND v.state <> 'DELETED'",
            List.copyOf(volumeIds)));
  }

  private List<VolumeDetails> read(DetailsQuery query) {
    return query.details(database.snapshot(query.statements()));
  }

  private static VolumeDetails details(Tx tx, Volume volume) throws SQLException {
    DetailsQuery query = DetailsQuery.ofIds(List.of(volume.id()));
    return query.details(tx.all(query.statements())).getFirst();
  }

  private static Optional<Volume> lockedIfThere(Tx tx, String name) throws SQLException {
    return tx.first(
        Rows::volume,
        "SELECT * FROM volume WHERE name = ? AND state <> 'DELETED' FOR NO KEY UPDATE",
        name);
  }

  private static Volume locked(Tx tx, String name) throws SQLException {
    return lockedIfThere(tx, name)
        .orElseThrow(() -> new RefusedException(Code.NOT_FOUND, "there is no volume " + name));
  }

  @Override
  public VolumeDetails attach(String volumeName, String nodeName) {
    return attaches.ask(new Attaching.Request(volumeName, nodeName));
  }

  @Override
  public VolumeDetails detach(String volumeName, boolean force) {
    return changed(volumeName, change -> change.detach(force));
  }

  @Override
  public VolumeDetails askForGuest(String volumeName) {
    return database.transaction(tx -> {
      Volume volume = locked(tx, volumeName);
      tx.update(
          "UPDATE vm_mapping SET guest_asked = guest_asked + 1 WHERE mapping_id IN"
              + " (SELECT id FROM volume_mapping WHERE volume_id = ? AND state NOT IN "
              + Rows.FINAL_MAPPING
              + ")",
          volume.id());
      return details(tx, volume);
    });
  }

  @Override
  public VolumeDetails move(String volumeName, String nodeName, boolean force) {
    return changed(volumeName, change -> change.move(nodeName, force));
  }

  private interface Change {
    void apply(AttachmentChange change) throws SQLException;
  }

  private VolumeDetails changed(String volumeName, Change change) {
    return database.transaction(tx -> {
      change.apply(new AttachmentChange(tx, locked(tx, volumeName)));
      return details(tx, locked(tx, volumeName));
    });
  }

  @Override
  public VolumeDetails moveReplica(String volumeName, int slot, @Nullable String nodeName) {
    return database.transaction(tx -> {
      tx.query(r -> 1, "SELECT pg_advisory_xact_lock(?)", VolumeCreation.PLACEMENT_LOCK);
      Volume volume = locked(tx, volumeName);
      new Replacement(tx, volume).move(slot, nodeName);
      return details(tx, volume);
    });
  }

  @Override
  public VolumeDetails limit(String volumeName, Limits limits) {
    return database.transaction(tx -> {
      new VolumeChange(tx, locked(tx, volumeName)).limit(limits);
      return details(tx, locked(tx, volumeName));
    });
  }

  @Override
  public VolumeDetails resize(String volumeName, long sizeBytes) {
    return database.transaction(tx -> {
      tx.query(r -> 1, "SELECT pg_advisory_xact_lock(?)", VolumeCreation.PLACEMENT_LOCK);
      new VolumeChange(tx, locked(tx, volumeName)).resize(sizeBytes);
      return details(tx, locked(tx, volumeName));
    });
  }

  @Override
  public void replaceLost() {
    for (String volume : database.single(Replacement::due)) {
      database.transaction(tx -> {
        tx.query(r -> 1, "SELECT pg_advisory_xact_lock(?)", VolumeCreation.PLACEMENT_LOCK);
        Optional<Volume> there = lockedIfThere(tx, volume);
        if (there.isPresent()) {
          new Replacement(tx, there.get()).replaceLost();
        }
        return true;
      });
    }
  }

  @Override
  public void attachSuccessors() {
    for (String volume : database.single(AttachmentChange::successors)) {
      database.transaction(tx -> {
        Optional<Volume> there = lockedIfThere(tx, volume);
        if (there.isPresent()) {
          new AttachmentChange(tx, there.get()).attachSuccessor();
        }
        return true;
      });
    }
  }

  @Override
  public VolumeDetails delete(String volumeName) {
    return database.transaction(tx -> {
      Volume volume = locked(tx, volumeName);
      if (volume.state() == VolumeState.DELETING) {
        return details(tx, volume);
      }
      if (AttachmentChange.liveMapping(tx, volume.id()).isPresent()) {
        throw new RefusedException(
            Code.WRONG_STATE, "volume " + volumeName + " is attached: detach it first");
      }
      tx.update(
          "UPDATE lvol SET state = 'DELETING', version = version + 1"
              + " WHERE volume_id = ? AND state NOT IN ('DELETING', 'DELETED')",
          volume.id());
      tx.update(
          "UPDATE volume SET state = 'DELETING', version = version + 1 WHERE id = ?", volume.id());
      tx.all(List.of(Asked.event(volume.id(), volumeName, "delete requested")));
      return details(tx, volume);
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
  public NodeUse setSchedulability(String nodeName, Schedulability schedulability) {
    return database.transaction(tx -> new Draining(tx).set(nodeName, schedulability));
  }

  @Override
  public NodeUse nodeUse(String nodeName) {
    return database.transaction(tx -> new Draining(tx).use(nodeName));
  }

  @Override
  public void drain() {
    for (Draining.Step step : database.single(Draining::due)) {
      database.transaction(tx -> {
        tx.query(r -> 1, "SELECT pg_advisory_xact_lock(?)", VolumeCreation.PLACEMENT_LOCK);
        Optional<Volume> there = lockedIfThere(tx, step.volume());
        if (there.isPresent() && new Draining(tx).isDue(step)) {
          new Replacement(tx, there.get()).drain(step.slot());
        }
        return true;
      });
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
  public WakeUps listen(Consumer<Wake> onWake) {
    return new NotificationListener(database, "diskengine_controller", onWake).start();
  }

  @Override
  public void close() {
    database.close();
  }
}

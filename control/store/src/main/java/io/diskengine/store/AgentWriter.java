package io.diskengine.store;

import io.diskengine.model.Event;
import io.diskengine.model.LvolState;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.Reason;
import io.diskengine.model.State;
import io.diskengine.store.AgentWrite.AnswerPlan;
import io.diskengine.store.AgentWrite.AppendEvent;
import io.diskengine.store.AgentWrite.BeginIntent;
import io.diskengine.store.AgentWrite.CommitOut;
import io.diskengine.store.AgentWrite.DiskChanged;
import io.diskengine.store.AgentWrite.DiskFree;
import io.diskengine.store.AgentWrite.DiskSeen;
import io.diskengine.store.AgentWrite.DiskUp;
import io.diskengine.store.AgentWrite.FinishIntent;
import io.diskengine.store.AgentWrite.FinishUnknownIntents;
import io.diskengine.store.AgentWrite.GrantConfirmed;
import io.diskengine.store.AgentWrite.GrowthMissed;
import io.diskengine.store.AgentWrite.GuestSeen;
import io.diskengine.store.AgentWrite.InSync;
import io.diskengine.store.AgentWrite.KeptGone;
import io.diskengine.store.AgentWrite.LvolChanged;
import io.diskengine.store.AgentWrite.LvolKept;
import io.diskengine.store.AgentWrite.LvolUp;
import io.diskengine.store.AgentWrite.MappingChanged;
import io.diskengine.store.AgentWrite.MappingClean;
import io.diskengine.store.AgentWrite.MappingGone;
import io.diskengine.store.AgentWrite.NodeSeen;
import io.diskengine.store.AgentWrite.PublishPlan;
import io.diskengine.store.AgentWrite.PublishReasons;
import io.diskengine.store.AgentWrite.RaidCreated;
import io.diskengine.store.AgentWrite.RaidSeen;
import io.diskengine.store.AgentWrite.Readmit;
import io.diskengine.store.AgentWrite.RebuildProgress;
import io.diskengine.store.AgentWrite.RebuildStarted;
import io.diskengine.store.AgentWrite.SourceLost;
import io.diskengine.store.AgentWrite.VmMappingChanged;
import io.diskengine.store.Tx.Statement;
import io.diskengine.store.WriteResult.Applied;
import io.diskengine.store.WriteResult.Refused;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Applies one agent's writes in its transaction. A node writes only rows of its own disks and
 * mappings; the WHERE clauses say so.
 */
final class AgentWriter {
  private static final String MY_LVOL = " AND disk_id IN (SELECT id FROM disk WHERE node_id = ?)";
  private static final String MY_MAPPING = " AND node_id = ?";
  private static final String MY_VM_MAPPING =
      " AND mapping_id IN (SELECT id FROM volume_mapping WHERE node_id = ?)";
  private static final String NO_VM_MAPPING =
      " AND NOT EXISTS (SELECT FROM vm_mapping vm"
          + " WHERE vm.mapping_id = volume_mapping.id AND vm.state <> 'DETACHED')";

  private final Tx tx;
  private final long nodeId;
  private final long leaseEpoch;
  private final LegSet legs;
  private final KeptCopies kept;
  private final List<Statement<?>> pending = new ArrayList<>();
  private final List<WriteSet> sets = new ArrayList<>();
  private final List<Integer> indices = new ArrayList<>();

  private Tx.Results lastRows = new Tx.Results();

  AgentWriter(Tx tx, long nodeId, long leaseEpoch) {
    this.tx = tx;
    this.nodeId = nodeId;
    this.leaseEpoch = leaseEpoch;
    legs = new LegSet(tx, nodeId);
    kept = new KeptCopies(tx, nodeId, legs);
  }

  /**
   * Locks the volumes that the writes are about, in the order of their ids. Every writer of rows
   * below a volume holds its lock: writers of one volume take turns, and nobody deadlocks.
   */
  static List<Statement<?>> lockVolumes(List<AgentWrite> writes) {
    Map<ObjectKind, List<Long>> ids = new EnumMap<>(ObjectKind.class);
    for (AgentWrite write : writes) {
      ObjectRef object = subject(write);
      if (object != null) {
        ids.computeIfAbsent(object.kind(), _ -> new ArrayList<>()).add(object.id());
      }
    }
    List<String> sources = new ArrayList<>();
    List<List<Long>> parameters = new ArrayList<>();
    ids.forEach((kind, some) -> {
      String volumes = volumesOf(kind);
      if (!volumes.isEmpty()) {
        sources.add(volumes);
        parameters.add(some);
      }
    });
    return sources.isEmpty()
        ? List.of()
        : List.of(
            Statement.of(
                r -> 1,
                "SELECT id FROM volume WHERE id = ANY(ARRAY("
                    + String.join(" UNION ALL ", sources)
                    + ")) ORDER BY id FOR NO KEY UPDATE",
                parameters.toArray()));
  }

  private static String volumesOf(ObjectKind kind) {
    return switch (kind) {
      case VOLUME -> "SELECT unnest(?::bigint[])";
      case LVOL -> "SELECT volume_id FROM lvol WHERE id = ANY(?::bigint[])";
      case GRANT ->
          "SELECT l.volume_id FROM lvol_grant g JOIN lvol l ON l.id = g.lvol_id"
              + " WHERE g.id = ANY(?::bigint[])";
      case VOLUME_MAPPING -> "SELECT volume_id FROM volume_mapping WHERE id = ANY(?::bigint[])";
      case VM_MAPPING ->
          "SELECT m.volume_id FROM vm_mapping vm JOIN volume_mapping m ON m.id = vm.mapping_id"
              + " WHERE vm.id = ANY(?::bigint[])";
      case CLUSTER, NODE, DISK -> "";
    };
  }

  private static @Nullable ObjectRef subject(AgentWrite write) {
    return switch (write) {
      case LvolUp w -> new ObjectRef(ObjectKind.LVOL, w.lvolId());
      case LvolChanged w -> new ObjectRef(ObjectKind.LVOL, w.lvolId());
      case LvolKept w -> new ObjectRef(ObjectKind.LVOL, w.lvolId());
      case KeptGone w -> new ObjectRef(ObjectKind.LVOL, w.lvolId());
      case GrantConfirmed w -> new ObjectRef(ObjectKind.GRANT, w.grantId());
      case MappingChanged w -> new ObjectRef(ObjectKind.VOLUME_MAPPING, w.mappingId());
      case RaidSeen w -> new ObjectRef(ObjectKind.VOLUME_MAPPING, w.mappingId());
      case MappingClean w -> new ObjectRef(ObjectKind.VOLUME_MAPPING, w.mappingId());
      case RaidCreated w -> new ObjectRef(ObjectKind.VOLUME, w.volumeId());
      case GrowthMissed w -> new ObjectRef(ObjectKind.VOLUME, w.volumeId());
      case VmMappingChanged w -> new ObjectRef(ObjectKind.VM_MAPPING, w.vmMappingId());
      case MappingGone w -> new ObjectRef(ObjectKind.VOLUME_MAPPING, w.mappingId());
      case CommitOut w -> new ObjectRef(ObjectKind.VOLUME, w.volumeId());
      case Readmit w -> new ObjectRef(ObjectKind.LVOL, w.lvolId());
      case RebuildStarted w -> new ObjectRef(ObjectKind.LVOL, w.lvolId());
      case InSync w -> new ObjectRef(ObjectKind.LVOL, w.lvolId());
      case SourceLost w -> new ObjectRef(ObjectKind.LVOL, w.lvolId());
      case BeginIntent w -> null; // changes no row of a volume
      case RebuildProgress w -> null;
      case GuestSeen w -> null;
      case FinishIntent w -> null;
      case FinishUnknownIntents w -> null;
      case NodeSeen w -> null;
      case PublishReasons w -> null;
      case PublishPlan w -> null;
      case AnswerPlan w -> null;
      case AppendEvent w -> null;
      case DiskSeen w -> null;
      case DiskChanged w -> null;
      case DiskUp w -> null;
      case DiskFree w -> null;
    };
  }

  /**
   * Applies the writes in order. Those that may share a statement do, and statements that need no
   * answer of the one before share a round trip; the last one commits, if there is any left then.
   *
   * @param first statements that go with the first round trip, e.g. locks
   * @param known whether what the write says is in the database already
   * @param last statements that go with the last round trip, for {@link #lastRows}
   */
  List<WriteResult> apply(
      List<AgentWrite> writes,
      List<Statement<?>> first,
      Predicate<AgentWrite> known,
      List<Statement<?>> last)
      throws SQLException {
    @Nullable WriteResult[] results = new WriteResult[writes.size()];
    pending.addAll(first);
    for (int i = 0; i < results.length; i++) {
      AgentWrite write = writes.get(i);
      if (known.test(write)) {
        results[i] = new Applied(nodeId);
      } else if (!sets.isEmpty() && sets.getLast().add(write)) {
        indices.add(i);
      } else {
        WriteSet set = WriteSet.of(write, new WriteSet.Agent(nodeId, leaseEpoch));
        if (set == null) {
          flush(results, List.of(), tx::all);
          results[i] = alone(write);
        } else {
          sets.add(set);
          indices.add(i);
        }
      }
    }
    flush(results, last, tx::last);
    return Arrays.stream(results).map(Objects::requireNonNull).toList();
  }

  Tx.Results lastRows() {
    return lastRows;
  }

  /** One round trip: {@link Tx#all} or {@link Tx#last}. */
  private interface Trip {
    Tx.Results send(List<Statement<?>> statements) throws SQLException;
  }

  private void flush(@Nullable WriteResult[] results, List<Statement<?>> more, Trip trip)
      throws SQLException {
    sets.forEach(set -> pending.addAll(set.statements()));
    pending.addAll(more);
    if (pending.isEmpty()) {
      return;
    }
    Tx.Results rows = trip.send(pending);
    lastRows = rows;
    int next = 0;
    for (WriteSet set : sets) {
      List<@Nullable Long> applied = set.applied(rows);
      for (int i = 0; i < applied.size(); i++) {
        Long id = applied.get(i);
        results[indices.get(next++)] = id != null ? new Applied(id) : refused(set.writes().get(i));
      }
    }
    pending.clear();
    sets.clear();
    indices.clear();
  }

  private WriteResult refused(AgentWrite write) throws SQLException {
    return switch (write) {
      case BeginIntent w ->
          new Refused(w.object() + " is not at version " + w.plannedFromVersion() + " any more");
      case FinishIntent w -> new Refused("no open intent " + w.intentId());
      case CommitOut w -> legs.whyNotOut(w);
      default -> {
        ObjectRef object = Objects.requireNonNull(subject(write));
        yield updated(object.kind(), object.id(), 0);
      }
    };
  }

  /** A write that no other shares its statement with. */
  private WriteResult alone(AgentWrite write) throws SQLException {
    return switch (write) {
      case BeginIntent w -> begin(w);
      case FinishUnknownIntents w -> finishUnknown(w);
      case NodeSeen w -> nodeSeen(w);
      case PublishReasons w -> publish(w);
      case PublishPlan w ->
          result(
              nodeId,
              tx.update(
                  "UPDATE node SET plan = ?, plan_at = clock_timestamp() WHERE id = ?",
                  w.plan(),
                  nodeId));
      case AnswerPlan w ->
          result(
              w.requestId(),
              tx.update(
                  "UPDATE plan_request SET answer = ?, answered_at = clock_timestamp()"
                      + " WHERE id = ? AND node_id = ? AND answered_at IS NULL",
                  w.answer(),
                  w.requestId(),
                  nodeId));
      case AppendEvent w -> event(w.severity(), w.object(), w.objectName(), w.message());
      case DiskSeen w -> diskSeen(w);
      case DiskChanged w -> diskChanged(w);
      case DiskUp w -> diskUp(w);
      case DiskFree w ->
          result(
              w.diskId(),
              tx.update(
                  "UPDATE disk SET free_clusters = ? WHERE id = ? AND node_id = ?",
                  w.freeClusters(),
                  w.diskId(),
                  nodeId));
      case LvolChanged w -> lvolChanged(w);
      case LvolKept w -> kept.taken(w);
      case KeptGone w -> kept.gone(w);
      case GrantConfirmed w -> new Refused("an agent confirms GRANTED or REVOKED, not " + w.to());
      case MappingChanged w -> mappingChanged(w);
      case GuestSeen w ->
          result(
              w.vmMappingId(),
              tx.update(
                  "UPDATE vm_mapping SET guest_connected = ? WHERE id = ?" + MY_VM_MAPPING,
                  w.connected(),
                  w.vmMappingId(),
                  nodeId));
      case MappingGone w -> mappingGone(w);
      case CommitOut w -> legs.whyNotOut(w);
      case Readmit w -> legs.readmit(w);
      case RebuildStarted w -> legs.rebuildStarted(w);
      case RebuildProgress w ->
          result(
              w.lvolId(),
              tx.update(
                  "UPDATE lvol SET rebuild_percent = ? WHERE id = ? AND sync = 'REBUILDING'",
                  w.percent(),
                  w.lvolId()));
      case InSync w -> legs.inSync(w);
      case SourceLost w -> legs.sourceLost(w);
      case GrowthMissed w -> legs.growthMissed(w);
      case FinishIntent _,
          LvolUp _,
          RaidSeen _,
          MappingClean _,
          RaidCreated _,
          VmMappingChanged _ ->
          throw new IllegalStateException("shares a statement: " + write);
    };
  }

  /** The cluster's row has no version. */
  private WriteResult begin(BeginIntent w) throws SQLException {
    return new Applied(
        tx.number(
            "INSERT INTO intent (node_id, lease_epoch, action, object_kind, object_id,"
                + " planned_from_version) VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
            nodeId,
            leaseEpoch,
            w.action(),
            w.object().kind(),
            w.object().id(),
            w.plannedFromVersion()));
  }

  private WriteResult finishUnknown(FinishUnknownIntents w) throws SQLException {
    tx.update(
        "UPDATE intent SET finished_at = clock_timestamp(), outcome = ?"
            + " WHERE node_id = ? AND finished_at IS NULL AND id <> ALL(?::bigint[])",
        w.outcome(),
        nodeId,
        w.known());
    return new Applied(nodeId);
  }

  private WriteResult nodeSeen(NodeSeen w) throws SQLException {
    tx.update(
        "UPDATE node SET data_plane_since = CASE WHEN data_plane = ? THEN data_plane_since"
            + " ELSE clock_timestamp() END, data_plane = ?, incarnation = ?, spdk_version = ?,"
            + " version = version + 1 WHERE id = ?"
            + " AND (data_plane, incarnation, spdk_version) IS DISTINCT FROM (?, ?::text, ?::text)",
        w.dataPlane(),
        w.dataPlane(),
        w.incarnation(),
        w.spdkVersion(),
        nodeId,
        w.dataPlane(),
        w.incarnation(),
        w.spdkVersion());
    return new Applied(nodeId);
  }

  /** One round trip, however many objects wait: after a restart all of them do. */
  private WriteResult publish(PublishReasons w) throws SQLException {
    List<Reason> reasons = w.reasons();
    List<@Nullable Object> kinds = column(reasons, r -> r.object().kind().name());
    List<@Nullable Object> ids = column(reasons, r -> r.object().id());
    Statement<?> others =
        Statement.of(
            "DELETE FROM reason WHERE node_id = ? AND NOT EXISTS"
                + " (SELECT FROM unnest(?::text[], ?::bigint[]) AS k(kind, id)"
                + " WHERE k.kind = object_kind AND k.id = object_id)",
            nodeId,
            kinds,
            ids);
    Statement<?> these =
        Statement.of(
            "INSERT INTO reason (node_id, object_kind, object_id, waiting_for, since, attempts,"
                + " last_error, next_try, cause_kind, cause_id) SELECT ?, w.* FROM"
                + " unnest(?::text[], ?::bigint[], ?::text[], ?::timestamptz[], ?::integer[],"
                + " ?::text[], ?::timestamptz[], ?::text[], ?::bigint[]) AS w"
                + " ON CONFLICT (node_id, object_kind, object_id) DO UPDATE SET"
                + " waiting_for = EXCLUDED.waiting_for, since = EXCLUDED.since,"
                + " attempts = EXCLUDED.attempts, last_error = EXCLUDED.last_error,"
                + " next_try = EXCLUDED.next_try, cause_kind = EXCLUDED.cause_kind,"
                + " cause_id = EXCLUDED.cause_id",
            nodeId,
            kinds,
            ids,
            column(reasons, Reason::waitingFor),
            column(reasons, Reason::since),
            column(reasons, Reason::attempts),
            column(reasons, Reason::lastError),
            column(reasons, Reason::nextTry),
            column(reasons, r -> r.cause() == null ? null : r.cause().kind().name()),
            column(reasons, r -> r.cause() == null ? null : r.cause().id()));
    var unused = tx.all(reasons.isEmpty() ? List.of(others) : List.of(others, these));
    return new Applied(nodeId);
  }

  private static List<@Nullable Object> column(
      List<Reason> reasons, Function<Reason, @Nullable Object> value) {
    List<@Nullable Object> column = new ArrayList<>();
    reasons.forEach(r -> column.add(value.apply(r)));
    return column;
  }

  private WriteResult event(
      Event.Severity severity, ObjectRef object, String objectName, String message)
      throws SQLException {
    return new Applied(
        tx.number(
            "INSERT INTO event (severity, node_id, object_kind, object_id, object_name, message)"
                + " VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
            severity,
            nodeId,
            object.kind(),
            object.id(),
            objectName,
            message));
  }

  private WriteResult diskSeen(DiskSeen w) throws SQLException {
    Optional<Long> known =
        tx.first(
            r -> r.getLong(1),
            "SELECT id FROM disk WHERE node_id = ? AND serial = ? AND nsid = ?",
            nodeId,
            w.serial(),
            w.nsid());
    if (known.isEmpty()) {
      return new Applied(
          tx.number(
              "INSERT INTO disk (node_id, serial, nsid, model, address, size_bytes, block_size,"
                  + " volatile_write_cache) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
              nodeId,
              w.serial(),
              w.nsid(),
              w.model(),
              w.address(),
              w.sizeBytes(),
              w.blockSize(),
              w.volatileWriteCache()));
    }
    tx.update(
        "UPDATE disk SET model = ?, address = ?, size_bytes = ?, volatile_write_cache = ?,"
            + " version = version + 1 WHERE id = ? AND block_size = ?"
            + " AND (model, address, size_bytes, volatile_write_cache) <> (?, ?, ?, ?)",
        w.model(),
        w.address(),
        w.sizeBytes(),
        w.volatileWriteCache(),
        known.get(),
        w.blockSize(),
        w.model(),
        w.address(),
        w.sizeBytes(),
        w.volatileWriteCache());
    return new Applied(known.get());
  }

  private WriteResult diskChanged(DiskChanged w) throws SQLException {
    return updated(
        ObjectKind.DISK,
        w.diskId(),
        tx.update(
            "UPDATE disk SET state = ?, health = ?, version = version + 1"
                + " WHERE id = ? AND version = ? AND node_id = ? AND state = ANY(?)",
            w.to(),
            w.health(),
            w.diskId(),
            w.version(),
            nodeId,
            sources(io.diskengine.model.DiskState.class, w.to())));
  }

  private WriteResult diskUp(DiskUp w) throws SQLException {
    return updated(
        ObjectKind.DISK,
        w.diskId(),
        tx.update(
            "UPDATE disk SET state = 'UP', lvstore_uuid = ?, cluster_size_bytes = ?,"
                + " total_clusters = ?, free_clusters = ?, unmap_zeroes = ?, health = NULL,"
                + " version = version + 1 WHERE id = ? AND version = ? AND node_id = ?"
                + " AND (lvstore_uuid IS NULL OR lvstore_uuid = ?)"
                + " AND state IN ('INITIALISING', 'MISSING', 'FAULTY', 'UP')",
            w.lvstoreUuid(),
            w.clusterSizeBytes(),
            w.totalClusters(),
            w.freeClusters(),
            w.unmapZeroes(),
            w.diskId(),
            w.version(),
            nodeId,
            w.lvstoreUuid()));
  }

  private WriteResult lvolChanged(LvolChanged w) throws SQLException {
    boolean deleted = w.to() == LvolState.DELETED;
    int rows =
        tx.update(
            "UPDATE lvol SET state = ?, error = ?, version = version + 1"
                + " WHERE id = ? AND version = ? AND state = ANY(?)"
                + (deleted
                    ? " AND NOT EXISTS (SELECT FROM lvol_grant g WHERE g.lvol_id = lvol.id"
                        + " AND g.state <> 'REVOKED')"
                    : "")
                + MY_LVOL,
            w.to(),
            w.error(),
            w.lvolId(),
            w.version(),
            sources(LvolState.class, w.to()),
            nodeId);
    if (rows == 1 && deleted) {
      tx.update(
          "WITH gone AS (UPDATE volume v SET state = 'DELETED', deleted_at = clock_timestamp(),"
              + " version = version + 1 WHERE state = 'DELETING'"
              + " AND id = (SELECT volume_id FROM lvol WHERE id = ?) AND NOT EXISTS"
              + " (SELECT FROM lvol l WHERE l.volume_id = v.id AND l.state <> 'DELETED')"
              + " RETURNING v.id, v.name)"
              + " INSERT INTO event (severity, node_id, object_kind, object_id, object_name,"
              + " message) SELECT 'INFO', ?, 'VOLUME', gone.id, gone.name,"
              + " 'deleted: every replica is gone, the space of the last one on '"
              + " || (SELECT name FROM node WHERE id = ?) || ' is free again' FROM gone",
          w.lvolId(),
          nodeId,
          nodeId);
    }
    return updated(ObjectKind.LVOL, w.lvolId(), rows);
  }

  /** To a final state. */
  private WriteResult mappingChanged(MappingChanged w) throws SQLException {
    int rows =
        tx.update(
            "UPDATE volume_mapping SET state = ?, clean = clean OR ? = 'DETACHED',"
                + " version = version + 1"
                + " WHERE id = ? AND version = ? AND state = ANY(?)"
                + (w.to().isFinal() ? NO_VM_MAPPING : "")
                + MY_MAPPING,
            w.to(),
            w.to(),
            w.mappingId(),
            w.version(),
            sources(io.diskengine.model.VolumeMappingState.class, w.to()),
            nodeId);
    if (rows == 1) {
      legs.release(w.mappingId());
    }
    return updated(ObjectKind.VOLUME_MAPPING, w.mappingId(), rows);
  }

  private WriteResult mappingGone(MappingGone w) throws SQLException {
    int rows =
        tx.update(
            "UPDATE volume_mapping SET gone = true, version = version + 1"
                + " WHERE id = ? AND version = ? AND state = 'FENCED' AND NOT gone"
                + NO_VM_MAPPING
                + MY_MAPPING,
            w.mappingId(),
            w.version(),
            nodeId);
    if (rows == 1) {
      tx.update(
          "INSERT INTO event (severity, node_id, object_kind, object_id, object_name, message)"
              + " SELECT 'INFO', m.node_id, 'VOLUME', m.volume_id,"
              + " object_name('VOLUME', m.volume_id), 'nothing is left of it on ' || n.name"
              + " || ', from which it was taken away' FROM volume_mapping m"
              + " JOIN node n ON n.id = m.node_id WHERE m.id = ?",
          w.mappingId());
    }
    return updated(ObjectKind.VOLUME_MAPPING, w.mappingId(), rows);
  }

  private WriteResult updated(ObjectKind kind, long id, int rows) throws SQLException {
    return legs.updated(kind, id, rows);
  }

  private static WriteResult result(long id, int rows) {
    return rows == 1 ? new Applied(id) : new Refused("there is no such row of this node");
  }

  static <S extends Enum<S> & State<S>> List<String> sources(Class<S> type, S to) {
    Set<S> sources = State.sourcesOf(type, to);
    return sources.stream().map(Enum::name).toList();
  }
}

package io.diskengine.store;

import io.diskengine.model.GrantState;
import io.diskengine.model.LvolState;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.store.AgentWrite.BeginIntent;
import io.diskengine.store.AgentWrite.CommitOut;
import io.diskengine.store.AgentWrite.FinishIntent;
import io.diskengine.store.AgentWrite.GrantConfirmed;
import io.diskengine.store.AgentWrite.LvolUp;
import io.diskengine.store.AgentWrite.MappingChanged;
import io.diskengine.store.AgentWrite.MappingClean;
import io.diskengine.store.AgentWrite.RaidCreated;
import io.diskengine.store.AgentWrite.RaidSeen;
import io.diskengine.store.AgentWrite.VmMappingChanged;
import io.diskengine.store.Tx.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Consecutive writes of one kind, about different rows, as one statement: what a workflow does with
 * every volume. Many volumes at once cost as many statements as one.
 */
final class WriteSet {
  /** Which writes may share a statement: those whose keys are equal. */
  private record Key(Class<?> type, @Nullable Object detail) {}

  /** A row that a statement changed; an intent has its own id beside that of its object. */
  private record Changed(long id, long resultId) {}

  private final Key key;
  private final Agent agent;
  private final List<AgentWrite> writes = new ArrayList<>();
  private final Set<Long> ids = new HashSet<>();
  private @Nullable Statement<Changed> statement;

  /** Whose rows. */
  record Agent(long nodeId, long leaseEpoch) {}

  private WriteSet(Key key, Agent agent) {
    this.key = key;
    this.agent = agent;
  }

  /** A set with this write in it; null when its kind is applied alone. */
  static @Nullable WriteSet of(AgentWrite write, Agent agent) {
    Key key = key(write);
    if (key == null) {
      return null;
    }
    WriteSet set = new WriteSet(key, agent);
    set.add(write);
    return set;
  }

  /** Whether the write was taken into this set. */
  boolean add(AgentWrite write) {
    boolean fits = key.equals(key(write)) && ids.add(id(write));
    if (fits) {
      writes.add(write);
    }
    return fits;
  }

  private static @Nullable Key key(AgentWrite write) {
    return switch (write) {
      case BeginIntent w ->
          w.object().kind() == ObjectKind.CLUSTER
              ? null
              : new Key(BeginIntent.class, w.object().kind());
      case FinishIntent _ -> new Key(FinishIntent.class, null);
      case LvolUp _ -> new Key(LvolUp.class, null);
      case GrantConfirmed w ->
          w.to() == GrantState.GRANTED || w.to() == GrantState.REVOKED
              ? new Key(GrantConfirmed.class, w.to())
              : null;
      case MappingChanged w -> w.to().isFinal() ? null : new Key(MappingChanged.class, w.to());
      case RaidSeen _ -> new Key(RaidSeen.class, null);
      case MappingClean w -> new Key(MappingClean.class, w.clean());
      case RaidCreated _ -> new Key(RaidCreated.class, null);
      case VmMappingChanged w -> new Key(VmMappingChanged.class, w.to());
      case CommitOut w -> w.lvolIds().isEmpty() ? null : new Key(CommitOut.class, null);
      default -> null;
    };
  }

  private static long id(AgentWrite write) {
    return switch (write) {
      case BeginIntent w -> w.object().id();
      case FinishIntent w -> w.intentId();
      case LvolUp w -> w.lvolId();
      case GrantConfirmed w -> w.grantId();
      case MappingChanged w -> w.mappingId();
      case RaidSeen w -> w.mappingId();
      case MappingClean w -> w.mappingId();
      case RaidCreated w -> w.volumeId();
      case VmMappingChanged w -> w.vmMappingId();
      case CommitOut w -> w.volumeId();
      default -> throw new IllegalStateException("applied alone: " + write);
    };
  }

  /** In the order in which they are to be executed. */
  List<Statement<?>> statements() {
    Statement<Changed> change =
        switch (writes.getFirst()) {
          case BeginIntent w -> begin(w.object().kind());
          case FinishIntent _ -> finish();
          case LvolUp _ -> lvolUp();
          case GrantConfirmed w -> grantConfirmed(w.to());
          case MappingChanged w -> mappingChanged(w.to());
          case RaidSeen _ -> raidSeen();
          case MappingClean w -> mappingClean(w.clean());
          case RaidCreated _ -> raidCreated();
          case VmMappingChanged w -> vmMappingChanged(w.to());
          case CommitOut _ -> commitOut();
          default -> throw new IllegalStateException("applied alone: " + writes);
        };
    statement = change;
    return writes.getFirst() instanceof LvolUp ? List.of(change, available()) : List.of(change);
  }

  /** The id of each write that was applied, null for the others; in order. */
  List<@Nullable Long> applied(Tx.Results results) {
    Map<Long, Long> changed = new HashMap<>();
    if (statement != null) {
      results.of(statement).forEach(c -> changed.put(c.id(), c.resultId()));
    }
    List<@Nullable Long> applied = new ArrayList<>();
    writes.forEach(w -> applied.add(changed.get(id(w))));
    return applied;
  }

  List<AgentWrite> writes() {
    return writes;
  }

  private static Changed row(java.sql.ResultSet r) throws java.sql.SQLException {
    return new Changed(r.getLong(1), r.getLong(1));
  }

  /** One column of the writes. */
  private <W> List<@Nullable Object> column(Class<W> type, Function<W, @Nullable Object> value) {
    List<@Nullable Object> column = new ArrayList<>();
    writes.forEach(w -> column.add(value.apply(type.cast(w))));
    return column;
  }

  private List<@Nullable Object> idColumn() {
    return column(AgentWrite.class, WriteSet::id);
  }

  static String table(ObjectKind kind) {
    return switch (kind) {
      case CLUSTER -> "cluster";
      case NODE -> "node";
      case DISK -> "disk";
      case VOLUME -> "volume";
      case LVOL -> "lvol";
      case GRANT -> "lvol_grant";
      case VOLUME_MAPPING -> "volume_mapping";
      case VM_MAPPING -> "vm_mapping";
    };
  }

  private Statement<Changed> begin(ObjectKind kind) {
    return Statement.of(
        r -> new Changed(r.getLong(1), r.getLong(2)),
        "INSERT INTO intent (node_id, lease_epoch, object_kind, action, object_id,"
            + " planned_from_version) SELECT ?, ?, ?, w.action, w.id, w.version"
            + " FROM unnest(?::text[], ?::bigint[], ?::bigint[]) WITH ORDINALITY"
            + " AS w(action, id, version, n) JOIN "
            + table(kind)
            + " o ON o.id = w.id AND o.version = w.version ORDER BY w.n RETURNING object_id, id",
        agent.nodeId(),
        agent.leaseEpoch(),
        kind,
        column(BeginIntent.class, BeginIntent::action),
        idColumn(),
        column(BeginIntent.class, BeginIntent::plannedFromVersion));
  }

  private Statement<Changed> finish() {
    return Statement.of(
        WriteSet::row,
        "UPDATE intent i SET finished_at = clock_timestamp(), outcome = w.outcome"
            + " FROM unnest(?::bigint[], ?::text[]) AS w(id, outcome)"
            + " WHERE i.id = w.id AND i.node_id = ? AND i.finished_at IS NULL RETURNING i.id",
        idColumn(),
        column(FinishIntent.class, FinishIntent::outcome),
        agent.nodeId());
  }

  private Statement<Changed> lvolUp() {
    return Statement.of(
        WriteSet::row,
        "UPDATE lvol l SET state = 'UP', uuid = w.uuid, error = NULL, version = l.version + 1"
            + " FROM unnest(?::bigint[], ?::bigint[], ?::uuid[]) AS w(id, version, uuid)"
            + " WHERE l.id = w.id AND l.version = w.version AND l.state = ANY(?)"
            + " AND (l.uuid IS NULL OR l.uuid = w.uuid)"
            + " AND l.disk_id IN (SELECT id FROM disk WHERE node_id = ?) RETURNING l.id",
        idColumn(),
        column(LvolUp.class, LvolUp::version),
        column(LvolUp.class, LvolUp::lvolUuid),
        AgentWriter.sources(LvolState.class, LvolState.UP),
        agent.nodeId());
  }

  /** The last replica makes its volume available. */
  private Statement<?> available() {
    return Statement.of(
        "UPDATE volume v SET state = 'AVAILABLE', confirmed_size_bytes = size_bytes,"
            + " version = version + 1 WHERE state IN ('CREATING', 'RESIZING')"
            + " AND id = ANY(ARRAY(SELECT volume_id FROM lvol WHERE id = ANY(?::bigint[])))"
            + " AND replicas <="
            + " (SELECT count(*) FROM lvol l WHERE l.volume_id = v.id AND l.state = 'UP')"
            + " AND NOT EXISTS"
            + " (SELECT FROM lvol l WHERE l.volume_id = v.id AND l.state = 'RESIZING')",
        idColumn());
  }

  /** Also confirms again, for a new incarnation, what is GRANTED already. */
  private Statement<Changed> grantConfirmed(GrantState to) {
    boolean granted = to == GrantState.GRANTED;
    return Statement.of(
        WriteSet::row,
        "UPDATE lvol_grant g SET state = ?, incarnation = w.incarnation, version = g.version + 1"
            + " FROM unnest(?::bigint[], ?::bigint[], ?::text[]) AS w(id, version, incarnation)"
            + " WHERE g.id = w.id AND g.version = w.version AND g.state = ANY(?)"
            + " AND EXISTS (SELECT FROM lvol l JOIN disk d ON d.id = l.disk_id"
            + " WHERE l.id = g.lvol_id AND d.node_id = ?)"
            + (granted
                ? " AND NOT EXISTS (SELECT FROM lvol_grant o WHERE o.lvol_id = g.lvol_id"
                    + " AND o.id <> g.id AND o.state <> 'REVOKED')"
                : "")
            + " RETURNING g.id",
        to,
        idColumn(),
        column(GrantConfirmed.class, GrantConfirmed::version),
        column(GrantConfirmed.class, GrantConfirmed::incarnation),
        granted ? List.of("GRANTING", "GRANTED") : List.of("REVOKING"),
        agent.nodeId());
  }

  private static final String MAPPINGS =
      " FROM unnest(?::bigint[], ?::bigint[]) AS w(id, version)"
          + " WHERE m.id = w.id AND m.version = w.version AND m.node_id = ?";

  private Statement<Changed> mappingChanged(VolumeMappingState to) {
    return Statement.of(
        WriteSet::row,
        "UPDATE volume_mapping m SET state = ?, version = m.version + 1"
            + MAPPINGS
            + " AND m.state = ANY(?) RETURNING m.id",
        to,
        idColumn(),
        column(MappingChanged.class, MappingChanged::version),
        agent.nodeId(),
        AgentWriter.sources(VolumeMappingState.class, to));
  }

  private Statement<Changed> mappingClean(boolean clean) {
    return Statement.of(
        WriteSet::row,
        "UPDATE volume_mapping m SET clean = ?, version = m.version + 1"
            + MAPPINGS
            + " AND m.state <> 'FENCED' RETURNING m.id",
        clean,
        idColumn(),
        column(MappingClean.class, MappingClean::version),
        agent.nodeId());
  }

  private Statement<Changed> raidSeen() {
    return Statement.of(
        WriteSet::row,
        "UPDATE volume_mapping m SET raid_state = w.raid_state, version = m.version + 1"
            + " FROM unnest(?::bigint[], ?::bigint[], ?::text[]) AS w(id, version, raid_state)"
            + " WHERE m.id = w.id AND m.version = w.version AND m.node_id = ? RETURNING m.id",
        idColumn(),
        column(RaidSeen.class, RaidSeen::version),
        column(RaidSeen.class, RaidSeen::raidState),
        agent.nodeId());
  }

  private Statement<Changed> raidCreated() {
    return Statement.of(
        WriteSet::row,
        "UPDATE volume v SET raid_created = true, version = v.version + 1 FROM unnest(?::bigint[],"
            + " ?::bigint[]) AS w(id, version) WHERE v.id = w.id AND v.version = w.version AND"
            + " EXISTS (SELECT FROM volume_mapping m WHERE m.volume_id = v.id AND m.node_id = ? AND"
            + " m.state NOT IN "
            + Rows.FINAL_MAPPING
            + ") RETURNING v.id",
        idColumn(),
        column(RaidCreated.class, RaidCreated::version),
        agent.nodeId());
  }

  private Statement<Changed> vmMappingChanged(VmMappingState to) {
    return Statement.of(
        WriteSet::row,
        "UPDATE vm_mapping vm SET state = ?, socket_path = coalesce(w.socket_path, vm.socket_path),"
            + " version = vm.version + 1"
            + " FROM unnest(?::bigint[], ?::bigint[], ?::text[]) AS w(id, version, socket_path)"
            + " WHERE vm.id = w.id AND vm.version = w.version AND vm.state = ANY(?)"
            + " AND EXISTS (SELECT FROM volume_mapping m WHERE m.id = vm.mapping_id AND m.node_id = ?)"
            + " RETURNING vm.id",
        to,
        idColumn(),
        column(VmMappingChanged.class, VmMappingChanged::version),
        column(VmMappingChanged.class, VmMappingChanged::socketPath),
        AgentWriter.sources(VmMappingState.class, to),
        agent.nodeId());
  }

  /**
   * Legs of many volumes leave, as those of all of a baremetal node are after its data plane was
   * killed; {@link LegSet#whyNotOut} tells why one was not applied.
   */
  private Statement<Changed> commitOut() {
    List<@Nullable Object> legsOf = new ArrayList<>();
    List<@Nullable Object> legs = new ArrayList<>();
    for (AgentWrite w : writes) {
      CommitOut out = (CommitOut) w;
      for (Long leg : out.lvolIds()) {
        legsOf.add(out.volumeId());
        legs.add(leg);
      }
    }
    return Statement.of(
        WriteSet::row,
        "WITH w AS (SELECT * FROM unnest(?::bigint[], ?::bigint[], ?::text[])"
            + " AS w(volume_id, epoch, cause)),"
            + " leg AS (SELECT * FROM unnest(?::bigint[], ?::bigint[]) AS leg(volume_id, lvol_id)),"
            + " allowed AS (SELECT w.* FROM w JOIN volume v ON v.id = w.volume_id"
            + " AND v.epoch = w.epoch WHERE EXISTS (SELECT FROM volume_mapping m"
            + " WHERE m.volume_id = w.volume_id AND m.node_id = ? AND m.state NOT IN "
            + Rows.FINAL_MAPPING
            + ") AND EXISTS (SELECT FROM lvol s WHERE s.volume_id = w.volume_id"
            + " AND s.sync = 'IN_SYNC' AND s.state NOT IN ('DELETING', 'DELETED')"
            + " AND NOT EXISTS (SELECT FROM leg WHERE leg.lvol_id = s.id))),"
            + " gone AS (UPDATE lvol l SET sync = 'OUT', rebuild_percent = NULL,"
            + " version = l.version + 1 FROM allowed a JOIN leg ON leg.volume_id = a.volume_id"
            + " WHERE l.id = leg.lvol_id AND l.volume_id = a.volume_id AND l.sync <> 'OUT'"
            + " RETURNING l.id, l.volume_id, l.name),"
            + " revoked AS (UPDATE lvol_grant g SET state = 'REVOKING', version = g.version + 1"
            + " FROM leg WHERE g.lvol_id = leg.lvol_id AND g.state IN ('GRANTING', 'GRANTED')"
            + " AND leg.volume_id IN (SELECT volume_id FROM gone)),"
            + " raised AS (UPDATE volume v SET epoch = v.epoch + 1, version = v.version + 1"
            + " WHERE v.id IN (SELECT volume_id FROM gone) RETURNING v.id, v.epoch),"
            + " carried AS (UPDATE lvol_grant g SET volume_epoch = raised.epoch,"
            + " version = g.version + 1 FROM raised JOIN lvol l ON l.volume_id = raised.id"
            + " WHERE g.lvol_id = l.id AND g.state IN ('GRANTING', 'GRANTED')"
            + " AND NOT EXISTS (SELECT FROM leg WHERE leg.lvol_id = g.lvol_id)),"
            + " told AS (INSERT INTO event"
            + " (severity, node_id, object_kind, object_id, object_name, message)"
            + " SELECT 'WARNING', ?, 'VOLUME', a.volume_id, object_name('VOLUME', a.volume_id),"
            + " (SELECT string_agg(gone.name, ', ' ORDER BY gone.id) FROM gone"
            + " WHERE gone.volume_id = a.volume_id) || ' is OUT: ' || a.cause"
            + " FROM allowed a WHERE a.volume_id IN (SELECT volume_id FROM gone))"
            + " SELECT id FROM raised",
        idColumn(),
        column(CommitOut.class, CommitOut::volumeEpoch),
        column(CommitOut.class, CommitOut::cause),
        legsOf,
        legs,
        agent.nodeId(),
        agent.nodeId());
  }
}

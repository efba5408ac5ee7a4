package io.diskengine.store;

import io.diskengine.model.Names;
import io.diskengine.model.Node;
import io.diskengine.model.NodeMode;
import io.diskengine.model.Schedulability;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.store.RefusedException.Code;
import io.diskengine.store.Together.Answer;
import io.diskengine.store.Tx.Statement;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Attachments that were asked for at once: judged one by one on locked volumes, inserted together.
 * Two round trips, however many they are.
 */
final class Attaching {
  private final Map<String, Volume> volumes;
  private final Map<String, Node> nodes;
  private final Map<Long, Held> held;
  private final Set<Long> unclean;
  private final Set<Left> left;
  private final List<Long> mappingIds;
  private final List<Long> vmMappingIds;
  private final Map<Long, New> added = new HashMap<>();

  record Request(String volume, String node) {}

  /** A live mapping and the name of its node. */
  private record Held(VolumeMapping mapping, String node) {}

  /** A node has not taken down yet what it had of a volume when it was taken away. */
  private record Left(long volumeId, long nodeId) {}

  private record New(long id, long vmMappingId, Volume volume, Node node) {}

  private Attaching(Tx tx, List<Request> requests) throws SQLException {
    List<String> names = requests.stream().map(Request::volume).distinct().toList();
    String ids = "(SELECT id FROM volume WHERE name = ANY(?) AND state <> 'DELETED')";
    var locked =
        Statement.of(
            Rows::volume,
            "SELECT * FROM volume WHERE name = ANY(?) AND state <> 'DELETED' ORDER BY id"
                + " FOR NO KEY UPDATE",
            names);
    var hosts =
        Statement.of(
            Rows::node,
            Rows.SELECT_NODE + " WHERE n.name = ANY(?)",
            requests.stream().map(Request::node).distinct().toList());
    var live =
        Statement.of(
            r -> new Held(Rows.mapping(r), r.getString("node_name")),
            "SELECT m.*, n.name AS node_name FROM volume_mapping m JOIN node n ON n.id = m.node_id"
                + " WHERE m.state NOT IN "
                + Rows.FINAL_MAPPING
                + " AND m.volume_id IN "
                + ids,
            names);
    var last =
        Statement.of(
            r -> r.getLong(1),
            "SELECT volume_id FROM (SELECT DISTINCT ON (volume_id) volume_id, clean"
                + (" FROM volume_mapping WHERE volume_id IN " + ids)
                + " ORDER BY volume_id, id DESC) AS last WHERE NOT clean",
            names);
    var fenced =
        Statement.of(
            r -> new Left(r.getLong(1), r.getLong(2)),
            "SELECT volume_id, node_id FROM volume_mapping WHERE state = 'FENCED' AND NOT gone"
                + " AND volume_id IN "
                + ids,
            names);
    var mappings = next("volume_mapping", names.size());
    var vmMappings = next("vm_mapping", names.size());
    Tx.Results rows = tx.all(List.of(locked, hosts, live, last, fenced, mappings, vmMappings));
    volumes = byKey(rows.of(locked), Volume::name);
    nodes = byKey(rows.of(hosts), Node::name);
    held = byKey(rows.of(live), h -> h.mapping().volumeId());
    unclean = new HashSet<>(rows.of(last));
    left = new HashSet<>(rows.of(fenced));
    mappingIds = rows.of(mappings);
    vmMappingIds = rows.of(vmMappings);
  }

  private static Statement<Long> next(String table, int count) {
    return Statement.of(
        r -> r.getLong(1),
        "SELECT nextval(pg_get_serial_sequence(?, 'id')) FROM generate_series(1, ?)",
        "diskengine." + table,
        count);
  }

  private static <K, T> Map<K, T> byKey(List<T> rows, Function<T, K> key) {
    return rows.stream().collect(Collectors.toMap(key, Function.identity()));
  }

  /** An answer for each request, in order. */
  static List<Answer<VolumeDetails>> attach(Tx tx, List<Request> requests) throws SQLException {
    Attaching attaching = new Attaching(tx, requests);
    List<@Nullable RefusedException> refusals = new ArrayList<>();
    for (Request request : requests) {
      refusals.add(attaching.judge(request));
    }
    Map<String, VolumeDetails> now = attaching.insert(tx);
    List<Answer<VolumeDetails>> answers = new ArrayList<>();
    for (int i = 0; i < requests.size(); i++) {
      RefusedException refusal = refusals.get(i);
      answers.add(
          refusal != null
              ? new Answer.Refused<>(refusal)
              : new Answer.Done<>(Objects.requireNonNull(now.get(requests.get(i).volume()))));
    }
    return answers;
  }

  /** Null when it may be: then its mapping is there, or among those to be added. */
  private @Nullable RefusedException judge(Request request) {
    Volume volume = volumes.get(request.volume());
    if (volume == null) {
      return new RefusedException(Code.NOT_FOUND, "there is no volume " + request.volume());
    }
    Node node = nodes.get(request.node());
    if (node == null) {
      return new RefusedException(Code.NOT_FOUND, "there is no node " + request.node());
    }
    if (node.mode() != NodeMode.BAREMETAL) {
      return wrongState(
          "node %s is a %s: attach needs a baremetal node"
              .formatted(node.name(), node.mode().text()));
    }
    Held there = held.get(volume.id());
    New before = added.get(volume.id());
    if (there != null) {
      return judgeHeld(volume, there, node);
    }
    if (before != null) {
      return before.node().id() == node.id()
          ? null
          : elsewhere("volume %s is ASSIGNED on node %s", volume, before.node().name());
    }
    RefusedException refusal = judgeNew(volume, node);
    if (refusal == null) {
      int next = added.size();
      added.put(volume.id(), new New(mappingIds.get(next), vmMappingIds.get(next), volume, node));
    }
    return refusal;
  }

  private static RefusedException wrongState(String message) {
    return new RefusedException(Code.WRONG_STATE, message);
  }

  private static RefusedException elsewhere(String text, Volume volume, String holder) {
    return new RefusedException(
        Code.ATTACHED_ELSEWHERE,
        text.formatted(volume.name(), holder) + ": detach it first, or move it");
  }

  private static @Nullable RefusedException judgeHeld(Volume volume, Held there, Node node) {
    VolumeMapping mapping = there.mapping();
    String text = "volume %s is " + mapping.state() + " on node %s";
    if (mapping.nodeId() != node.id()) {
      return elsewhere(text, volume, there.node());
    }
    return switch (mapping.state()) {
      case ASSIGNED, INITIALISED, ATTACHED -> null;
      case DETACHING, DETACHED, FENCED ->
          wrongState(
              text.formatted(volume.name(), there.node()) + ": attach it again when that is done");
    };
  }

  private @Nullable RefusedException judgeNew(Volume volume, Node node) {
    if (left.contains(new Left(volume.id(), node.id()))) {
      return wrongState(AttachmentChange.leftOn(node, volume));
    }
    return switch (volume.state()) {
      case CREATING, AVAILABLE, RESIZING ->
          node.schedulability() == Schedulability.ACTIVE
              ? null
              : wrongState("node " + node.name() + " is " + node.schedulability());
      case ERROR, DELETING, DELETED ->
          wrongState(
              "volume " + volume.name() + " is " + volume.state() + ": it cannot be attached");
    };
  }

  /** By name, those that were asked for and are there. */
  private Map<String, VolumeDetails> insert(Tx tx) throws SQLException {
    List<Statement<?>> statements = new ArrayList<>();
    if (!added.isEmpty()) {
      statements.addAll(inserts(List.copyOf(added.values())));
    }
    DetailsQuery query = DetailsQuery.ofIds(volumes.values().stream().map(Volume::id).toList());
    statements.addAll(query.statements());
    return byKey(query.details(tx.last(statements)), d -> d.volume().name());
  }

  private List<Statement<?>> inserts(List<New> all) {
    List<Long> ids = all.stream().map(New::id).toList();
    List<Long> volumeIds = all.stream().map(n -> n.volume().id()).toList();
    return List.of(
        Statement.of(
            "INSERT INTO volume_mapping (id, volume_id, node_id, clean) OVERRIDING SYSTEM VALUE"
                + " SELECT * FROM unnest(?::bigint[], ?::bigint[], ?::bigint[], ?::boolean[])",
            ids,
            volumeIds,
            all.stream().map(n -> n.node().id()).toList(),
            all.stream().map(n -> !unclean.contains(n.volume().id())).toList()),
        Statement.of(
            "INSERT INTO vm_mapping (id, mapping_id, controller_name) OVERRIDING SYSTEM VALUE"
                + " SELECT * FROM unnest(?::bigint[], ?::bigint[], ?::text[])",
            all.stream().map(New::vmMappingId).toList(),
            ids,
            all.stream().map(n -> Names.vhost(n.vmMappingId(), n.volume().uuid())).toList()),
        Statement.of(
            "WITH raised AS (UPDATE volume SET epoch = epoch + 1, version = version + 1"
                + " WHERE id = ANY(?::bigint[]) RETURNING id, epoch)"
                + " INSERT INTO lvol_grant (lvol_id, mapping_id, host_nqn, volume_epoch)"
                + " SELECT l.id, m.id, m.host_nqn, raised.epoch FROM raised"
                + " JOIN unnest(?::bigint[], ?::bigint[], ?::text[]) AS m(volume_id, id, host_nqn)"
                + " ON m.volume_id = raised.id JOIN lvol l ON l.volume_id = raised.id"
                + " WHERE l.sync = 'IN_SYNC' AND l.state IN ('CREATING', 'UP', 'RESIZING')"
                + " ORDER BY l.id",
            volumeIds,
            volumeIds,
            ids,
            all.stream().map(n -> n.node().hostNqn()).toList()),
        Asked.events(
            volumeIds,
            all.stream().map(n -> n.volume().name()).toList(),
            all.stream().map(n -> "attach to " + n.node().name() + " requested").toList()));
  }
}

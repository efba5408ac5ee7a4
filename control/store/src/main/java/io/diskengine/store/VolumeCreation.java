package io.diskengine.store;

import io.diskengine.model.Cluster;
import io.diskengine.model.Disk;
import io.diskengine.model.Lvol;
import io.diskengine.model.Names;
import io.diskengine.model.Node;
import io.diskengine.model.Placement;
import io.diskengine.model.Sizes;
import io.diskengine.model.Volume;
import io.diskengine.store.RefusedException.Code;
import io.diskengine.store.Together.Answer;
import io.diskengine.store.Tx.Statement;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Volumes that were asked for at once: placed one after the other, each with the room that those
 * before it left, and inserted together. Two round trips, however many they are.
 */
final class VolumeCreation {
  /** Serialises placement, so that two volumes never count the same room. */
  static final long PLACEMENT_LOCK = 0x6469736B706C6163L;

  private static final int GENERATION = 1;

  private final Tx tx;
  private Cluster cluster;
  private Map<Long, Node> nodes;
  private Set<String> taken;
  private List<Placement.Candidate> candidates;
  private List<Long> ids;
  private final List<Placed> placed = new ArrayList<>();

  /** A volume that has its disks. */
  private record Placed(long id, UUID uuid, NewVolume request, List<Disk> disks) {}

  private VolumeCreation(Tx tx, List<NewVolume> requests) throws SQLException {
    this.tx = tx;
    List<String> names = requests.stream().map(NewVolume::name).toList();
    var lock = Statement.of(r -> 1, "SELECT pg_advisory_xact_lock(?)", PLACEMENT_LOCK);
    var there =
        Statement.of(
            r -> r.getString(1),
            "SELECT name FROM volume WHERE name = ANY(?) AND state <> 'DELETED'",
            names);
    var settings = Statement.of(Rows::cluster, "SELECT * FROM cluster");
    var storageNodes =
        Statement.of(Rows::node, Rows.SELECT_NODE + " WHERE n.mode = 'STORAGE_NODE'");
    var disks =
        Statement.of(
            r -> new Room(Rows.disk(r), r.getLong("promised_bytes")),
            "SELECT d.*, (SELECT coalesce(sum(l.size_bytes), 0) FROM lvol l"
                + " WHERE l.disk_id = d.id AND l.state <> 'DELETED') AS promised_bytes"
                + " FROM disk d JOIN node n ON n.id = d.node_id AND n.mode = 'STORAGE_NODE'"
                + " WHERE d.state <> 'RETIRED' ORDER BY d.id");
    var next =
        Statement.of(
            r -> r.getLong(1),
            "SELECT nextval(pg_get_serial_sequence('diskengine.volume', 'id'))"
                + " FROM generate_series(1, ?)",
            requests.size());
    Tx.Results rows = tx.all(List.of(lock, there, settings, storageNodes, disks, next));
    cluster = rows.of(settings).getFirst();
    nodes = rows.of(storageNodes).stream().collect(Collectors.toMap(Node::id, Function.identity()));
    taken = new HashSet<>(rows.of(there));
    ids = rows.of(next);
    candidates = new ArrayList<>();
    for (Room room : rows.of(disks)) {
      Node node = Objects.requireNonNull(nodes.get(room.disk().nodeId()));
      candidates.add(new Placement.Candidate(node, room.disk(), room.promisedBytes()));
    }
  }

  private record Room(Disk disk, long promisedBytes) {}

  /** An answer for each request, in order. */
  static List<Answer<VolumeDetails>> create(Tx tx, List<NewVolume> requests) throws SQLException {
    VolumeCreation creation = new VolumeCreation(tx, requests);
    List<Answer<Long>> places = new ArrayList<>();
    for (NewVolume request : requests) {
      places.add(creation.place(request));
    }
    Map<Long, VolumeDetails> inserted = creation.insert();
    List<Answer<VolumeDetails>> answers = new ArrayList<>();
    for (Answer<Long> place : places) {
      answers.add(
          switch (place) {
            case Answer.Done<Long>(Long id) ->
                new Answer.Done<>(Objects.requireNonNull(inserted.get(id)));
            case Answer.Refused<Long>(RuntimeException why) -> new Answer.Refused<>(why);
          });
    }
    return answers;
  }

  static RefusedException exists(String name) {
    return new RefusedException(Code.ALREADY_EXISTS, "volume " + name + " exists already");
  }

  /** The new volume's id. */
  private Answer<Long> place(NewVolume request) {
    if (taken.contains(request.name())) {
      return new Answer.Refused<>(exists(request.name()));
    }
    return switch (Placement.place(
        candidates,
        request.replicas(),
        request.sizeBytes(),
        cluster.settings().overcommitPercent())) {
      case Placement.Placed(List<Disk> disks) -> {
        long id = ids.get(placed.size());
        placed.add(new Placed(id, UUID.randomUUID(), request, disks));
        taken.add(request.name());
        disks.forEach(disk -> promise(disk, Sizes.legBytes(request.sizeBytes())));
        yield new Answer.Done<>(id);
      }
      case Placement.NoPlace noPlace -> new Answer.Refused<>(noPlace(noPlace));
    };
  }

  private void promise(Disk disk, long bytes) {
    candidates.replaceAll(c ->
        c.disk().id() == disk.id()
            ? new Placement.Candidate(c.node(), disk, c.promisedBytes() + bytes)
            : c);
  }

  private RefusedException noPlace(Placement.NoPlace noPlace) {
    String diskless =
        nodes.values().stream()
            .map(Node::name)
            .filter(name -> !noPlace.whyNot().containsKey(name))
            .sorted()
            .map(name -> "; " + name + ": " + Placement.nodeWithoutDisks())
            .collect(Collectors.joining());
    return new RefusedException(Code.NO_PLACE, noPlace.message() + diskless);
  }

  /** By id. */
  private Map<Long, VolumeDetails> insert() throws SQLException {
    if (placed.isEmpty()) {
      return Map.of();
    }
    Statement<Volume> volumes = volumes();
    Statement<Lvol> lvols = lvols();
    Tx.Results rows = tx.last(List.of(volumes, lvols, events()));
    Map<Long, List<Lvol>> legs =
        rows.of(lvols).stream().collect(Collectors.groupingBy(Lvol::volumeId));
    Map<Long, VolumeDetails> details = new LinkedHashMap<>();
    for (Volume v : rows.of(volumes)) {
      List<Lvol> own = Objects.requireNonNull(legs.get(v.id()));
      Map<Long, String> names = new LinkedHashMap<>();
      own.forEach(l -> names.put(l.nodeId(), Objects.requireNonNull(nodes.get(l.nodeId())).name()));
      // Nothing else can be there yet.
      details.put(v.id(), new VolumeDetails(v, own, null, null, names, List.of()));
    }
    return details;
  }

  private Statement<Volume> volumes() {
    return Statement.of(
        Rows::volume,
        "INSERT INTO volume (id, uuid, name, size_bytes, block_size, replicas, guest_bytes, thin)"
            + " OVERRIDING SYSTEM VALUE"
            + " SELECT v.*, ? FROM unnest(?::bigint[], ?::uuid[], ?::text[], ?::bigint[],"
            + " ?::integer[], ?::integer[], ?::bigint[]) AS v RETURNING *",
        cluster.settings().thin(),
        column(Placed::id),
        column(Placed::uuid),
        column(p -> p.request().name()),
        column(p -> p.request().sizeBytes()),
        column(p -> p.disks().getFirst().blockSize()),
        column(p -> p.request().replicas()),
        column(p -> Sizes.guestBytes(p.request().sizeBytes())));
  }

  private <T> List<T> column(Function<Placed, T> value) {
    return placed.stream().map(value).toList();
  }

  private record Leg(Placed volume, int slot, Disk disk, String name, UUID namespaceUuid) {}

  private Statement<Lvol> lvols() {
    List<Leg> legs = new ArrayList<>();
    for (Placed p : placed) {
      for (int slot = 0; slot < p.disks().size(); slot++) {
        String name = Names.lvol(p.id(), p.uuid(), slot, GENERATION);
        UUID namespaceUuid = Names.namespaceUuid(p.uuid(), slot, GENERATION);
        legs.add(new Leg(p, slot, p.disks().get(slot), name, namespaceUuid));
      }
    }
    return Statement.of(
        Rows::lvol,
        "INSERT INTO lvol (volume_id, disk_id, slot, name, size_bytes, nqn, namespace_uuid, nguid,"
            + " serial, min_cntlid, max_cntlid, generation, sync)"
            + " SELECT l.*, ?, 'IN_SYNC' FROM unnest(?::bigint[], ?::bigint[], ?::integer[],"
            + " ?::text[], ?::bigint[], ?::text[], ?::uuid[], ?::text[], ?::text[], ?::integer[],"
            + " ?::integer[]) AS l"
            + " RETURNING *, (SELECT d.node_id FROM disk d WHERE d.id = disk_id) AS node_id",
        GENERATION,
        legs.stream().map(l -> l.volume().id()).toList(),
        legs.stream().map(l -> l.disk().id()).toList(),
        legs.stream().map(Leg::slot).toList(),
        legs.stream().map(Leg::name).toList(),
        legs.stream().map(l -> Sizes.legBytes(l.volume().request().sizeBytes())).toList(),
        legs.stream()
            .map(l -> Names.subsystemNqn(cluster.nqnPrefix(), cluster.id(), l.name()))
            .toList(),
        legs.stream().map(Leg::namespaceUuid).toList(),
        legs.stream().map(l -> Names.nguid(l.namespaceUuid())).toList(),
        legs.stream().map(l -> Names.serial(l.namespaceUuid())).toList(),
        legs.stream().map(l -> Names.minCntlid(l.slot())).toList(),
        legs.stream().map(l -> Names.maxCntlid(l.slot())).toList());
  }

  private Statement<Void> events() {
    return Asked.events(
        column(Placed::id),
        column(p -> p.request().name()),
        column(p ->
            "create requested: %s, %d replica(s) on %s"
                .formatted(
                    Sizes.text(p.request().sizeBytes()),
                    p.request().replicas(),
                    p.disks().stream()
                        .map(d -> Objects.requireNonNull(nodes.get(d.nodeId())).name())
                        .distinct()
                        .collect(Collectors.joining(", ")))));
  }
}

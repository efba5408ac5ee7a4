package io.diskengine.store;

import io.diskengine.model.Cluster;
import io.diskengine.model.Disk;
import io.diskengine.model.Grant;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.Node;
import io.diskengine.model.NodeView;
import io.diskengine.model.VmMapping;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.store.Tx.Statement;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/** What concerns one node, all of it or what belongs to some volumes: one round trip. */
final class NodeViewQuery {
  private final long nodeId;
  private final @Nullable List<Long> volumeIds;
  private final Statement<Cluster> cluster;
  private final Statement<Node> nodes;
  private final Statement<Disk> disks;
  private final Statement<Volume> volumes;
  private final Statement<Lvol> lvols;
  private final Statement<Grant> grants;
  private final Statement<VolumeMapping> mappings;
  private final Statement<VmMapping> vmMappings;

  static NodeViewQuery all(long nodeId) {
    return new NodeViewQuery(nodeId, null);
  }

  /** The rows of these volumes, with all nodes and disks that those and the node itself name. */
  static NodeViewQuery of(long nodeId, Set<Long> volumeIds) {
    return new NodeViewQuery(nodeId, List.copyOf(volumeIds));
  }

  private NodeViewQuery(long nodeId, @Nullable List<Long> only) {
    this.nodeId = nodeId;
    this.volumeIds = only;
    String live = "m.state NOT IN " + Rows.FINAL_MAPPING;
    // Law 7: what was taken away concerns its node until it says that nothing is left there.
    String some = "(" + live + " OR m.node_id = :node AND m.state = 'FENCED' AND NOT m.gone)";
    String ofNode =
        "SELECT l.volume_id FROM lvol l JOIN disk d ON d.id = l.disk_id"
            + " WHERE d.node_id = :node AND l.state <> 'DELETED'"
            + " UNION SELECT m.volume_id FROM volume_mapping m WHERE m.node_id = :node AND "
            + some;
    // An array, so that every plan, generic ones too, looks the rows up by an index.
    String these = " = ANY(" + (only == null ? "ARRAY(" + ofNode + ")" : "?::bigint[]") + ")";
    cluster = select(Rows::cluster, "SELECT * FROM cluster");
    nodes =
        select(
            Rows::node,
            Rows.SELECT_NODE
                + " WHERE n.id = :node OR n.id = ANY(ARRAY(SELECT d.node_id FROM lvol l"
                + (" JOIN disk d ON d.id = l.disk_id WHERE l.volume_id" + these)
                + (" UNION SELECT m.node_id FROM volume_mapping m WHERE m.volume_id" + these)
                + (" AND " + some + ")) ORDER BY n.id"));
    disks =
        select(
            Rows::disk,
            "SELECT * FROM disk WHERE node_id = :node OR id = ANY(ARRAY("
                + ("SELECT disk_id FROM lvol WHERE volume_id" + these + ")) ORDER BY id"));
    volumes = select(Rows::volume, "SELECT * FROM volume WHERE id" + these + " ORDER BY id");
    lvols = select(Rows::lvol, Rows.SELECT_LVOL + " WHERE l.volume_id" + these + " ORDER BY l.id");
    grants =
        select(
            Rows::grant,
            "SELECT * FROM lvol_grant WHERE state <> 'REVOKED' AND lvol_id = ANY(ARRAY("
                + ("SELECT id FROM lvol WHERE volume_id" + these + ")) ORDER BY id"));
    mappings =
        select(
            Rows::mapping,
            ("SELECT m.* FROM volume_mapping m WHERE m.volume_id" + these)
                + (" AND " + some + " ORDER BY m.id"));
    vmMappings =
        select(
            Rows::vmMapping,
            (Rows.SELECT_VM_MAPPING + " WHERE m.node_id = :node AND m.volume_id" + these)
                + (" AND " + some + " AND vm.state <> 'DETACHED' ORDER BY vm.id"));
  }

  private <T> Statement<T> select(Tx.Row<T> row, String sql) {
    @Nullable Object[] parameters = new Object[(int) sql.chars().filter(c -> c == '?').count()];
    Arrays.fill(parameters, volumeIds);
    return Statement.of(row, sql.replace(":node", Long.toString(nodeId)), parameters);
  }

  List<Statement<?>> statements() {
    return List.of(cluster, nodes, disks, volumes, lvols, grants, mappings, vmMappings);
  }

  NodeView read(Database database) {
    return view(database.snapshot(statements()));
  }

  NodeView view(Tx.Results rows) {
    List<Lvol> concerned = concerned(rows.of(lvols), rows.of(mappings));
    Set<Long> lvolIds = ids(concerned, Lvol::id);
    Set<Long> diskIds = ids(concerned, Lvol::diskId);
    Set<Long> volumesOfThem = ids(concerned, Lvol::volumeId);
    List<VolumeMapping> mapped =
        rows.of(mappings).stream().filter(m -> volumesOfThem.contains(m.volumeId())).toList();
    Set<Long> mappingIds = ids(mapped, VolumeMapping::id);
    Set<Long> nodeIds = ids(concerned, Lvol::nodeId);
    nodeIds.addAll(ids(mapped, VolumeMapping::nodeId));
    Node own = rows.of(nodes).stream().filter(n -> n.id() == nodeId).findFirst().orElseThrow();
    return new NodeView(
        rows.of(cluster).getFirst(),
        own,
        rows.of(nodes).stream().filter(n -> n.id() != nodeId && nodeIds.contains(n.id())).toList(),
        rows.of(disks).stream()
            .filter(d -> d.nodeId() == nodeId || diskIds.contains(d.id()))
            .toList(),
        rows.of(volumes).stream().filter(v -> volumesOfThem.contains(v.id())).toList(),
        concerned,
        rows.of(grants).stream().filter(g -> lvolIds.contains(g.lvolId())).toList(),
        mapped,
        rows.of(vmMappings).stream().filter(m -> mappingIds.contains(m.mappingId())).toList());
  }

  /** Replicas on this node, and those of what is mapped to it or not taken down on it yet. */
  private List<Lvol> concerned(List<Lvol> all, List<VolumeMapping> mapped) {
    Set<Long> live = new HashSet<>();
    Set<Long> fenced = new HashSet<>();
    for (VolumeMapping m : mapped) {
      if (m.nodeId() == nodeId) {
        (m.state() == VolumeMappingState.FENCED ? fenced : live).add(m.volumeId());
      }
    }
    return all.stream()
        .filter(l ->
            fenced.contains(l.volumeId())
                || (l.state() != LvolState.DELETED
                    && (l.nodeId() == nodeId || live.contains(l.volumeId()))))
        .toList();
  }

  private static <T> Set<Long> ids(List<T> rows, ToLongFunction<T> id) {
    Set<Long> ids = new HashSet<>();
    rows.forEach(row -> ids.add(id.applyAsLong(row)));
    return ids;
  }
}

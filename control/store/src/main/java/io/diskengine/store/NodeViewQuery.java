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
import io.diskengine.model.VolumeRows;
import io.diskengine.store.Tx.Statement;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;

/** What concerns one node, all of it or what belongs to some volumes: one round trip. */
final class NodeViewQuery {
  /** The statements, written once for each node. */
  private record Text(
      String nodes,
      String disks,
      String volumes,
      String lvols,
      String grants,
      String mappings,
      String vmMappings) {}

  /** What belongs to a node, and what belongs to the volumes of one parameter. */
  record Texts(long nodeId, Text all, Text some) {
    private static final String THESE = "?::bigint[]";

    static Texts of(long nodeId) {
      String ofNode =
          "ARRAY(SELECT l.volume_id FROM lvol l WHERE l.state <> 'DELETED'"
              + " AND l.disk_id = ANY(ARRAY(SELECT id FROM disk WHERE node_id = :node))"
              + " UNION SELECT m.volume_id FROM volume_mapping m WHERE m.node_id = :node AND "
              + (NOT_GONE + ")");
      return new Texts(nodeId, text(nodeId, ofNode), text(nodeId, THESE));
    }
  }

  // Law 7: what was taken away concerns its node until it says that nothing is left there.
  private static final String NOT_GONE =
      "(m.state NOT IN "
          + Rows.FINAL_MAPPING
          + " OR m.node_id = :node AND m.state = 'FENCED' AND NOT m.gone)";

  private final long nodeId;
  private final Statement<Cluster> cluster = Statement.of(Rows::cluster, "SELECT * FROM cluster");
  private final Statement<Node> nodes;
  private final Statement<Disk> disks;
  private final Statement<Volume> volumes;
  private final Statement<Lvol> lvols;
  private final Statement<Grant> grants;
  private final Statement<VolumeMapping> mappings;
  private final Statement<VmMapping> vmMappings;
  private final List<Statement<?>> statements;

  static NodeViewQuery all(Texts texts) {
    return new NodeViewQuery(texts.nodeId(), texts.all(), true);
  }

  /** The rows of these volumes. */
  static NodeViewQuery of(Texts texts, Set<Long> volumeIds) {
    return new NodeViewQuery(texts.nodeId(), texts.some(), false, List.copyOf(volumeIds));
  }

  private NodeViewQuery(long nodeId, Text text, boolean all, Object... parameters) {
    this.nodeId = nodeId;
    nodes = Statement.of(Rows::node, text.nodes());
    disks = Statement.of(Rows::disk, text.disks());
    volumes = Statement.of(Rows::volume, text.volumes(), parameters);
    lvols = Statement.of(Rows::lvol, text.lvols(), parameters);
    grants = Statement.of(Rows::grant, text.grants(), parameters);
    mappings = Statement.of(Rows::mapping, text.mappings(), parameters);
    vmMappings = Statement.of(Rows::vmMapping, text.vmMappings(), parameters);
    statements =
        all
            ? List.of(cluster, nodes, disks, volumes, lvols, grants, mappings, vmMappings)
            : List.of(cluster, volumes, lvols, grants, mappings, vmMappings);
  }

  /**
   * @param ids an array, so that every plan, generic ones too, looks the rows up by an index
   */
  private static Text text(long nodeId, String ids) {
    String these = " = ANY(" + ids + ")";
    List<String> sql =
        Stream.of(
                Rows.SELECT_NODE
                    + " WHERE n.id = :node OR n.id = ANY(ARRAY(SELECT d.node_id FROM disk d"
                    + " WHERE d.id = ANY(ARRAY(SELECT l.disk_id FROM lvol l"
                    + (" WHERE l.volume_id" + these + "))")
                    + (" UNION SELECT m.node_id FROM volume_mapping m WHERE m.volume_id" + these)
                    + (" AND " + NOT_GONE + ")) ORDER BY n.id"),
                "SELECT * FROM disk WHERE node_id = :node OR id = ANY(ARRAY("
                    + ("SELECT disk_id FROM lvol WHERE volume_id" + these + ")) ORDER BY id"),
                "SELECT * FROM volume WHERE id" + these + " ORDER BY id",
                Rows.SELECT_LVOL + " WHERE l.volume_id" + these + " ORDER BY l.id",
                "SELECT * FROM lvol_grant WHERE state <> 'REVOKED' AND lvol_id = ANY(ARRAY("
                    + ("SELECT id FROM lvol WHERE volume_id" + these + ")) ORDER BY id"),
                ("SELECT m.* FROM volume_mapping m WHERE m.volume_id" + these)
                    + (" AND " + NOT_GONE + " ORDER BY m.id"),
                (Rows.SELECT_VM_MAPPING + " WHERE m.node_id = :node AND m.volume_id" + these)
                    + (" AND " + NOT_GONE + " AND vm.state <> 'DETACHED' ORDER BY vm.id"))
            .map(t -> t.replace(":node", Long.toString(nodeId)))
            .toList();
    return new Text(
        sql.get(0), sql.get(1), sql.get(2), sql.get(3), sql.get(4), sql.get(5), sql.get(6));
  }

  List<Statement<?>> statements() {
    return statements;
  }

  NodeView view(Tx.Results rows) {
    VolumeRows own = rows(rows);
    Set<Long> diskIds = ids(own.lvols(), Lvol::diskId);
    Set<Long> nodeIds = ids(own.lvols(), Lvol::nodeId);
    nodeIds.addAll(ids(own.mappings(), VolumeMapping::nodeId));
    List<Node> all = rows.of(nodes);
    return new NodeView(
        own.cluster(),
        all.stream().filter(n -> n.id() == nodeId).findFirst().orElseThrow(),
        all.stream().filter(n -> n.id() != nodeId && nodeIds.contains(n.id())).toList(),
        rows.of(disks).stream()
            .filter(d -> d.nodeId() == nodeId || diskIds.contains(d.id()))
            .toList(),
        own.volumes(),
        own.lvols(),
        own.grants(),
        own.mappings(),
        own.vmMappings());
  }

  VolumeRows rows(Tx.Results rows) {
    List<Lvol> concerned = concerned(rows.of(lvols), rows.of(mappings));
    Set<Long> lvolIds = ids(concerned, Lvol::id);
    Set<Long> volumesOfThem = ids(concerned, Lvol::volumeId);
    List<VolumeMapping> mapped =
        rows.of(mappings).stream().filter(m -> volumesOfThem.contains(m.volumeId())).toList();
    Set<Long> mappingIds = ids(mapped, VolumeMapping::id);
    return new VolumeRows(
        rows.of(cluster).getFirst(),
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

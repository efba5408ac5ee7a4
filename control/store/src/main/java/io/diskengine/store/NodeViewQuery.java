package io.diskengine.store;

import io.diskengine.model.Cluster;
import io.diskengine.model.Disk;
import io.diskengine.model.Grant;
import io.diskengine.model.Lvol;
import io.diskengine.model.Node;
import io.diskengine.model.NodeView;
import io.diskengine.model.VmMapping;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.store.Tx.Statement;
import java.util.List;

/** Everything that concerns one node: one snapshot, one round trip. */
final class NodeViewQuery {
  private final long nodeId;
  private final Statement<Cluster> cluster;
  private final Statement<Node> nodes;
  private final Statement<Disk> disks;
  private final Statement<Volume> volumes;
  private final Statement<Lvol> lvols;
  private final Statement<Grant> grants;
  private final Statement<VolumeMapping> mappings;
  private final Statement<VmMapping> vmMappings;

  NodeViewQuery(long nodeId) {
    this.nodeId = nodeId;
    String live = "m.state NOT IN " + Rows.FINAL_MAPPING;
    // Law 7: what was taken away concerns its node until it says that nothing is left there.
    String fenced = "m.state = 'FENCED' AND NOT m.gone";
    String lvolIds =
        "SELECT l.id FROM lvol l JOIN disk d ON d.id = l.disk_id"
            + " WHERE d.node_id = :node AND l.state <> 'DELETED'"
            + " UNION SELECT l.id FROM lvol l JOIN volume_mapping m ON m.volume_id = l.volume_id"
            + (" WHERE m.node_id = :node AND (l.state <> 'DELETED' AND " + live)
            + (" OR " + fenced + ")");
    String volumeIds = "SELECT volume_id FROM lvol WHERE id IN (" + lvolIds + ")";
    String diskIds =
        "SELECT disk_id FROM lvol WHERE id IN ("
            + lvolIds
            + ") UNION SELECT id FROM disk WHERE node_id = :node";
    String ofVolumes =
        ("m.volume_id IN (" + volumeIds + ") AND (" + live)
            + (" OR m.node_id = :node AND " + fenced + ")");
    cluster = select(Rows::cluster, "SELECT * FROM cluster");
    nodes =
        select(
            Rows::node,
            Rows.SELECT_NODE
                + (" WHERE n.id = :node OR n.id IN (SELECT node_id FROM disk WHERE id IN (")
                + diskIds
                + (")) OR n.id IN (SELECT m.node_id FROM volume_mapping m WHERE " + ofVolumes)
                + ") ORDER BY n.id");
    disks = select(Rows::disk, "SELECT * FROM disk WHERE id IN (" + diskIds + ") ORDER BY id");
    volumes =
        select(Rows::volume, "SELECT * FROM volume WHERE id IN (" + volumeIds + ") ORDER BY id");
    lvols = select(Rows::lvol, Rows.SELECT_LVOL + " WHERE l.id IN (" + lvolIds + ") ORDER BY l.id");
    grants =
        select(
            Rows::grant,
            ("SELECT * FROM lvol_grant WHERE state <> 'REVOKED' AND lvol_id IN (" + lvolIds)
                + ") ORDER BY id");
    mappings =
        select(
            Rows::mapping,
            "SELECT m.* FROM volume_mapping m WHERE " + ofVolumes + " ORDER BY m.id");
    vmMappings =
        select(
            Rows::vmMapping,
            (Rows.SELECT_VM_MAPPING + " WHERE m.node_id = :node AND (" + live + " OR " + fenced)
                + ") AND vm.state <> 'DETACHED' ORDER BY vm.id");
  }

  private <T> Statement<T> select(Tx.Row<T> row, String sql) {
    return Statement.of(row, sql.replace(":node", Long.toString(nodeId)));
  }

  NodeView read(Database database) {
    Tx.Results rows =
        database.snapshot(
            List.of(cluster, nodes, disks, volumes, lvols, grants, mappings, vmMappings));
    List<Node> all = rows.of(nodes);
    Node own = all.stream().filter(n -> n.id() == nodeId).findFirst().orElseThrow();
    return new NodeView(
        rows.of(cluster).getFirst(),
        own,
        all.stream().filter(n -> n.id() != nodeId).toList(),
        rows.of(disks),
        rows.of(volumes),
        rows.of(lvols),
        rows.of(grants),
        rows.of(mappings),
        rows.of(vmMappings));
  }
}

package io.diskengine.store;

import io.diskengine.model.Cluster;
import io.diskengine.model.ClusterSettings;
import io.diskengine.model.DataPlaneState;
import io.diskengine.model.Disk;
import io.diskengine.model.DiskState;
import io.diskengine.model.Event;
import io.diskengine.model.FabricAddress;
import io.diskengine.model.Grant;
import io.diskengine.model.GrantState;
import io.diskengine.model.Intent;
import io.diskengine.model.Kept;
import io.diskengine.model.Limits;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Names;
import io.diskengine.model.Node;
import io.diskengine.model.NodeMode;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.Reason;
import io.diskengine.model.Schedulability;
import io.diskengine.model.VmMapping;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.model.VolumeState;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Result rows as records, and the SELECTs that give every column a reader needs. */
final class Rows {
  static final String FINAL_MAPPING = "('DETACHED', 'FENCED')";
  static final String SELECT_NODE =
      "SELECT n.*, coalesce(n.lease_expires > clock_timestamp(), false) AS lease_valid FROM node n";
  static final String SELECT_LVOL =
      "SELECT l.*, d.node_id FROM lvol l JOIN disk d ON d.id = l.disk_id";
  static final String SELECT_VM_MAPPING =
      "SELECT vm.*, m.node_id FROM vm_mapping vm JOIN volume_mapping m ON m.id = vm.mapping_id";
  static final String SELECT_REASON =
      "SELECT r.*, n.name AS node_name, object_name(r.object_kind, r.object_id) AS object_name"
          + " FROM reason r JOIN node n ON n.id = r.node_id";
  static final String SELECT_EVENT =
      "SELECT e.*, n.name AS node_name FROM event e LEFT JOIN node n ON n.id = e.node_id";

  private Rows() {}

  static Cluster cluster(ResultSet r) throws SQLException {
    return new Cluster(
        r.getString("id"),
        r.getString("nqn_prefix"),
        r.getLong("sequence"),
        new ClusterSettings(
            r.getInt("reconnect_delay_sec"),
            r.getInt("ctrlr_loss_timeout_sec"),
            r.getInt("fast_io_fail_timeout_sec"),
            r.getInt("transport_ack_timeout"),
            r.getInt("probe_interval_ms"),
            r.getInt("probe_deadline_ms"),
            r.getInt("grace_ms"),
            r.getInt("lease_ttl_ms"),
            r.getInt("resync_ms"),
            r.getInt("max_rebuilds_per_node"),
            r.getInt("overcommit_percent"),
            r.getBoolean("thin"),
            r.getInt("replace_after_sec"),
            r.getInt("max_rebuilds_per_disk"),
            r.getInt("rebuild_mb_per_sec")));
  }

  static Node node(ResultSet r) throws SQLException {
    String[] addresses = (String[]) r.getArray("addresses").getArray();
    List<FabricAddress> parsed = Arrays.stream(addresses).map(FabricAddress::parse).toList();
    return new Node(
        r.getLong("id"),
        r.getString("name"),
        NodeMode.valueOf(r.getString("mode")),
        r.getString("failure_domain"),
        r.getString("host_nqn"),
        parsed,
        Schedulability.valueOf(r.getString("schedulability")),
        r.getString("lease_holder"),
        r.getLong("lease_epoch"),
        instant(r, "lease_expires"),
        r.getBoolean("lease_valid"),
        r.getString("incarnation"),
        r.getString("spdk_version"),
        DataPlaneState.valueOf(r.getString("data_plane")),
        instant(r, "data_plane_since"),
        r.getLong("version"));
  }

  static Disk disk(ResultSet r) throws SQLException {
    UUID uuid = uuid(r, "uuid");
    return new Disk(
        r.getLong("id"),
        uuid,
        r.getLong("node_id"),
        r.getString("serial"),
        r.getInt("nsid"),
        r.getString("model"),
        r.getString("address"),
        r.getLong("size_bytes"),
        r.getInt("block_size"),
        r.getBoolean("unmap_zeroes"),
        r.getBoolean("volatile_write_cache"),
        DiskState.valueOf(r.getString("state")),
        r.getObject("lvstore_uuid", UUID.class),
        Names.lvstore(uuid),
        r.getLong("cluster_size_bytes"),
        r.getLong("total_clusters"),
        r.getLong("free_clusters"),
        r.getString("health"),
        r.getLong("version"));
  }

  static Volume volume(ResultSet r) throws SQLException {
    return new Volume(
        r.getLong("id"),
        uuid(r, "uuid"),
        r.getString("name"),
        r.getLong("size_bytes"),
        r.getLong("confirmed_size_bytes"),
        r.getInt("block_size"),
        r.getInt("replicas"),
        r.getLong("guest_bytes"),
        r.getBoolean("thin"),
        new Limits(r.getLong("iops_limit"), r.getLong("mb_limit")),
        r.getLong("epoch"),
        r.getBoolean("raid_created"),
        VolumeState.valueOf(r.getString("state")),
        r.getString("error"),
        r.getObject("created_at", OffsetDateTime.class).toInstant(),
        r.getLong("version"));
  }

  static Lvol lvol(ResultSet r) throws SQLException {
    int percent = r.getInt("rebuild_percent");
    Integer rebuildPercent = r.wasNull() ? null : percent;
    return new Lvol(
        r.getLong("id"),
        r.getLong("volume_id"),
        r.getLong("disk_id"),
        r.getLong("node_id"),
        r.getInt("slot"),
        r.getInt("generation"),
        r.getString("name"),
        r.getObject("uuid", UUID.class),
        r.getLong("size_bytes"),
        r.getString("nqn"),
        uuid(r, "namespace_uuid"),
        r.getString("nguid"),
        r.getString("serial"),
        r.getInt("min_cntlid"),
        r.getInt("max_cntlid"),
        LvolState.valueOf(r.getString("state")),
        LvolSync.valueOf(r.getString("sync")),
        rebuildPercent,
        Kept.valueOf(r.getString("kept")),
        r.getObject("kept_uuid", UUID.class),
        r.getString("no_replacement"),
        r.getLong("version"));
  }

  static Grant grant(ResultSet r) throws SQLException {
    return new Grant(
        r.getLong("id"),
        r.getLong("lvol_id"),
        r.getLong("mapping_id"),
        r.getString("host_nqn"),
        r.getLong("volume_epoch"),
        GrantState.valueOf(r.getString("state")),
        r.getString("incarnation"),
        r.getLong("version"));
  }

  static VolumeMapping mapping(ResultSet r) throws SQLException {
    return new VolumeMapping(
        r.getLong("id"),
        r.getLong("volume_id"),
        r.getLong("node_id"),
        VolumeMappingState.valueOf(r.getString("state")),
        r.getString("raid_state"),
        r.getBoolean("clean"),
        r.getLong("version"));
  }

  static VmMapping vmMapping(ResultSet r) throws SQLException {
    return new VmMapping(
        r.getLong("id"),
        r.getLong("mapping_id"),
        r.getLong("node_id"),
        r.getString("controller_name"),
        r.getString("socket_path"),
        VmMappingState.valueOf(r.getString("state")),
        r.getBoolean("guest_connected"),
        r.getLong("guest_asked"),
        r.getLong("version"));
  }

  static VolumeStatus status(ResultSet r) throws SQLException {
    String vmState = r.getString("vm_mapping");
    String mapping = r.getString("mapping");
    return new VolumeStatus(
        r.getLong("id"),
        VolumeState.valueOf(r.getString("state")),
        r.getBoolean("whole"),
        mapping == null
            ? null
            : new VolumeStatus.Mapping(
                r.getLong("mapping_id"),
                r.getString("node_name"),
                VolumeMappingState.valueOf(mapping),
                vmState == null ? null : VmMappingState.valueOf(vmState),
                r.getBoolean("guest_connected")));
  }

  static Event event(ResultSet r) throws SQLException {
    return new Event(
        r.getLong("id"),
        r.getObject("at", OffsetDateTime.class).toInstant(),
        Event.Severity.valueOf(r.getString("severity")),
        r.getString("node_name"),
        object(r, "object"),
        r.getString("object_name"),
        r.getString("message"));
  }

  static ReasonRow reason(ResultSet r) throws SQLException {
    ObjectRef cause = r.getString("cause_kind") == null ? null : object(r, "cause");
    return new ReasonRow(
        r.getString("node_name"),
        r.getString("object_name"),
        new Reason(
            object(r, "object"),
            r.getString("waiting_for"),
            r.getObject("since", OffsetDateTime.class).toInstant(),
            r.getInt("attempts"),
            r.getString("last_error"),
            instant(r, "next_try"),
            cause));
  }

  static PlanRequest planRequest(ResultSet r) throws SQLException {
    return new PlanRequest(
        r.getLong("id"),
        r.getLong("node_id"),
        r.getString("node_name"),
        r.getObject("requested_at", OffsetDateTime.class).toInstant(),
        r.getString("answer"));
  }

  static Intent intent(ResultSet r) throws SQLException {
    return new Intent(
        r.getLong("id"),
        r.getLong("node_id"),
        r.getLong("lease_epoch"),
        r.getString("action"),
        object(r, "object"),
        r.getLong("planned_from_version"),
        r.getObject("started_at", OffsetDateTime.class).toInstant(),
        instant(r, "finished_at"),
        r.getString("outcome"));
  }

  private static ObjectRef object(ResultSet r, String prefix) throws SQLException {
    return new ObjectRef(
        ObjectKind.valueOf(r.getString(prefix + "_kind")), r.getLong(prefix + "_id"));
  }

  private static UUID uuid(ResultSet r, String column) throws SQLException {
    return r.getObject(column, UUID.class);
  }

  static @Nullable Instant instant(ResultSet r, String column) throws SQLException {
    OffsetDateTime at = r.getObject(column, OffsetDateTime.class);
    return at == null ? null : at.toInstant();
  }
}

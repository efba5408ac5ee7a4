package io.diskengine.testkit.scale;

import io.diskengine.model.FabricAddress;
import io.diskengine.model.Names;
import io.diskengine.model.Sizes;
import io.diskengine.testkit.spdk.FakeMedia;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/**
 * The rows of a cluster that has been there for long, put into an empty database at once: storage
 * nodes with one disk each, baremetal nodes, and volumes whose replicas are {@code UP} and spread
 * evenly. {@link #format} makes the disks that these rows speak of.
 */
public final class ManyRows {
  /** Ids of equal length, however many there are: names, and so replies, are equally long. */
  private static final long FIRST_VOLUME_ID = 1_000_001;

  private static final int BLOCK_SIZE = 4096;
  private static final int GENERATION = 1;
  private static final int BATCH = 5_000;
  private static final String MODEL = "file";

  private final Connection owner;
  private final String nqnPrefix;
  private final String clusterId;
  private final List<StorageNode> storageNodes = new ArrayList<>();

  /**
   * A storage node.
   *
   * @param lvols on its disk
   */
  public record StorageNode(
      String name,
      FabricAddress address,
      String diskPath,
      String diskSerial,
      long diskBytes,
      long id,
      long diskId,
      UUID diskUuid,
      UUID lvstoreUuid,
      List<SeededLvol> lvols) {}

  /** A replica. */
  public record SeededLvol(
      String name, int slot, UUID uuid, long sizeBytes, String nqn, UUID namespaceUuid) {}

  /**
   * @param owner a superuser's connection to a migrated database without nodes
   */
  public ManyRows(Connection owner) throws SQLException {
    this.owner = owner;
    try (Statement s = owner.createStatement()) {
      // No triggers: nobody is to be woken, and transitions are not made one by one.
      s.execute("SET session_replication_role = replica");
      s.execute("SET search_path = diskengine");
      try (ResultSet r = s.executeQuery("SELECT nqn_prefix, id FROM cluster")) {
        r.next();
        nqnPrefix = r.getString(1);
        clusterId = r.getString(2);
      }
    }
  }

  /** A node with a disk whose lvstore takes all of it. */
  public StorageNode storageNode(
      String name, FabricAddress address, String diskPath, String diskSerial, long diskBytes)
      throws SQLException {
    long node = node(name, "STORAGE_NODE", List.of(address.toString()));
    UUID uuid = UUID.randomUUID();
    UUID lvstore = UUID.randomUUID();
    long clusters = diskBytes / Sizes.UNIT_BYTES - 1;
    long disk =
        number(
            "INSERT INTO disk (uuid, node_id, serial, nsid, model, address, size_bytes, block_size,"
                + " volatile_write_cache, unmap_zeroes, state, lvstore_uuid, cluster_size_bytes,"
                + " total_clusters, free_clusters)"
                + " VALUES (?, ?, ?, 1, ?, ?, ?, ?, false, true, 'UP', ?, ?, ?, ?) RETURNING id",
            uuid,
            node,
            diskSerial,
            MODEL,
            diskPath,
            diskBytes,
            BLOCK_SIZE,
            lvstore,
            Sizes.UNIT_BYTES,
            clusters,
            clusters);
    StorageNode made =
        new StorageNode(
            name,
            address,
            diskPath,
            diskSerial,
            diskBytes,
            node,
            disk,
            uuid,
            lvstore,
            new ArrayList<>());
    storageNodes.add(made);
    return made;
  }

  /** A node that volumes can be attached to. */
  public long baremetalNode(String name) throws SQLException {
    return node(name, "BAREMETAL", List.of());
  }

  private long node(String name, String mode, List<String> addresses) throws SQLException {
    return number(
        "INSERT INTO node (name, mode, failure_domain, host_nqn, addresses)"
            + " VALUES (?, ?, ?, ?, ?) RETURNING id",
        name,
        mode,
        "domain-" + name,
        Names.hostNqn(nqnPrefix, clusterId, name),
        owner.createArrayOf("text", addresses.toArray()));
  }

  /** Volumes {@code s0}, {@code s1}, ..., each with so many replicas on nodes that follow. */
  public void volumes(int count, int replicas, long sizeBytes) throws SQLException {
    for (int from = 0; from < count; from += BATCH) {
      volumes(from, Math.min(count, from + BATCH), replicas, sizeBytes);
    }
    try (Statement s = owner.createStatement()) {
      long next = FIRST_VOLUME_ID + count;
      s.execute("ALTER TABLE volume ALTER COLUMN id RESTART WITH " + next);
      s.execute("ANALYZE");
    }
  }

  private void volumes(int from, int to, int replicas, long sizeBytes) throws SQLException {
    try (PreparedStatement volume =
            owner.prepareStatement(
                "INSERT INTO volume (id, uuid, name, size_bytes, confirmed_size_bytes, block_size,"
                    + " replicas, guest_bytes, thin, state) OVERRIDING SYSTEM VALUE"
                    + " VALUES (?, ?, ?, ?, ?, ?, ?, ?, true, 'AVAILABLE')");
        PreparedStatement lvol =
            owner.prepareStatement(
                "INSERT INTO lvol (volume_id, disk_id, slot, generation, name, uuid, size_bytes,"
                    + " nqn, namespace_uuid, nguid, serial, min_cntlid, max_cntlid, state, sync)"
                    + " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'UP', 'IN_SYNC')")) {
      for (int i = from; i < to; i++) {
        long id = FIRST_VOLUME_ID + i;
        UUID uuid = UUID.randomUUID();
        fill(
            volume,
            id,
            uuid,
            "s" + i,
            sizeBytes,
            sizeBytes,
            BLOCK_SIZE,
            replicas,
            Sizes.guestBytes(sizeBytes));
        for (int slot = 0; slot < replicas; slot++) {
          replica(
              lvol, id, uuid, slot, storageNodes.get((i + slot) % storageNodes.size()), sizeBytes);
        }
      }
      volume.executeBatch();
      lvol.executeBatch();
    }
  }

  private void replica(
      PreparedStatement insert,
      long volumeId,
      UUID volume,
      int slot,
      StorageNode on,
      long sizeBytes)
      throws SQLException {
    String name = Names.lvol(volumeId, volume, slot, GENERATION);
    UUID namespace = Names.namespaceUuid(volume, slot, GENERATION);
    SeededLvol made =
        new SeededLvol(
            name,
            slot,
            UUID.randomUUID(),
            Sizes.legBytes(sizeBytes),
            Names.subsystemNqn(nqnPrefix, clusterId, name),
            namespace);
    on.lvols().add(made);
    fill(
        insert,
        volumeId,
        on.diskId(),
        slot,
        GENERATION,
        name,
        made.uuid(),
        made.sizeBytes(),
        made.nqn(),
        namespace,
        Names.nguid(namespace),
        Names.serial(namespace),
        Names.minCntlid(slot),
        Names.maxCntlid(slot));
  }

  private static void fill(PreparedStatement s, Object... values) throws SQLException {
    for (int i = 0; i < values.length; i++) {
      s.setObject(i + 1, values[i]);
    }
    s.addBatch();
  }

  private long number(String sql, Object... values) throws SQLException {
    try (PreparedStatement s = owner.prepareStatement(sql)) {
      for (int i = 0; i < values.length; i++) {
        s.setObject(i + 1, values[i]);
      }
      try (ResultSet r = s.executeQuery()) {
        r.next();
        return r.getLong(1);
      }
    }
  }

  /** Makes the node's disk with its lvstore and lvols; on the fakes' thread. */
  public static void format(FakeMedia media, StorageNode node) {
    FakeMedia.Disk disk = media.put(node.diskPath(), node.diskBytes());
    disk.format(Names.lvstore(node.diskUuid()), node.lvstoreUuid(), Sizes.UNIT_BYTES);
    node.lvols().forEach(l -> disk.plant(l.name(), l.uuid(), l.sizeBytes()));
  }
}

package io.diskengine.engine.lvol;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A logical volume: a blob with a name and a uuid. Home reactor. */
public final class Lvol {
  /** SPDK's SPDK_LVOL_NAME_MAX without its NUL. */
  public static final int MAX_NAME_LENGTH = 63;

  static final String NAME = "name";
  static final String UUID_XATTR = "uuid";

  /** How the name is stored at creation: padded with zeros. */
  static final int NAME_BYTES = 64;

  private final LvolStore store;
  private final Blob blob;
  private String name;
  private final UUID uuid;
  private final String uniqueId;
  @Nullable LvolBdev bdev;
  boolean deleting;

  Lvol(LvolStore store, Blob blob, String name, UUID uuid, String uniqueId) {
    this.store = store;
    this.blob = blob;
    this.name = name;
    this.uuid = uuid;
    this.uniqueId = uniqueId;
  }

  Blob blob() {
    return blob;
  }

  public LvolStore store() {
    return store;
  }

  public String name() {
    return name;
  }

  void name(String newName) {
    name = newName;
  }

  public UUID uuid() {
    return uuid;
  }

  /** The bdev's name: the uuid's text, where the lvol has one. */
  public String uniqueId() {
    return uniqueId;
  }

  /** {@code store/lvol}, the bdev's alias. */
  public String alias() {
    return store.name() + "/" + name;
  }

  public long sizeBytes() {
    return blob.clusters.size() * store.clusterSizeBytes();
  }

  public boolean thin() {
    return blob.thin();
  }

  public boolean readOnly() {
    return blob.readOnly();
  }

  public int allocatedClusters() {
    return blob.allocatedClusters;
  }

  public boolean isSnapshot() {
    return blob.isSnapshot();
  }

  /** Its parent is a bdev outside its store. */
  public boolean isExternalClone() {
    return blob.hasExternalParent();
  }

  /** The external snapshot of it or an ancestor is missing: it has no bdev. */
  public boolean degraded() {
    return blob.degraded();
  }

  public boolean isClone() {
    return blob.parent != null;
  }

  /** {@code driver_specific.lvol} of SPDK's bdev_get_bdevs. */
  Map<String, Object> describe() {
    Map<String, Object> members = new LinkedHashMap<>();
    members.put("lvol_store_uuid", store.uuid().toString());
    members.put("base_bdev", store.base().name());
    members.put("thin_provision", thin());
    members.put("num_allocated_clusters", allocatedClusters());
    members.put("snapshot", isSnapshot());
    members.put("clone", isClone());
    Blob parent = blob.parent;
    if (parent != null) {
      members.put("base_snapshot", store.nameOf(parent));
    }
    if (!blob.clones.isEmpty()) {
      members.put("clones", blob.clones.stream().map(store::nameOf).toList());
    }
    members.put("esnap_clone", isExternalClone());
    String external = blob.externalParentId();
    if (external != null) {
      members.put("external_snapshot_name", external);
    }
    return members;
  }

  @Override
  public String toString() {
    return alias();
  }
}

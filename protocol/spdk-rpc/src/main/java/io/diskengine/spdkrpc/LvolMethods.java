package io.diskengine.spdkrpc;

import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Logical volumes and their stores. Wherever SPDK says {@code uuid} here it means the store's. */
public final class LvolMethods {
  private LvolMethods() {}

  /**
   * {@code bdev_lvol_create_lvstore}.
   *
   * @param clusterSz bytes
   * @param clearMethod of the whole device now: {@code unmap}, {@code write_zeroes}, {@code none}
   */
  public record CreateLvstore(
      String bdevName,
      String lvsName,
      @Nullable Integer clusterSz,
      @Nullable String clearMethod,
      @Nullable Integer numMdPagesPerClusterRatio,
      @Nullable Integer mdPageSize) {

    public CreateLvstore(String bdevName, String lvsName) {
      this(bdevName, lvsName, null, null, null, null);
    }
  }

  /** {@code blockSize} and {@code clusterSize} in bytes. */
  public record Lvstore(
      UUID uuid,
      String name,
      String baseBdev,
      long totalDataClusters,
      long freeClusters,
      long blockSize,
      long clusterSize,
      @Nullable Long maxGrowableSize) {}

  /**
   * {@code bdev_lvol_create}; exactly one of {@code lvsName} and {@code uuid}.
   *
   * @param uuid the store's; an lvol's own can not be chosen
   * @param sizeInMib rounded up to clusters
   * @param clearMethod of its clusters when they are freed, not now
   */
  public record CreateLvol(
      @Nullable String lvsName,
      @Nullable UUID uuid,
      String lvolName,
      long sizeInMib,
      @Nullable Boolean thinProvision,
      @Nullable String clearMethod) {

    public CreateLvol(String lvsName, String lvolName, long sizeInMib, boolean thin) {
      this(lvsName, null, lvolName, sizeInMib, thin ? true : null, null);
    }
  }

  /** One element of {@code bdev_lvol_get_lvols}. */
  public record Lvol(
      String alias,
      UUID uuid,
      String name,
      boolean isThinProvisioned,
      boolean isSnapshot,
      boolean isClone,
      @Nullable Boolean isEsnapClone,
      @Nullable Boolean isDegraded,
      @Nullable Long numAllocatedClusters,
      StoreName lvs) {}

  public record StoreName(String name, UUID uuid) {}

  private record CloneBdev(String bdev, String lvsName, String cloneName) {}

  private record Parent(String lvolName, String parentName) {}

  private record ShallowCopy(String srcLvolName, String dstBdevName) {}

  private record OperationId(long operationId) {}

  /** A copy that was started; its state is told until it was told once as ended. */
  public record ShallowCopyId(long operationId) {}

  /**
   * The answer of {@code bdev_lvol_check_shallow_copy}.
   *
   * @param state {@code in progress}, {@code complete} or {@code error}
   * @param error why, in the state {@code error}
   */
  public record ShallowCopyState(
      long copiedClusters, long totalClusters, String state, @Nullable String error) {}

  private record Resize(String name, long sizeInMib) {}

  private record Snapshot(String lvolName, String snapshotName) {}

  private record Clone(String snapshotName, String cloneName) {}

  private record Rename(String oldName, String newName) {}

  /** The store's uuid. */
  public static RpcRequest<UUID> createLvstore(CreateLvstore params) {
    return RpcRequest.of("bdev_lvol_create_lvstore", params, UUID.class);
  }

  public static RpcRequest<Boolean> deleteLvstore(String lvsName) {
    return RpcRequest.of("bdev_lvol_delete_lvstore", Map.of("lvs_name", lvsName), Boolean.class);
  }

  public static RpcRequest<Boolean> renameLvstore(String oldName, String newName) {
    return RpcRequest.of("bdev_lvol_rename_lvstore", new Rename(oldName, newName), Boolean.class);
  }

  public static RpcRequest<List<Lvstore>> lvstores() {
    return RpcRequest.listOf("bdev_lvol_get_lvstores", null, Lvstore.class);
  }

  public static RpcRequest<List<Lvstore>> lvstore(String lvsName) {
    return RpcRequest.listOf("bdev_lvol_get_lvstores", Map.of("lvs_name", lvsName), Lvstore.class);
  }

  /** The lvol's uuid, which is also its bdev's name. */
  public static RpcRequest<UUID> create(CreateLvol params) {
    return RpcRequest.of("bdev_lvol_create", params, UUID.class);
  }

  /**
   * By uuid or {@code store/lvol}. Succeeds for an exported lvol too, taking its namespace away.
   */
  public static RpcRequest<Boolean> delete(String name) {
    return byName("bdev_lvol_delete", name);
  }

  public static RpcRequest<Boolean> resize(String name, long sizeMib) {
    return RpcRequest.of("bdev_lvol_resize", new Resize(name, sizeMib), Boolean.class);
  }

  public static RpcRequest<List<Lvol>> lvols() {
    return RpcRequest.listOf("bdev_lvol_get_lvols", null, Lvol.class);
  }

  public static RpcRequest<List<Lvol>> lvols(String lvsName) {
    return RpcRequest.listOf("bdev_lvol_get_lvols", Map.of("lvs_name", lvsName), Lvol.class);
  }

  /** The snapshot's uuid. A thick lvol is thin afterwards. */
  public static RpcRequest<UUID> snapshot(String lvolName, String snapshotName) {
    return RpcRequest.of("bdev_lvol_snapshot", new Snapshot(lvolName, snapshotName), UUID.class);
  }

  /** The clone's uuid. */
  public static RpcRequest<UUID> clone(String snapshotName, String cloneName) {
    return RpcRequest.of("bdev_lvol_clone", new Clone(snapshotName, cloneName), UUID.class);
  }

  public static RpcRequest<Boolean> rename(String oldName, String newName) {
    return RpcRequest.of("bdev_lvol_rename", new Rename(oldName, newName), Boolean.class);
  }

  public static RpcRequest<Boolean> inflate(String name) {
    return byName("bdev_lvol_inflate", name);
  }

  public static RpcRequest<Boolean> decoupleParent(String name) {
    return byName("bdev_lvol_decouple_parent", name);
  }

  public static RpcRequest<Boolean> setReadOnly(String name) {
    return byName("bdev_lvol_set_read_only", name);
  }

  /** Uses what the store's device has grown by. */
  public static RpcRequest<Boolean> growLvstore(String lvsName) {
    return RpcRequest.of("bdev_lvol_grow_lvstore", Map.of("lvs_name", lvsName), Boolean.class);
  }

  /**
   * The uuid of a new lvol that reads as a bdev outside its store does. While that bdev is missing
   * the lvol is degraded: it has no bdev.
   */
  public static RpcRequest<UUID> cloneBdev(String bdev, String lvsName, String cloneName) {
    return RpcRequest.of(
        "bdev_lvol_clone_bdev", new CloneBdev(bdev, lvsName, cloneName), UUID.class);
  }

  /** A thin lvol reads from another snapshot of its size where it has nothing itself. */
  public static RpcRequest<Boolean> setParent(String lvolName, String snapshotName) {
    return RpcRequest.of("bdev_lvol_set_parent", new Parent(lvolName, snapshotName), Boolean.class);
  }

  public static RpcRequest<Boolean> setParentBdev(String lvolName, String bdevName) {
    return RpcRequest.of(
        "bdev_lvol_set_parent_bdev", new Parent(lvolName, bdevName), Boolean.class);
  }

  /** What a read-only lvol has itself, and not from its parent, is written to a bdev. */
  public static RpcRequest<ShallowCopyId> startShallowCopy(String lvolName, String bdevName) {
    return RpcRequest.of(
        "bdev_lvol_start_shallow_copy", new ShallowCopy(lvolName, bdevName), ShallowCopyId.class);
  }

  /** {@code -19} for an operation that is not known, or was told as ended before. */
  public static RpcRequest<ShallowCopyState> checkShallowCopy(long operationId) {
    return RpcRequest.of(
        "bdev_lvol_check_shallow_copy", new OperationId(operationId), ShallowCopyState.class);
  }

  private static RpcRequest<Boolean> byName(String method, String name) {
    return RpcRequest.of(method, Map.of("name", name), Boolean.class);
  }
}

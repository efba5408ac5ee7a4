package io.diskengine.engine.lvol;

/**
 * How a store is made; members and defaults as in SPDK's bdev_lvol_create_lvstore.
 *
 * @param mdPagesPerClusterPercent metadata pages per 100 clusters
 * @param mdPageSizeBytes 0 for the default
 */
public record LvolStoreOptions(
    String name,
    long clusterSizeBytes,
    ClearMethod clearMethod,
    long mdPagesPerClusterPercent,
    long mdPageSizeBytes) {
  public static final long DEFAULT_CLUSTER_BYTES = 4L << 20;
  public static final long DEFAULT_MD_PERCENT = 100;

  public static LvolStoreOptions named(String name) {
    return new LvolStoreOptions(
        name, DEFAULT_CLUSTER_BYTES, ClearMethod.UNMAP, DEFAULT_MD_PERCENT, 0);
  }

  public LvolStoreOptions clusterSizeBytes(long bytes) {
    return new LvolStoreOptions(
        name, bytes, clearMethod, mdPagesPerClusterPercent, mdPageSizeBytes);
  }

  public LvolStoreOptions mdPagesPerClusterPercent(long percent) {
    return new LvolStoreOptions(name, clusterSizeBytes, clearMethod, percent, mdPageSizeBytes);
  }
}

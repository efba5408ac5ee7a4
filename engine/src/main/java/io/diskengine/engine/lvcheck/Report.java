package io.diskengine.engine.lvcheck;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a look at a store found.
 *
 * @param store null where the super block does not tell enough to go on
 * @param findings in the order in which they were found; beyond 10,000 of a kind they are counted
 *     only
 */
public record Report(
    @Nullable Store store,
    List<Lvol> lvols,
    List<Finding> findings,
    long inconsistencies,
    long notes) {

  /** True when the store keeps every rule of its format. */
  public boolean consistent() {
    return inconsistencies == 0;
  }

  /**
   * The store as a load would find it.
   *
   * @param clean it was closed in order; if not, the next load recovers it
   * @param freeClusters clusters that no blob has, after a recovery
   */
  public record Store(
      String name,
      String uuid,
      int version,
      boolean clean,
      long sizeBytes,
      long clusterBytes,
      int clusters,
      int freeClusters,
      int metadataPages,
      int usedMetadataPages,
      int metadataPageBytes,
      int ioUnitBytes) {}

  /** One blob that is no super blob. */
  public record Lvol(
      String name,
      String uuid,
      long blobId,
      long clusters,
      long allocatedClusters,
      boolean thin,
      boolean readOnly,
      String parent,
      String externalSnapshot) {}
}

package io.diskengine.model;

import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A disk of a storage node, known by serial and nsid, never by its address.
 *
 * @param uuid chosen here; the lvstore is named after it
 * @param address PCI address or path
 * @param unmapZeroes proven at initialisation: deallocated blocks read as zeros
 * @param lvstoreUuid SPDK's, stored when confirmed
 * @param clusterSizeBytes 0 until the lvstore is known, as are the cluster counts
 */
public record Disk(
    long id,
    UUID uuid,
    long nodeId,
    String serial,
    int nsid,
    String model,
    String address,
    long sizeBytes,
    int blockSize,
    boolean unmapZeroes,
    boolean volatileWriteCache,
    DiskState state,
    @Nullable UUID lvstoreUuid,
    String lvstoreName,
    long clusterSizeBytes,
    long totalClusters,
    long freeClusters,
    @Nullable String health,
    long version) {}

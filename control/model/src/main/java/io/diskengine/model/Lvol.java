package io.diskengine.model;

import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * One replica of one volume on one disk. Everything but {@code uuid} is chosen and stored before
 * the lvol is created (law 12).
 *
 * @param nodeId the disk's node, repeated for readers
 * @param uuid SPDK's own uuid of the lvol, stored when confirmed
 * @param sizeBytes {@link Sizes#legBytesOfGuest} of what its guest sees
 * @param namespaceUuid uuid of the NVMe namespace and of the leg in the RAID
 * @param rebuildPercent 0-100 while {@code REBUILDING}
 * @param keptUuid SPDK's uuid of the snapshot, stored when it was seen
 * @param noReplacement why no other disk could take its place when that was looked for last
 */
public record Lvol(
    long id,
    long volumeId,
    long diskId,
    long nodeId,
    int slot,
    int generation,
    String name,
    @Nullable UUID uuid,
    long sizeBytes,
    String nqn,
    UUID namespaceUuid,
    String nguid,
    String serial,
    int minCntlid,
    int maxCntlid,
    LvolState state,
    LvolSync sync,
    @Nullable Integer rebuildPercent,
    Kept kept,
    @Nullable UUID keptUuid,
    @Nullable String noReplacement,
    long version) {
  /** Of which nothing is kept. */
  public Lvol(
      long id,
      long volumeId,
      long diskId,
      long nodeId,
      int slot,
      int generation,
      String name,
      @Nullable UUID uuid,
      long sizeBytes,
      String nqn,
      UUID namespaceUuid,
      String nguid,
      String serial,
      int minCntlid,
      int maxCntlid,
      LvolState state,
      LvolSync sync,
      @Nullable Integer rebuildPercent,
      long version) {
    this(
        id,
        volumeId,
        diskId,
        nodeId,
        slot,
        generation,
        name,
        uuid,
        sizeBytes,
        nqn,
        namespaceUuid,
        nguid,
        serial,
        minCntlid,
        maxCntlid,
        state,
        sync,
        rebuildPercent,
        Kept.NONE,
        null,
        null,
        version);
  }
}

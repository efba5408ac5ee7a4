package io.diskengine.model;

import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A volume as the user asked for it.
 *
 * @param uuid also the uuid of its RAID
 * @param sizeBytes desired; a multiple of {@link Sizes#UNIT_BYTES}
 * @param confirmedSizeBytes 0 until every replica is there
 * @param guestBytes what the guest sees: {@link Sizes#guestBytes}, and a cluster more for each time
 *     that its RAID missed a growth (decision 0052)
 * @param limits of the guest's I/O
 * @param epoch raised by every change of the set of legs that may be used (law 7)
 * @param raidCreated the RAID exists on its legs (superblock written); never created twice
 * @param error why the state is {@code ERROR}
 */
public record Volume(
    long id,
    UUID uuid,
    String name,
    long sizeBytes,
    long confirmedSizeBytes,
    int blockSize,
    int replicas,
    long guestBytes,
    boolean thin,
    Limits limits,
    long epoch,
    boolean raidCreated,
    VolumeState state,
    @Nullable String error,
    Instant createdAt,
    long version) {
  /** Six hex digits that keep names apart when an id is issued again (law 12). */
  public String tag() {
    return Names.tag(uuid);
  }
}

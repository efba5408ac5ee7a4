package io.diskengine.model;

import org.jspecify.annotations.Nullable;

/**
 * A volume on a baremetal node.
 *
 * @param raidState SPDK's word as last seen: {@code online}, {@code configuring}, {@code offline}
 * @param clean no write was possible since the last confirmed stop: every in-sync leg is equal. The
 *     agent commits {@code false} before the first consumer and {@code true} after the RAID is gone
 */
public record VolumeMapping(
    long id,
    long volumeId,
    long nodeId,
    VolumeMappingState state,
    @Nullable String raidState,
    boolean clean,
    long version) {}

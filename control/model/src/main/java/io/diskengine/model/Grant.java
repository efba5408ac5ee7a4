package io.diskengine.model;

import org.jspecify.annotations.Nullable;

/**
 * The right of one host to reach one lvol (law 7).
 *
 * @param mappingId the attachment it was given for
 * @param volumeEpoch the epoch that lists this leg; a grant of an older epoch is not valid
 * @param incarnation the data-plane process for which the state was confirmed (law 6)
 */
public record Grant(
    long id,
    long lvolId,
    long mappingId,
    String hostNqn,
    long volumeEpoch,
    GrantState state,
    @Nullable String incarnation,
    long version) {}

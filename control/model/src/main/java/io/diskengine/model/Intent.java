package io.diskengine.model;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** A journalled action: written before its RPC, finished with an outcome after it. */
public record Intent(
    long id,
    long nodeId,
    long leaseEpoch,
    String action,
    ObjectRef object,
    long plannedFromVersion,
    Instant startedAt,
    @Nullable Instant finishedAt,
    @Nullable String outcome) {}

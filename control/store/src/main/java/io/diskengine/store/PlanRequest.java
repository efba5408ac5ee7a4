package io.diskengine.store;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** Somebody asks a node's agent to plan now and answer with the plan's text; no action is taken. */
public record PlanRequest(
    long id, long nodeId, String node, Instant requestedAt, @Nullable String answer) {}

package io.diskengine.store;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** Answer to a request for a node's lease. */
public sealed interface Lease {
  /** The lease is ours until {@code expires} (PostgreSQL's clock) unless renewed. */
  record Held(AgentSession session, Instant expires) implements Lease {}

  /** Another process holds it. */
  record Taken(String holder, @Nullable Instant expires) implements Lease {}
}

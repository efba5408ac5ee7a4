package io.diskengine.store;

import io.diskengine.model.Intent;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Answer to a request for a node's lease. */
public sealed interface Lease {
  /**
   * The lease is ours until {@code expires} (PostgreSQL's clock) unless renewed.
   *
   * @param leftOpen what the former holder had under way (law 4): the new one ends these intents,
   *     when it knows what came of them or that nothing can come of them any more
   * @param incarnation of the data plane that the former holder told of last; null when unknown
   */
  record Held(
      AgentSession session, Instant expires, List<Intent> leftOpen, @Nullable String incarnation)
      implements Lease {
    public Held {
      leftOpen = List.copyOf(leftOpen);
    }
  }

  /** Another process holds it. */
  record Taken(String holder, @Nullable Instant expires) implements Lease {}
}

package io.diskengine.agent;

import io.diskengine.model.ClusterSettings;
import io.diskengine.store.AgentSession;
import io.diskengine.store.AgentStore;
import io.diskengine.store.Lease;
import io.diskengine.store.NodeRegistration;
import org.jspecify.annotations.Nullable;

/**
 * The node's lease as its agent holds it (law 7): on PostgreSQL's clock there, here on the clock
 * that runs on while the machine is suspended, and only half as long. Owned by the agent's thread;
 * {@link #isHeld} is asked on others.
 */
final class NodeLease {
  /** For as long as the rows do not say how long a lease is. */
  private static final long UNTIL_ROWS_MS = 200;

  private final AgentStore store;
  private final NodeRegistration registration;
  private final String holder;
  private final AgentClock clock;
  private volatile long untilBootMs = Long.MIN_VALUE;
  private @Nullable AgentSession session;
  private long renewAtMs;

  NodeLease(AgentStore store, NodeRegistration registration, String holder, AgentClock clock) {
    this.store = store;
    this.registration = registration;
    this.holder = holder;
    this.clock = clock;
  }

  @Nullable AgentSession session() {
    return session;
  }

  long renewAtMs() {
    return renewAtMs;
  }

  /** Whether a mutation may be sent now. */
  boolean isHeld() {
    return clock.bootMs() < untilBootMs;
  }

  Lease acquire(long nowMs) {
    long bootMs = clock.bootMs();
    Lease lease = store.acquire(registration, holder);
    if (lease instanceof Lease.Held(AgentSession won, var _)) {
      session = won;
      untilBootMs = bootMs + UNTIL_ROWS_MS;
      renewAtMs = nowMs;
    }
    return lease;
  }

  void renew(AgentSession held, long nowMs, ClusterSettings settings) {
    long bootMs = clock.bootMs();
    held.renew();
    untilBootMs = bootMs + settings.leaseStopMs();
    renewAtMs = nowMs + settings.leaseRenewMs();
  }

  void lost() {
    untilBootMs = Long.MIN_VALUE;
    session = null;
  }
}

package io.diskengine.agent;

import io.diskengine.model.ClusterSettings;
import io.diskengine.store.AgentSession;
import io.diskengine.store.AgentStore;
import io.diskengine.store.Lease;
import io.diskengine.store.NodeRegistration;
import org.jspecify.annotations.Nullable;

/**
 * The node's lease as its agent holds it (law 7): on PostgreSQL's clock there, here on the clock
 * that runs on while the machine is suspended, and only half as long. An agent that has nothing to
 * send does not renew it: it is content that nobody takes the node for lost, which costs PostgreSQL
 * less ({@link AgentSession#beat}), and renews before it sends again. Owned by the agent's thread;
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
  private long renewedBootMs;
  private long renewedAtMs;
  private long toldAtMs;

  NodeLease(AgentStore store, NodeRegistration registration, String holder, AgentClock clock) {
    this.store = store;
    this.registration = registration;
    this.holder = holder;
    this.clock = clock;
  }

  @Nullable AgentSession session() {
    return session;
  }

  /** Whether a mutation may be sent now. */
  boolean isHeld() {
    return clock.bootMs() < untilBootMs;
  }

  Lease acquire(long nowMs) {
    long bootMs = clock.bootMs();
    Lease lease = store.acquire(registration, holder);
    if (lease instanceof Lease.Held(AgentSession won, var _, var _, var _)) {
      session = won;
      renewed(bootMs, nowMs, UNTIL_ROWS_MS);
    }
    return lease;
  }

  /** Rows were read: how long a lease is. */
  void lasts(ClusterSettings settings) {
    if (session != null) {
      untilBootMs = renewedBootMs + settings.leaseStopMs();
    }
  }

  /** When {@link #keep} has something to do. */
  long dueAtMs(boolean sends, ClusterSettings settings) {
    long beatAtMs = toldAtMs + settings.leaseBeatMs();
    return sends ? Math.min(beatAtMs, renewedAtMs + settings.leaseRenewMs()) : beatAtMs;
  }

  /**
   * Does what is due. Answers whether PostgreSQL was asked anything.
   *
   * @param sends whether mutations are under way
   */
  boolean keep(AgentSession held, long nowMs, boolean sends, ClusterSettings settings) {
    if (nowMs < dueAtMs(sends, settings)) {
      return false;
    }
    if (sends) {
      renew(held, nowMs, settings);
    } else {
      held.beat();
      toldAtMs = nowMs;
    }
    return true;
  }

  /** PostgreSQL was away: others may have taken the node for lost. */
  void storeWasAway() {
    toldAtMs = Long.MIN_VALUE / 2;
  }

  /** Something is about to be sent: renewed, unless that was done just now. */
  void ensure(AgentSession held, long nowMs, ClusterSettings settings) {
    long ageMs = clock.bootMs() - renewedBootMs;
    if (ageMs >= settings.leaseRenewMs()) {
      renew(held, nowMs, settings);
    }
  }

  void renew(AgentSession held, long nowMs, ClusterSettings settings) {
    long bootMs = clock.bootMs();
    held.renew();
    renewed(bootMs, nowMs, settings.leaseStopMs());
  }

  private void renewed(long bootMs, long nowMs, long forMs) {
    renewedBootMs = bootMs;
    renewedAtMs = nowMs;
    toldAtMs = nowMs;
    untilBootMs = bootMs + forMs;
  }

  void lost() {
    untilBootMs = Long.MIN_VALUE;
    session = null;
  }
}

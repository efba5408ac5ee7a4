package io.diskengine.testkit.sim;

import io.diskengine.model.NodeView;
import io.diskengine.model.VolumeRows;
import io.diskengine.store.AgentSession;
import io.diskengine.store.AgentStore;
import io.diskengine.store.AgentWrite;
import io.diskengine.store.Lease;
import io.diskengine.store.NodeRegistration;
import io.diskengine.store.PlanRequest;
import io.diskengine.store.StoreCounters;
import io.diskengine.store.WriteResult;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/** An agent's way to a store: whatever it asks, something may happen on the way. */
abstract class AskedStore implements AgentStore {
  final AgentStore store;

  AskedStore(AgentStore store) {
    this.store = store;
  }

  /**
   * Asks the store, or does not come to it.
   *
   * @param what the kinds of the writes; empty for what commits nothing of interest
   */
  abstract <T> T ask(String what, Supplier<T> transaction);

  /** Told right after a transaction was made. */
  void written(List<AgentWrite> writes, List<WriteResult> results) {}

  @Override
  public Lease acquire(NodeRegistration registration, String holder) {
    return switch (ask("acquire", () -> store.acquire(registration, holder))) {
      case Lease.Held held ->
          new Lease.Held(
              new Session(held.session()), held.expires(), held.leftOpen(), held.incarnation());
      case Lease.Taken taken -> taken;
    };
  }

  @Override
  public StoreCounters counters() {
    return store.counters();
  }

  private final class Session implements AgentSession {
    private final AgentSession session;

    Session(AgentSession session) {
      this.session = session;
    }

    @Override
    public long nodeId() {
      return session.nodeId();
    }

    @Override
    public String nodeName() {
      return session.nodeName();
    }

    @Override
    public long leaseEpoch() {
      return session.leaseEpoch();
    }

    @Override
    public Instant renew() {
      return ask("", session::renew);
    }

    @Override
    public Instant beat() {
      return ask("", session::beat);
    }

    @Override
    public NodeView view() {
      return ask("", session::view);
    }

    @Override
    public boolean isUnchanged(NodeView view) {
      return ask("", () -> session.isUnchanged(view));
    }

    @Override
    public VolumeRows rows(Set<Long> volumeIds) {
      return ask("", () -> session.rows(volumeIds));
    }

    @Override
    public Written write(List<AgentWrite> writes, Set<Long> volumeIds) {
      return ask(
          kinds(writes),
          () -> {
            Written now = session.write(writes, volumeIds);
            written(writes, now.results());
            return now;
          });
    }

    @Override
    public List<PlanRequest> planRequests() {
      return ask("", session::planRequests);
    }

    @Override
    public void release() {
      ask(
          "release",
          () -> {
            session.release();
            return true;
          });
    }
  }

  /** The kinds of writes that change what is wanted or allowed. */
  static String kinds(List<AgentWrite> writes) {
    return String.join(
        "+",
        writes.stream()
            .filter(w -> !isTalk(w))
            .map(w -> w.getClass().getSimpleName())
            .distinct()
            .toList());
  }

  static boolean isTalk(AgentWrite write) {
    return write instanceof AgentWrite.FinishIntent
        || write instanceof AgentWrite.FinishUnknownIntents
        || write instanceof AgentWrite.PublishReasons
        || write instanceof AgentWrite.PublishPlan
        || write instanceof AgentWrite.AnswerPlan
        || write instanceof AgentWrite.DiskFree;
  }
}

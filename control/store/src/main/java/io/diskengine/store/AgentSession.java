package io.diskengine.store;

import io.diskengine.model.NodeView;
import io.diskengine.model.VolumeRows;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The store as the holder of a node's lease sees it. Every write carries the lease epoch: a session
 * that lost its lease gets {@link LeaseLostException} and nothing is written. Every method may
 * throw {@link StoreUnavailableException}; after one from {@link #write}, load a {@link #view} to
 * learn what was committed. Safe for use by several threads.
 */
public interface AgentSession {
  long nodeId();

  String nodeName();

  long leaseEpoch();

  /** Extends the lease by its TTL; returns when it expires on PostgreSQL's clock. Durable. */
  Instant renew();

  /**
   * Extends the lease as others see it, for a holder that has nothing to send. It does not wait for
   * the disk: a crash of PostgreSQL may take it back, so that nothing may be sent because of it.
   */
  Instant beat();

  /** Every row that concerns this node, in one snapshot and one round trip. */
  NodeView view();

  /**
   * Whether the last {@link #view()} would show the same now as this one, which was kept ever
   * since, found out without reading all of it. False also when that is not known.
   */
  boolean isUnchanged(NodeView view);

  /** The part of {@link #view()} that belongs to these volumes, for {@link NodeView#with}. */
  VolumeRows rows(Set<Long> volumeIds);

  /**
   * What a transaction did.
   *
   * @param results one for each write
   * @param rows of the volumes that were asked for, as the transaction left them; null when they
   *     have to be read
   */
  record Written(List<WriteResult> results, @Nullable VolumeRows rows) {}

  /**
   * Applies all writes in one transaction, in order, and says for each whether it was applied. A
   * refused write (stale row version, illegal transition) does not stop the others: put writes that
   * belong together in one record. When this returns, what allows something (intents, epochs,
   * grants taken away, marks of a guest's data) is durable; a fact that would be seen and said
   * again may be lost in a crash, together with everything later.
   *
   * @param volumeIds those that the writes are about and whose rows are wanted
   */
  Written write(List<AgentWrite> writes, Set<Long> volumeIds);

  /** {@link #write} of those whose rows are not wanted. */
  default List<WriteResult> write(List<AgentWrite> writes) {
    return write(writes, Set.of()).results();
  }

  /** {@link #write} of one. */
  default WriteResult write(AgentWrite write) {
    return write(List.of(write)).getFirst();
  }

  /** Plan requests for this node that have no answer yet. */
  List<PlanRequest> planRequests();

  /** Gives the lease back, so that the next holder need not wait. */
  void release();
}

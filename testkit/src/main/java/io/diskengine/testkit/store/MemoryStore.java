package io.diskengine.testkit.store;

import io.diskengine.model.ClusterSettings;
import io.diskengine.model.Grant;
import io.diskengine.model.GrantState;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeState;
import io.diskengine.store.Wake;
import io.diskengine.store.WakeUps;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * What PostgreSQL is to agents and controller, in memory: transactions one after the other, rows
 * that only they change, and wake-ups after commits. Owned by one thread.
 */
public final class MemoryStore {
  /** How many states are remembered, to go back to. */
  private static final int HISTORY = 512;

  static final String CONTROLLER = "controller";

  private final Supplier<Instant> clock;
  final RandomGenerator random;
  private final Map<String, List<Consumer<Wake>>> listeners = new TreeMap<>();
  private final Deque<MemoryState> history = new ArrayDeque<>();
  private final Map<Long, Instant> renewedUntil = new TreeMap<>();
  private MemoryState state;

  /** What is on the disk. */
  private MemoryState durable;

  private long commits;

  public MemoryStore(
      Supplier<Instant> clock,
      RandomGenerator random,
      String clusterId,
      String nqnPrefix,
      ClusterSettings settings) {
    this.clock = clock;
    this.random = random;
    state = new MemoryState(clusterId, nqnPrefix, settings);
    durable = state;
  }

  /**
   * Until when the lease of a node lasts by what a crash would not take back; null = never held.
   */
  public @Nullable Instant renewedUntil(long nodeId) {
    return renewedUntil.get(nodeId);
  }

  void renewed(long nodeId, Instant until) {
    renewedUntil.put(nodeId, until);
  }

  /** The rows now; never changed. */
  public MemoryState state() {
    return state;
  }

  /** The states after the last commits, oldest first. */
  public List<MemoryState> history() {
    return List.copyOf(history);
  }

  public long commits() {
    return commits;
  }

  /** An old backup is restored, or a standby that lost the last commits is promoted. */
  public void goBackTo(MemoryState older) {
    history.clear();
    state = older;
    durable = older;
    List.copyOf(listeners.keySet()).forEach(node -> wake(node, Wake.ALL));
  }

  public void setLeaseTtlMs(int ms) {
    set("leaseTtlMs", ms);
  }

  /** As an operator's UPDATE of one of the cluster's settings, named as its component. */
  public void set(String setting, Object value) {
    MemoryState next = state.copy();
    ClusterSettings settings = Row.with(next.cluster.settings(), setting, value);
    next.cluster = Row.with(next.cluster, "settings", settings);
    state = next;
    durable = next;
  }

  /**
   * PostgreSQL's sequences go on when a transaction is undone: the next id comes after this one.
   */
  public void skipIds(String table, long last) {
    MemoryState next = state.copy();
    next.skipIds(table, last);
    state = next;
    durable = next;
  }

  /** The node's lease changes hands. */
  public void takeLease(String node, String holder, long ms) {
    MemoryState next = state.copy();
    next.node(node)
        .ifPresent(n ->
            next.nodes.put(
                n.id(),
                Row.with(
                    n,
                    "leaseHolder",
                    holder,
                    "leaseEpoch",
                    n.leaseEpoch() + 1,
                    "leaseExpires",
                    now().plusMillis(ms))));
    state = next;
    durable = next;
  }

  /**
   * PostgreSQL is killed: what did not wait for its disk is lost, but for the numbers that its
   * sequences gave out.
   */
  public void crash() {
    MemoryState next = durable.copy();
    next.skipIds(state);
    goBackTo(next);
  }

  <T> T transaction(String writer, Function<MemoryState, T> body) {
    return transaction(writer, true, body);
  }

  /**
   * @param waits for the disk, and so for all that was committed before
   */
  <T> T transaction(String writer, boolean waits, Function<MemoryState, T> body) {
    MemoryState before = state;
    MemoryState next = before.copy();
    T result = body.apply(next);
    if (raisesSequence(before, next)) {
      next.cluster = Row.with(next.cluster, "sequence", next.cluster.sequence() + 1);
    }
    history.addLast(before);
    if (history.size() > HISTORY) {
      history.removeFirst();
    }
    state = next;
    durable = waits ? next : durable;
    commits++;
    notify(writer, before, next);
    return result;
  }

  /** Law 13: every grant, epoch and tombstone; a confirmation promises nothing new. */
  private static boolean raisesSequence(MemoryState before, MemoryState after) {
    for (Grant g : after.grants.changedSince(before.grants)) {
      Grant old = before.grants.get(g.id());
      boolean ends = g.state() != GrantState.GRANTED;
      if (old == null
          || old.volumeEpoch() != g.volumeEpoch()
          || (ends && old.state() != g.state())) {
        return true;
      }
    }
    for (Volume v : after.volumes.changedSince(before.volumes)) {
      Volume old = before.volumes.get(v.id());
      boolean tombstone = v.state() == VolumeState.DELETING;
      if (old != null
          && old != v
          && (old.epoch() != v.epoch() || (tombstone && old.state() != v.state()))) {
        return true;
      }
    }
    for (Lvol l : after.lvols.changedSince(before.lvols)) {
      Lvol old = before.lvols.get(l.id());
      if (old != null && old.state() != l.state() && l.state() == LvolState.DELETING) {
        return true;
      }
    }
    return false;
  }

  private void notify(String writer, MemoryState before, MemoryState after) {
    WakeSet woken = new WakeSet(before, after);
    woken
        .byNode()
        .forEach((node, wake) -> {
          if (!node.equals(writer)) {
            wake(node, wake);
          }
        });
  }

  private void wake(String node, Wake wake) {
    List.copyOf(listeners.getOrDefault(node, List.of())).forEach(l -> l.accept(wake));
  }

  WakeUps listen(String channel, Consumer<Wake> onWake) {
    listeners.computeIfAbsent(channel, _ -> new ArrayList<>()).add(onWake);
    return () -> Objects.requireNonNull(listeners.get(channel)).remove(onWake);
  }

  /** Listeners whose process is gone. */
  public void forget(String channel) {
    listeners.remove(channel);
  }

  Instant now() {
    return clock.get();
  }
}

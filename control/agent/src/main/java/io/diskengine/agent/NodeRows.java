package io.diskengine.agent;

import io.diskengine.model.ClusterSettings;
import io.diskengine.model.Node;
import io.diskengine.model.NodeView;
import io.diskengine.model.VolumeRows;
import io.diskengine.model.plan.Work;
import io.diskengine.store.AgentSession;
import io.diskengine.store.AgentWrite;
import io.diskengine.store.Wake;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The node's rows as its agent keeps them: read whole, then by the keys of wake-ups and as its own
 * writes leave them. Whatever comes passes law 13's sequence first. Owned by the agent's thread.
 */
final class NodeRows {
  private static final int EARLY_PART = 8;

  private final SequenceFile sequence;
  private final Mode mode;
  private @Nullable NodeView view;
  private boolean stale = true;
  private final Set<Long> staleVolumes = new HashSet<>();
  private long refused;

  /** What came of a read. */
  enum Read {
    NOTHING,
    NEWS,
    /** The database shows less than it did: nothing is kept, nothing may be changed. */
    WENT_BACK
  }

  NodeRows(SequenceFile sequence, Mode mode) {
    this.sequence = sequence;
    this.mode = mode;
  }

  /** Null when they must not be acted upon. */
  @Nullable NodeView view() {
    return view;
  }

  /** The defaults until rows are there. */
  ClusterSettings settings() {
    NodeView known = view;
    return known == null ? ClusterSettings.DEFAULTS : known.cluster().settings();
  }

  /**
   * At a place in the interval that is this node's own: agents that were started together do not
   * read everything together for ever after.
   */
  long nextResyncMs(long nowMs, String nodeName) {
    int everyMs = settings().resyncMs();
    long fromMs = nowMs + resyncEarlyMs();
    return fromMs + everyMs - Math.floorMod(fromMs - nodeName.hashCode(), everyMs);
  }

  /** A resync may come so much earlier, with something else that PostgreSQL is asked. */
  int resyncEarlyMs() {
    return Math.min(settings().leaseBeatMs(), settings().resyncMs() / EARLY_PART);
  }

  void wake(Wake wake) {
    stale |= wake.all();
    staleVolumes.addAll(wake.volumes());
  }

  /** Anything may have changed. */
  void stale() {
    stale = true;
  }

  /** What may have been missed: everything, unless nothing was. Answers whether that is so. */
  boolean resync(AgentSession session) {
    NodeView known = view;
    stale |= known == null || !isFresh() || !session.isUnchanged(known);
    return stale;
  }

  void forget() {
    view = null;
    stale = true;
  }

  boolean isFresh() {
    return !stale && staleVolumes.isEmpty();
  }

  /** Reads what may have changed. */
  Read read(AgentSession session, long nowMs) throws IOException {
    NodeView old = view;
    if (old != null && isFresh()) {
      return Read.NOTHING;
    }
    Set<Long> volumes = Set.copyOf(staleVolumes);
    @Nullable VolumeRows part = old == null || stale ? null : session.rows(volumes);
    Read read =
        old != null && part != null && old.knowsNodesOf(part)
            ? take(old.with(part, volumes), volumes, nowMs)
            : take(session.view(), null, nowMs);
    if (read == Read.NEWS) {
      stale = false;
      staleVolumes.clear();
    }
    return read;
  }

  /**
   * Takes over what a write answered.
   *
   * @param part the rows of these volumes; null when they have to be read
   */
  Read written(@Nullable VolumeRows part, Set<Long> volumes, long nowMs) throws IOException {
    NodeView old = view;
    if (part == null || old == null || !old.knowsNodesOf(part)) {
      staleVolumes.addAll(volumes);
      return Read.NOTHING;
    }
    return take(old.with(part, volumes), volumes, nowMs);
  }

  /** The node's own row as these writes left it. Answers whether it changed. */
  boolean told(List<AgentWrite> writes) {
    boolean changed = false;
    for (AgentWrite write : writes) {
      NodeView old = view;
      if (old != null && write instanceof AgentWrite.NodeSeen seen) {
        Node node = old.node().seen(seen.dataPlane(), seen.incarnation(), seen.spdkVersion());
        if (!node.equals(old.node())) {
          NodeView now = old.with(node);
          view = now;
          mode.loaded(now, null);
          changed = true;
        }
      }
    }
    return changed;
  }

  private Read take(NodeView rows, @Nullable Set<Long> volumes, long nowMs) throws IOException {
    long shown = rows.cluster().sequence();
    if (!sequence.accept(shown, nowMs)) {
      refused = shown;
      forget();
      return Read.WENT_BACK;
    }
    boolean some = view != null && rows.hasSameSurroundings(view);
    view = rows;
    mode.loaded(rows, some ? volumes : null);
    return Read.NEWS;
  }

  String wentBack() {
    return "the database went back in time: sequence "
        + refused
        + ", this node saw "
        + sequence.highest()
        + " ("
        + sequence
        + "); nothing is changed";
  }

  /** The volumes whose rows the commits change; what belongs to none is all read anew. */
  Set<Long> changedBy(List<Work> works, NodeView rows) {
    Set<Long> volumes = new HashSet<>();
    for (Work w : works) {
      if (!w.commits().isEmpty()) {
        rows.volumeOf(w.object()).ifPresentOrElse(volumes::add, this::stale);
      }
    }
    return volumes;
  }
}

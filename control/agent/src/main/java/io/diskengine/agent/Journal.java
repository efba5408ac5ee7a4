package io.diskengine.agent;

import io.diskengine.model.VolumeRows;
import io.diskengine.model.plan.Action;
import io.diskengine.model.plan.Commit;
import io.diskengine.model.plan.Work;
import io.diskengine.store.AgentSession;
import io.diskengine.store.AgentWrite;
import io.diskengine.store.StoreUnavailableException;
import io.diskengine.store.WriteResult;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Puts works on record, many in one transaction: the ends of earlier intents, then for each work
 * its intent (refused when the row is not what it was planned from) and its commits.
 */
final class Journal {
  private static final int MAX_TEXT = 400;

  private static final String LOST =
      "not sent: PostgreSQL went away while it was journalled, or its outcome was lost with it";

  private static final String FORGOTTEN = "its outcome was lost when PostgreSQL went away";

  private final List<AgentWrite> ends = new ArrayList<>();

  /** Intents whose outcome is not on record yet. */
  private final Set<Long> open = new HashSet<>();

  /** Intents of what may still come. */
  private final Map<Long, Late> late = new HashMap<>();

  /** A transaction that began intents may have been made, and nobody was told. */
  private boolean unknown;

  /** An outcome was put on record. */
  private boolean ended;

  /** Outcomes that were put on record last may be lost: they do not wait for the disk. */
  private boolean forgotten;

  private record Late(String object, String outcome) {}

  /** A work as the store took it. */
  record Recorded(Work work, long intentId, List<Commit> applied, @Nullable String refusal) {}

  /** An intent that has its outcome; on record with the next transaction. */
  void ended(long intentId, String outcome) {
    ends.add(new AgentWrite.FinishIntent(intentId, cut(outcome)));
  }

  /**
   * An intent whose object may still come: it stays on record as open, so that an agent after this
   * one knows of it.
   */
  void endedLate(long intentId, String object, String outcome) {
    open.add(intentId);
    late.put(intentId, new Late(object, outcome));
  }

  /** Ends the intents of late objects that cannot come any more. Answers whether there were any. */
  boolean endLate(Predicate<String> mayCome) {
    Map<Long, Late> over = new HashMap<>(late);
    over.values().removeIf(l -> mayCome.test(l.object()));
    over.forEach((intentId, l) -> {
      late.remove(intentId);
      ended(intentId, l.outcome());
    });
    return !over.isEmpty();
  }

  /** PostgreSQL was away, perhaps killed with what it had not written to its disk yet. */
  void storeWasAway() {
    forgotten = ended;
  }

  /** Whether there is something to be put on record. */
  boolean isDue() {
    return unknown || forgotten || !ends.isEmpty();
  }

  /**
   * What a transaction did.
   *
   * @param rows of the volumes that were asked for; null when they have to be read
   */
  record Outcome(List<Recorded> works, @Nullable VolumeRows rows) {}

  /**
   * One transaction, or none when there is nothing to write.
   *
   * @param volumeIds whose rows are wanted as the transaction leaves them
   */
  Outcome write(
      AgentSession session, List<Work> works, List<AgentWrite> more, Set<Long> volumeIds) {
    List<AgentWrite> writes = new ArrayList<>();
    if (unknown || forgotten) {
      String outcome = unknown ? LOST : FORGOTTEN;
      writes.add(new AgentWrite.FinishUnknownIntents(List.copyOf(open), outcome));
    }
    int first = writes.size();
    writes.addAll(ends);
    List<Entry> entries = works.stream().map(Entry::new).toList();
    entries.forEach(e -> e.beginInto(writes));
    // Works are about different objects: by columns, so that the store finds like beside like.
    int columns = works.stream().mapToInt(w -> w.commits().size()).max().orElse(0);
    for (int column = 0; column < columns; column++) {
      for (Entry e : entries) {
        e.commitInto(writes, column);
      }
    }
    writes.addAll(more);
    if (writes.isEmpty()) {
      return new Outcome(List.of(), null);
    }
    AgentSession.Written written = written(session, writes, volumeIds);
    List<WriteResult> results = written.results();
    ended |= !ends.isEmpty();
    writes.subList(first, first + ends.size()).forEach(this::forget);
    ends.clear();
    List<Recorded> recorded = new ArrayList<>();
    for (Entry e : entries) {
      Recorded r = e.recorded(results);
      if (r.intentId() != 0) {
        open.add(r.intentId());
      }
      if (r.refusal() != null && r.intentId() != 0) {
        ended(r.intentId(), "not authorised: " + r.refusal());
      }
      recorded.add(r);
    }
    return new Outcome(recorded, written.rows());
  }

  private AgentSession.Written written(
      AgentSession session, List<AgentWrite> writes, Set<Long> volumeIds) {
    try {
      AgentSession.Written written = session.write(writes, volumeIds);
      unknown = false;
      forgotten = false;
      return written;
    } catch (StoreUnavailableException e) {
      unknown |= writes.stream().anyMatch(w -> w instanceof AgentWrite.BeginIntent);
      throw e;
    }
  }

  private void forget(AgentWrite end) {
    if (end instanceof AgentWrite.FinishIntent f) {
      open.remove(f.intentId());
    }
  }

  /** A work and where its writes are. */
  private static final class Entry {
    private final Work work;
    private int intentAt = -1;
    private final List<Integer> commitsAt = new ArrayList<>();

    Entry(Work work) {
      this.work = work;
    }

    void beginInto(List<AgentWrite> writes) {
      if (!work.actions().isEmpty()) {
        intentAt = writes.size();
        writes.add(new AgentWrite.BeginIntent(text(work.actions()), work.object(), work.version()));
      }
    }

    void commitInto(List<AgentWrite> writes, int column) {
      if (column < work.commits().size()) {
        commitsAt.add(writes.size());
        writes.add(Commits.write(work.commits().get(column)));
      }
    }

    Recorded recorded(List<WriteResult> results) {
      long intent = 0;
      String refusal = null;
      if (intentAt >= 0) {
        switch (results.get(intentAt)) {
          case WriteResult.Applied(long id) -> intent = id;
          case WriteResult.Refused(String why) -> refusal = why;
        }
      }
      List<Commit> applied = new ArrayList<>();
      for (int i = 0; i < commitsAt.size(); i++) {
        switch (results.get(commitsAt.get(i))) {
          case WriteResult.Applied _ -> applied.add(work.commits().get(i));
          case WriteResult.Refused(String why) -> refusal = why;
        }
      }
      return new Recorded(work, intent, applied, refusal);
    }
  }

  private static String text(List<Action> actions) {
    return cut(String.join("; ", actions.stream().map(Action::toString).toList()));
  }

  private static String cut(String text) {
    return text.length() <= MAX_TEXT ? text : text.substring(0, MAX_TEXT);
  }
}

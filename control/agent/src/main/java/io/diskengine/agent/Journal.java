package io.diskengine.agent;

import io.diskengine.model.plan.Action;
import io.diskengine.model.plan.Commit;
import io.diskengine.model.plan.Work;
import io.diskengine.store.AgentSession;
import io.diskengine.store.AgentWrite;
import io.diskengine.store.WriteResult;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Puts works on record, many in one transaction: the ends of earlier intents, then for each work
 * its intent (refused when the row is not what it was planned from) and its commits.
 */
final class Journal {
  private static final int MAX_TEXT = 400;

  private final List<AgentWrite> ends = new ArrayList<>();

  /** A work as the store took it. */
  record Recorded(Work work, long intentId, List<Commit> applied, @Nullable String refusal) {}

  /** An intent that has its outcome; on record with the next transaction. */
  void ended(long intentId, String outcome) {
    ends.add(new AgentWrite.FinishIntent(intentId, cut(outcome)));
  }

  boolean isEmpty() {
    return ends.isEmpty();
  }

  /** One transaction, or none when there is nothing to write. */
  List<Recorded> write(AgentSession session, List<Work> works, List<AgentWrite> more) {
    List<AgentWrite> writes = new ArrayList<>(ends);
    for (Work w : works) {
      if (!w.actions().isEmpty()) {
        writes.add(new AgentWrite.BeginIntent(text(w.actions()), w.object(), w.version()));
      }
      w.commits().forEach(c -> writes.add(Commits.write(c)));
    }
    writes.addAll(more);
    if (writes.isEmpty()) {
      return List.of();
    }
    List<WriteResult> results = session.write(writes);
    int next = ends.size();
    ends.clear();
    List<Recorded> recorded = new ArrayList<>();
    for (Work w : works) {
      long intent = 0;
      String refusal = null;
      if (!w.actions().isEmpty()) {
        switch (results.get(next++)) {
          case WriteResult.Applied(long id) -> intent = id;
          case WriteResult.Refused(String why) -> refusal = why;
        }
      }
      List<Commit> applied = new ArrayList<>();
      for (Commit c : w.commits()) {
        switch (results.get(next++)) {
          case WriteResult.Applied _ -> applied.add(c);
          case WriteResult.Refused(String why) -> refusal = why;
        }
      }
      if (refusal != null && intent != 0) {
        ended(intent, "not authorised: " + refusal);
      }
      recorded.add(new Recorded(w, intent, applied, refusal));
    }
    return recorded;
  }

  private static String text(List<Action> actions) {
    return cut(String.join("; ", actions.stream().map(Action::toString).toList()));
  }

  private static String cut(String text) {
    return text.length() <= MAX_TEXT ? text : text.substring(0, MAX_TEXT);
  }
}

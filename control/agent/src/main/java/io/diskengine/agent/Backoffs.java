package io.diskengine.agent;

import io.diskengine.model.ObjectRef;
import io.diskengine.model.plan.Action;
import io.diskengine.model.plan.Plan;
import io.diskengine.model.plan.Work;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * When failed work may be tried again (law 15): pauses double up to a cap. Work that succeeds and
 * is planned again at once, unchanged, is slowed like work that fails: something undoes it.
 */
final class Backoffs {
  static final long FIRST_MS = 50;
  static final long CAP_MS = 2_000;

  /** Successes older than this are forgotten. */
  private static final long REPEAT_WINDOW_MS = 10_000;

  private final Map<ObjectRef, Entry> entries = new HashMap<>();
  private final Map<ObjectRef, Done> done = new HashMap<>();

  /**
   * @param error the last one
   * @param repeated the actions that succeeded and were wanted again; null when they failed. Only
   *     these wait: another step may be what makes them right
   */
  record Entry(
      int attempts, long nextTryMs, String error, Instant since, @Nullable List<Action> repeated) {}

  private record Done(Work work, long atMs, int times) {}

  @Nullable Entry of(ObjectRef object) {
    return entries.get(object);
  }

  boolean isDue(Work work, long nowMs) {
    Entry entry = entries.get(work.object());
    return entry == null
        || nowMs >= entry.nextTryMs()
        || (entry.repeated() != null && !entry.repeated().equals(work.actions()));
  }

  /**
   * What of a plan may be begun now, of at most {@code most} objects: of what follows others only
   * what follows those that are under way or begin with it.
   */
  List<Work> ready(Plan plan, Set<ObjectRef> busy, int most, long nowMs) {
    List<Work> ready = new ArrayList<>();
    Set<ObjectRef> objects = new HashSet<>(busy); // a try under way is planned by nobody
    Set<ObjectRef> acting = new HashSet<>(busy);
    for (Work w : plan.work()) {
      objects.add(w.object());
      boolean free = !acting.contains(w.object()) || w.after().contains(w.object());
      if (ready.size() < most && free && acting.containsAll(w.after()) && isDue(w, nowMs)) {
        ready.add(w);
        if (!w.actions().isEmpty()) {
          acting.add(w.object()); // law 4: one at a time, the next plan has the others again
        }
      }
    }
    forgetAllBut(objects, nowMs);
    return ready;
  }

  /** The next time at which something may be tried again, after {@code nowMs}. */
  long nextTryMs(long nowMs) {
    return entries.values().stream()
        .mapToLong(Entry::nextTryMs)
        .filter(at -> at > nowMs)
        .min()
        .orElse(Long.MAX_VALUE);
  }

  /** Answers whether that is news: the same failure of the next try is not. */
  boolean failed(ObjectRef object, String failure, long nowMs, Instant now) {
    return failed(object, failure, null, nowMs, now);
  }

  private boolean failed(
      ObjectRef object, String failure, @Nullable List<Action> repeated, long nowMs, Instant now) {
    String error = StatusLine.essence(failure);
    Entry before = entries.get(object);
    entries.merge(
        object,
        new Entry(1, nowMs + FIRST_MS, error, now, repeated),
        (old, _) ->
            new Entry(
                old.attempts() + 1,
                nowMs + Math.min(CAP_MS, FIRST_MS << Math.min(old.attempts(), 16)),
                error,
                old.since(),
                repeated));
    return before == null || !before.error().equals(error);
  }

  void succeeded(Work work, long nowMs, Instant now) {
    Done before = done.get(work.object());
    boolean again =
        before != null
            && nowMs - before.atMs() < REPEAT_WINDOW_MS
            && before.work().actions().equals(work.actions());
    done.put(
        work.object(), new Done(work, nowMs, again && before != null ? before.times() + 1 : 1));
    if (again) {
      String repeat = "done before, and it is not so: " + work.actions();
      failed(work.object(), repeat, work.actions(), nowMs, now);
    } else {
      entries.remove(work.object());
    }
  }

  /** Nothing is planned for it any more. */
  void forgetAllBut(Set<ObjectRef> wanted, long nowMs) {
    entries
        .entrySet()
        .removeIf(e -> !wanted.contains(e.getKey()) && nowMs >= e.getValue().nextTryMs());
    done.values().removeIf(d -> nowMs - d.atMs() >= REPEAT_WINDOW_MS);
  }

  void clear() {
    entries.clear();
    done.clear();
  }
}

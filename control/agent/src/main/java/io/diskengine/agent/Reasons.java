package io.diskengine.agent;

import io.diskengine.model.ObjectRef;
import io.diskengine.model.Reason;
import io.diskengine.model.plan.Blocked;
import io.diskengine.model.plan.Plan;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Why each object waits (law 14), from the plan and from what failed; published when it changes.
 */
final class Reasons {
  /** Counters of attempts are brought up to date no more often than this. */
  private static final long REPEAT_MS = 5_000;

  /** What passes sooner is not worth a commit; also the shortest time between two publications. */
  private static final long LASTING_MS = 500;

  private long nextDueMs = Long.MAX_VALUE;
  private final Map<ObjectRef, Began> since = new HashMap<>();
  private List<Reason> published = List.of();
  private long publishedAtMs;
  private boolean unpublished = true;

  /**
   * @param at for people, on a clock that may be set
   * @param atMs on the clock that ages are measured with
   */
  private record Began(Instant at, long atMs) {}

  /** What to publish now, or null when that is what was published. */
  @Nullable List<Reason> due(Plan plan, Backoffs backoffs, long nowMs, Instant now) {
    Map<ObjectRef, Reason> reasons = new LinkedHashMap<>();
    for (Blocked b : plan.blocked()) {
      reasons.put(b.object(), reason(b.object(), b.waitingFor(), b.cause(), backoffs, nowMs, now));
    }
    plan.work().stream()
        .map(w -> w.object())
        .filter(o -> backoffs.of(o) != null && !reasons.containsKey(o))
        .forEach(o -> reasons.put(o, reason(o, "the next try", null, backoffs, nowMs, now)));
    since.keySet().retainAll(reasons.keySet());
    nextDueMs = Long.MAX_VALUE;
    List<Reason> lasting = new ArrayList<>();
    for (Reason r : reasons.values()) {
      long ageMs = nowMs - Objects.requireNonNull(since.get(r.object())).atMs();
      if (ageMs >= LASTING_MS) {
        lasting.add(r);
      } else {
        nextDueMs = Math.min(nextDueMs, nowMs + LASTING_MS - ageMs);
      }
    }
    boolean same = !unpublished && essence(lasting).equals(essence(published));
    if (same && (lasting.equals(published) || nowMs - publishedAtMs < REPEAT_MS)) {
      return null;
    }
    if (nowMs - publishedAtMs < LASTING_MS && !unpublished) {
      nextDueMs = Math.min(nextDueMs, publishedAtMs + LASTING_MS);
      return null;
    }
    return lasting;
  }

  /** When something will have lasted long enough to be told. */
  long nextDueMs() {
    return nextDueMs;
  }

  void published(List<Reason> reasons, long nowMs) {
    published = reasons;
    publishedAtMs = nowMs;
    unpublished = false;
  }

  void clear() {
    unpublished = true;
  }

  private Reason reason(
      ObjectRef object,
      String waitingFor,
      @Nullable ObjectRef cause,
      Backoffs backoffs,
      long nowMs,
      Instant now) {
    Instant began = since.computeIfAbsent(object, _ -> new Began(now, nowMs)).at();
    Backoffs.Entry entry = backoffs.of(object);
    if (entry == null) {
      return new Reason(object, waitingFor, began, 0, null, null, cause);
    }
    Instant next = now.plusMillis(Math.max(0, entry.nextTryMs() - nowMs));
    return new Reason(object, waitingFor, began, entry.attempts(), entry.error(), next, cause);
  }

  private static List<String> essence(List<Reason> reasons) {
    return reasons.stream()
        .map(r -> r.object() + " " + r.waitingFor() + " " + r.lastError() + " " + r.cause())
        .toList();
  }
}

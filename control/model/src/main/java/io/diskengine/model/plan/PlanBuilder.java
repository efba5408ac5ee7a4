package io.diskengine.model.plan;

import io.diskengine.model.ObjectRef;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Collects a plan; the first thing an object waits for is the one that is told. */
final class PlanBuilder {
  private final List<Work> work = new ArrayList<>();
  private final Map<ObjectRef, Blocked> blocked = new LinkedHashMap<>();
  private long requeueAtMs = Long.MAX_VALUE;

  void work(ObjectRef object, long version, List<? extends Commit> commits, List<Action> actions) {
    if (!commits.isEmpty() || !actions.isEmpty()) {
      work.add(new Work(object, version, List.copyOf(commits), actions));
    }
  }

  void commit(ObjectRef object, long version, Commit... commits) {
    work(object, version, List.of(commits), List.of());
  }

  void act(ObjectRef object, long version, Action... actions) {
    work(object, version, List.of(), List.of(actions));
  }

  void blocked(ObjectRef object, String waitingFor, @Nullable ObjectRef cause) {
    blocked.putIfAbsent(object, new Blocked(object, waitingFor, cause));
  }

  void requeueAt(long atMs) {
    requeueAtMs = Math.min(requeueAtMs, atMs);
  }

  Plan build() {
    return new Plan(work, List.copyOf(blocked.values()), new Requeue(requeueAtMs));
  }
}

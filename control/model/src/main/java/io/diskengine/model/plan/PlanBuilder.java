package io.diskengine.model.plan;

import io.diskengine.model.Names;
import io.diskengine.model.ObjectRef;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Collects a plan; the first thing an object waits for is the one that is told. */
final class PlanBuilder {
  private final List<Work> work = new ArrayList<>();
  private final Set<ObjectRef> acting = new HashSet<>();
  private final Map<ObjectRef, Blocked> blocked = new LinkedHashMap<>();
  private final Set<Long> planned = new HashSet<>();
  private final Set<Long> unsettled = new HashSet<>();
  private final Set<ObjectRef> busy;
  private long requeueAtMs = Long.MAX_VALUE;

  /**
   * @param busy objects with a mutation that has no answer yet: nothing is begun for them
   */
  PlanBuilder(Set<ObjectRef> busy) {
    this.busy = busy;
  }

  void work(ObjectRef object, long version, List<? extends Commit> commits, List<Action> actions) {
    if (!commits.isEmpty() || !actions.isEmpty()) {
      add(new Work(object, version, List.copyOf(commits), actions));
    }
  }

  void commit(ObjectRef object, long version, Commit... commits) {
    work(object, version, List.of(commits), List.of());
  }

  void act(ObjectRef object, long version, Action... actions) {
    work(object, version, List.of(), List.of(actions));
  }

  /** Sent as soon as the works of these objects have succeeded ({@link Work#after}). */
  void follow(ObjectRef object, long version, Set<ObjectRef> after, List<Action> actions) {
    add(new Work(object, version, List.of(), actions, after));
  }

  private void add(Work made) {
    work.add(made);
    if (!made.actions().isEmpty()) {
      acting.add(made.object());
    }
  }

  /** Whether something is to be sent for the object. */
  boolean isActing(ObjectRef object) {
    return acting.contains(object);
  }

  void blocked(ObjectRef object, String waitingFor, @Nullable ObjectRef cause) {
    blocked.putIfAbsent(object, new Blocked(object, waitingFor, cause));
  }

  void requeueAt(long atMs) {
    requeueAtMs = Math.min(requeueAtMs, atMs);
  }

  /** Plans one object of a volume; a volume of which nothing comes is settled. */
  void planVolume(long volumeId, Runnable planning) {
    int worksBefore = work.size();
    int blockedBefore = blocked.size();
    long requeueBefore = requeueAtMs;
    requeueAtMs = Long.MAX_VALUE;
    planning.run();
    boolean empty =
        work.size() == worksBefore
            && blocked.size() == blockedBefore
            && requeueAtMs == Long.MAX_VALUE;
    requeueAtMs = Math.min(requeueAtMs, requeueBefore);
    if (!empty) {
      unsettled.add(volumeId);
    }
    planned.add(volumeId);
  }

  /** The volume that an object is named after has to be planned again, whatever came of it. */
  void unsettled(String name) {
    Names.volumeOf(name).ifPresent(unsettled::add);
  }

  Planned build() {
    for (Work w : work) {
      if (busy.contains(w.object())) {
        blocked(w.object(), "an answer of the data plane", null);
      }
    }
    planned.removeAll(unsettled);
    return new Planned(plan(), planned);
  }

  private Plan plan() {
    return new Plan(work, List.copyOf(blocked.values()), new Requeue(requeueAtMs));
  }
}

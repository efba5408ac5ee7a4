package io.diskengine.agent;

import io.diskengine.model.ObjectRef;
import io.diskengine.model.plan.Action;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The works under way by object, and those that wait until others have succeeded. An object is
 * under way until nothing that was sent for it can have an effect any more (law 4). Owned by the
 * agent's thread.
 */
final class Chains {
  private final Map<ObjectRef, List<Chain>> byObject = new LinkedHashMap<>();

  /** Those that have been started and have not ended. */
  private final Set<Chain> running = new LinkedHashSet<>();

  /** Those that failed, and of which something may still have an effect. */
  private final Set<Chain> failed = new HashSet<>();

  /** Those that wait, with what they wait for. */
  private final Map<Chain, Set<Chain>> waiting = new LinkedHashMap<>();

  /** The objects under way, with the actions that may still succeed. */
  Map<ObjectRef, List<Action>> actions() {
    Map<ObjectRef, List<Action>> actions = new LinkedHashMap<>();
    byObject.forEach((object, chains) ->
        actions.put(
            object,
            chains.stream()
                .filter(c -> !failed.contains(c))
                .flatMap(c -> c.work().actions().stream())
                .toList()));
    return Collections.unmodifiableMap(actions);
  }

  Set<ObjectRef> objects() {
    return byObject.keySet();
  }

  /**
   * Takes a chain over; answers whether it is to be started now.
   *
   * @throws IllegalStateException unless {@link #mayFollow}
   */
  boolean add(Chain chain) {
    Set<Chain> before = new HashSet<>();
    for (ObjectRef object : chain.work().after()) {
      before.addAll(byObject.getOrDefault(object, List.of()));
    }
    if (!mayFollow(chain.work().after())) {
      throw new IllegalStateException("nothing to follow: " + chain.work());
    }
    byObject.computeIfAbsent(chain.work().object(), _ -> new ArrayList<>()).add(chain);
    if (before.isEmpty()) {
      running.add(chain);
    } else {
      waiting.put(chain, before);
    }
    return before.isEmpty();
  }

  /** Whether all these objects are under way, and nothing of them has failed. */
  boolean mayFollow(Set<ObjectRef> objects) {
    return byObject.keySet().containsAll(objects)
        && failed.stream().noneMatch(c -> objects.contains(c.work().object()));
  }

  /** An answer that is overdue is none any more. */
  void check() {
    List.copyOf(running).forEach(Chain::check);
  }

  /** The chain has its outcome; answers what followed it and is not sent any more. */
  List<Chain> ended(Chain chain, boolean success) {
    running.remove(chain);
    List<Chain> dropped = new ArrayList<>();
    if (!success) {
      failed.add(chain);
      drop(chain, dropped);
    }
    return dropped;
  }

  private void drop(Chain failed, List<Chain> dropped) {
    for (Chain follower : List.copyOf(waiting.keySet())) {
      Set<Chain> before = waiting.get(follower);
      if (before != null && before.contains(failed)) {
        forget(follower);
        dropped.add(follower);
        drop(follower, dropped);
      }
    }
  }

  /** Nothing of the chain can have an effect any more; answers what it was that waited for it. */
  List<Chain> freed(Chain chain) {
    forget(chain);
    List<Chain> next = new ArrayList<>();
    for (Map.Entry<Chain, Set<Chain>> entry : waiting.entrySet()) {
      if (entry.getValue().remove(chain) && entry.getValue().isEmpty()) {
        next.add(entry.getKey());
      }
    }
    next.forEach(waiting::remove);
    running.addAll(next);
    return next;
  }

  private void forget(Chain chain) {
    waiting.remove(chain);
    failed.remove(chain);
    ObjectRef object = chain.work().object();
    List<Chain> others = byObject.get(object);
    if (others != null && others.remove(chain) && others.isEmpty()) {
      byObject.remove(object);
    }
  }
}

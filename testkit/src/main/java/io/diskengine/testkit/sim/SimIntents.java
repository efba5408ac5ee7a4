package io.diskengine.testkit.sim;

import io.diskengine.model.Intent;
import io.diskengine.model.ObjectRef;
import io.diskengine.testkit.store.MemoryState;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Law 4: of one object one work is under way, as the journal has it. */
final class SimIntents {
  private final Map<ObjectRef, Set<Long>> begun = new HashMap<>();

  /**
   * An intent was begun, and the transaction that did so is over.
   *
   * @return what is wrong, or null
   */
  @Nullable String began(MemoryState s, long intentId) {
    Intent now = s.intents.at(intentId);
    if (mayComeLate(now)) {
      return null;
    }
    boolean two =
        open(s, now.object()).stream()
            .map(s.intents::at)
            .anyMatch(i -> i.nodeId() == now.nodeId() && i.leaseEpoch() == now.leaseEpoch());
    begun.computeIfAbsent(now.object(), _ -> new HashSet<>()).add(intentId);
    return two
        ? "one work of an object at a time: %s begins beside another: %s"
            .formatted(now.object(), now.action())
        : null;
  }

  /** Intents of an object that have no outcome on record, but attaches. */
  Set<Long> open(MemoryState s, ObjectRef object) {
    Set<Long> open = begun.getOrDefault(object, new HashSet<>());
    open.removeIf(id -> !isOpen(s, id));
    return open;
  }

  /** It may be open for longer than it keeps its object from being touched (decision 0062). */
  static boolean mayComeLate(Intent i) {
    return i.action().startsWith("AttachController[");
  }

  private static boolean isOpen(MemoryState s, long intentId) {
    Intent i = s.intents.get(intentId);
    return i != null && i.finishedAt() == null;
  }
}

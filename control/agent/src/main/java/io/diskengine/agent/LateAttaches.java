package io.diskengine.agent;

import io.diskengine.model.plan.Action.AttachController;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Controllers that may come though nobody sees them (law 4). SPDK lists a controller when its
 * connect is over. An attach whose connection ended before its answer, this agent's or that of one
 * before it, is counted for as long as a connect may take, from when the data plane is known to
 * read its connections again: what was sent on one that ended is begun before what is asked on the
 * next. Owned by the agent's thread.
 */
final class LateAttaches {
  /** Of a data plane that nobody has told of. */
  private static final String ANY = "";

  /** Without an answer, by controller: the incarnation that each was sent to. */
  private final Map<String, String> open = new HashMap<>();

  private final Map<String, Late> late = new HashMap<>();
  private String incarnation = ANY;

  /**
   * @param again it was asked for once more meanwhile: that it is seen does not say which of the
   *     two has come
   */
  private record Late(long untilMs, boolean again) {}

  void sent(String controller) {
    open.put(controller, incarnation);
    late.computeIfPresent(controller, (_, l) -> new Late(l.untilMs(), true));
  }

  /** What an agent before this one had sent, to a data plane that it told of, or to any. */
  void inherited(Collection<String> controllers, @Nullable String sentTo) {
    controllers.forEach(c -> open.putIfAbsent(c, sentTo == null ? ANY : sentTo));
  }

  /** The answer came, or it was never sent. */
  void known(String controller) {
    open.remove(controller);
    late.computeIfPresent(controller, (_, l) -> l.again() ? l : null);
  }

  /** A connection begins. What was sent to another process is void (law 6). */
  void connected(String to, long nowMs) {
    if (!to.equals(incarnation)) {
      late.clear();
    }
    incarnation = to;
    open.forEach((controller, sentTo) -> {
      if (sentTo.equals(ANY) || sentTo.equals(to)) {
        boolean again = late.containsKey(controller);
        late.put(controller, new Late(nowMs + AttachController.COMES_WITHIN_MS, again));
      }
    });
    open.clear();
  }

  void seen(Predicate<String> isThere) {
    late.entrySet().removeIf(e -> !e.getValue().again() && isThere.test(e.getKey()));
  }

  boolean mayCome(String controller, long nowMs) {
    Late l = late.get(controller);
    return open.containsKey(controller) || (l != null && nowMs < l.untilMs());
  }

  /** Until when each may come; of one that is under way no end is known. */
  Map<String, Long> untilMs(long nowMs) {
    late.values().removeIf(l -> nowMs >= l.untilMs());
    Map<String, Long> until = new HashMap<>();
    late.forEach((controller, l) -> until.put(controller, l.untilMs()));
    open.keySet().forEach(controller -> until.put(controller, Long.MAX_VALUE));
    return until;
  }
}

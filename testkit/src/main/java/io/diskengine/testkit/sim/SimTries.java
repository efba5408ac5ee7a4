package io.diskengine.testkit.sim;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Law 15: nobody asks for the same change of the same object again and again, ever so fast. */
final class SimTries {
  /** With pauses that double from 50 ms to 2 s there are 15 tries in this time. */
  private static final int WINDOW_MS = 20_000;

  private static final int MAX_TRIES = 50;

  private final Map<String, Deque<Long>> triedAtMs = new HashMap<>();

  /**
   * A mutation is sent.
   *
   * @param request of one process: its method and parameters
   * @return what is wrong, or null
   */
  @Nullable String sent(String process, String request, long nowMs) {
    Deque<Long> times = triedAtMs.computeIfAbsent(process + " " + request, _ -> new ArrayDeque<>());
    while (!times.isEmpty() && nowMs - times.getFirst() >= WINDOW_MS) {
      times.removeFirst();
    }
    times.addLast(nowMs);
    return times.size() > MAX_TRIES
        ? "tries are bounded: %s sends %s more than %d times in %d s"
            .formatted(process, request, MAX_TRIES, WINDOW_MS / 1_000)
        : null;
  }
}

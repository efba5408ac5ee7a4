package io.diskengine.app;

import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;

/** What {@code up} prints: one line for each thing that became true, with when after the start. */
final class Steps {
  private static final Duration POLL = Duration.ofMillis(20);

  /** After this long without success, and then at each double, a step says what it waits for. */
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  /** Asked again and again: null when true, else what is missing. */
  @FunctionalInterface
  interface Check {
    @org.jspecify.annotations.Nullable
    String missing();
  }

  private final PrintWriter out;

  Steps(PrintWriter out) {
    this.out = out;
  }

  synchronized void say(String line) {
    out.println(line);
    out.flush();
  }

  /** A step is done, this long after {@code startedNs}. */
  void done(String step, String detail, long startedNs) {
    double seconds = (System.nanoTime() - startedNs) / 1e9;
    say(String.format(Locale.ROOT, "  %-15s %-60s %5.1f s", step, detail, seconds));
  }

  /** Waits until the check is true and says so. */
  void await(String step, String detail, long startedNs, Check check) throws InterruptedException {
    long sayAtNs = startedNs + PATIENCE.toNanos();
    for (String missing = check.missing(); missing != null; missing = check.missing()) {
      long nowNs = System.nanoTime();
      if (nowNs > sayAtNs) {
        say("  %-15s still waiting: %s".formatted(step, missing));
        sayAtNs = nowNs + (nowNs - startedNs);
      }
      Thread.sleep(POLL);
    }
    done(step, detail, startedNs);
  }
}

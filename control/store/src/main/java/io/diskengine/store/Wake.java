package io.diskengine.store;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What has changed, as keys: who is woken reads these rows anew. A hint that was lost is made good
 * by the next reconnect or resync.
 *
 * @param all anything may have changed
 * @param planAsked somebody waits for a plan
 * @param volumes whose rows changed, by id
 */
public record Wake(boolean all, boolean planAsked, Set<Long> volumes) {
  /** After everything else may have been missed. */
  public static final Wake ALL = new Wake(true, true, Set.of());

  private static final String PLAN = "plan";

  public Wake {
    volumes = Set.copyOf(volumes);
  }

  /**
   * Whether it follows a time in which nothing was heard: PostgreSQL may have been killed in it.
   */
  public boolean isAfterAGap() {
    return equals(ALL);
  }

  /** From payloads of NOTIFY: a volume's id, {@code plan}, or anything else for everything. */
  static Wake parse(List<String> payloads) {
    boolean all = false;
    boolean planAsked = false;
    Set<Long> volumes = new HashSet<>();
    for (String payload : payloads) {
      if (payload.equals(PLAN)) {
        planAsked = true;
      } else if (payload.matches("[0-9]{1,18}")) {
        volumes.add(Long.parseLong(payload));
      } else {
        all = true;
      }
    }
    return new Wake(all, planAsked, volumes);
  }
}

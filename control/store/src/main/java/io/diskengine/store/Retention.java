package io.diskengine.store;

/** How long the store keeps what nobody works with any more (law 15). */
public final class Retention {
  public static final int FINISHED_INTENTS_HOURS = 24;
  public static final int PLAN_REQUESTS_HOURS = 1;
  public static final int EVENTS = 100_000;

  /** Tombstones: an lvol that shows up later than this is quarantined instead of deleted. */
  public static final int DELETED_VOLUMES_DAYS = 30;

  private Retention() {}
}

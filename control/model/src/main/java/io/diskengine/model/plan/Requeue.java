package io.diskengine.model.plan;

/**
 * When to look and plan again though nothing happens.
 *
 * @param atMs on the clock of the observation; {@link Long#MAX_VALUE} for never
 */
public record Requeue(long atMs) {
  public static final Requeue NEVER = new Requeue(Long.MAX_VALUE);
}

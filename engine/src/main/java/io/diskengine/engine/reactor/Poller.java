package io.diskengine.engine.reactor;

/**
 * Work that shows itself in memory only (a virtqueue), called on every turn of its reactor while
 * that is awake.
 */
public interface Poller {
  /** One duty cycle; returns how many pieces of work were done. Never blocks. */
  int poll();

  /**
   * The reactor is about to sleep: arm whatever wakes it (guest notifications). False when work
   * arrived meanwhile; then the reactor stays awake.
   */
  default boolean prepareToSleep() {
    return true;
  }

  /** The reactor is awake again and polls. */
  default void awake() {}
}

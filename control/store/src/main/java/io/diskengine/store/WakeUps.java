package io.diskengine.store;

/** A running LISTEN on its own connection; reconnects by itself and wakes once after each. */
public interface WakeUps extends AutoCloseable {
  /**
   * Returns when it listens, or after this time: who reads only then need not read again because of
   * the first wake-up.
   */
  default void awaitListening(long ms) throws InterruptedException {}

  @Override
  void close();
}

package io.diskengine.store;

/** A running LISTEN on its own connection; reconnects by itself and wakes once after each. */
public interface WakeUps extends AutoCloseable {
  @Override
  void close();
}

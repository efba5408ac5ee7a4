package io.diskengine.store;

import java.util.function.Consumer;

/**
 * What an agent needs before it holds its node's lease. Every method throws {@link
 * StoreUnavailableException} when PostgreSQL cannot be asked.
 */
public interface AgentStore extends AutoCloseable {
  /**
   * Registers the node (or updates its registration) and takes its lease if that is free, expired
   * or held by the same {@code holder}. Taking it raises the node's lease epoch.
   *
   * @param holder names this process for people: host, pid and a random part
   * @throws io.diskengine.model.InvalidInput when the name is in use with another mode
   */
  Lease acquire(NodeRegistration registration, String holder);

  /** Wake-ups for the node; independent of the lease. Close it to stop. */
  WakeUps listen(String nodeName, Consumer<Wake> onWake);

  /** What was asked of PostgreSQL so far. */
  StoreCounters counters();

  @Override
  void close();
}

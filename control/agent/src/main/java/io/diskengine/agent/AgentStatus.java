package io.diskengine.agent;

/**
 * What an agent is doing, for people and readiness probes.
 *
 * @param detail what it waits for or why it stopped, and what to check
 */
public record AgentStatus(State state, String detail) {
  /** In the order of a start. */
  public enum State {
    /** Waits for PostgreSQL, the node's lease or the data plane's socket. */
    WAITING,
    /** Takes the data plane through its start-up phase. */
    STARTING,
    /** The process is up; its objects are not all verified yet. */
    VERIFYING,
    /** Every expected object was verified. */
    READY,
    /** Mutates nothing until somebody mends what {@code detail} says. */
    STOPPED,
    CLOSED
  }
}

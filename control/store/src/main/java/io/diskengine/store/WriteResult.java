package io.diskengine.store;

/** What became of one {@link AgentWrite}. */
public sealed interface WriteResult {
  /** Applied; {@code id} is the intent's, the disk's or the written row's id. */
  record Applied(long id) implements WriteResult {}

  /** Nothing was changed: the row's version or state is not what the write was planned from. */
  record Refused(String why) implements WriteResult {}

  default boolean applied() {
    return this instanceof Applied;
  }
}

package io.diskengine.model;

/**
 * The one cluster row.
 *
 * @param id short text that is part of every NQN
 * @param nqnPrefix e.g. {@code nqn.2026-11.io.diskengine}
 * @param sequence raised by every grant, epoch and tombstone (law 13); never goes back
 */
public record Cluster(String id, String nqnPrefix, long sequence, ClusterSettings settings) {
  /**
   * Law 13: this row is older than one that was seen before, so PostgreSQL went back in time. Who
   * sees that mutates nothing.
   *
   * @param savedSequence the highest sequence that was ever seen
   */
  public boolean isBehind(long savedSequence) {
    return sequence < savedSequence;
  }
}

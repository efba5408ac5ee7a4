package io.diskengine.store;

import java.util.concurrent.atomic.LongAdder;

/** What one process asked of PostgreSQL since it started. */
public final class StoreCounters {
  final LongAdder statements = new LongAdder();
  final LongAdder rows = new LongAdder();
  final LongAdder commits = new LongAdder();
  final LongAdder rollbacks = new LongAdder();
  final LongAdder conflicts = new LongAdder();

  /** SQL statements sent, {@code BEGIN} and {@code COMMIT} included. */
  public long statements() {
    return statements.sum();
  }

  /** Rows that statements answered. */
  public long rows() {
    return rows.sum();
  }

  /** Transactions that wrote and were committed. */
  public long commits() {
    return commits.sum();
  }

  public long rollbacks() {
    return rollbacks.sum();
  }

  /** Transactions that were repeated after a deadlock or a serialisation failure. */
  public long conflicts() {
    return conflicts.sum();
  }
}

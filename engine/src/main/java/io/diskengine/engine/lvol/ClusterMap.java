package io.diskengine.engine.lvol;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * Which cluster of the device holds each cluster of a blob. Written on the home reactor, read on
 * all. Rows of {@link #ROW} entries, as extent pages have them, exist only where something is
 * allocated.
 *
 * <p>An entry above 0 is allocated and published. One below 0 is a cluster whose metadata is on its
 * way to the medium, or {@link #RELEASING}: readers take it for unallocated.
 */
final class ClusterMap {
  /** Entries per row: SPDK_EXTENTS_PER_EP. */
  static final int ROW = 512;

  private static final VarHandle ROWS = MethodHandles.arrayElementVarHandle(int[][].class);
  private static final VarHandle ENTRIES = MethodHandles.arrayElementVarHandle(int[].class);

  /** An entry that is on its way to being free: nothing reads or writes it any more. */
  static final int RELEASING = Integer.MIN_VALUE;

  private final int size;
  private final int[][] rows;

  ClusterMap(int size) {
    this.size = size;
    this.rows = new int[(size + ROW - 1) / ROW][];
  }

  /** A map of another size with the same entries, as far as they go. */
  ClusterMap resized(int newSize) {
    ClusterMap resized = new ClusterMap(newSize);
    for (int row = 0; row < Math.min(rows(), resized.rows()); row++) {
      int[] entries = row(row);
      if (entries != null) {
        int[] copy = new int[ROW];
        System.arraycopy(entries, 0, copy, 0, Math.min(rowSize(row), resized.rowSize(row)));
        resized.rows[row] = copy;
      }
    }
    return resized;
  }

  int size() {
    return size;
  }

  int rows() {
    return rows.length;
  }

  /** Entries in the row: {@link #ROW}, fewer in the last one. */
  int rowSize(int row) {
    return Math.min(ROW, size - row * ROW);
  }

  /** The cluster at {@code index}, or 0. Any reactor. */
  int get(int index) {
    return Math.max(0, reserved(index));
  }

  /** The entry as it is: below 0 while it is not published. */
  int reserved(int index) {
    int[] row = row(index / ROW);
    return row == null ? 0 : (int) ENTRIES.getAcquire(row, index % ROW);
  }

  /** The entry as the medium has it or is about to have it. Home reactor. */
  int stored(int index) {
    int entry = reserved(index);
    return entry == RELEASING ? 0 : Math.abs(entry);
  }

  /** True when nothing in the row was ever allocated. Any reactor. */
  boolean rowMissing(int row) {
    return row(row) == null;
  }

  private int @Nullable [] row(int row) {
    return (int[]) ROWS.getAcquire(rows, row);
  }

  /** Home reactor. */
  void set(int index, int cluster) {
    int[] row = row(index / ROW);
    if (row == null) {
      row = new int[ROW];
      ROWS.setRelease(rows, index / ROW, row);
    }
    ENTRIES.setRelease(row, index % ROW, cluster);
  }
}

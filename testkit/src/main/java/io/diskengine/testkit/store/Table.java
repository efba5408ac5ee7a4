package io.diskengine.testkit.store;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Rows by id. Copies share them until one is written to. */
public final class Table<V> {
  private TreeMap<Long, V> rows;
  private boolean shared;

  /** The rows by the key that they are looked up with, until one is written to. */
  private @Nullable Map<Long, List<V>> groups;

  Table() {
    rows = new TreeMap<>();
  }

  private Table(TreeMap<Long, V> rows) {
    this.rows = rows;
    this.shared = true;
  }

  Table<V> copy() {
    shared = true;
    Table<V> copy = new Table<>(rows);
    copy.groups = groups;
    return copy;
  }

  private TreeMap<Long, V> own() {
    groups = null;
    if (shared) {
      rows = new TreeMap<>(rows);
      shared = false;
    }
    return rows;
  }

  /**
   * Rows with that key, by id.
   *
   * @param key the same one for each call
   */
  List<V> group(Function<V, Long> key, long id) {
    Map<Long, List<V>> now = groups;
    if (now == null) {
      now = new HashMap<>();
      for (V row : rows.values()) {
        now.computeIfAbsent(key.apply(row), _ -> new ArrayList<>()).add(row);
      }
      groups = now;
    }
    return Collections.unmodifiableList(now.getOrDefault(id, List.of()));
  }

  boolean isSameAs(Table<V> other) {
    return rows == other.rows;
  }

  public @Nullable V get(long id) {
    return rows.get(id);
  }

  /** A row that must be there. */
  public V at(long id) {
    V row = rows.get(id);
    if (row == null) {
      throw new IllegalStateException("there is no row " + id);
    }
    return row;
  }

  public boolean containsKey(long id) {
    return rows.containsKey(id);
  }

  public Collection<V> values() {
    return Collections.unmodifiableCollection(rows.values());
  }

  NavigableMap<Long, V> newestFirst() {
    return rows.descendingMap();
  }

  void put(long id, V row) {
    V unused = own().put(id, row);
  }

  void replaceAll(UnaryOperator<V> change) {
    for (Long id : List.copyOf(rows.keySet())) {
      V old = at(id);
      V now = change.apply(old);
      if (now != old) {
        put(id, now);
      }
    }
  }

  void removeIf(java.util.function.Predicate<V> which) {
    if (rows.values().stream().anyMatch(which)) {
      boolean unused = own().values().removeIf(which);
    }
  }
}

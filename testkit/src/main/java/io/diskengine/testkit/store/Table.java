package io.diskengine.testkit.store;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Rows by id. Copies share what neither of them has changed. */
public final class Table<V> {
  private final @Nullable Function<V, Long> key;
  private LongTrie<V> rows = LongTrie.empty();

  /** The rows by the key that they are looked up with, by id. */
  private LongTrie<List<V>> groups = LongTrie.empty();

  /** All rows, until one is written to. */
  private @Nullable List<V> all;

  Table() {
    this.key = null;
  }

  /**
   * @param key what rows are looked up with besides their ids; never changes
   */
  Table(Function<V, Long> key) {
    this.key = key;
  }

  Table<V> copy() {
    Table<V> copy = key == null ? new Table<>() : new Table<>(key);
    copy.rows = rows;
    copy.groups = groups;
    copy.all = all;
    return copy;
  }

  /** Rows with that key, by id. */
  List<V> group(long id) {
    List<V> group = groups.get(id);
    return group == null ? List.of() : group;
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
    return rows.get(id) != null;
  }

  /** By id. */
  public Collection<V> values() {
    List<V> now = all;
    if (now == null) {
      List<V> values = new ArrayList<>(rows.size());
      rows.forEach(values::add);
      now = Collections.unmodifiableList(values);
      all = now;
    }
    return now;
  }

  /** Rows that are others than in {@code before}, or were not there, by id. */
  List<V> changedSince(Table<V> before) {
    List<V> changed = new ArrayList<>();
    rows.changedSince(before.rows, changed::add);
    return changed;
  }

  void put(long id, V row) {
    V old = rows.get(id);
    rows = rows.with(id, row);
    all = null;
    regroup(old, row);
  }

  private void regroup(@Nullable V old, V now) {
    if (key == null) {
      return;
    }
    long group = key.apply(now);
    List<V> members = new ArrayList<>(group(group));
    if (old == null) {
      members.add(now);
    } else {
      members.set(members.indexOf(old), now);
    }
    groups = groups.with(group, Collections.unmodifiableList(members));
  }

  void replaceAll(UnaryOperator<V> change, Function<V, Long> id) {
    for (V old : values()) {
      V now = change.apply(old);
      if (now != old) {
        put(id.apply(old), now);
      }
    }
  }
}

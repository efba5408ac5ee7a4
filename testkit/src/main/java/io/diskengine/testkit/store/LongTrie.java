package io.diskengine.testkit.store;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * An immutable map of ids from 0 on, in their order. A changed copy shares all but one path with
 * what it was made from, so that copies are cheap, and so is what differs between two of them.
 */
final class LongTrie<V> {
  private static final int BITS = 5;
  private static final int WIDTH = 1 << BITS;

  /** Inner nodes hold nodes, those of the lowest level values. */
  private final @Nullable Object @Nullable [] root;

  private final int levels;
  private final int size;

  private LongTrie(@Nullable Object @Nullable [] root, int levels, int size) {
    this.root = root;
    this.levels = levels;
    this.size = size;
  }

  static <V> LongTrie<V> empty() {
    return new LongTrie<>(null, 1, 0);
  }

  int size() {
    return size;
  }

  private static boolean fits(long id, int levels) {
    return id >= 0 && id < 1L << BITS * levels;
  }

  private static int slot(long id, int level) {
    return (int) (id >>> BITS * level) & WIDTH - 1;
  }

  @SuppressWarnings("unchecked") // the lowest level holds values
  @Nullable V get(long id) {
    @Nullable Object[] node = fits(id, levels) ? root : null;
    for (int level = levels - 1; node != null && level > 0; level--) {
      node = (Object[]) node[slot(id, level)];
    }
    return node == null ? null : (V) node[slot(id, 0)];
  }

  LongTrie<V> with(long id, V value) {
    if (id < 0) {
      throw new IllegalArgumentException("id " + id + " is negative");
    }
    @Nullable Object[] node = root;
    int height = levels;
    while (!fits(id, height)) {
      @Nullable Object[] above = new Object[WIDTH];
      above[0] = node;
      node = node == null ? null : above;
      height++;
    }
    int more = get(id) == null ? 1 : 0;
    return new LongTrie<>(put(node, height - 1, id, value), height, size + more);
  }

  private static @Nullable Object[] put(
      @Nullable Object @Nullable [] node, int level, long id, Object value) {
    @Nullable Object[] changed = node == null ? new Object[WIDTH] : node.clone();
    int slot = slot(id, level);
    changed[slot] = level == 0 ? value : put((Object[]) changed[slot], level - 1, id, value);
    return changed;
  }

  /** In the order of ids. */
  void forEach(Consumer<? super V> each) {
    changedSince(empty(), each);
  }

  /** Values that are not the same ones in {@code before}, in the order of ids. */
  void changedSince(LongTrie<V> before, Consumer<? super V> each) {
    @Nullable Object[] old = before.root;
    int oldLevels = before.levels;
    while (oldLevels < levels) {
      @Nullable Object[] above = new Object[WIDTH];
      above[0] = old;
      old = above;
      oldLevels++;
    }
    while (oldLevels > levels) {
      old = old == null ? null : (Object[]) old[0];
      oldLevels--;
    }
    changed(root, old, levels - 1, each);
  }

  @SuppressWarnings("unchecked") // the lowest level holds values
  private static <V> void changed(
      @Nullable Object @Nullable [] now,
      @Nullable Object @Nullable [] old,
      int level,
      Consumer<? super V> each) {
    if (now == null || now == old) {
      return;
    }
    for (int i = 0; i < WIDTH; i++) {
      Object is = now[i];
      Object was = old == null ? null : old[i];
      if (level > 0) {
        changed((Object[]) is, (Object[]) was, level - 1, each);
      } else if (is != null && is != was) {
        each.accept((V) is);
      }
    }
  }
}

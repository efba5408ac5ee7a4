package io.diskengine.agent;

import io.diskengine.model.plan.Facts;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.BiPredicate;
import java.util.function.BinaryOperator;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * One kind of SPDK object, kept up to date by complete looks and by the answers of our own
 * mutations. A look that was under way while an object was mutated says nothing about that object.
 * Owned by the agent's thread.
 */
final class Tracked<T> {
  private final Map<String, T> byName = new HashMap<>();
  private final Facts.Groups groups = new Facts.Groups();
  private final Set<String> doubtful = new HashSet<>();
  private final Map<String, Long> touchedAt = new HashMap<>();
  private final Map<String, Integer> inFlight = new HashMap<>();
  private final Consumer<String> onChange;
  private long sequence;
  private boolean seen;

  /** Nothing has happened since a complete look after which nothing was open. */
  private boolean steady;

  /**
   * @param onChange told the name of an object of which something else is known now; its owner
   *     knows of {@link #reset} itself
   */
  Tracked(Consumer<String> onChange) {
    this.onChange = onChange;
  }

  private void changed(String name) {
    steady = false;
    onChange.accept(name);
  }

  private void keep(String name, T value) {
    if (byName.put(name, value) == null) {
      groups.add(name);
    }
  }

  private boolean drop(String name) {
    boolean there = byName.remove(name) != null;
    if (there) {
      groups.remove(name);
    }
    return there;
  }

  /** A new incarnation: nothing is known. */
  void reset() {
    byName.clear();
    groups.clear();
    doubtful.clear();
    touchedAt.clear();
    inFlight.clear();
    seen = false;
    steady = false;
  }

  /** A mutation of the object is about to be sent. */
  void begin(String name) {
    steady = false;
    inFlight.merge(name, 1, Integer::sum);
  }

  /** It has its answer. */
  void end(String name) {
    inFlight.computeIfPresent(name, (_, n) -> n == 1 ? null : n - 1);
    touchedAt.put(name, ++sequence);
    changed(name);
  }

  void put(String name, T value) {
    keep(name, value);
    doubtful.remove(name);
    changed(name);
  }

  void update(String name, UnaryOperator<T> change) {
    byName.computeIfPresent(name, (_, old) -> change.apply(old));
    changed(name);
  }

  void remove(String name) {
    drop(name);
    doubtful.remove(name);
    changed(name);
  }

  /** Nothing is known of the object until the next look. */
  void doubt(String name) {
    doubtful.add(name);
    changed(name);
  }

  @Nullable T get(String name) {
    return byName.get(name);
  }

  /** Taken before the first request of a look is sent. */
  long lookStarts() {
    return ++sequence;
  }

  /**
   * Takes over a complete look that began at {@code startedAt}.
   *
   * @param carry makes the new value from the old one and the one looked at
   * @param same whether the new value says what the old one said
   * @return whether anything is known now that was not known before
   */
  boolean merge(
      Map<String, T> looked, long startedAt, BinaryOperator<T> carry, BiPredicate<T, T> same) {
    Set<String> names = new HashSet<>(byName.keySet());
    names.addAll(looked.keySet());
    names.addAll(doubtful);
    boolean news = mergeOnly(names, looked, startedAt, carry, same) || !seen;
    seen = true;
    steady = inFlight.isEmpty() && touchedAt.isEmpty() && doubtful.isEmpty();
    return news;
  }

  /** {@link #merge} of a look at the objects of these names only. */
  boolean mergeOnly(
      Set<String> names,
      Map<String, T> looked,
      long startedAt,
      BinaryOperator<T> carry,
      BiPredicate<T, T> same) {
    boolean news = false;
    for (String name : names) {
      boolean stale = inFlight.containsKey(name) || touchedAt.getOrDefault(name, 0L) > startedAt;
      if (stale) {
        continue;
      }
      T now = looked.get(name);
      T old = byName.get(name);
      boolean other;
      if (now == null) {
        other = drop(name);
      } else {
        T next = old == null ? now : carry.apply(old, now);
        other = old == null || !same.test(old, next);
        keep(name, next);
      }
      other |= doubtful.remove(name);
      if (other) {
        changed(name);
        news = true;
      }
    }
    touchedAt.values().removeIf(at -> at < startedAt);
    return news;
  }

  boolean merge(Map<String, T> looked, long startedAt) {
    return merge(looked, startedAt, (_, now) -> now, Object::equals);
  }

  /**
   * Whether another look with the same answer as the last that was merged would change nothing but
   * times.
   */
  boolean isSteady() {
    return steady;
  }

  /** Changes what is known of all, for which the same answer came again. */
  void refresh(UnaryOperator<T> change) {
    byName.replaceAll((_, old) -> change.apply(old));
  }

  /** What a look has to tell, when these are no more than {@code most}; empty when they are. */
  Set<String> open(int most) {
    Set<String> open =
        doubtful.stream().filter(n -> !inFlight.containsKey(n)).collect(Collectors.toSet());
    return seen && open.size() <= most ? open : Set.of();
  }

  /** Whether a look would tell something that is not known. */
  boolean needsLook() {
    return !seen || doubtful.stream().anyMatch(n -> !inFlight.containsKey(n));
  }

  boolean isSeen() {
    return seen;
  }

  int size() {
    return byName.size();
  }

  boolean isEmpty() {
    return byName.isEmpty();
  }

  /** All that is known, as it is now; not for keeping. */
  Collection<T> values() {
    return Collections.unmodifiableCollection(byName.values());
  }

  Set<String> names() {
    return Set.copyOf(byName.keySet());
  }

  /** What is known now; not for keeping. */
  Facts<T> facts() {
    return new Facts<>(
        seen, Collections.unmodifiableMap(byName), Collections.unmodifiableSet(doubtful), groups);
  }
}

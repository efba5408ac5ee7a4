package io.diskengine.model;

import java.util.EnumSet;
import java.util.Set;

/**
 * A state of an entity that names the states it may become: the one place where legal transitions
 * are written. The store's migration holds the same table and a test compares the two.
 */
public interface State<S extends Enum<S> & State<S>> {
  /** The states this one may become; empty for a final state. */
  Set<S> successors();

  default boolean canBecome(S next) {
    return successors().contains(next);
  }

  default boolean isFinal() {
    return successors().isEmpty();
  }

  /** The states of {@code type} that may become {@code next}. */
  static <S extends Enum<S> & State<S>> Set<S> sourcesOf(Class<S> type, S next) {
    Set<S> sources = EnumSet.noneOf(type);
    for (S state : type.getEnumConstants()) {
      if (state.canBecome(next)) {
        sources.add(state);
      }
    }
    return sources;
  }
}

package io.diskengine.model;

import java.util.Set;

/** Life of one replica on its disk. {@code DELETING} is the tombstone (law 11). */
public enum LvolState implements State<LvolState> {
  CREATING,
  UP,
  RESIZING,
  FAULTY,
  DELETING,
  DELETED;

  @Override
  public Set<LvolState> successors() {
    return switch (this) {
      case CREATING -> Set.of(UP, FAULTY, DELETING);
      case UP -> Set.of(RESIZING, FAULTY, DELETING);
      case RESIZING -> Set.of(UP, FAULTY, DELETING);
      case FAULTY -> Set.of(UP, DELETING);
      case DELETING -> Set.of(DELETED);
      case DELETED -> Set.of();
    };
  }
}

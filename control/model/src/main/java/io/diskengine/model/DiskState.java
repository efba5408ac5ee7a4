package io.diskengine.model;

import java.util.Set;

/** Life of a disk. {@code MISSING} and {@code FAULTY} keep their rows; {@code RETIRED} is final. */
public enum DiskState implements State<DiskState> {
  NEW,
  INITIALISING,
  UP,
  FAULTY,
  MISSING,
  RETIRED;

  @Override
  public Set<DiskState> successors() {
    return switch (this) {
      case NEW -> Set.of(INITIALISING, FAULTY, MISSING, RETIRED);
      case INITIALISING -> Set.of(UP, FAULTY, MISSING, RETIRED);
      case UP -> Set.of(FAULTY, MISSING, RETIRED);
      case FAULTY -> Set.of(INITIALISING, UP, MISSING, RETIRED);
      case MISSING -> Set.of(NEW, INITIALISING, UP, FAULTY, RETIRED);
      case RETIRED -> Set.of();
    };
  }
}

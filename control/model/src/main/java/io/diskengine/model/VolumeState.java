package io.diskengine.model;

import java.util.Set;

/** Life of a volume. {@code DELETING} is the tombstone; {@code DELETED} keeps it as history. */
public enum VolumeState implements State<VolumeState> {
  CREATING,
  AVAILABLE,
  RESIZING,
  ERROR,
  DELETING,
  DELETED;

  @Override
  public Set<VolumeState> successors() {
    return switch (this) {
      case CREATING -> Set.of(AVAILABLE, ERROR, DELETING);
      case AVAILABLE -> Set.of(RESIZING, ERROR, DELETING);
      case RESIZING -> Set.of(AVAILABLE, ERROR, DELETING);
      case ERROR -> Set.of(AVAILABLE, DELETING);
      case DELETING -> Set.of(DELETED);
      case DELETED -> Set.of();
    };
  }
}

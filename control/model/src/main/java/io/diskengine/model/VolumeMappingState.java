package io.diskengine.model;

import java.util.Set;

/** Life of a volume's attachment to a baremetal node; at most one non-final per volume. */
public enum VolumeMappingState implements State<VolumeMappingState> {
  ASSIGNED,
  INITIALISED,
  ATTACHED,
  DETACHING,
  DETACHED,
  FENCED;

  @Override
  public Set<VolumeMappingState> successors() {
    return switch (this) {
      case ASSIGNED -> Set.of(INITIALISED, DETACHING, FENCED);
      case INITIALISED -> Set.of(ATTACHED, DETACHING, FENCED);
      case ATTACHED -> Set.of(DETACHING, FENCED);
      case DETACHING -> Set.of(DETACHED, FENCED);
      case DETACHED, FENCED -> Set.of();
    };
  }
}

package io.diskengine.model;

import java.util.Set;

/** Life of the vhost controller that shows a volume to one guest. */
public enum VmMappingState implements State<VmMappingState> {
  ATTACHING,
  ATTACHED,
  DETACHING,
  DETACHED;

  @Override
  public Set<VmMappingState> successors() {
    return switch (this) {
      case ATTACHING -> Set.of(ATTACHED, DETACHING);
      case ATTACHED -> Set.of(DETACHING);
      case DETACHING -> Set.of(DETACHED);
      case DETACHED -> Set.of();
    };
  }
}

package io.diskengine.model;

import java.util.Set;

/** Right of one host to one lvol (law 7); confirmed by the storage node's agent. */
public enum GrantState implements State<GrantState> {
  GRANTING,
  GRANTED,
  REVOKING,
  REVOKED;

  @Override
  public Set<GrantState> successors() {
    return switch (this) {
      case GRANTING -> Set.of(GRANTED, REVOKING);
      case GRANTED -> Set.of(REVOKING);
      case REVOKING -> Set.of(REVOKED);
      case REVOKED -> Set.of();
    };
  }
}

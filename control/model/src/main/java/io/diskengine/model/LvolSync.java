package io.diskengine.model;

import java.util.Set;

/** Whether a replica holds the volume's bytes; written by the baremetal agent only. */
public enum LvolSync implements State<LvolSync> {
  IN_SYNC,
  OUT,
  REBUILDING;

  @Override
  public Set<LvolSync> successors() {
    return switch (this) {
      case IN_SYNC -> Set.of(OUT);
      case OUT -> Set.of(REBUILDING);
      case REBUILDING -> Set.of(IN_SYNC, OUT);
    };
  }
}

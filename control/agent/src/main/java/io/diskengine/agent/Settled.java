package io.diskengine.agent;

import io.diskengine.model.Names;
import java.util.HashSet;
import java.util.Set;

/**
 * The volumes that the last plans left with nothing to do and nothing to wait for, and of which
 * neither rows nor facts changed since: the next plan passes over them, so that one change costs
 * the same beside two or two thousand others. In doubt everything is planned. Owned by the agent's
 * thread.
 */
final class Settled {
  private final Set<Long> volumes = new HashSet<>();

  Set<Long> volumes() {
    return volumes;
  }

  void planned(Set<Long> settled) {
    volumes.addAll(settled);
  }

  /** Something of the object of that name. */
  void changed(String name) {
    Names.volumeOf(name).ifPresentOrElse(volumes::remove, this::changedAll);
  }

  void changed(Set<Long> ids) {
    volumes.removeAll(ids);
  }

  void changedAll() {
    volumes.clear();
  }
}

package io.diskengine.agent;

import io.diskengine.model.Names;
import io.diskengine.model.NodeView;
import io.diskengine.model.plan.Index;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The volumes that the last plans left with nothing to do and nothing to wait for, and of which
 * neither rows nor facts changed since: the next plan passes over them, so that one change costs
 * the same beside two or two thousand others. In doubt everything is planned. Owned by the agent's
 * thread.
 */
final class Settled {
  /** Where assertions are on, the full plan is made each time beside so many volumes. */
  private static final int COMPARED_UP_TO = 64;

  /** And of so many plans one beside more. */
  private static final int COMPARED_ONE_OF = 64;

  private final Set<Long> volumes = new HashSet<>();
  private int plans;
  private @Nullable Index index;

  /**
   * Takes over rows that were read.
   *
   * @param changed the volumes whose rows may have changed; null when anything may have
   */
  void loaded(NodeView view, @Nullable Set<Long> changed) {
    Index known = index;
    if (changed == null || known == null) {
      index = new Index(view);
      changedAll();
    } else {
      known.take(view, changed);
      volumes.removeAll(changed);
    }
  }

  Index index(NodeView view) {
    Index known = index;
    return known != null && known.view() == view ? known : new Index(view);
  }

  /** Whether a plan is to be compared with one that passes over nothing. */
  boolean isChecked(NodeView view) {
    return view.volumes().size() <= COMPARED_UP_TO || plans++ % COMPARED_ONE_OF == 0;
  }

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

  /** A vhost controller, whose name names no volume. */
  void vhostChanged(String controller) {
    Index known = index;
    Optional<Long> volume = known == null ? Optional.empty() : known.volumeOfVhost(controller);
    volume.ifPresentOrElse(volumes::remove, this::changedAll);
  }

  void changedAll() {
    volumes.clear();
  }
}

package io.diskengine.engine.raid;

import io.diskengine.engine.bdev.IoType;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which legs the channels use, as the home reactor published it last.
 *
 * @param legs by slot, null where there is none; all of them are written
 * @param readable the slots that are in sync and may be read
 * @param trusted the slots that superblocks may call in sync, see {@link AcknowledgeRule}
 */
record Membership(List<@Nullable Leg> legs, int readable, int trusted) {
  @Nullable Leg leg(int slot) {
    return slot < legs.size() ? legs.get(slot) : null;
  }

  /** Asked per I/O: no iterator. */
  boolean allSupport(IoType type) {
    for (int slot = 0; slot < legs.size(); slot++) {
      Leg leg = legs.get(slot);
      if (leg != null && !leg.bdev().ioTypeSupported(type)) {
        return false;
      }
    }
    return true;
  }

  boolean anyWriteCache() {
    for (int slot = 0; slot < legs.size(); slot++) {
      Leg leg = legs.get(slot);
      if (leg != null && leg.bdev().writeCache()) {
        return true;
      }
    }
    return false;
  }
}

package io.diskengine.model.plan;

import io.diskengine.model.Lvol;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;

/**
 * A replica as the baremetal side sees it now.
 *
 * @param inRaid the RAID has it configured
 */
record Leg(Lvol lvol, String bdev, Health health, boolean inRaid) {
  ObjectRef ref() {
    return new ObjectRef(ObjectKind.LVOL, lvol.id());
  }

  /** Whether the path to a leg works, as our own eyes tell. */
  sealed interface Health {
    /** A path is enabled and the target answers our probe. */
    record Healthy() implements Health {}

    /** No controller. */
    record Detached() implements Health {}

    /** Nothing can be said. */
    record Unknown() implements Health {}

    /** Since {@code sinceMs} it does not work. */
    record Failing(long sinceMs, String cause) implements Health {}

    default boolean isHealthy() {
      return this instanceof Healthy;
    }
  }
}

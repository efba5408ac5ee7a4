package io.diskengine.engine.raid;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which legs the channels use, as the home reactor published it last.
 *
 * @param legs by slot, null where there is none; all of them are written
 * @param readable the slots that are in sync and may be read
 * @param trusted the slots that superblocks may call in sync, see {@link AcknowledgeRule}
 */
record Membership(List<@Nullable Leg> legs, int readable, int trusted) {}

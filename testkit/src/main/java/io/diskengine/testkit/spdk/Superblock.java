package io.diskengine.testkit.spdk;

import java.util.List;
import java.util.Set;
import java.util.UUID;

/**
 * A raid's superblock, in block 0 of each leg.
 *
 * @param blocks the array's size
 * @param slots uuids of the legs, in order
 * @param lost those of them that are recorded missing or failed
 */
public record Superblock(
    String name, UUID raid, long seq, long blocks, List<UUID> slots, Set<UUID> lost) {
  public Superblock {
    slots = List.copyOf(slots);
    lost = Set.copyOf(lost);
  }
}

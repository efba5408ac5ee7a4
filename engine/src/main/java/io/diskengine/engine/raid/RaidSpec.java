package io.diskengine.engine.raid;

import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What bdev_raid_create asks for.
 *
 * @param level SPDK's name or number of a level, such as "raid1" or "1"
 * @param uuid null for one that is chosen here
 */
public record RaidSpec(
    String name,
    String level,
    long stripSizeKb,
    List<String> baseBdevs,
    boolean superblock,
    @Nullable UUID uuid) {
  public RaidSpec {
    baseBdevs = List.copyOf(baseBdevs);
  }
}

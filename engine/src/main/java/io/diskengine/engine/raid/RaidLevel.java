package io.diskengine.engine.raid;

import io.diskengine.engine.reactor.Reactor;
import org.jspecify.annotations.Nullable;

/** What distinguishes one RAID level from another. */
interface RaidLevel {
  /** As SPDK's {@code raid_level} prints it. */
  String label();

  /** The level's number in the superblock. */
  int number();

  int leastLegs();

  /** With fewer legs than this an array of {@code slots} cannot be used. */
  int leastOperational(int slots);

  boolean takesStripSize();

  /** The array's size when the smallest of {@code slots} legs has {@code smallestBlocks}. */
  long numBlocks(int slots, long smallestBlocks);

  RaidChannel openChannel(RaidBdev bdev, Reactor reactor);

  /** By SPDK's name or number ("raid1" or "1"); null for a level that is not there. */
  static @Nullable RaidLevel find(String name) {
    return name.equals(Raid1.LEVEL.label()) || name.equals("1") ? Raid1.LEVEL : null;
  }

  static @Nullable RaidLevel find(int number) {
    return number == Raid1.LEVEL.number() ? Raid1.LEVEL : null;
  }
}

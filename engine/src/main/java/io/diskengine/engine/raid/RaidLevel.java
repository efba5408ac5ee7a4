package io.diskengine.engine.raid;

import io.diskengine.engine.reactor.Reactor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What distinguishes one RAID level from another. */
interface RaidLevel {
  List<RaidLevel> ALL = List.of(Raid0.LEVEL, Raid1.LEVEL, Concat.LEVEL);

  /** As SPDK's {@code raid_level} prints it. */
  String label();

  /** The level's number in the superblock ({@code enum raid_level}). */
  int number();

  int leastLegs();

  int mostLegs();

  /** With fewer legs than this an array of {@code slots} cannot be used. */
  int leastOperational(int slots);

  /** Whether an array may have strips of this size; 0 says that none was given. */
  boolean acceptsStripSize(long stripSizeKb);

  /** The layout over legs with room for so many blocks each, by slot. */
  Geometry geometry(List<Long> roomBlocks, long stripBlocks);

  /** Whether the array follows when its legs change their size. */
  boolean resizable();

  /** I/O is split at multiples of this; 0 for no boundary. */
  long boundaryBlocks(int slots, long stripBlocks);

  RaidChannel openChannel(RaidBdev bdev, Reactor reactor);

  /** By SPDK's name or number ("raid1" or "1"); null for one that is not there. */
  static @Nullable RaidLevel find(String name) {
    for (RaidLevel level : ALL) {
      if (name.equals(level.label()) || name.equals(level.label().replace("raid", ""))) {
        return level;
      }
    }
    return null;
  }

  static @Nullable RaidLevel find(int number) {
    for (RaidLevel level : ALL) {
      if (level.number() == number) {
        return level;
      }
    }
    return null;
  }
}

package io.diskengine.engine.raid;

import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A place for a leg, with what is known about the leg that belongs there. Home reactor. */
final class Slot {
  final int index;
  @Nullable String name;
  @Nullable UUID uuid;
  long dataOffsetBlocks;
  long dataSizeBlocks;
  @Nullable Leg leg;

  Slot(int index) {
    this.index = index;
  }

  boolean configured() {
    return leg != null && leg.configured();
  }

  /** The superblock's words for the leg of a new array. */
  RaidSuperblock.Member configuredMember() {
    return new RaidSuperblock.Member(
        uuid == null ? Raid.NIL : uuid,
        dataOffsetBlocks,
        dataSizeBlocks,
        RaidSuperblock.MemberState.CONFIGURED,
        index);
  }
}

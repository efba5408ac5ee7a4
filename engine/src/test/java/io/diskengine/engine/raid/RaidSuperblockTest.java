package io.diskengine.engine.raid;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.diskengine.engine.raid.RaidSuperblock.Member;
import io.diskengine.engine.raid.RaidSuperblock.MemberState;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class RaidSuperblockTest {
  @Test
  void spdksSuperblocksAreReadAndWrittenByteForByte() {
    for (String image : List.of("clean-leg0", "clean-leg1", "stale-leg0", "stale-leg1")) {
      byte[] disk = Images.read(image);
      RaidSuperblock superblock = RaidSuperblock.decode(Arrays.copyOf(disk, 4096));
      assertNotNull(superblock, image);
      assertArrayEquals(Arrays.copyOf(disk, 384), superblock.encode(), image);
    }
  }

  @Test
  void freshLegOfTheStalePairSaysWhatSpdkWrote() {
    RaidSuperblock found = RaidSuperblock.decode(Images.read("stale-leg0"));
    assertEquals(
        new RaidSuperblock(
            UUID.fromString("a1000000-0000-4000-8000-0000000000dd"),
            "raid_stale",
            63488,
            512,
            1,
            0,
            2,
            2,
            List.of(
                new Member(leg("d0"), 2048, 63488, MemberState.CONFIGURED, 0),
                new Member(leg("d1"), 2048, 63488, MemberState.MISSING, 1))),
        found);
  }

  private static UUID leg(String end) {
    return UUID.fromString("a1000000-0000-4000-8000-0000000000" + end);
  }

  @Test
  void anyChangedByteMakesItInvalid() {
    byte[] disk = Arrays.copyOf(Images.read("clean-leg0"), 4096);
    for (int at = 0; at < 384; at++) {
      disk[at] ^= 0x10;
      assertNull(RaidSuperblock.decode(disk), "byte " + at);
      disk[at] ^= 0x10;
    }
    assertNotNull(RaidSuperblock.decode(disk));
  }

  @Test
  void emptyAndShortDisksHaveNone() {
    assertNull(RaidSuperblock.decode(new byte[4096]));
    assertNull(RaidSuperblock.decode(new byte[10]));
    assertNull(RaidSuperblock.decode(Arrays.copyOf(Images.read("clean-leg0"), 300)));
  }
}

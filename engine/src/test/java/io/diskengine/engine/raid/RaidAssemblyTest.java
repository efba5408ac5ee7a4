package io.diskengine.engine.raid;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.engine.TestIo;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.IoStatus;
import io.diskengine.engine.bdev.NullBdev;
import java.util.Arrays;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Assembly from superblocks, of arrays that SPDK made and of our own. */
class RaidAssemblyTest {
  private static final String CLEAN_CONTENT =
      "ba12f9a4185873d9696410caff783123112607aadb5cb224d9261f9559960f03";
  private static final String FRESH_CONTENT =
      "d53f41b2f6a3f1b2c1bfb3a33ee43e46a491020e8c4a21629b3669ccdd184ac7";
  private static final int SPDK_BLOCKS = 63488;

  private final RaidWorld world = new RaidWorld(3);

  @AfterEach
  void close() {
    world.close();
  }

  private MemoryDisk image(String set, int leg) {
    UUID uuid = RaidWorld.uuid((set.equals("clean") ? 0xc0 : 0xd0) + leg);
    return world.disk("leg" + leg, uuid, Images.read(set + "-leg" + leg));
  }

  private String content(String raid) {
    TestIo io = new TestIo(world.reactors, raid);
    byte[] all = io.read(1, 0, SPDK_BLOCKS);
    io.close();
    return Images.sha256(all);
  }

  private String summary(String name) {
    Raid raid = world.module.find(name);
    return raid == null ? "none" : summary(raid.description());
  }

  private static String summary(Map<String, Object> d) {
    return d.get("state")
        + " "
        + d.get("num_base_bdevs_discovered")
        + "/"
        + d.get("num_base_bdevs_operational");
  }

  @Test
  void cleanArrayOfSpdkComesOnlineAndCountsTheAssembly() {
    MemoryDisk leg0 = image("clean", 0);
    MemoryDisk leg1 = image("clean", 1);
    world.examine("leg0");
    assertEquals("online 2/2", summary("raid_clean"));
    assertEquals("2 [CONFIGURED, CONFIGURED]", RaidWorld.record(leg0));
    assertEquals("2 [CONFIGURED, CONFIGURED]", RaidWorld.record(leg1));
    assertEquals(CLEAN_CONTENT, content("raid_clean"));
  }

  @Test
  void oneLegOfACleanArrayWaitsForTheOther() {
    MemoryDisk leg1 = image("clean", 1);
    world.examine("leg1");
    assertEquals("configuring 1/2", summary("raid_clean"));
    assertEquals("1 [CONFIGURED, CONFIGURED]", RaidWorld.record(leg1));
    image("clean", 0);
    world.examine("leg0");
    assertEquals("online 2/2", summary("raid_clean"));
    assertEquals(CLEAN_CONTENT, content("raid_clean"));
  }

  @Test
  void staleLegExaminedFirstIsNotTrusted() {
    MemoryDisk leg1 = image("stale", 1);
    world.examine("leg1");
    assertEquals("configuring 1/2", summary("raid_stale"));
    MemoryDisk leg0 = image("stale", 0);
    world.examine("leg0");
    assertEquals("online 1/1", summary("raid_stale"));
    assertEquals("3 [CONFIGURED, MISSING]", RaidWorld.record(leg0));
    assertEquals("1 [CONFIGURED, CONFIGURED]", RaidWorld.record(leg1));
    leg1.readsAt().clear();
    assertEquals(FRESH_CONTENT, content("raid_stale"));
    assertTrue(leg1.readsAt().isEmpty(), "the stale leg was read");
  }

  @Test
  void bothAttachedAndTheStaleLegExaminedFirstStillTakesTheNewerSuperblock() {
    image("stale", 0);
    MemoryDisk leg1 = image("stale", 1);
    world.examine("leg1");
    assertEquals("online 1/1", summary("raid_stale"));
    assertNull(leg1.claimedBy());
    assertEquals(FRESH_CONTENT, content("raid_stale"));
  }

  @Test
  void returningStaleLegIsRebuiltOnExamineAndOnlyThenConfigured() {
    MemoryDisk leg0 = image("stale", 0);
    world.examine("leg0");
    assertEquals("online 1/1", summary("raid_stale"));
    MemoryDisk leg1 = image("stale", 1);
    world.examine("leg1");
    Raid raid = world.module.find("raid_stale");
    assertEquals("online 2/2", summary("raid_stale"));
    assertTrue(raid != null && raid.description().containsKey("process"));
    assertEquals("1 [CONFIGURED, CONFIGURED]", RaidWorld.record(leg1));
    world.reactors.runUntil(() -> !raid.description().containsKey("process"));
    assertEquals("4 [CONFIGURED, CONFIGURED]", RaidWorld.record(leg0));
    assertEquals("4 [CONFIGURED, CONFIGURED]", RaidWorld.record(leg1));
    assertEquals(FRESH_CONTENT, content("raid_stale"));
    byte[] rebuilt = Arrays.copyOfRange(leg1.medium(), 1 << 20, leg1.medium().length);
    assertEquals(FRESH_CONTENT, Images.sha256(rebuilt));
  }

  @Test
  void placeholderWithTheMissingLegsUuidStartsAnArrayDegraded() {
    byte[] medium = new byte[RaidWorld.LEG_BYTES];
    try (RaidWorld before = new RaidWorld(5)) {
      before.disk(0, medium);
      before.disk(1);
      assertEquals(0, before.create("leg0", "leg1"));
      assertEquals(IoStatus.SUCCESS, before.open().write(1, 7, filled(1, 0x5a)));
    }
    MemoryDisk leg0 = world.disk(0, medium);
    world.examine("leg0");
    assertEquals("configuring 1/2", world.summary());
    assertEquals(BdevException.ENODEV, world.remove(RaidWorld.uuid(0xd1).toString()));
    register(new NullBdev("other", UUID.randomUUID(), 512, leg0.numBlocks()));
    assertEquals(BdevException.EINVAL, world.add("other"));
    NullBdev placeholder = new NullBdev("ph", RaidWorld.uuid(0xd1), 512, leg0.numBlocks());
    register(placeholder);
    assertEquals(0, world.add("ph"));
    assertEquals("online 2/2", world.summary());
    assertEquals(0, world.remove("ph"));
    assertEquals("online 1/1", world.summary());
    assertEquals("3 [CONFIGURED, MISSING]", RaidWorld.record(leg0));
    assertEquals(0, world.call(done -> world.layer.unregister(placeholder, done)));
    byte[] content = world.open().read(0, 7, 1);
    assertEquals(Images.sha256(filled(1, 0x5a)), Images.sha256(content));
  }

  private void register(NullBdev bdev) {
    world.reactors.home(() -> world.layer.register(bdev));
  }

  private static byte[] filled(int blocks, int value) {
    byte[] data = new byte[blocks * 512];
    Arrays.fill(data, (byte) value);
    return data;
  }

  @Test
  void degradedArrayStartsAloneFromItsRecord() {
    byte[] medium = new byte[RaidWorld.LEG_BYTES];
    try (RaidWorld before = new RaidWorld(5)) {
      before.disk(0, medium);
      before.disk(1);
      assertEquals(0, before.create("leg0", "leg1"));
      assertEquals(0, before.remove("leg1"));
    }
    MemoryDisk leg0 = world.disk(0, medium);
    world.examine("leg0");
    assertEquals("online 1/1", world.summary());
    assertEquals("3 [CONFIGURED, MISSING]", RaidWorld.record(leg0));
  }

  @Test
  void newDiskTakesTheLostLegsPlaceInTheSuperblock() {
    world.disk(0);
    world.disk(1);
    assertEquals(0, world.create("leg0", "leg1"));
    assertEquals(0, world.remove("leg1"));
    MemoryDisk leg2 = world.disk(2);
    assertEquals(0, world.add("leg2"));
    world.awaitRebuilt();
    assertEquals("online 2/2", world.summary());
    RaidSuperblock found = RaidWorld.superblock(leg2);
    assertEquals(leg2.uuid(), found.members().get(1).uuid());
    assertEquals(3, found.sequence());
  }

  @Test
  void legsOfDifferentSizeGiveTheSmallestArray() {
    world.disk(0, new byte[RaidWorld.LEG_BYTES + 4096]);
    MemoryDisk leg1 = world.disk(1);
    assertEquals(0, world.create("leg0", "leg1"));
    TestIo io = world.open();
    assertEquals(RaidWorld.DATA_BLOCKS, io.bdev().numBlocks());
    assertEquals(2048, RaidWorld.superblock(leg1).members().get(0).dataOffsetBlocks());
    assertEquals(IoStatus.SUCCESS, io.write(0, 0, filled(1, 9)));
    assertEquals(9, leg1.medium()[1 << 20]);
  }

  @Test
  void superblockOfAnotherArrayIsNotOverwritten() {
    world.disk(0);
    world.disk(1);
    assertEquals(0, world.create("leg0", "leg1"));
    assertEquals(0, world.delete(false));
    assertNull(world.raidOrNull());
    RaidSpec other =
        new RaidSpec("r1", "raid1", 0, java.util.List.of("leg0", "leg1"), true, UUID.randomUUID());
    assertEquals(BdevException.EEXIST, world.call(done -> world.module.create(other, done)));
    assertTrue(world.module.raids().isEmpty());
  }

  @Test
  void clearedSuperblocksLeaveDisksFree() {
    MemoryDisk leg0 = world.disk(0);
    world.disk(1);
    assertEquals(0, world.create("leg0", "leg1"));
    assertEquals(0, world.delete(true));
    assertNull(RaidSuperblock.decode(leg0.medium()));
    assertEquals(0, world.create("leg0", "leg1"));
    assertEquals("1 [CONFIGURED, CONFIGURED]", RaidWorld.record(leg0));
    assertFalse(world.module.raids().isEmpty());
  }
}

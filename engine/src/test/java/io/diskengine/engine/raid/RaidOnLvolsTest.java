package io.diskengine.engine.raid;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.engine.TestIo;
import io.diskengine.engine.bdev.IoStatus;
import io.diskengine.engine.lvol.LvolModule;
import java.util.Arrays;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** SPDK's array over two thin lvols in two stores, as its manifest describes it. */
class RaidOnLvolsTest {
  private static final String LVOL0 = "81755703-a305-49ce-8797-96f7e0708df3";
  private static final String LVOL1 = "39a958c3-6dca-4ab3-8986-0c5eecd5f311";
  private static final String CONTENT =
      "df07be5cf981614d07e46298977ee591d12c6c3ecd02f7c692fbb30a454959e9";
  private static final int BLOCK = 4096;
  private static final int BLOCKS = 2816;

  private final RaidWorld world = new RaidWorld(23);

  @BeforeEach
  void examineStoresAndOneLvol() {
    world.reactors.home(() -> new LvolModule(world.layer));
    for (int i = 0; i < 2; i++) {
      MemoryDisk store =
          new MemoryDisk("store" + i, new UUID(9, i), BLOCK, Images.read("on-lvols-store" + i), i);
      world.reactors.home(() -> world.layer.register(store));
      world.examine("store" + i);
    }
    world.examine(LVOL1);
  }

  @AfterEach
  void close() {
    world.close();
  }

  private Raid raid() {
    Raid raid = world.module.find("raid_lv");
    if (raid == null) {
      throw new AssertionError("there is no raid_lv");
    }
    return raid;
  }

  private Object allocatedClusters(String lvol) {
    Object[] clusters = {0};
    world.reactors.home(() -> {
      var bdev = world.layer.find(lvol);
      Object specific = bdev == null ? Map.of() : bdev.driverSpecific().get("lvol");
      clusters[0] = ((Map<?, ?>) specific).get("num_allocated_clusters");
    });
    return clusters[0];
  }

  @Test
  void arrayReadsAsItsManifestSays() {
    assertEquals("online", raid().description().get("state"));
    assertEquals(2, raid().description().get("num_base_bdevs_discovered"));
    assertEquals(UUID.fromString("a103f24e-e476-400f-b3c6-0024f74c5eb9"), raid().uuid());
    TestIo io = new TestIo(world.reactors, "raid_lv");
    assertEquals(BLOCKS, io.bdev().numBlocks());
    assertEquals(CONTENT, Images.sha256(io.read(1, 0, BLOCKS)));
    io.close();
  }

  @Test
  void fullRebuildLeavesAThinLegThin() {
    Object before = allocatedClusters(LVOL0);
    assertEquals(before, allocatedClusters(LVOL1));
    assertEquals(0, world.call(done -> world.module.removeBase(LVOL1, done)));
    assertEquals(0, world.call(done -> world.module.addBase(raid(), LVOL1, done)));
    assertTrue(raid().description().containsKey("process"));
    world.reactors.runUntil(() -> !raid().description().containsKey("process"));
    assertEquals(2, raid().description().get("num_base_bdevs_operational"));
    assertEquals(before, allocatedClusters(LVOL0));
    assertEquals(before, allocatedClusters(LVOL1));
    assertEquals(0, world.call(done -> world.module.removeBase(LVOL0, done)));
    TestIo io = new TestIo(world.reactors, "raid_lv");
    assertEquals(CONTENT, Images.sha256(io.read(0, 0, BLOCKS)));
    byte[] data = new byte[BLOCK];
    Arrays.fill(data, (byte) 9);
    assertEquals(IoStatus.SUCCESS, io.write(0, BLOCKS - 1, data));
    assertArrayEquals(data, io.read(1, BLOCKS - 1, 1));
    io.close();
  }
}

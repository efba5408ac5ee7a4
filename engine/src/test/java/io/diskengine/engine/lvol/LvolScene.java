package io.diskengine.engine.lvol;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.TestIo;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** A store with the thin lvol {@code v1} on a disk whose image another parser reads. */
abstract class LvolScene {
  static final int BLOCK = 4096;
  static final int CLUSTER = 64 << 10;
  static final int CLUSTER_BLOCKS = CLUSTER / BLOCK;
  static final long DISK = 16 << 20;
  static final int CLUSTERS = 8;

  DiskImage image = new DiskImage(DISK);
  DiskBdev disk = new DiskBdev("disk0", BLOCK, image);
  StoreRig rig = new StoreRig(5);

  @BeforeEach
  void makeStore() {
    rig.add(disk);
    assertThat(rig.createStore("disk0", LvolStoreOptions.named("lvs0").clusterSizeBytes(CLUSTER)))
        .isZero();
    assertThat(rig.createLvol("lvs0", "v1", CLUSTERS * CLUSTER, true)).isZero();
  }

  @AfterEach
  void close() {
    rig.close();
  }

  void reload() {
    rig.close();
    rig = new StoreRig(6);
    disk = new DiskBdev("disk0", BLOCK, image);
    rig.add(disk);
  }

  static byte[] pattern(int blocks, int seed) {
    byte[] bytes = new byte[blocks * BLOCK];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  void write(String alias, int cluster, int seed) {
    TestIo io = new TestIo(rig.reactors, alias);
    assertThat(io.write(seed % 2, (long) cluster * CLUSTER_BLOCKS, pattern(3, seed))).isZero();
    io.close();
  }

  StoreImage checkImage() {
    StoreImage parsed = new StoreImage(image);
    assertThat(parsed.problems).isEmpty();
    return parsed;
  }

  /** Everything reads as before, now and after a crash; free clusters are what the maps say. */
  void unchanged(Runnable change, String... aliases) {
    List<byte[]> before = new ArrayList<>();
    for (String alias : aliases) {
      before.add(rig.content(alias));
    }
    change.run();
    for (int round = 0; round < 2; round++) {
      for (int i = 0; i < aliases.length; i++) {
        assertThat(rig.content(aliases[i])).as(aliases[i]).isEqualTo(before.get(i));
      }
      long free = rig.store("lvs0").freeClusters();
      checkImage();
      reload();
      assertThat(rig.store("lvs0").freeClusters()).isEqualTo(free);
    }
  }
}

package io.diskengine.engine.lvol;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.TestIo;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.IoStatus;
import io.diskengine.engine.bdev.IoType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Making, using, closing and finding a store, on two reactors. */
class LvolStoreTest {
  private static final int BLOCK = 4096;
  private static final int CLUSTER = 64 << 10;
  private static final int CLUSTER_BLOCKS = CLUSTER / BLOCK;
  private static final long DISK = 16 << 20;

  private DiskImage image = new DiskImage(DISK);
  private DiskBdev disk = new DiskBdev("disk0", BLOCK, image);
  private StoreRig rig = new StoreRig(5);

  @BeforeEach
  void makeStore() {
    rig.add(disk);
    assertThat(rig.createStore("disk0", options())).isZero();
  }

  private static LvolStoreOptions options() {
    return LvolStoreOptions.named("lvs0").clusterSizeBytes(CLUSTER);
  }

  @AfterEach
  void close() {
    rig.close();
  }

  /** The process is gone and another one finds the disk as it is. */
  private void reload() {
    rig.close();
    rig = new StoreRig(6);
    disk = new DiskBdev("disk0", BLOCK, image);
    rig.add(disk);
  }

  private static byte[] pattern(int blocks, int seed) {
    byte[] bytes = new byte[blocks * BLOCK];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  private void checkImage() {
    assertThat(new StoreImage(image).problems).isEmpty();
  }

  @Test
  void newStoreHasTheLayoutOfSpdk() {
    StoreImage parsed = new StoreImage(image);
    assertThat(parsed.problems).isEmpty();
    assertThat(parsed.clean).isFalse();
    assertThat(parsed.mdPages).isEqualTo((int) (DISK / CLUSTER));
    StoreImage.BlobFound superBlob = Objects.requireNonNull(parsed.blobs.get(parsed.superBlob));
    assertThat(superBlob.xattrs.keySet()).containsExactly("uuid", "name");
    assertThat(superBlob.text("name")).isEqualTo("lvs0");
    assertThat(superBlob.text("uuid")).isEqualTo(rig.store("lvs0").uuid().toString());
    assertThat(rig.store("lvs0").freeClusters()).isEqualTo(rig.store("lvs0").totalDataClusters());
  }

  @Test
  void lvolIsAnEmptyBdevWithUuidAndAlias() {
    assertThat(rig.createLvol("lvs0", "v1", CLUSTER + 1, true)).isZero();
    Lvol lvol = rig.lvol("lvs0/v1");
    assertThat(lvol.sizeBytes()).isEqualTo(2 * CLUSTER);
    assertThat(rig.lvol(lvol.uuid().toString())).isSameAs(lvol);
    TestIo io = new TestIo(rig.reactors, "lvs0/v1");
    assertThat(io.bdev().name()).isEqualTo(lvol.uuid().toString());
    assertThat(io.read(1, 0, 2L * CLUSTER_BLOCKS)).containsOnly(0);
    assertThat(lvol.allocatedClusters()).isZero();
    checkImage();
  }

  @Test
  void writtenDataIsReadByBothReactorsAndAfterACrash() {
    assertThat(rig.createLvol("lvs0", "v1", 4 * CLUSTER, true)).isZero();
    TestIo io = new TestIo(rig.reactors, "lvs0/v1");
    byte[] data = pattern(CLUSTER_BLOCKS + 2, 1);
    assertThat(io.write(1, CLUSTER_BLOCKS - 1, data)).isZero();
    assertThat(io.read(0, CLUSTER_BLOCKS - 1, CLUSTER_BLOCKS + 2)).isEqualTo(data);
    assertThat(rig.lvol("lvs0/v1").allocatedClusters()).isEqualTo(3);
    checkImage();
    reload();
    io = new TestIo(rig.reactors, "lvs0/v1");
    assertThat(io.read(1, CLUSTER_BLOCKS - 1, CLUSTER_BLOCKS + 2)).isEqualTo(data);
    assertThat(io.read(1, 0, CLUSTER_BLOCKS - 1)).containsOnly(0);
    assertThat(rig.lvol("lvs0/v1").allocatedClusters()).isEqualTo(3);
  }

  @Test
  void newClusterReadsAsZerosAroundTheFirstWriteWhateverWasThere() {
    byte[] old = new byte[(int) DISK / 2];
    Arrays.fill(old, (byte) 0x5a);
    image.write(DISK / 2, old, 0, old.length);
    assertThat(rig.createLvol("lvs0", "fill", DISK / 2 - CLUSTER, false)).isZero();
    assertThat(rig.createLvol("lvs0", "thin", 2 * CLUSTER, true)).isZero();
    assertThat(rig.createLvol("lvs0", "thick", 2 * CLUSTER, false)).isZero();
    TestIo thin = new TestIo(rig.reactors, "lvs0/thin");
    assertThat(thin.write(0, 3, pattern(1, 2))).isZero();
    assertThat(thin.read(1, 0, 3)).containsOnly(0);
    assertThat(thin.read(1, 4, CLUSTER_BLOCKS - 4)).containsOnly(0);
    assertThat(new TestIo(rig.reactors, "lvs0/thick").read(0, 0, 2L * CLUSTER_BLOCKS))
        .containsOnly(0);
  }

  @Test
  void concurrentFirstWritesToOneClusterAllocateItOnce() {
    assertThat(rig.createLvol("lvs0", "v1", 4 * CLUSTER, true)).isZero();
    TestIo io = new TestIo(rig.reactors, "lvs0/v1");
    List<TestIo.Call> calls = new ArrayList<>();
    for (int i = 0; i < CLUSTER_BLOCKS; i++) {
      calls.add(io.startWrite(i % 2, i, pattern(1, i)));
    }
    calls.forEach(call -> assertThat(io.await(call).status()).isZero());
    assertThat(rig.lvol("lvs0/v1").allocatedClusters()).isEqualTo(1);
    for (int i = 0; i < CLUSTER_BLOCKS; i++) {
      assertThat(io.read(i % 2, i, 1)).isEqualTo(pattern(1, i));
    }
    checkImage();
  }

  @Test
  void firstWriteIsOnTheMediumWhenItsClusterIs() {
    rig.close();
    image = new DiskImage(DISK);
    rig = new StoreRig(5);
    disk = new DiskBdev("disk0", BLOCK, image, new Random(7), 1000);
    rig.add(disk);
    assertThat(rig.createStore("disk0", options())).isZero();
    assertThat(rig.createLvol("lvs0", "v1", 4 * CLUSTER, true)).isZero();
    TestIo io = new TestIo(rig.reactors, "lvs0/v1");
    assertThat(io.write(0, 0, pattern(1, 1))).isZero();
    int before = disk.changes().size();
    assertThat(io.write(1, CLUSTER_BLOCKS + 3, pattern(2, 2))).isZero();
    List<DiskBdev.Change> changes = disk.changes().subList(before, disk.changes().size());
    List<String> told =
        changes.stream()
            .map(c ->
                c.flush
                    ? "flush"
                    : (c.durable ? "durable " : "")
                        + (c.data == null ? "zeros " : "bytes ")
                        + c.length / BLOCK)
            .toList();
    assertThat(told.subList(0, 3)).containsExactlyInAnyOrder("zeros 3", "bytes 2", "zeros 11");
    assertThat(told.subList(3, told.size())).containsExactly("bytes 1", "flush", "durable bytes 1");
    assertThat(io.read(0, CLUSTER_BLOCKS + 3, 2)).isEqualTo(pattern(2, 2));
    checkImage();
  }

  @Test
  void unmapOfWholeClustersFreesThemAndReadsAsZeros() {
    assertThat(rig.createLvol("lvs0", "v1", 8 * CLUSTER, true)).isZero();
    long free = rig.store("lvs0").freeClusters();
    TestIo io = new TestIo(rig.reactors, "lvs0/v1");
    assertThat(io.write(0, 0, pattern(6 * CLUSTER_BLOCKS, 3))).isZero();
    assertThat(rig.store("lvs0").freeClusters()).isEqualTo(free - 6);
    long from = CLUSTER_BLOCKS / 2;
    assertThat(io.run(1, unmap -> unmap.unmap(from, 4L * CLUSTER_BLOCKS))).isZero();
    assertThat(rig.store("lvs0").freeClusters()).isEqualTo(free - 3);
    assertThat(io.read(0, from, 4L * CLUSTER_BLOCKS)).containsOnly(0);
    byte[] written = pattern(6 * CLUSTER_BLOCKS, 3);
    assertThat(io.read(1, 0, from)).isEqualTo(Arrays.copyOf(written, (int) from * BLOCK));
    checkImage();
    assertThat(io.write(1, 2 * CLUSTER_BLOCKS, pattern(1, 4))).isZero();
    assertThat(io.read(0, 2 * CLUSTER_BLOCKS, 1)).isEqualTo(pattern(1, 4));
    checkImage();
  }

  @Test
  void clusterIsNotFreedBeforeAWriteInFlightOnAnotherReactorEnded() {
    assertThat(rig.createLvol("lvs0", "v1", 4 * CLUSTER, true)).isZero();
    TestIo io = new TestIo(rig.reactors, "lvs0/v1");
    assertThat(io.write(0, 0, pattern(1, 1))).isZero();
    long free = rig.store("lvs0").freeClusters();
    disk.holding = IoType.WRITE;
    TestIo.Call write = io.startWrite(1, 1, pattern(1, 2));
    rig.reactors.settle();
    TestIo.Call unmap = io.start(0, 0, call -> call.io().unmap(0, CLUSTER_BLOCKS));
    rig.reactors.settle();
    assertThat(unmap.done()).isFalse();
    assertThat(rig.store("lvs0").freeClusters()).isEqualTo(free);
    TestIo.Call later = io.startWrite(1, 2, pattern(1, 3));
    rig.reactors.on(1, disk::letGo);
    assertThat(io.await(write).status()).isZero();
    assertThat(io.await(unmap).status()).isZero();
    assertThat(io.await(later).status()).isZero();
    assertThat(io.read(0, 2, 1)).isEqualTo(pattern(1, 3));
    assertThat(io.read(0, 0, 2)).containsOnly(0);
    checkImage();
  }

  @Test
  void secondUnmapOfAClusterEndsNoEarlierThanTheFirst() {
    assertThat(rig.createLvol("lvs0", "v1", 4 * CLUSTER, true)).isZero();
    TestIo io = new TestIo(rig.reactors, "lvs0/v1");
    assertThat(io.write(0, 0, pattern(2 * CLUSTER_BLOCKS, 1))).isZero();
    disk.holding = IoType.FLUSH;
    List<TestIo.Call> calls = new ArrayList<>();
    calls.add(io.start(0, 0, call -> call.io().unmap(0, CLUSTER_BLOCKS)));
    rig.reactors.settle();
    calls.add(io.start(1, 0, call -> call.io().unmap(0, 2 * CLUSTER_BLOCKS)));
    calls.add(io.start(1, 0, call -> call.io().writeZeroes(1, 2)));
    rig.reactors.settle();
    assertThat(calls).noneMatch(TestIo.Call::done);
    rig.reactors.on(0, disk::letGo);
    calls.forEach(call -> assertThat(io.await(call).status()).isZero());
    assertThat(rig.lvol("lvs0/v1").allocatedClusters()).isZero();
    checkImage();
  }

  @Test
  void writeZeroesAllocatesNothingAndZeroesWhatIsThere() {
    assertThat(rig.createLvol("lvs0", "v1", 8 * CLUSTER, true)).isZero();
    TestIo io = new TestIo(rig.reactors, "lvs0/v1");
    assertThat(io.write(0, 5L * CLUSTER_BLOCKS, pattern(2 * CLUSTER_BLOCKS, 5))).isZero();
    assertThat(io.run(1, zero -> zero.writeZeroes(1, 8L * CLUSTER_BLOCKS - 2))).isZero();
    assertThat(rig.lvol("lvs0/v1").allocatedClusters()).isEqualTo(2);
    assertThat(io.read(0, 0, 8L * CLUSTER_BLOCKS)).containsOnly(0);
  }

  @Test
  void unmapOnADiskWithoutUnmapReadsAsZeros() {
    disk.withoutSupport(IoType.UNMAP);
    assertThat(rig.createLvol("lvs0", "v1", 4 * CLUSTER, false)).isZero();
    TestIo io = new TestIo(rig.reactors, "lvs0/v1");
    assertThat(io.write(0, 0, pattern(4 * CLUSTER_BLOCKS, 5))).isZero();
    assertThat(io.run(1, unmap -> unmap.unmap(1, 3L * CLUSTER_BLOCKS))).isZero();
    assertThat(io.read(0, 1, 3L * CLUSTER_BLOCKS)).containsOnly(0);
  }

  @Test
  void fullStoreRefusesFirstWritesAndServesTheRest() {
    long free = rig.store("lvs0").freeClusters();
    assertThat(rig.createLvol("lvs0", "fill", (free - 1) * CLUSTER, false)).isZero();
    assertThat(rig.createLvol("lvs0", "thin", 4 * CLUSTER, true)).isZero();
    TestIo io = new TestIo(rig.reactors, "lvs0/thin");
    assertThat(io.write(1, 0, pattern(1, 6))).isZero();
    assertThat(io.write(1, CLUSTER_BLOCKS, pattern(1, 7)))
        .isEqualTo(IoStatus.INTERNAL_DEVICE_ERROR);
    assertThat(io.write(0, 1, pattern(1, 8))).isZero();
    assertThat(io.read(0, 0, 1)).isEqualTo(pattern(1, 6));
    assertThat(rig.createLvol("lvs0", "more", CLUSTER, false)).isEqualTo(BdevException.ENOSPC);
    assertThat(rig.createLvol("lvs0", "thin2", 4 * CLUSTER, true)).isZero();
    checkImage();
  }

  @Test
  void flushAndForcedUnitAccessReachTheDisk() {
    assertThat(rig.createLvol("lvs0", "v1", 4 * CLUSTER, true)).isZero();
    TestIo io = new TestIo(rig.reactors, "lvs0/v1");
    assertThat(io.run(1, BdevIo::flush)).isZero();
    disk.failing = IoType.FLUSH;
    assertThat(io.run(1, BdevIo::flush)).isEqualTo(IoStatus.WRITE_FAULT);
    assertThat(io.write(1, 0, pattern(1, 1))).isEqualTo(IoStatus.WRITE_FAULT);
    disk.failing = null;
    assertThat(io.write(1, 0, pattern(1, 1))).isZero();
    assertThat(rig.lvol("lvs0/v1").allocatedClusters()).isEqualTo(1);
    checkImage();
  }

  @Test
  void deletedLvolIsGoneWithItsClustersAlsoAfterACrash() {
    long free = rig.store("lvs0").freeClusters();
    assertThat(rig.createLvol("lvs0", "v1", 4 * CLUSTER, false)).isZero();
    assertThat(rig.createLvol("lvs0", "v2", 4 * CLUSTER, false)).isZero();
    assertThat(rig.deleteLvol("lvs0/v1")).isZero();
    assertThat(rig.names()).containsExactly("lvs0/v2");
    assertThat(rig.store("lvs0").freeClusters()).isEqualTo(free - 4);
    checkImage();
    reload();
    assertThat(rig.names()).containsExactly("lvs0/v2");
    assertThat(rig.store("lvs0").freeClusters()).isEqualTo(free - 4);
  }

  @Test
  void cleanlyClosedStoreHasExactMasksAndNothingIsWrittenByLoadingIt() {
    assertThat(rig.createLvol("lvs0", "v1", 4 * CLUSTER, false)).isZero();
    assertThat(rig.createLvol("lvs0", "v2", 4 * CLUSTER, true)).isZero();
    TestIo io = new TestIo(rig.reactors, "lvs0/v2");
    assertThat(io.write(0, 0, pattern(1, 1))).isZero();
    io.close();
    assertThat(rig.unload()).isZero();
    StoreImage parsed = new StoreImage(image);
    assertThat(parsed.problems).isEmpty();
    assertThat(parsed.leftoverPages.isEmpty()).isTrue();
    assertThat(parsed.clean).isTrue();
    reload();
    assertThat(rig.names()).containsExactly("lvs0/v1", "lvs0/v2");
    assertThat(new StoreImage(image).clean).isTrue();
    io = new TestIo(rig.reactors, "lvs0/v2");
    assertThat(io.write(0, 1, pattern(1, 2))).isZero();
    assertThat(new StoreImage(image).clean).as("no metadata changed").isTrue();
    assertThat(io.write(0, CLUSTER_BLOCKS, pattern(1, 2))).isZero();
    parsed = new StoreImage(image);
    assertThat(parsed.clean).as("a cluster was allocated").isFalse();
    assertThat(parsed.problems).isEmpty();
  }

  @Test
  void storeThatIsClosedWhileAnLvolIsMadeWaitsForIt() {
    disk.holding = IoType.WRITE_ZEROES;
    int[] made = {StoreRig.PENDING};
    int[] closed = {StoreRig.PENDING};
    rig.reactors.home(() ->
        rig.store("lvs0")
            .createLvol(
                "v1", CLUSTER, false, ClearMethod.DEFAULT, (errno, lvol) -> made[0] = errno));
    rig.reactors.home(() -> rig.lvols.unload(errno -> closed[0] = errno));
    rig.reactors.settle();
    assertThat(closed[0]).isEqualTo(StoreRig.PENDING);
    rig.reactors.on(0, disk::letGo);
    rig.reactors.runUntil(() -> closed[0] != StoreRig.PENDING);
    assertThat(made[0]).isEqualTo(BdevException.ENODEV);
    StoreImage parsed = new StoreImage(image);
    assertThat(parsed.problems).isEmpty();
    assertThat(parsed.clean).isTrue();
    assertThat(parsed.lvol("v1").map).hasSize(1);
  }

  @Test
  void deletedStoreLeavesAFreeDisk() {
    assertThat(rig.createLvol("lvs0", "v1", 4 * CLUSTER, false)).isZero();
    assertThat(rig.run(done -> rig.lvols.deleteStore(rig.store("lvs0"), done))).isZero();
    assertThat(rig.lvols.stores()).isEmpty();
    assertThat(disk.claimedBy()).isNull();
    assertThat(rig.reactors.layer().find("lvs0/v1")).isNull();
    reload();
    assertThat(rig.lvols.stores()).isEmpty();
    assertThat(rig.createStore("disk0", options())).isZero();
  }

  @Test
  void removedDiskTakesTheStoreAwayOnceItsUsersLetGo() {
    assertThat(rig.createLvol("lvs0", "v1", 4 * CLUSTER, true)).isZero();
    TestIo io = new TestIo(rig.reactors, "lvs0/v1");
    assertThat(io.write(1, 0, pattern(1, 1))).isZero();
    int[] errno = {StoreRig.PENDING};
    rig.reactors.home(() -> rig.reactors.layer().unregister(disk, e -> errno[0] = e));
    rig.reactors.runForUs(1_000);
    assertThat(errno[0]).isEqualTo(StoreRig.PENDING);
    io.close();
    rig.reactors.runUntil(() -> errno[0] != StoreRig.PENDING);
    assertThat(errno[0]).isZero();
    assertThat(rig.lvols.stores()).isEmpty();
    assertThat(new StoreImage(image).clean).isTrue();
  }

  @Test
  void damagedStoreIsNotLoaded() {
    assertThat(rig.createLvol("lvs0", "v1", 4 * CLUSTER, false)).isZero();
    StoreImage parsed = new StoreImage(image);
    int extentPage = parsed.lvol("v1").extentPages.getFirst();
    DiskImage sound = image;
    for (long at : new long[] {8, 4092, 60, (parsed.mdStart + extentPage) * 4096L + 30}) {
      image = sound.copy();
      byte[] byteThere = image.read(at, 1);
      byteThere[0] ^= 0x40;
      image.write(at, byteThere, 0, 1);
      reload();
      assertThat(rig.lvols.stores()).as("damage at " + at).isEmpty();
      assertThat(disk.claimedBy()).isNull();
    }
  }

  @Test
  void namesAndSizesAreRefusedAsSpdkRefusesThem() {
    assertThat(rig.createLvol("lvs0", "v1", CLUSTER, true)).isZero();
    assertThat(rig.createLvol("lvs0", "v1", CLUSTER, true)).isEqualTo(BdevException.EEXIST);
    assertThat(rig.createLvol("lvs0", "", CLUSTER, true)).isEqualTo(BdevException.EINVAL);
    assertThat(rig.createLvol("lvs0", "n".repeat(64), CLUSTER, true))
        .isEqualTo(BdevException.EINVAL);
    assertThat(rig.createLvol("lvs0", "n".repeat(63), 0, true)).isZero();
    assertThat(rig.createStore("disk0", options())).isEqualTo(BdevException.EPERM);
    assertThat(rig.createStore("nope", options())).isEqualTo(BdevException.ENODEV);
    rig.add(new DiskBdev("disk1", BLOCK, new DiskImage(DISK)));
    assertThat(rig.createStore("disk1", options())).isEqualTo(BdevException.EEXIST);
    LvolStoreOptions other = LvolStoreOptions.named("lvs1");
    assertThat(rig.createStore("disk1", other.clusterSizeBytes(512)))
        .isEqualTo(BdevException.EINVAL);
    assertThat(rig.createStore("disk1", other.clusterSizeBytes(64 << 20)))
        .isEqualTo(BdevException.EINVAL);
    assertThat(rig.createStore("disk1", other.clusterSizeBytes(1 << 20))).isZero();
    checkImage();
  }
}

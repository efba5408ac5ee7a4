package io.diskengine.engine.lvol;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.TestIo;
import io.diskengine.engine.bdev.BdevChannel;
import io.diskengine.engine.bdev.BdevDesc;
import io.diskengine.engine.bdev.BdevEvents;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.IoType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/**
 * Sizes, parents, names and copies of lvols; each test ends with a store that another parser
 * accepts.
 */
class LvolChangeTest extends LvolScene {
  @Test
  void resizedLvolKeepsWhatItHasAndTellsItsUsers() {
    write("lvs0/v1", 7, 1);
    byte[] before = rig.content("lvs0/v1");
    List<Long> sizes = new ArrayList<>();
    BdevDesc[] desc = new BdevDesc[1];
    BdevChannel[] channel = new BdevChannel[1];
    rig.reactors.home(() -> {
      desc[0] =
          rig.reactors
              .layer()
              .open(
                  "lvs0/v1",
                  false,
                  new BdevEvents() {
                    @Override
                    public void removed(BdevDesc gone) {}

                    @Override
                    public void resized(BdevDesc changed) {
                      sizes.add(changed.bdev().sizeBytes());
                    }
                  });
      channel[0] = desc[0].openChannel();
    });
    assertThat(rig.resize("lvs0/v1", 600L * CLUSTER + 1)).isZero();
    assertThat(sizes).containsExactly(601L * CLUSTER);
    assertThat(rig.resize("lvs0/v1", CLUSTER))
        .as("somebody has it open")
        .isEqualTo(BdevException.EBUSY);
    assertThat(rig.lvol("lvs0/v1").sizeBytes()).isEqualTo(601L * CLUSTER);
    rig.reactors.home(() -> {
      channel[0].release();
      desc[0].close();
    });
    write("lvs0/v1", 600, 2);
    assertThat(Arrays.copyOf(rig.content("lvs0/v1"), before.length)).isEqualTo(before);
    checkImage();
    unchanged(() -> assertThat(rig.resize("lvs0/v1", 700L * CLUSTER)).isZero());
    assertThat(rig.resize("lvs0/v1", 3 * CLUSTER)).isZero();
    assertThat(rig.lvol("lvs0/v1").allocatedClusters()).isZero();
    assertThat(rig.store("lvs0").freeClusters()).isEqualTo(rig.store("lvs0").totalDataClusters());
    assertThat(rig.resize("lvs0/v1", 0)).isZero();
    assertThat(rig.resize("lvs0/v1", CLUSTER)).isZero();
    checkImage();
  }

  @Test
  void grownThickLvolHasZeroedClustersOfItsOwn() {
    byte[] old = new byte[(int) DISK / 2];
    Arrays.fill(old, (byte) 0x5a);
    image.write(DISK / 2, old, 0, old.length);
    long free = rig.store("lvs0").freeClusters();
    assertThat(rig.createLvol("lvs0", "thick", 2 * CLUSTER, false)).isZero();
    assertThat(rig.resize("lvs0/thick", (free + 1) * CLUSTER)).isEqualTo(BdevException.ENOSPC);
    assertThat(rig.resize("lvs0/thick", (free - 1) * CLUSTER)).isZero();
    assertThat(rig.store("lvs0").freeClusters()).isEqualTo(1);
    assertThat(rig.lvol("lvs0/thick").allocatedClusters()).isEqualTo((int) free - 1);
    rig.read(
        "lvs0/thick", 0, (free - 1) * CLUSTER, (bytes, n) -> assertThat(bytes).containsOnly(0));
    checkImage();
    assertThat(rig.resize("lvs0/thick", CLUSTER)).isZero();
    assertThat(rig.store("lvs0").freeClusters()).isEqualTo(free - 1);
    checkImage();
  }

  @Test
  void inflatedCloneIsThickAndDecoupledCloneHangsOnTheGrandparent() {
    for (int cluster = 0; cluster < 3; cluster++) {
      write("lvs0/v1", cluster, cluster);
    }
    assertThat(rig.snapshot("lvs0/v1", "s1")).isZero();
    write("lvs0/v1", 3, 3);
    assertThat(rig.snapshot("lvs0/v1", "s2")).isZero();
    assertThat(rig.clone("lvs0/s2", "c2")).isZero();
    write("lvs0/v1", 4, 4);
    unchanged(
        () -> {
          assertThat(rig.decouple("lvs0/c2")).isZero();
          Lvol clone = rig.lvol("lvs0/c2");
          assertThat(clone.describe().get("base_snapshot")).isEqualTo("s1");
          assertThat(clone.allocatedClusters()).isEqualTo(1);
          assertThat(clone.thin()).isTrue();
        },
        "lvs0/v1",
        "lvs0/s1",
        "lvs0/s2",
        "lvs0/c2");
    unchanged(
        () -> {
          assertThat(rig.inflate("lvs0/v1")).isZero();
          Lvol lvol = rig.lvol("lvs0/v1");
          assertThat(lvol.isClone()).isFalse();
          assertThat(lvol.thin()).isFalse();
          assertThat(lvol.allocatedClusters()).isEqualTo(CLUSTERS);
          assertThat(checkImage().lvol("v1").invalidFlags).isEqualTo(4);
        },
        "lvs0/v1",
        "lvs0/s1",
        "lvs0/s2",
        "lvs0/c2");
    assertThat(rig.decouple("lvs0/v1")).as("no parent").isEqualTo(BdevException.EINVAL);
    assertThat(rig.inflate("lvs0/v1")).as("thick already").isZero();
    unchanged(
        () -> {
          assertThat(rig.decouple("lvs0/c2")).isZero();
          assertThat(rig.lvol("lvs0/c2").isClone()).isFalse();
          assertThat(rig.lvol("lvs0/c2").thin()).isTrue();
        },
        "lvs0/c2",
        "lvs0/s1");
    assertThat(rig.createLvol("lvs0", "huge", DISK, true)).isZero();
    assertThat(rig.inflate("lvs0/huge")).isEqualTo(BdevException.ENOSPC);
  }

  @Test
  void lvolGetsAnotherParentOfTheSameSize() {
    write("lvs0/v1", 0, 1);
    assertThat(rig.snapshot("lvs0/v1", "s1")).isZero();
    write("lvs0/v1", 0, 2);
    assertThat(rig.snapshot("lvs0/v1", "s2")).isZero();
    assertThat(rig.createLvol("lvs0", "other", CLUSTERS * CLUSTER, true)).isZero();
    write("lvs0/other", 1, 3);
    assertThat(rig.setParent("lvs0/other", "lvs0/s2")).isZero();
    byte[] expected = rig.content("lvs0/s2");
    System.arraycopy(pattern(3, 3), 0, expected, CLUSTER, 3 * BLOCK);
    assertThat(rig.content("lvs0/other")).isEqualTo(expected);
    assertThat(rig.setParent("lvs0/other", "lvs0/s2")).isEqualTo(BdevException.EEXIST);
    assertThat(rig.setParent("lvs0/other", "lvs0/other")).isEqualTo(BdevException.EINVAL);
    assertThat(rig.setParent("lvs0/other", "lvs0/v1")).isEqualTo(BdevException.EINVAL);
    assertThat(rig.setParent("lvs0/s1", "lvs0/s2"))
        .as("its descendant")
        .isEqualTo(BdevException.EINVAL);
    assertThat(rig.createLvol("lvs0", "small", CLUSTER, true)).isZero();
    assertThat(rig.setParent("lvs0/small", "lvs0/s1")).isEqualTo(BdevException.EINVAL);
    unchanged(() -> {}, "lvs0/other", "lvs0/s1", "lvs0/s2", "lvs0/v1");
    assertThat(rig.lvol("lvs0/other").describe().get("base_snapshot")).isEqualTo("s2");
  }

  @Test
  void renamedLvolAndStoreAreFoundByTheirNewNamesOnly() {
    assertThat(rig.createLvol("lvs0", "v2", CLUSTER, true)).isZero();
    assertThat(rig.rename("lvs0/v1", "v2")).isEqualTo(BdevException.EEXIST);
    assertThat(rig.rename("lvs0/v1", "v1")).isEqualTo(BdevException.EEXIST);
    assertThat(rig.rename("lvs0/v1", "n".repeat(64))).isEqualTo(BdevException.EINVAL);
    assertThat(rig.rename("lvs0/v1", "")).isEqualTo(BdevException.EINVAL);
    UUID uuid = rig.lvol("lvs0/v1").uuid();
    assertThat(rig.rename("lvs0/v1", "first")).isZero();
    assertThat(rig.names()).containsExactly("lvs0/first", "lvs0/v2");
    assertThat(rig.reactors.layer().find("lvs0/v1")).isNull();
    assertThat(rig.lvol("lvs0/first").uuid()).isEqualTo(uuid);
    assertThat(rig.renameStore("lvs0", "lvs0")).isZero();
    assertThat(rig.renameStore("lvs0", "lvs9")).isZero();
    assertThat(rig.names()).containsExactly("lvs9/first", "lvs9/v2");
    assertThat(rig.reactors.layer().find("lvs0/first")).isNull();
    assertThat(rig.reactors.layer().find("lvs9/first")).isNotNull();
    rig.add(new DiskBdev("disk1", BLOCK, new DiskImage(DISK)));
    assertThat(rig.createStore("disk1", LvolStoreOptions.named("lvs1").clusterSizeBytes(CLUSTER)))
        .isZero();
    assertThat(rig.renameStore("lvs1", "lvs9")).isEqualTo(BdevException.EEXIST);
    assertThat(checkImage().lvol("first").xattrs.get("name")).isEqualTo("first\0".getBytes());
    reload();
    assertThat(rig.names()).containsExactly("lvs9/first", "lvs9/v2");
  }

  @Test
  void readOnlyLvolRefusesWritesForGoodAndCanBeCloned() {
    write("lvs0/v1", 0, 1);
    byte[] content = rig.content("lvs0/v1");
    assertThat(rig.setReadOnly("lvs0/v1")).isZero();
    for (int round = 0; round < 2; round++) {
      TestIo io = new TestIo(rig.reactors, "lvs0/v1");
      assertThat(io.write(0, 0, pattern(1, 2))).isNotZero();
      io.close();
      assertThat(rig.content("lvs0/v1")).isEqualTo(content);
      assertThat(rig.snapshot("lvs0/v1", "s")).isEqualTo(BdevException.EINVAL);
      assertThat(rig.resize("lvs0/v1", CLUSTER)).isEqualTo(BdevException.EPERM);
      reload();
    }
    assertThat(rig.clone("lvs0/v1", "c1")).isZero();
    assertThat(rig.content("lvs0/c1")).isEqualTo(content);
    write("lvs0/c1", 0, 3);
    assertThat(rig.content("lvs0/v1")).isEqualTo(content);
    checkImage();
  }

  @Test
  void cloneOfABdevReadsItAndNeverWritesIt() {
    DiskImage golden = new DiskImage(4 * CLUSTER);
    byte[] base = pattern(4 * CLUSTER_BLOCKS, 9);
    golden.write(0, base, 0, base.length);
    DiskBdev bdev = new DiskBdev("golden", UUID.randomUUID(), 512, golden);
    rig.add(bdev);
    assertThat(rig.cloneBdev("lvs0", "nope", "e1")).isEqualTo(BdevException.ENODEV);
    assertThat(rig.cloneBdev("lvs0", "golden", "v1")).isEqualTo(BdevException.EEXIST);
    assertThat(rig.cloneBdev("lvs0", "golden", "e1")).isZero();
    assertThat(bdev.claimedBy()).isEqualTo("lvol");
    assertThat(rig.content("lvs0/e1")).isEqualTo(base);
    assertThat(checkImage().lvol("e1").invalidFlags).isEqualTo(15);
    write("lvs0/e1", 1, 1);
    System.arraycopy(pattern(3, 1), 0, base, CLUSTER, 3 * BLOCK);
    assertThat(rig.content("lvs0/e1")).isEqualTo(base);
    assertThat(rig.snapshot("lvs0/e1", "es")).isZero();
    write("lvs0/e1", 2, 2);
    assertThat(rig.content("lvs0/es")).isEqualTo(base);
    assertThat(rig.lvol("lvs0/es").isExternalClone()).isTrue();
    assertThat(rig.lvol("lvs0/e1").isExternalClone()).isFalse();
    System.arraycopy(pattern(3, 2), 0, base, 2 * CLUSTER, 3 * BLOCK);
    assertThat(rig.content("lvs0/e1")).isEqualTo(base);
    assertThat(rig.deleteLvol("lvs0/es")).isZero();
    assertThat(rig.lvol("lvs0/e1").isExternalClone()).isTrue();
    assertThat(rig.content("lvs0/e1")).isEqualTo(base);
    checkImage();
    assertThat(rig.inflate("lvs0/e1")).isZero();
    rig.reactors.settle();
    assertThat(bdev.claimedBy()).isNull();
    assertThat(rig.content("lvs0/e1")).isEqualTo(base);
    checkImage();
    assertThat(rig.setParentBdev("lvs0/v1", "golden")).isZero();
    assertThat(rig.setParentBdev("lvs0/v1", "golden")).isEqualTo(BdevException.EEXIST);
    assertThat(rig.content("lvs0/v1")).startsWith(golden.read(0, 4 * CLUSTER)).hasSize(8 * CLUSTER);
    assertThat(rig.deleteLvol("lvs0/v1")).isZero();
    assertThat(bdev.claimedBy()).isNull();
    assertThat(golden.read(0, CLUSTER)).isEqualTo(pattern(4 * CLUSTER_BLOCKS, 9, CLUSTER));
    checkImage();
  }

  private static byte[] pattern(int blocks, int seed, int length) {
    return Arrays.copyOf(pattern(blocks, seed), length);
  }

  @Test
  void bdevThatIsNotOfWholeClustersOrTakenIsRefused() {
    rig.add(new DiskBdev("odd", BLOCK, new DiskImage(CLUSTER + BLOCK)));
    assertThat(rig.cloneBdev("lvs0", "odd", "e1")).isEqualTo(BdevException.EINVAL);
    assertThat(rig.cloneBdev("lvs0", "disk0", "e1")).isEqualTo(BdevException.EPERM);
    assertThat(rig.setParentBdev("lvs0/v1", "odd")).isEqualTo(BdevException.EINVAL);
    assertThat(rig.setParentBdev("lvs0/v1", "lvs0/v1")).isEqualTo(BdevException.EINVAL);
    assertThat(rig.createLvol("lvs0", "thick", CLUSTER, false)).isZero();
    rig.add(new DiskBdev("even", BLOCK, new DiskImage(CLUSTER)));
    assertThat(rig.setParentBdev("lvs0/thick", "even")).isEqualTo(BdevException.EINVAL);
    assertThat(rig.reactors.layer().find("even").claimedBy()).isNull();
  }

  @Test
  void shallowCopyWritesWhatTheSnapshotHasItself() throws Exception {
    write("lvs0/v1", 0, 1);
    assertThat(rig.snapshot("lvs0/v1", "s1")).isZero();
    write("lvs0/v1", 3, 2);
    assertThat(rig.snapshot("lvs0/v1", "s2")).isZero();
    DiskImage target = new DiskImage(CLUSTERS * CLUSTER);
    rig.add(new DiskBdev("target", BLOCK, target));
    ShallowCopy copy = shallowCopy("lvs0/s2", "target");
    rig.reactors.runUntil(copy::ended);
    assertThat(copy.errno()).isZero();
    assertThat(copy.copiedClusters()).isEqualTo(1).isEqualTo(copy.totalClusters());
    assertThat(target.read(3 * CLUSTER, 3 * BLOCK)).isEqualTo(pattern(3, 2));
    assertThat(target.read(0, CLUSTER)).containsOnly(0);
    copy = shallowCopy("lvs0/v1", "target");
    assertThat(copy.ended()).isTrue();
    assertThat(copy.errno()).as("not read-only").isEqualTo(BdevException.EPERM);
    rig.add(new DiskBdev("small", BLOCK, new DiskImage(CLUSTER)));
    assertThat(shallowCopy("lvs0/s2", "small").errno()).isEqualTo(BdevException.EINVAL);
    assertThat(rig.deleteLvol("lvs0/s1")).as("nothing is locked any more").isZero();
  }

  private ShallowCopy shallowCopy(String alias, String target) {
    ShallowCopy[] copy = new ShallowCopy[1];
    rig.reactors.home(
        () -> copy[0] = rig.store("lvs0").operations().shallowCopy(rig.lvol(alias), target));
    return copy[0];
  }

  @Test
  void operationsOnALockedLvolAreRefusedAsBusy() {
    write("lvs0/v1", 0, 1);
    disk.holding = IoType.FLUSH;
    int[] first = {StoreRig.PENDING};
    rig.reactors.home(() ->
        rig.store("lvs0")
            .operations()
            .snapshot(rig.lvol("lvs0/v1"), "s1", (e, lvol) -> first[0] = e));
    rig.reactors.settle();
    assertThat(first[0]).isEqualTo(StoreRig.PENDING);
    assertThat(rig.snapshot("lvs0/v1", "s1")).isEqualTo(BdevException.EEXIST);
    assertThat(rig.snapshot("lvs0/v1", "s2")).isEqualTo(BdevException.EBUSY);
    assertThat(rig.resize("lvs0/v1", CLUSTER)).isEqualTo(BdevException.EBUSY);
    assertThat(rig.inflate("lvs0/v1")).isEqualTo(BdevException.EBUSY);
    assertThat(rig.deleteLvol("lvs0/v1")).isEqualTo(BdevException.EBUSY);
    rig.reactors.on(0, disk::letGo);
    rig.reactors.runUntil(() -> first[0] != StoreRig.PENDING);
    assertThat(first[0]).isZero();
    assertThat(rig.snapshot("lvs0/v1", "s2")).isZero();
    checkImage();
  }

  /** Flags of a newer version: each says itself what an older one may still do. */
  @Test
  void lvolsWithUnknownFlagsAreNotOpenedOrReadOnly() {
    assertThat(rig.createLvol("lvs0", "data", CLUSTER, true)).isZero();
    assertThat(rig.createLvol("lvs0", "metadata", CLUSTER, true)).isZero();
    write("lvs0/data", 0, 1);
    long free = rig.store("lvs0").freeClusters();
    mark("lvs0/v1", blob -> blob.invalidFlags |= 0x10);
    mark("lvs0/data", blob -> blob.dataRoFlags |= 0x2);
    mark("lvs0/metadata", blob -> blob.mdRoFlags |= 0x8);
    reload();
    assertThat(rig.names()).containsExactly("lvs0/data", "lvs0/metadata");
    assertThat(rig.reactors.layer().find("lvs0/v1")).isNull();
    for (String alias : rig.names()) {
      assertThat(rig.lvol(alias).readOnly()).as(alias).isTrue();
      assertThat(rig.resize(alias, 2 * CLUSTER)).isEqualTo(BdevException.EPERM);
      TestIo io = new TestIo(rig.reactors, alias);
      assertThat(io.write(0, 0, pattern(1, 2))).as(alias).isNotZero();
      io.close();
    }
    assertThat(rig.store("lvs0").freeClusters()).as("nothing is lost").isEqualTo(free);
  }

  private void mark(String alias, Consumer<Blob> change) {
    Blob blob = rig.lvol(alias).blob();
    assertThat(
            rig.run(done ->
                rig.store("lvs0")
                    .blobs()
                    .commits()
                    .add(
                        new RootChange(blob, done) {
                          @Override
                          void apply() {
                            change.accept(blob);
                          }
                        })))
        .isZero();
  }
}

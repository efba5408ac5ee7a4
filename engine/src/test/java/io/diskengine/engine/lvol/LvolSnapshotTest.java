package io.diskengine.engine.lvol;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.TestIo;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.IoType;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Snapshots and clones; each test ends with a store that another parser accepts. */
class LvolSnapshotTest extends LvolScene {
  @Test
  void snapshotKeepsWhatTheLvolHadWhileTheLvolGoesOn() {
    write("lvs0/v1", 0, 1);
    write("lvs0/v1", 5, 2);
    byte[] then = rig.content("lvs0/v1");
    assertThat(rig.snapshot("lvs0/v1", "s1")).isZero();
    write("lvs0/v1", 0, 3);
    write("lvs0/v1", 6, 4);
    byte[] now = rig.content("lvs0/v1");
    for (int round = 0; round < 2; round++) {
      assertThat(rig.content("lvs0/s1")).isEqualTo(then);
      assertThat(rig.content("lvs0/v1")).isEqualTo(now);
      Lvol snapshot = rig.lvol("lvs0/s1");
      assertThat(snapshot.readOnly()).isTrue();
      assertThat(snapshot.isSnapshot()).isTrue();
      assertThat(snapshot.allocatedClusters()).isEqualTo(2);
      assertThat(rig.lvol("lvs0/v1").isClone()).isTrue();
      assertThat(rig.lvol("lvs0/v1").allocatedClusters()).isEqualTo(2);
      checkImage();
      reload();
    }
    StoreImage.BlobFound snapshot = checkImage().lvol("s1");
    assertThat(snapshot.internal).isEmpty();
    assertThat(snapshot.invalidFlags).isEqualTo(5);
    assertThat(snapshot.dataRo).isEqualTo(1);
    StoreImage.BlobFound clone = checkImage().lvol("v1");
    assertThat(clone.internal.keySet()).containsExactly("SNAP");
    assertThat(clone.invalidFlags).isEqualTo(7);
  }

  @Test
  void snapshotTakesNoClustersAndAThickLvolIsThinAfterwards() {
    assertThat(rig.createLvol("lvs0", "thick", 4 * CLUSTER, false)).isZero();
    long free = rig.store("lvs0").freeClusters();
    assertThat(rig.snapshot("lvs0/thick", "s1")).isZero();
    assertThat(rig.store("lvs0").freeClusters()).isEqualTo(free);
    assertThat(rig.lvol("lvs0/thick").thin()).isTrue();
    assertThat(rig.lvol("lvs0/s1").thin()).isFalse();
    assertThat(checkImage().lvol("s1").invalidFlags).isEqualTo(4);
    assertThat(rig.deleteLvol("lvs0/s1")).isZero();
    assertThat(rig.lvol("lvs0/thick").thin()).isTrue();
    assertThat(rig.lvol("lvs0/thick").allocatedClusters()).isEqualTo(4);
    assertThat(rig.store("lvs0").freeClusters()).isEqualTo(free);
    assertThat(checkImage().lvol("thick").invalidFlags).isEqualTo(5);
  }

  @Test
  void writesBeforeTheAnswerAreInTheSnapshotOrTheLvolAndNeverInBoth() {
    for (int cluster = 0; cluster < CLUSTERS; cluster += 2) {
      write("lvs0/v1", cluster, cluster);
    }
    TestIo io = new TestIo(rig.reactors, "lvs0/v1");
    disk.holding = IoType.WRITE;
    TestIo.Call held = io.startWrite(1, 0, pattern(1, 77));
    rig.reactors.settle();
    int[] errno = {StoreRig.PENDING};
    rig.reactors.home(() ->
        rig.store("lvs0")
            .operations()
            .snapshot(rig.lvol("lvs0/v1"), "s1", (e, lvol) -> errno[0] = e));
    rig.reactors.settle();
    assertThat(errno[0]).isEqualTo(StoreRig.PENDING);
    TestIo.Call later = io.startWrite(0, 1, pattern(1, 78));
    rig.reactors.settle();
    assertThat(later.done()).isFalse();
    rig.reactors.on(1, disk::letGo);
    assertThat(io.await(held).status()).isZero();
    assertThat(io.await(later).status()).isZero();
    rig.reactors.runUntil(() -> errno[0] != StoreRig.PENDING);
    io.close();
    byte[] snapshot = rig.content("lvs0/s1");
    assertThat(Arrays.copyOf(snapshot, BLOCK)).isEqualTo(pattern(1, 77));
    byte[] lvol = rig.content("lvs0/v1");
    assertThat(Arrays.copyOfRange(lvol, BLOCK, 2 * BLOCK)).isEqualTo(pattern(1, 78));
    assertThat(Arrays.copyOfRange(snapshot, BLOCK, 2 * BLOCK)).isNotEqualTo(pattern(1, 78));
    checkImage();
  }

  @Test
  void cloneOfASnapshotIsIndependentOfTheOthers() {
    write("lvs0/v1", 1, 1);
    assertThat(rig.clone("lvs0/v1", "c0")).as("writable").isEqualTo(BdevException.EINVAL);
    assertThat(rig.snapshot("lvs0/v1", "s1")).isZero();
    assertThat(rig.clone("lvs0/s1", "c1")).isZero();
    assertThat(rig.clone("lvs0/s1", "c1")).isEqualTo(BdevException.EEXIST);
    byte[] then = rig.content("lvs0/s1");
    assertThat(rig.content("lvs0/c1")).isEqualTo(then);
    write("lvs0/c1", 1, 2);
    assertThat(rig.content("lvs0/s1")).isEqualTo(then);
    assertThat(rig.content("lvs0/v1")).isEqualTo(then);
    assertThat(rig.content("lvs0/c1")).isNotEqualTo(then);
    assertThat(rig.lvol("lvs0/s1").describe().get("clones")).isEqualTo(List.of("v1", "c1"));
    assertThat(rig.deleteLvol("lvs0/s1")).isEqualTo(BdevException.EPERM);
    assertThat(checkImage().lvol("c1").invalidFlags).isEqualTo(7);
  }

  @Test
  void deletedSnapshotLeavesItsOnlyCloneAsItWas() {
    for (int cluster = 0; cluster < 4; cluster++) {
      write("lvs0/v1", cluster, 10 + cluster);
    }
    assertThat(rig.snapshot("lvs0/v1", "s1")).isZero();
    write("lvs0/v1", 0, 20);
    write("lvs0/v1", 6, 21);
    long free = rig.store("lvs0").freeClusters();
    unchanged(
        () -> {
          assertThat(rig.deleteLvol("lvs0/s1")).isZero();
          assertThat(rig.names()).containsExactly("lvs0/v1");
          assertThat(rig.store("lvs0").freeClusters())
              .as("the overwritten cluster is free")
              .isEqualTo(free + 1);
        },
        "lvs0/v1");
    assertThat(rig.lvol("lvs0/v1").isClone()).isFalse();
    assertThat(rig.lvol("lvs0/v1").allocatedClusters()).isEqualTo(5);
  }

  @Test
  void snapshotInTheMiddleOfAChainIsMergedIntoTheNext() {
    write("lvs0/v1", 0, 1);
    assertThat(rig.snapshot("lvs0/v1", "s1")).isZero();
    write("lvs0/v1", 1, 2);
    write("lvs0/v1", 0, 3);
    assertThat(rig.snapshot("lvs0/v1", "s2")).isZero();
    write("lvs0/v1", 1, 4);
    assertThat(rig.snapshot("lvs0/v1", "s3")).isZero();
    assertThat(rig.clone("lvs0/s3", "c3")).isZero();
    write("lvs0/v1", 2, 5);
    write("lvs0/c3", 3, 6);
    unchanged(
        () -> {
          assertThat(rig.deleteLvol("lvs0/s2")).isZero();
          assertThat(rig.lvol("lvs0/s3").describe().get("base_snapshot")).isEqualTo("s1");
        },
        "lvs0/v1",
        "lvs0/s1",
        "lvs0/s3",
        "lvs0/c3");
    unchanged(
        () -> assertThat(rig.deleteLvol("lvs0/s1")).isZero(), "lvs0/v1", "lvs0/s3", "lvs0/c3");
  }

  @Test
  void whatALvolCutOffDoesNotComeBack() {
    for (int cluster = 0; cluster < CLUSTERS; cluster++) {
      write("lvs0/v1", cluster, cluster);
    }
    assertThat(rig.snapshot("lvs0/v1", "s1")).isZero();
    assertThat(rig.resize("lvs0/v1", 3 * CLUSTER)).isZero();
    assertThat(rig.snapshot("lvs0/v1", "s2")).isZero();
    assertThat(rig.resize("lvs0/v1", CLUSTERS * CLUSTER)).isZero();
    byte[] content = rig.content("lvs0/v1");
    assertThat(Arrays.copyOfRange(content, 3 * CLUSTER, CLUSTERS * CLUSTER)).containsOnly(0);
    assertThat(rig.resize("lvs0/v1", 2 * CLUSTER)).isZero();
    assertThat(rig.resize("lvs0/v1", 5 * CLUSTER)).isZero();
    content = rig.content("lvs0/v1");
    assertThat(Arrays.copyOfRange(content, 2 * CLUSTER, 5 * CLUSTER)).containsOnly(0);
    unchanged(() -> assertThat(rig.deleteLvol("lvs0/s2")).isZero(), "lvs0/v1", "lvs0/s1");
  }

  @Test
  void snapshotWhoseRemovalFailsStaysUsable() {
    write("lvs0/v1", 0, 1);
    assertThat(rig.snapshot("lvs0/v1", "s1")).isZero();
    byte[] content = rig.content("lvs0/s1");
    disk.failing = IoType.FLUSH;
    assertThat(rig.deleteLvol("lvs0/s1")).isEqualTo(BdevException.EIO);
    disk.failing = null;
    assertThat(rig.content("lvs0/s1")).isEqualTo(content);
    assertThat(rig.content("lvs0/v1")).isEqualTo(content);
    assertThat(rig.deleteLvol("lvs0/s1")).isZero();
    assertThat(rig.content("lvs0/v1")).isEqualTo(content);
    checkImage();
  }

  @Test
  void failedSnapshotChangesNothing() {
    write("lvs0/v1", 0, 1);
    byte[] content = rig.content("lvs0/v1");
    disk.failing = IoType.FLUSH;
    assertThat(rig.snapshot("lvs0/v1", "s1")).isEqualTo(BdevException.EIO);
    disk.failing = null;
    assertThat(rig.names()).containsExactly("lvs0/v1");
    assertThat(rig.content("lvs0/v1")).isEqualTo(content);
    write("lvs0/v1", 1, 2);
    assertThat(rig.snapshot("lvs0/v1", "s1")).isZero();
    checkImage();
  }
}

package io.diskengine.testkit.sim;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Names;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.Sizes;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeState;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Volumes that grow while something else happens. */
class SimGrowthTest {
  private static SimWorld attached(SimWorld w, int replicas) {
    w.user.create("v1", replicas);
    w.user.attach("v1", "bm1");
    w.await("v1 to be attached", 60_000, () -> w.isAttached("v1"));
    return w;
  }

  private static String why(SimWorld w, Lvol lvol) {
    return w.controller.why(new ObjectRef(ObjectKind.LVOL, lvol.id())).stream()
        .map(r -> r.node() + ": " + r.reason().waitingFor())
        .collect(Collectors.joining("\n"));
  }

  private static void assertGuestSees(SimWorld w, String volume, int moreClusters) {
    Volume v = w.store.state().volumes.at(w.volume(volume).id);
    assertThat(v.state()).isEqualTo(VolumeState.AVAILABLE);
    assertThat(v.guestBytes())
        .isEqualTo(Sizes.guestBytes(v.sizeBytes()) + moreClusters * Sizes.UNIT_BYTES);
    assertThat(w.volume(volume).shownBytes).as("what its guest reads").isEqualTo(v.guestBytes());
  }

  /** With one storage node dead meanwhile. */
  @Test
  void aVolumeThatGrewWhileItWasDetachedHasItsBytesAndItsSizeWhenItIsAttached() {
    SimWorld w = attached(new SimWorld(22, 2, 1).startAll(), 2);
    w.run(5_000);
    w.user.detach("v1");
    w.await("v1 to be detached", 60_000, () -> w.laws.unsettled() == null);
    long before = w.volume("v1").shownBytes;
    Lvol here = w.store.state().lvolsOf(w.volume("v1").id).getFirst();
    Lvol away = w.store.state().lvolsOf(w.volume("v1").id).getLast();
    SimNode dead = w.node(w.store.state().nodes.at(away.nodeId()).name());
    dead.supervised = false;
    w.killPlane(dead);
    w.user.grow("v1");
    w.run(40_000);
    assertThat(why(w, here))
        .contains("its volume to be attached: the last 4MiB follow while its RAID is online");
    assertThat(w.store.state().lvols.at(away.id()).state()).isEqualTo(LvolState.RESIZING);
    assertThat(w.isWorking(w.store.state().nodes.at(away.nodeId()))).isFalse();
    w.user.attach("v1", "bm1");
    w.await("v1 to be attached", 90_000, () -> w.isAttached("v1"));
    w.await("the guest to see it", 30_000, () -> w.volume("v1").shownBytes > before);
    assertThat(w.volume("v1").shownBytes).isEqualTo(before + SimUser.GROWS_BY_BYTES);
    assertThat(w.store.state().volumes.at(w.volume("v1").id).state())
        .as("a replica has not grown yet")
        .isEqualTo(VolumeState.RESIZING);
    int reads = w.volume("v1").reads;
    w.run(10_000);
    assertThat(w.volume("v1").reads).as("reads that the laws checked").isGreaterThan(reads + 10);
    w.settle();
    assertThat(w.store.state().lvolsOf(w.volume("v1").id))
        .extracting(Lvol::sync)
        .containsOnly(LvolSync.IN_SYNC);
    assertGuestSees(w, "v1", 0);
  }

  /** Found by seed 187: who looks for hosts before the export is there never exports. */
  @Test
  void aReplicaThatGrowsIsExportedBeforeItsHostIsWaitedFor() {
    SimWorld w = attached(new SimWorld(25, 1, 1).startAll(), 1);
    w.setFaults(c -> {
      if (c.action().equals("bdev_lvol_resize") && c.line() == Crossing.Line.BEFORE_SEND) {
        w.setFaults(Crossing.Faults.NONE);
        w.killPlane(w.node("sn1"));
      }
      return Crossing.Fate.GOES_ON;
    });
    w.user.grow("v1");
    w.settle();
    assertGuestSees(w, "v1", 0);
  }

  /** Whatever it was that kept the RAID from hearing that its last leg had grown (0052). */
  @Test
  void aRaidThatDidNotHearOfItsGrowthIsGivenAnotherCluster() {
    for (int replicas : List.of(1, 2)) {
      for (boolean baremetal : List.of(true, false)) {
        SimWorld w = attached(new SimWorld(23, 2, 1).startAll(), replicas);
        w.setFaults(c -> {
          if (c.action().equals("bdev_lvol_resize") && c.line() == Crossing.Line.BEFORE_EXECUTE) {
            w.setFaults(Crossing.Faults.NONE);
            w.killPlane(w.node(baremetal ? "bm1" : c.node()));
          }
          return Crossing.Fate.GOES_ON;
        });
        w.user.grow("v1");
        w.await("the reason", 60_000, () -> w.reasons().contains("bytes that its legs hold"));
        w.settle();
        assertGuestSees(w, "v1", 1);
        w.user.grow("v1");
        w.settle();
        assertGuestSees(w, "v1", 0);
      }
    }
  }

  /** A thick replica whose disk is full with what no row names. */
  @Test
  void aReplicaThatFindsNoRoomToGrowIsServedMeanwhileAndSaysHowMuchIsMissing() {
    SimWorld w = new SimWorld(44, 1, 1).startAll();
    w.store.set("thin", false);
    SimWorld unused = attached(w, 1);
    Lvol lvol = w.store.state().lvolsOf(w.volume("v1").id).getFirst();
    SimNode storage = w.node("sn1");
    String lvstore = Names.lvstore(w.store.state().disks.at(lvol.diskId()).uuid());
    long clusters = SimWorld.DISK_BYTES / Sizes.UNIT_BYTES - 1;
    long mine = lvol.sizeBytes() / Sizes.UNIT_BYTES;
    w.call(
        storage,
        "bdev_lvol_create",
        "{\"lvs_name\":\"%s\",\"lvol_name\":\"filler\",\"size_in_mib\":%d}"
            .formatted(lvstore, (clusters - mine - 1) * Sizes.UNIT_BYTES / Sizes.MIB));
    w.run(5_000);
    w.user.grow("v1");
    w.run(10_000);
    assertThat(why(w, lvol)).contains("has 4 MiB free, 16 MiB are needed");
    w.user.detach("v1");
    w.await(
        "v1 to be detached",
        60_000,
        () -> w.store.state().liveMapping(w.volume("v1").id).isEmpty());
    w.user.attach("v1", "bm1");
    w.await("v1 to be attached again", 60_000, () -> w.isAttached("v1"));
    assertThat(why(w, lvol)).contains("room to grow: lvstore " + lvstore);
    w.call(storage, "bdev_lvol_delete", "{\"name\":\"%s/filler\"}".formatted(lvstore));
    w.settle();
    assertGuestSees(w, "v1", 0);
  }
}

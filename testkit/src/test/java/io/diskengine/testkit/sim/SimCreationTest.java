package io.diskengine.testkit.sim;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.model.Lvol;
import io.diskengine.testkit.spdk.FakeMedia;
import io.diskengine.testkit.spdk.Superblock;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Creations of RAIDs that did not end. */
class SimCreationTest {
  private static List<Boolean> superblocks(SimWorld w, List<Lvol> legs) {
    return legs.stream()
        .map(l -> w.laws.blob(l.name()))
        .map(b -> b instanceof FakeMedia.Blob blob && blob.data.get(0L) instanceof Superblock)
        .toList();
  }

  /**
   * Found by seed 323: one node is stopped while the legs' superblocks are looked for, the other
   * one dies before they are written.
   */
  @Test
  void aCreationThatLeftItsSuperblockOnOneLegOnlyIsEndedElsewhere() {
    SimWorld w = new SimWorld(26, 2, 2).startAll();
    w.user.create("v1", 2);
    w.awaitDesiredState(60_000);
    List<Lvol> legs = w.store.state().lvolsOf(w.volume("v1").id);
    SimNode dies = w.node(w.store.state().nodes.at(legs.getFirst().nodeId()).name());
    SimNode stops = w.node(w.store.state().nodes.at(legs.getLast().nodeId()).name());
    w.setFaults(c -> {
      if (c.action().equals("bdev_raid_create") && c.line() == Crossing.Line.BEFORE_EXECUTE) {
        w.setFaults(Crossing.Faults.NONE);
        stops.spdk.setStopped(true);
      }
      return Crossing.Fate.GOES_ON;
    });
    w.user.attach("v1", "bm1");
    w.await("the creation", 60_000, () -> !w.node("bm1").spdk.view().raids().isEmpty());
    w.run(1_000);
    dies.supervised = false;
    w.killPlane(dies);
    stops.spdk.setStopped(false);
    w.run(1_000);
    assertThat(superblocks(w, legs)).isEqualTo(List.of(false, true));
    w.user.moveByForce("v1", "bm2");
    w.killPlane(w.node("bm1"));
    w.settle();
    assertThat(w.isAttached("v1")).isTrue();
    assertThat(superblocks(w, legs)).containsOnly(true);
    assertThat(w.node("bm2").spdk.view().raids().getFirst().legs()).hasSize(2);
  }

  /**
   * Found by seed 50045: the leg was recorded OUT of a RAID that was not on record, so that the
   * volume waited for every replica of a new one for ever after.
   */
  @Test
  void aVolumeThatIsDetachedDuringItsCreationWithALegLostIsAttachedAgain() {
    SimWorld w = new SimWorld(27, 2, 1).startAll();
    w.user.create("v1", 2);
    w.awaitDesiredState(60_000);
    Lvol lvol = w.store.state().lvolsOf(w.volume("v1").id).getLast();
    SimNode cut = w.node(w.store.state().nodes.at(lvol.nodeId()).name());
    w.setFaults(c -> {
      if (c.action().equals("bdev_raid_create") && c.line() == Crossing.Line.BEFORE_EXECUTE) {
        w.setFaults(Crossing.Faults.NONE);
        w.fabric.setCut(cut.name, "bm1", true);
      }
      return Crossing.Fate.GOES_ON;
    });
    w.user.attach("v1", "bm1");
    w.await("the creation", 60_000, () -> !w.node("bm1").spdk.view().raids().isEmpty());
    w.user.detach("v1");
    w.run(LOST_MS);
    w.fabric.setCut(cut.name, "bm1", false);
    w.settle();
    w.user.attach("v1", "bm1");
    w.settle();
    assertThat(w.isAttached("v1")).isTrue();
  }

  /** A leg out of reach for so long is lost to its host. */
  private static final long LOST_MS = 20_000;
}

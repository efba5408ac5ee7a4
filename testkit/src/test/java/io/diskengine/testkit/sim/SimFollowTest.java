package io.diskengine.testkit.sim;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.model.Intent;
import io.diskengine.model.ObjectKind;
import io.diskengine.testkit.sim.Crossing.Fate;
import io.diskengine.testkit.sim.Crossing.Line;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Works that are journalled before those that they follow have ended (decision 0065). */
class SimFollowTest {
  private static List<Intent> intents(SimWorld w, ObjectKind kind, String action) {
    return w.store.state().intents.values().stream()
        .filter(i -> i.object().kind() == kind && i.action().startsWith(action))
        .toList();
  }

  private static List<Intent> creations(SimWorld w) {
    return intents(w, ObjectKind.VOLUME_MAPPING, "CreateNull[");
  }

  @Test
  void aHostThatIsGrantedDuringTheExportIsLetInWithoutAnotherRecordBetween() {
    SimWorld w = new SimWorld(51, 2, 1).startAll();
    boolean[] attached = {false};
    w.setFaults(c -> {
      boolean making = c.action().equals("bdev_lvol_create") && c.line() == Line.AFTER_EXECUTE;
      if (making && !attached[0]) {
        attached[0] = true;
        w.scheduler.after(1, () -> w.user.attach("v1", "bm1"));
      }
      return making ? Fate.DELAYED : Fate.GOES_ON;
    });
    w.user.create("v1", 2);
    w.run(60_000);
    w.settle();
    List<Intent> late = intents(w, ObjectKind.GRANT, "AddHost[");
    List<Intent> exports = intents(w, ObjectKind.LVOL, "CreateLvol[");
    assertThat(late).hasSize(2).allMatch(i -> "ok".equals(i.outcome()));
    for (Intent i : late) {
      assertThat(exports)
          .filteredOn(e -> e.nodeId() == i.nodeId())
          .singleElement()
          .satisfies(e -> {
            assertThat(i.startedAt()).isBefore(e.finishedAt());
            assertThat(i.finishedAt()).isEqualTo(e.finishedAt());
          });
    }
  }

  @Test
  void aRaidIsMadeRightAfterItsLegsAreAttached() {
    SimWorld w = new SimWorld(52, 2, 1).startAll();
    w.user.create("v1", 2);
    w.awaitDesiredState(60_000);
    w.user.attach("v1", "bm1");
    w.settle();
    Intent creation = creations(w).getFirst();
    assertThat(creations(w)).hasSize(1);
    assertThat(creation.outcome()).isEqualTo("ok");
    assertThat(intents(w, ObjectKind.LVOL, "AttachController["))
        .hasSize(2)
        .allMatch(i -> creation.startedAt().isBefore(i.finishedAt()));
  }

  @Test
  void whatFollowsSomethingThatFailedIsNotSent() {
    SimLawScenes.whatFollowsSomethingThatFailedIsNotSent();
  }

  @Test
  void whatFollowsIsNotSentWhenItsRowsHaveChanged() {
    SimLawScenes.whatFollowsIsNotSentWhenItsRowsHaveChanged();
  }

  @Test
  void anAttachThatMayComeSoonIsNotSentAgain() {
    SimLawScenes.anAttachThatMayComeSoonIsNotSentAgain();
  }
}

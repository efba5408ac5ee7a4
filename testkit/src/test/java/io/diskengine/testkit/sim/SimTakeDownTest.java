package io.diskengine.testkit.sim;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.model.Lvol;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.model.plan.Action;
import io.diskengine.testkit.sim.Crossing.Fate;
import io.diskengine.testkit.sim.Crossing.Line;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Volumes that are taken down beside requests that have no answer. */
class SimTakeDownTest {
  private static final String ATTACH = "bdev_nvme_attach_controller";

  private static String reasons(SimWorld w) {
    return w.controller.reasons().stream()
        .map(r -> r.objectName() + ": " + r.reason().waitingFor())
        .collect(Collectors.joining("\n"));
  }

  private static Lvol lvol(SimWorld w, String volume) {
    return w.store.state().lvolsOf(w.volume(volume).id).getFirst();
  }

  private static SimNode storage(SimWorld w, String volume) {
    return w.node(w.store.state().nodes.at(lvol(w, volume).nodeId()).name());
  }

  private static boolean isDetached(SimWorld w, String volume) {
    return w.store.state().liveMapping(w.volume(volume).id).isEmpty();
  }

  private static boolean isLeft(SimWorld w) {
    return w.store.state().mappings.values().stream().anyMatch(w.store.state()::isLeftAnywhere);
  }

  /** Found by seed 30060. */
  @Test
  void aControllerThatComesAfterItsConnectionEndedIsWaitedFor() {
    SimLawScenes.whatMayComeIsNotGone();
  }

  /** Found by seed 30234. */
  @Test
  void aControllerThatAnAgentBeforeThisOneAskedForIsWaitedFor() {
    SimLawScenes.whatAnAgentBeforeSentMayCome();
  }

  /** The storage node is not reached: the attach comes to nothing, and nobody is told. */
  @Test
  void aControllerThatDoesNotComeIsWaitedForUntilAConnectIsOverAndTheReasonSaysSo() {
    SimWorld w = new SimWorld(41, 2, 1).startAll();
    w.user.create("v1", 1);
    w.awaitDesiredState(60_000);
    SimNode bm1 = w.node("bm1");
    w.fabric.setCut(storage(w, "v1").name, "bm1", true);
    boolean[] sent = {false};
    w.setFaults(c -> {
      sent[0] |= c.action().equals(ATTACH) && c.line() == Line.BEFORE_EXECUTE;
      return Fate.GOES_ON;
    });
    w.user.attach("v1", "bm1");
    w.await("the attach", 60_000, () -> sent[0]);
    List.copyOf(bm1.links).forEach(SimLink::cut);
    w.setFaults(c -> c.action().equals(ATTACH) ? Fate.CUT_OFF : Fate.GOES_ON);
    w.user.detachByForce("v1");
    w.run(10_000);
    assertThat(reasons(w))
        .contains("controller " + lvol(w, "v1").name() + " to be seen, or the time of its connect");
    w.run(Action.AttachController.COMES_WITHIN_MS - 20_000);
    assertThat(isLeft(w)).as("not taken down yet").isTrue();
    w.run(20_000);
    assertThat(isLeft(w)).isFalse();
    w.settle();
  }

  /** Nothing of another process comes: a data plane that was restarted is not waited for. */
  @Test
  void whatWasSentToAProcessThatDiedIsNotWaitedFor() {
    SimWorld w = new SimWorld(42, 2, 1).startAll();
    w.user.create("v1", 1);
    w.awaitDesiredState(60_000);
    SimNode bm1 = w.node("bm1");
    w.setFaults(c -> {
      if (c.action().equals(ATTACH) && c.line() == Line.BEFORE_EXECUTE) {
        w.setFaults(Crossing.Faults.NONE);
        w.scheduler.after(
            1,
            () -> {
              w.killPlane(bm1);
              w.user.detachByForce("v1");
            });
      }
      return Fate.GOES_ON;
    });
    w.user.attach("v1", "bm1");
    w.run(10_000);
    assertThat(isDetached(w, "v1")).isTrue();
    assertThat(w.store.state().mappings.values()).noneMatch(m -> w.store.state().isLeftAnywhere(m));
    w.settle();
  }

  /**
   * Found by seed 30087: SPDK answers one wait for all examinations, so that a detachment waits for
   * the leg of another volume.
   */
  @Test
  void aDetachmentThatWaitsForTheAnswerToAnExaminationSaysSo() {
    SimWorld w = new SimWorld(43, 2, 1).startAll();
    for (String v : List.of("v1", "v2")) {
      w.user.create(v, 1);
      w.user.attach(v, "bm1");
      w.await(v + " to be attached", 60_000, () -> w.isAttached(v));
      w.run(2_000);
      w.user.detach(v);
      w.settle();
    }
    assertThat(storage(w, "v1")).isNotEqualTo(storage(w, "v2"));
    String v1 = storage(w, "v1").name;
    w.setFaults(c -> {
      if (c.action().equals("bdev_examine") && c.line() == Line.BEFORE_EXECUTE) {
        w.setFaults(Crossing.Faults.NONE);
        w.fabric.setCut(v1, "bm1", true);
      }
      return Fate.GOES_ON;
    });
    w.user.attach("v1", "bm1");
    w.run(2_000);
    w.user.attach("v2", "bm1");
    w.run(2_000);
    VolumeMapping m = w.store.state().liveMapping(w.volume("v2").id).orElseThrow();
    w.user.detach("v2");
    w.run(22_000); // a law: after 20 s everybody says why
    assertThat(w.store.state().mappings.at(m.id()).state()).isEqualTo(VolumeMappingState.DETACHING);
    assertThat(w.node("bm1").spdk.view().controllers()).doesNotContain(lvol(w, "v2").name());
    assertThat(w.controller.reasons())
        .filteredOn(
            r -> r.reason().object().equals(new ObjectRef(ObjectKind.VOLUME_MAPPING, m.id())))
        .extracting(r -> r.reason().waitingFor())
        .containsExactly("an answer of the data plane");
    w.settle();
    assertThat(isDetached(w, "v2")).isTrue();
    assertThat(w.isAttached("v1")).isTrue();
  }
}

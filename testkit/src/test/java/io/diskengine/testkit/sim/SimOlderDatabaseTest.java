package io.diskengine.testkit.sim;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.agent.AgentStatus;
import io.diskengine.model.DataPlaneState;
import io.diskengine.testkit.store.MemoryState;
import org.junit.jupiter.api.Test;

/** The database is an older one for a while (decision 0057). */
class SimOlderDatabaseTest {
  /** What is told in the very moment in which the database goes back. */
  @Test
  void whatWasToldToAnOlderDatabaseIsToldToTheRightOne() {
    SimWorld w = new SimWorld(28, 2, 1).startAll();
    w.user.create("v1", 2);
    w.user.attach("v1", "bm1");
    w.await("v1 to be attached", 60_000, () -> w.isAttached("v1"));
    MemoryState old = w.store.state();
    w.user.create("v2", 2);
    w.user.attach("v2", "bm1");
    w.await("v2 to be attached", 60_000, () -> w.isAttached("v2"));
    w.run(3_000);
    SimNode sn1 = w.node("sn1");
    w.setFaults(c -> {
      boolean tells = c.node().equals("sn1") && c.action().contains("NodeSeen");
      if (tells && c.line() == Crossing.Line.BEFORE_COMMIT) {
        w.setFaults(Crossing.Faults.NONE);
        w.backup.show(old);
      }
      return Crossing.Fate.GOES_ON;
    });
    sn1.supervised = false;
    w.killPlane(sn1);
    w.await("the older database", 10_000, w.backup::isShown);
    w.run(3_000);
    assertThat(w.store.state().node("sn1").orElseThrow().dataPlane())
        .as("what the older database was told")
        .isEqualTo(DataPlaneState.DOWN);
    assertThat(sn1.status().state()).isEqualTo(AgentStatus.State.STOPPED);
    w.backup.end();
    assertThat(w.store.state().node("sn1").orElseThrow().dataPlane())
        .as("what the right one was told before")
        .isEqualTo(DataPlaneState.READY);
    w.run(5_000);
    assertThat(w.store.state().node("sn1").orElseThrow().dataPlane())
        .isEqualTo(DataPlaneState.DOWN);
    w.settle();
    assertThat(w.isAttached("v1") && w.isAttached("v2")).isTrue();
  }
}

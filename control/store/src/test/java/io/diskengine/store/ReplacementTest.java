package io.diskengine.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Schedulability;
import io.diskengine.model.Volume;
import io.diskengine.store.AgentWrite.CommitOut;
import io.diskengine.store.AgentWrite.InSync;
import io.diskengine.store.AgentWrite.LvolUp;
import io.diskengine.store.AgentWrite.RaidCreated;
import io.diskengine.store.AgentWrite.Readmit;
import io.diskengine.store.AgentWrite.RebuildStarted;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** New replicas for old ones. */
@ParameterizedClass
@EnumSource(Server.class)
final class ReplacementTest {
  private final Fixture fixture;
  private final PostgresControllerStore controller;
  private final AgentSession sn1;
  private final AgentSession sn2;
  private final AgentSession bm1;

  ReplacementTest(Server server) {
    fixture = new Fixture(server);
    controller = fixture.controller;
    sn1 = fixture.storageNode("sn1");
    sn2 = fixture.storageNode("sn2");
    bm1 = fixture.agent("bm1");
  }

  @BeforeEach
  void attachVolume() {
    controller.createVolume(Fixture.volume("db", 2));
    controller.attach("db", "bm1");
    Fixture.confirmAll(sn1);
    Fixture.confirmAll(sn2);
    Fixture.attachAll(bm1);
    Volume v = bm1.view().volumes().getFirst();
    Fixture.applied(bm1, new RaidCreated(v.id(), v.version()));
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  private List<Lvol> lvols() {
    return controller.volume("db").orElseThrow().lvols();
  }

  private Lvol on(AgentSession node) {
    return lvols().stream().filter(l -> l.nodeId() == node.nodeId()).findFirst().orElseThrow();
  }

  private List<String> events() {
    return controller.events(0, 100).stream().map(e -> e.message()).toList();
  }

  private void waitNoLongerThan(int seconds) {
    Server.execute(fixture.url, "UPDATE diskengine.cluster SET replace_after_sec = " + seconds);
  }

  private void loseSn2() {
    Volume v = bm1.view().volumes().getFirst();
    Fixture.applied(bm1, new CommitOut(v.id(), v.epoch(), List.of(on(sn2).id()), "lost"));
    sn2.release();
  }

  /** As agents do it: made, let in, rebuilt. */
  private void rebuild(AgentSession node) {
    Lvol made = on(node);
    Fixture.applied(node, new LvolUp(made.id(), made.version(), UUID.randomUUID()));
    Fixture.applied(bm1, new Readmit(made.id(), on(node).version()));
    Fixture.confirmAll(node);
    Fixture.applied(bm1, new RebuildStarted(made.id(), on(node).version()));
    Fixture.applied(bm1, new InSync(made.id(), on(node).version()));
  }

  @Test
  void aLostReplicaIsReplacedAfterTheWaitAndRemovedWhenTheNewOneIsInSync() {
    AgentSession sn3 = fixture.storageNode("sn3");
    loseSn2();
    controller.replaceLost();
    assertThat(lvols()).as("600 s are not over").hasSize(2);
    waitNoLongerThan(0);
    controller.replaceLost();
    controller.replaceLost();
    assertThat(lvols()).hasSize(3);
    Lvol made = on(sn3);
    assertThat(made.slot()).isEqualTo(on(sn2).slot());
    assertThat(made.generation()).isEqualTo(2);
    assertThat(made.sync()).isEqualTo(LvolSync.OUT);
    rebuild(sn3);
    assertThat(on(sn2).state()).isEqualTo(LvolState.DELETING);
    assertThat(on(sn1).sync()).isEqualTo(LvolSync.IN_SYNC);
    assertThat(on(sn3).sync()).isEqualTo(LvolSync.IN_SYNC);
    assertThat(events())
        .anyMatch(e -> e.contains("is out of reach") && e.contains("sn3 takes its place"))
        .anyMatch(e -> e.startsWith("rebuild of " + made.name()))
        .anyMatch(e -> e.startsWith(made.name() + " on sn3 is in sync after "))
        .anyMatch(e -> e.contains("is not needed any more"));
  }

  @Test
  void aDrainedNodeLosesItsReplicasOneByOneAndSaysWhatStays() {
    AgentSession sn3 = fixture.storageNode("sn3");
    NodeUse use = controller.setSchedulability("sn2", Schedulability.DRAINING);
    assertThat(use.replicas()).isPositive();
    assertThat(events()).contains("gets no new work and is emptied");
    controller.drain();
    controller.drain();
    assertThat(lvols()).hasSize(3);
    assertThat(events()).anyMatch(e -> e.contains("moves from sn2 to sn3, which is drained"));
    rebuild(sn3);
    assertThat(on(sn2).state()).isEqualTo(LvolState.DELETING);
    controller.drain();
    assertThat(lvols()).hasSize(3);
    assertThat(controller.setSchedulability("sn2", Schedulability.ACTIVE).staying()).isEmpty();
  }

  @Test
  void whatCannotLeaveADrainedNodeIsNamed() {
    controller.setSchedulability("sn2", Schedulability.DRAINING);
    controller.drain();
    controller.drain();
    assertThat(lvols()).hasSize(2);
    assertThat(controller.nodeUse("sn2").staying())
        .singleElement()
        .asString()
        .startsWith("volume db: 1 replica(s) of ");
    assertThat(events().stream().filter(e -> e.startsWith("no place for a replacement")))
        .hasSize(1);
    controller.setSchedulability("sn2", Schedulability.ACTIVE);
    assertThat(on(sn2).noReplacement()).isNull();
    NodeUse bm = controller.setSchedulability("bm1", Schedulability.DRAINING);
    assertThat(bm.attachments()).isOne();
    assertThat(bm.staying()).containsExactly("volume db: move it with `volume move`, or detach it");
    assertThatThrownBy(() -> controller.nodeUse("nope")).hasMessage("there is no node nope");
  }

  @Test
  void theOldReplicaThatReturnsFirstWinsAndTheReplacementGoes() {
    AgentSession sn3 = fixture.storageNode("sn3");
    loseSn2();
    waitNoLongerThan(0);
    controller.replaceLost();
    AgentSession back = fixture.agent("sn2");
    Fixture.confirmAll(back);
    Fixture.applied(bm1, new Readmit(on(back).id(), on(back).version()));
    Fixture.confirmAll(back);
    Fixture.applied(bm1, new RebuildStarted(on(back).id(), on(back).version()));
    Fixture.applied(bm1, new InSync(on(back).id(), on(back).version()));
    assertThat(on(sn3).state()).isEqualTo(LvolState.DELETING);
    assertThat(on(back).state()).isEqualTo(LvolState.UP);
  }

  /** Both were rebuilt before the first one was on record. */
  @Test
  void ofTwoReplicasOfASlotThatAreInSyncTheOlderOneGoes() {
    AgentSession sn3 = fixture.storageNode("sn3");
    loseSn2();
    waitNoLongerThan(0);
    controller.replaceLost();
    AgentSession back = fixture.agent("sn2");
    for (AgentSession node : List.of(back, sn3)) {
      Fixture.confirmAll(node);
      Fixture.applied(bm1, new Readmit(on(node).id(), on(node).version()));
      Fixture.confirmAll(node);
      Fixture.applied(bm1, new RebuildStarted(on(node).id(), on(node).version()));
    }
    for (AgentSession node : List.of(sn3, back)) {
      Fixture.applied(bm1, new InSync(on(node).id(), on(node).version()));
    }
    assertThat(on(back).state()).isEqualTo(LvolState.DELETING);
    assertThat(on(sn3).state()).isEqualTo(LvolState.UP);
    assertThat(on(sn3).sync()).isEqualTo(LvolSync.IN_SYNC);
  }

  @Test
  void withoutRoomElsewhereTheReasonIsToldOnce() {
    loseSn2();
    waitNoLongerThan(0);
    controller.replaceLost();
    controller.replaceLost();
    assertThat(lvols()).hasSize(2);
    assertThat(events()).filteredOn(e -> e.startsWith("no place for a replacement")).hasSize(1);
  }

  @Test
  void aReplicaThatCanBeReachedIsNotReplaced() {
    fixture.storageNode("sn3");
    Volume v = bm1.view().volumes().getFirst();
    Fixture.applied(bm1, new CommitOut(v.id(), v.epoch(), List.of(on(sn2).id()), "slow"));
    waitNoLongerThan(0);
    controller.replaceLost();
    assertThat(lvols()).hasSize(2);
  }

  @Test
  void aReplicaMovesWithoutEverBeingMissed() {
    AgentSession sn3 = fixture.storageNode("sn3");
    int slot = on(sn2).slot();
    controller.moveReplica("db", slot, "sn3");
    controller.moveReplica("db", slot, "sn3");
    assertThat(lvols()).hasSize(3);
    assertThat(on(sn2).sync()).isEqualTo(LvolSync.IN_SYNC);
    rebuild(sn3);
    assertThat(on(sn2).state()).isEqualTo(LvolState.DELETING);
    assertThat(on(sn2).sync()).isEqualTo(LvolSync.OUT);
    Fixture.confirmAll(sn2);
    controller.moveReplica("db", slot, "sn3"); // it is there
    assertThat(lvols()).hasSize(2).allMatch(l -> l.sync() == LvolSync.IN_SYNC);
    assertThatThrownBy(() -> controller.moveReplica("db", slot, "sn1"))
        .as("the other replica's failure domain")
        .hasMessageContaining("need 1 failure domain(s) with room, there are 0");
  }

  @Test
  void noMoreThanTheDisksShareOfRebuildsRunsAtOnce() {
    Server.execute(fixture.url, "UPDATE diskengine.cluster SET max_rebuilds_per_disk = 1");
    controller.createVolume(Fixture.volume("db2", 2));
    controller.attach("db2", "bm1");
    Fixture.confirmAll(sn1);
    Fixture.confirmAll(sn2);
    for (var m : bm1.view().mappings()) {
      if (m.state() != io.diskengine.model.VolumeMappingState.ASSIGNED) {
        continue;
      }
      Fixture.applied(
          bm1,
          new AgentWrite.MappingChanged(
              m.id(), m.version(), io.diskengine.model.VolumeMappingState.INITIALISED));
    }
    for (Volume v : bm1.view().volumes()) {
      Lvol leg =
          bm1.view().lvols().stream()
              .filter(l -> l.volumeId() == v.id() && l.nodeId() == sn2.nodeId())
              .findFirst()
              .orElseThrow();
      Fixture.applied(bm1, new CommitOut(v.id(), v.epoch(), List.of(leg.id()), "lost"));
    }
    Fixture.confirmAll(sn2);
    List<Lvol> out = bm1.view().lvols().stream().filter(l -> l.sync() == LvolSync.OUT).toList();
    assertThat(out).hasSize(2);
    Fixture.applied(bm1, new Readmit(out.get(0).id(), out.get(0).version()));
    assertThat(Fixture.refused(bm1, new Readmit(out.get(1).id(), out.get(1).version())))
        .contains("its node or disk rebuilds as many replicas as it may");
  }
}

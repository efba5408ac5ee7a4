package io.diskengine.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diskengine.model.Event;
import io.diskengine.model.Grant;
import io.diskengine.model.GrantState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.VmMapping;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.store.AgentWrite.GuestSeen;
import io.diskengine.store.AgentWrite.MappingClean;
import io.diskengine.store.AgentWrite.MappingGone;
import io.diskengine.store.AgentWrite.NodeSeen;
import io.diskengine.store.AgentWrite.RaidCreated;
import io.diskengine.store.AgentWrite.VmMappingChanged;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** A volume leaves one baremetal node for another, in order or because it is taken away. */
@ParameterizedClass
@EnumSource(Server.class)
final class MoveTest {
  private static final NodeSeen READY =
      new NodeSeen(io.diskengine.model.DataPlaneState.READY, "pid-1", "SPDK v26.09");

  private final Fixture fixture;
  private final PostgresControllerStore controller;
  private final AgentSession sn1;
  private final AgentSession sn2;
  private final AgentSession bm1;
  private final AgentSession bm2;

  MoveTest(Server server) {
    fixture = new Fixture(server);
    controller = fixture.controller;
    sn1 = fixture.storageNode("sn1");
    sn2 = fixture.storageNode("sn2");
    bm1 = fixture.agent("bm1");
    bm2 = fixture.agent("bm2");
    Fixture.applied(bm1, READY);
    Fixture.applied(bm2, READY);
  }

  @BeforeEach
  void attachVolume() {
    controller.createVolume(Fixture.volume("db", 2));
    controller.attach("db", "bm1");
    Fixture.confirmAll(sn1);
    Fixture.confirmAll(sn2);
    Fixture.attachAll(bm1);
    var v = bm1.view().volumes().getFirst();
    Fixture.applied(bm1, new RaidCreated(v.id(), v.version()));
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  private VolumeDetails db() {
    return controller.volume("db").orElseThrow();
  }

  private VolumeMapping mapping() {
    return Objects.requireNonNull(db().mapping());
  }

  private List<String> events() {
    return controller.events(0, 100).stream().map(Event::message).toList();
  }

  private void guest(boolean connected) {
    Fixture.applied(bm1, new GuestSeen(bm1.view().vmMappings().getFirst().id(), connected));
  }

  @Test
  void fromANodeThatWorksAVolumeIsDetachedInOrderFirst() {
    controller.move("db", "bm2", false);
    assertThat(mapping().nodeId()).isEqualTo(bm1.nodeId());
    assertThat(mapping().state()).isEqualTo(VolumeMappingState.DETACHING);
    controller.attachSuccessors();
    assertThat(mapping().nodeId()).isEqualTo(bm1.nodeId());
    Fixture.detachAll(bm1);
    controller.attachSuccessors();
    controller.attachSuccessors();
    assertThat(mapping().nodeId()).isEqualTo(bm2.nodeId());
    assertThat(mapping().clean()).as("nothing is to be rebuilt").isTrue();
    Fixture.confirmAll(sn1);
    Fixture.confirmAll(sn2);
    assertThat(bm2.view().grants())
        .allMatch(g -> g.state() == GrantState.GRANTED)
        .allMatch(g -> g.hostNqn().endsWith(":bm2"));
    controller.move("db", "bm2", false); // again: it is there
    assertThat(mapping().state()).isEqualTo(VolumeMappingState.ASSIGNED);
  }

  @Test
  void aGuestThatIsConnectedIsNotMovedNorDetachedWithoutForce() {
    guest(true);
    assertThatThrownBy(() -> controller.move("db", "bm2", false))
        .hasMessageContaining("a guest on bm1 is connected to volume db");
    assertThatThrownBy(() -> controller.detach("db"))
        .hasMessageContaining("a guest on bm1 is connected to volume db")
        .hasMessageContaining("--force");
    assertThat(mapping().state()).isEqualTo(VolumeMappingState.ATTACHED);
    guest(false);
    controller.detach("db");
    assertThat(mapping().state()).isEqualTo(VolumeMappingState.DETACHING);
  }

  @Test
  void fromADeadNodeAVolumeIsTakenAwayAndTheNodeTakesItDownWhenItReturns() {
    long epoch = db().volume().epoch();
    VolumeMapping old = mapping();
    bm1.release();
    controller.move("db", "bm2", false);
    assertThat(mapping().nodeId()).isEqualTo(bm2.nodeId());
    assertThat(mapping().clean()).isFalse();
    assertThat(db().volume().epoch()).isGreaterThan(epoch);
    List<Grant> grants = sn1.view().grants();
    assertThat(grants)
        .extracting(Grant::state)
        .containsExactlyInAnyOrder(GrantState.REVOKING, GrantState.GRANTING);
    assertThat(events()).anyMatch(e -> e.startsWith("taken away from bm1 (its agent is gone)"));

    AgentSession back = fixture.agent("bm1");
    VolumeMapping fenced = back.view().mappings().getFirst();
    assertThat(fenced.id()).isEqualTo(old.id());
    assertThat(fenced.state()).isEqualTo(VolumeMappingState.FENCED);
    assertThat(back.view().lvols()).hasSize(2);
    assertThat(bm2.view().mappings()).extracting(VolumeMapping::id).doesNotContain(old.id());
    Fixture.refused(back, new MappingClean(fenced.id(), fenced.version(), true));
    Fixture.refused(back, new MappingGone(fenced.id(), fenced.version()));
    assertThatThrownBy(() -> controller.move("db", "bm1", true))
        .hasMessageContaining("has not taken down yet");
    VmMapping vm = back.view().vmMappings().getFirst();
    Fixture.applied(
        back, new VmMappingChanged(vm.id(), vm.version(), VmMappingState.DETACHED, null));
    Fixture.applied(back, new MappingGone(fenced.id(), fenced.version()));
    assertThat(back.view().mappings()).isEmpty();
    assertThat(events()).anyMatch(e -> e.contains("nothing is left of it on bm1"));
  }

  @Test
  void whatCannotBeReachedIsLeftOutOnlyAfterACleanStopOrByForce() {
    bm1.release();
    sn2.release();
    controller.move("db", "bm2", false);
    assertThat(db().lvols()).allMatch(l -> l.sync() == LvolSync.IN_SYNC);
    controller.move("db", "bm2", true);
    assertThat(db().lvols())
        .extracting(l -> db().nodeNames().get(l.nodeId()) + " " + l.sync())
        .containsExactlyInAnyOrder("sn1 IN_SYNC", "sn2 OUT");
    assertThat(events()).anyMatch(e -> e.contains("by force: what only they have is lost"));
    var epoch = db().volume().epoch();
    assertThat(bm2.view().grants())
        .filteredOn(g -> g.state() == GrantState.GRANTING)
        .hasSize(1)
        .allMatch(g -> g.volumeEpoch() == epoch);
    sn1.release();
    assertThatThrownBy(() -> controller.move("db", "bm2", true))
        .hasMessageContaining("no in-sync replica of volume db can be reached");
  }

  @Test
  void aVolumeThatWasStoppedCleanGoesOnWithoutAReplicaThatCannotBeReached() {
    VolumeMapping m = bm1.view().mappings().getFirst();
    Fixture.applied(bm1, new MappingClean(m.id(), m.version(), true));
    bm1.release();
    sn2.release();
    controller.move("db", "bm2", false);
    assertThat(db().lvols())
        .extracting(l -> db().nodeNames().get(l.nodeId()) + " " + l.sync())
        .containsExactlyInAnyOrder("sn1 IN_SYNC", "sn2 OUT");
  }

  @Test
  void detachByForceTakesItAwayAtOnce() {
    guest(true);
    controller.detach("db", true);
    assertThat(db().mapping()).isNull();
    assertThat(bm1.view().mappings())
        .extracting(VolumeMapping::state)
        .containsExactly(VolumeMappingState.FENCED);
    controller.attach("db", "bm2");
    assertThat(mapping().clean()).isFalse();
    controller.detach("db", true);
    controller.delete("db");
    assertThat(bm1.view().lvols()).as("it has still to take them down").hasSize(2);
  }
}

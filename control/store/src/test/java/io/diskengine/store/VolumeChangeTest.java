package io.diskengine.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diskengine.model.Limits;
import io.diskengine.model.LvolState;
import io.diskengine.model.Sizes;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeState;
import io.diskengine.store.AgentWrite.CommitOut;
import io.diskengine.store.AgentWrite.LvolUp;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Size and limits of a volume change. */
@ParameterizedClass
@EnumSource(Server.class)
final class VolumeChangeTest {
  private final Fixture fixture;
  private final PostgresControllerStore controller;
  private final AgentSession sn1;
  private final AgentSession sn2;

  VolumeChangeTest(Server server) {
    fixture = new Fixture(server);
    controller = fixture.controller;
    sn1 = fixture.storageNode("sn1");
    sn2 = fixture.storageNode("sn2");
  }

  @BeforeEach
  void create() {
    controller.createVolume(Fixture.volume("db", 2));
    Fixture.confirmAll(sn1);
    Fixture.confirmAll(sn2);
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  private Volume db() {
    return controller.volume("db").orElseThrow().volume();
  }

  private void grown(AgentSession node) {
    var l = node.view().lvols().getFirst();
    Fixture.applied(node, new LvolUp(l.id(), l.version(), Objects.requireNonNull(l.uuid())));
  }

  @Test
  void aVolumeHasItsNewSizeWhenEveryReplicaHas() {
    controller.resize("db", 2 * Sizes.GIB);
    controller.resize("db", 2 * Sizes.GIB);
    assertThat(db().state()).isEqualTo(VolumeState.RESIZING);
    assertThat(sn1.view().lvols())
        .allMatch(l -> l.state() == LvolState.RESIZING)
        .allMatch(l -> l.sizeBytes() == Sizes.legBytes(2 * Sizes.GIB));
    grown(sn1);
    assertThat(db().state()).isEqualTo(VolumeState.RESIZING);
    grown(sn2);
    assertThat(db().state()).isEqualTo(VolumeState.AVAILABLE);
    assertThat(db().confirmedSizeBytes()).isEqualTo(2 * Sizes.GIB);
    assertThat(db().guestBytes()).isEqualTo(Sizes.guestBytes(2 * Sizes.GIB));
  }

  @Test
  void whatCannotGrowIsRefusedWithTheReason() {
    assertThatThrownBy(() -> controller.resize("db", Sizes.GIB / 2))
        .hasMessage("volume db has 1GiB: it cannot be made smaller");
    assertThatThrownBy(() -> controller.resize("db", 64 * Sizes.GIB))
        .hasMessageContaining("MiB are needed");
    AgentSession bm1 = fixture.agent("bm1");
    controller.attach("db", "bm1");
    long leg = sn2.view().lvols().getFirst().id();
    Fixture.applied(bm1, new CommitOut(db().id(), db().epoch(), List.of(leg), "lost"));
    assertThatThrownBy(() -> controller.resize("db", 2 * Sizes.GIB))
        .hasMessageContaining("every replica must be in sync to grow");
    assertThat(db().state()).isEqualTo(VolumeState.AVAILABLE);
  }

  @Test
  void limitsAreOnRecordAndHistory() {
    controller.limit("db", Limits.of(5_000, 20));
    controller.limit("db", Limits.of(5_000, 20));
    assertThat(db().limits()).isEqualTo(new Limits(5_000, 20));
    assertThat(controller.events(0, 100))
        .filteredOn(e -> e.message().startsWith("limits requested"))
        .singleElement()
        .satisfies(e -> assertThat(e.message()).endsWith("IOPS 5000, MiB/s 20"));
    assertThatThrownBy(() -> Limits.of(1_500, 0)).hasMessageContaining("iops \"1500\"");
  }
}

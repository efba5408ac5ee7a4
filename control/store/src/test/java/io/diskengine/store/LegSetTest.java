package io.diskengine.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.model.Event;
import io.diskengine.model.Grant;
import io.diskengine.model.GrantState;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolSync;
import io.diskengine.model.NodeView;
import io.diskengine.model.Volume;
import io.diskengine.store.AgentWrite.CommitOut;
import io.diskengine.store.AgentWrite.InSync;
import io.diskengine.store.AgentWrite.Readmit;
import io.diskengine.store.AgentWrite.RebuildProgress;
import io.diskengine.store.AgentWrite.RebuildStarted;
import io.diskengine.store.AgentWrite.SourceLost;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource(Server.class)
final class LegSetTest {
  private final Fixture fixture;
  private AgentSession sn1;
  private AgentSession sn2;
  private AgentSession bm1;

  LegSetTest(Server server) {
    fixture = new Fixture(server);
    sn1 = fixture.storageNode("sn1");
    sn2 = fixture.storageNode("sn2");
    bm1 = fixture.agent("bm1");
  }

  @BeforeEach
  void attachVolume() {
    attach("db");
  }

  private void attach(String name) {
    fixture.controller.createVolume(Fixture.volume(name, 2));
    fixture.controller.attach(name, "bm1");
    Fixture.confirmAll(sn1);
    Fixture.confirmAll(sn2);
    NodeView view = bm1.view();
    if (view.mappings().size() == 1) {
      Fixture.attachAll(bm1);
    }
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  private Volume volume() {
    return bm1.view().volumes().getFirst();
  }

  private Lvol lvol(int index) {
    return bm1.view().lvols().get(index);
  }

  private Grant grant(Lvol lvol) {
    return bm1.view().grants().stream()
        .filter(g -> g.lvolId() == lvol.id())
        .findFirst()
        .orElseThrow();
  }

  private void commitOut(Lvol lvol) {
    Volume v = volume();
    Fixture.applied(bm1, new CommitOut(v.id(), v.epoch(), List.of(lvol.id()), "probe failed"));
  }

  @Test
  void outRaisesTheEpochRevokesTheLegAndCarriesTheSurvivorsGrant() {
    long epoch = volume().epoch();
    long sequence = bm1.view().cluster().sequence();
    commitOut(lvol(0));
    assertThat(lvol(0).sync()).isEqualTo(LvolSync.OUT);
    assertThat(lvol(1).sync()).isEqualTo(LvolSync.IN_SYNC);
    assertThat(volume().epoch()).isEqualTo(epoch + 1);
    assertThat(grant(lvol(0)).state()).isEqualTo(GrantState.REVOKING);
    assertThat(grant(lvol(0)).volumeEpoch()).isEqualTo(epoch);
    assertThat(grant(lvol(1)).state()).isEqualTo(GrantState.GRANTED);
    assertThat(grant(lvol(1)).volumeEpoch()).isEqualTo(epoch + 1);
    assertThat(bm1.view().cluster().sequence()).isEqualTo(sequence + 1);
    Event event = fixture.controller.events(0, 10).getFirst();
    assertThat(event.message()).isEqualTo(lvol(0).name() + " is OUT: probe failed");
    assertThat(event.objectName()).isEqualTo("db");
  }

  @Test
  void outIsOneCommitAndIsDurable() {
    long before = commits();
    commitOut(lvol(0));
    assertThat(commits()).isEqualTo(before + 1);
  }

  private long commits() {
    return fixture.counters("bm1").commits();
  }

  @Test
  void lastInSyncLegIsNeverCommittedOut() {
    commitOut(lvol(0));
    Volume v = volume();
    long last = lvol(1).id();
    assertThat(
            Fixture.refused(bm1, new CommitOut(v.id(), v.epoch(), List.of(last), "probe failed")))
        .isEqualTo("no in-sync leg would be left of volume " + v.id());
    assertThat(lvol(1).sync()).isEqualTo(LvolSync.IN_SYNC);
  }

  @Test
  void bothLegsAtOnceAreRefused() {
    Volume v = volume();
    List<Long> both = List.of(lvol(0).id(), lvol(1).id());
    Fixture.refused(bm1, new CommitOut(v.id(), v.epoch(), both, "x"));
    assertThat(bm1.view().lvols()).allMatch(l -> l.sync() == LvolSync.IN_SYNC);
    assertThat(volume().epoch()).isEqualTo(v.epoch());
  }

  @Test
  void legsOfManyVolumesGoOutWithOneStatementAndEachVolumeThatMayNotSaysWhy() {
    attach("logs");
    attach("web");
    List<Volume> volumes = bm1.view().volumes();
    List<List<Long>> legs =
        volumes.stream()
            .map(v ->
                bm1.view().lvols().stream()
                    .filter(l -> l.volumeId() == v.id())
                    .map(Lvol::id)
                    .toList())
            .toList();
    Volume logs = volumes.get(1);
    Volume web = volumes.get(2);
    long before = fixture.counters("bm1").statements();
    List<WriteResult> results =
        bm1.write(
            List.of(
                new CommitOut(
                    volumes.getFirst().id(),
                    volumes.getFirst().epoch(),
                    legs.getFirst().subList(0, 1),
                    "killed"),
                new CommitOut(
                    logs.id(), logs.epoch() + 5, legs.get(1).subList(0, 1), "of another epoch"),
                new CommitOut(web.id(), web.epoch(), legs.get(2), "both")));
    assertThat(results)
        .containsExactly(
            new WriteResult.Applied(volumes.getFirst().id()),
            new WriteResult.Refused("volume " + logs.id() + " is at epoch " + logs.epoch()),
            new WriteResult.Refused("no in-sync leg would be left of volume " + web.id()));
    // BEGIN, lease, locks, the legs, why not (one and two), COMMIT.
    assertThat(fixture.counters("bm1").statements() - before).isEqualTo(8);
    assertThat(bm1.view().lvols())
        .filteredOn(l -> l.sync() == LvolSync.OUT)
        .extracting(Lvol::id)
        .containsExactlyElementsOf(legs.getFirst().subList(0, 1));
    assertThat(bm1.view().volumes().subList(1, 3)).isEqualTo(volumes.subList(1, 3));
    Event event = fixture.controller.events(0, 10).getFirst();
    assertThat(event.message()).isEqualTo(lvol(0).name() + " is OUT: killed");
  }

  @Test
  void databaseItselfKeepsTheLastInSyncLeg() {
    org.assertj.core.api.Assertions.assertThatThrownBy(
            () -> Server.execute(fixture.url, "UPDATE diskengine.lvol SET sync = 'OUT'"))
        .hasStackTraceContaining("last in-sync replica");
  }

  @Test
  void outPlannedFromAnOldEpochIsRefused() {
    Volume v = volume();
    assertThat(
            Fixture.refused(
                bm1, new CommitOut(v.id(), v.epoch() - 1, List.of(lvol(0).id()), "stale")))
        .isEqualTo("volume " + v.id() + " is at epoch " + v.epoch());
  }

  @Test
  void legComesBackOnlyAfterItsOldGrantIsRevokedAndIsRebuilt() {
    commitOut(lvol(0));
    Fixture.refused(bm1, new Readmit(lvol(0).id(), lvol(0).version()));
    Fixture.confirmAll(sn1);
    Fixture.applied(bm1, new Readmit(lvol(0).id(), lvol(0).version()));
    assertThat(grant(lvol(0)).volumeEpoch()).isEqualTo(volume().epoch());
    Fixture.refused(bm1, new RebuildStarted(lvol(0).id(), lvol(0).version()));
    Fixture.confirmAll(sn1);
    Fixture.applied(bm1, new RebuildStarted(lvol(0).id(), lvol(0).version()));
    Fixture.applied(bm1, new RebuildProgress(lvol(0).id(), 40));
    assertThat(lvol(0).rebuildPercent()).isEqualTo(40);
    long epoch = volume().epoch();
    Fixture.applied(bm1, new InSync(lvol(0).id(), lvol(0).version()));
    assertThat(volume().epoch()).isEqualTo(epoch + 1);
    assertThat(lvol(0).rebuildPercent()).isNull();
    assertThat(bm1.view().grants())
        .hasSize(2)
        .allMatch(g -> g.state() == GrantState.GRANTED && g.volumeEpoch() == epoch + 1);
  }

  private void startRebuild() {
    commitOut(lvol(0));
    Fixture.confirmAll(sn1);
    Fixture.applied(bm1, new Readmit(lvol(0).id(), lvol(0).version()));
    Fixture.confirmAll(sn1);
    Fixture.applied(bm1, new RebuildStarted(lvol(0).id(), lvol(0).version()));
  }

  private SourceLost sourceLost(long epoch, long version, Long... lost) {
    return new SourceLost(
        volume().id(), epoch, lvol(0).id(), version, List.of(lost), "it failed a write");
  }

  @Test
  void rebuiltLegTakesThePlaceOfItsSourceInOneStep() {
    startRebuild();
    long epoch = volume().epoch();
    long before = commits();
    Fixture.applied(bm1, sourceLost(epoch, lvol(0).version(), lvol(1).id()));
    assertThat(commits()).isEqualTo(before + 1);
    assertThat(lvol(0).sync()).isEqualTo(LvolSync.IN_SYNC);
    assertThat(lvol(0).rebuildPercent()).isNull();
    assertThat(lvol(1).sync()).isEqualTo(LvolSync.OUT);
    assertThat(lvol(1).kept()).isEqualTo(io.diskengine.model.Kept.WANTED);
    assertThat(volume().epoch()).isEqualTo(epoch + 1);
    assertThat(grant(lvol(0)).state()).isEqualTo(GrantState.GRANTED);
    assertThat(grant(lvol(0)).volumeEpoch()).isEqualTo(epoch + 1);
    assertThat(grant(lvol(1)).state()).isEqualTo(GrantState.REVOKING);
    assertThat(grant(lvol(1)).volumeEpoch()).isEqualTo(epoch);
    assertThat(fixture.controller.events(0, 10).getFirst().message())
        .isEqualTo(
            "%s is in sync, %s is OUT: it failed a write"
                .formatted(lvol(0).name(), lvol(1).name()));
  }

  @Test
  void noLegTakesThePlaceOfItsSourceThatIsNotRebuiltOrWasPlannedFromOlderRows() {
    long other = lvol(1).id();
    Fixture.refused(bm1, sourceLost(volume().epoch(), lvol(0).version(), other));
    startRebuild();
    long epoch = volume().epoch();
    long version = lvol(0).version();
    Fixture.refused(bm1, sourceLost(epoch - 1, version, other));
    Fixture.refused(bm1, sourceLost(epoch, version - 1, other));
    Fixture.refused(bm1, sourceLost(epoch, version));
    Fixture.refused(bm1, sourceLost(epoch, version, lvol(0).id()));
    assertThat(lvol(0).sync()).isEqualTo(LvolSync.REBUILDING);
    assertThat(lvol(1).sync()).isEqualTo(LvolSync.IN_SYNC);
    assertThat(volume().epoch()).isEqualTo(epoch);
  }

  @Test
  void nodeRebuildsNoMoreReplicasThanItMay() {
    Server.execute(fixture.url, "UPDATE diskengine.cluster SET max_rebuilds_per_node = 1");
    attach("second");
    NodeView view = bm1.view();
    var second = view.mappings().get(1);
    Fixture.applied(
        bm1,
        new AgentWrite.MappingChanged(
            second.id(), second.version(), io.diskengine.model.VolumeMappingState.INITIALISED));
    for (Volume v : view.volumes()) {
      long leg =
          view.lvols().stream()
              .filter(l -> l.volumeId() == v.id() && l.nodeId() == sn1.nodeId())
              .findFirst()
              .orElseThrow()
              .id();
      Fixture.applied(bm1, new CommitOut(v.id(), v.epoch(), List.of(leg), "x"));
    }
    Fixture.confirmAll(sn1);
    List<Lvol> out = bm1.view().lvols().stream().filter(l -> l.sync() == LvolSync.OUT).toList();
    assertThat(out).hasSize(2);
    Fixture.applied(bm1, new Readmit(out.get(0).id(), out.get(0).version()));
    assertThat(Fixture.refused(bm1, new Readmit(out.get(1).id(), out.get(1).version())))
        .contains("rebuilds as many replicas as it may");
  }

  @Test
  void rebuildThatADetachCutShortIsOut() {
    commitOut(lvol(0));
    Fixture.confirmAll(sn1);
    Fixture.applied(bm1, new Readmit(lvol(0).id(), lvol(0).version()));
    Fixture.confirmAll(sn1);
    Fixture.applied(bm1, new RebuildStarted(lvol(0).id(), lvol(0).version()));
    fixture.controller.detach("db");
    Fixture.detachAll(bm1);
    Lvol left =
        fixture.controller.volume("db").orElseThrow().lvols().stream()
            .filter(l -> l.nodeId() == sn1.nodeId())
            .findFirst()
            .orElseThrow();
    assertThat(left.sync()).isEqualTo(LvolSync.OUT);
    fixture.controller.attach("db", "bm1");
    assertThat(bm1.view().grants())
        .filteredOn(g -> g.state() == GrantState.GRANTING)
        .extracting(Grant::lvolId)
        .doesNotContain(left.id())
        .hasSize(1);
  }
}

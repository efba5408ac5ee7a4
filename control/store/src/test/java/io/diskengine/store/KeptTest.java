package io.diskengine.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.model.Kept;
import io.diskengine.model.Lvol;
import io.diskengine.model.Volume;
import io.diskengine.store.AgentWrite.CommitOut;
import io.diskengine.store.AgentWrite.GrantConfirmed;
import io.diskengine.store.AgentWrite.InSync;
import io.diskengine.store.AgentWrite.KeptGone;
import io.diskengine.store.AgentWrite.LvolKept;
import io.diskengine.store.AgentWrite.Readmit;
import io.diskengine.store.AgentWrite.RebuildStarted;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Law 9: what a replica held is kept before a rebuild overwrites it. */
@ParameterizedClass
@EnumSource(Server.class)
final class KeptTest {
  private final Fixture fixture;
  private final AgentSession sn1;
  private final AgentSession sn2;
  private final AgentSession bm1;

  KeptTest(Server server) {
    fixture = new Fixture(server);
    sn1 = fixture.storageNode("sn1");
    sn2 = fixture.storageNode("sn2");
    bm1 = fixture.agent("bm1");
  }

  @BeforeEach
  void oneLegIsOut() {
    fixture.controller.createVolume(Fixture.volume("db", 2));
    fixture.controller.attach("db", "bm1");
    Fixture.confirmAll(sn1);
    Fixture.confirmAll(sn2);
    Fixture.attachAll(bm1);
    out();
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  private Lvol leg() {
    return bm1.view().lvols().stream()
        .filter(l -> l.nodeId() == sn1.nodeId())
        .findFirst()
        .orElseThrow();
  }

  private void out() {
    Volume v = bm1.view().volumes().getFirst();
    Fixture.applied(bm1, new CommitOut(v.id(), v.epoch(), List.of(leg().id()), "lost"));
    Fixture.confirmAll(sn1);
  }

  private void readmit() {
    Fixture.applied(bm1, new Readmit(leg().id(), leg().version()));
  }

  private void rebuild() {
    Fixture.applied(bm1, new RebuildStarted(leg().id(), leg().version()));
  }

  private void sql(String text) {
    Server.execute(fixture.url, text);
  }

  private List<String> events() {
    return fixture.controller.events(0, 100).stream().map(e -> e.message()).toList();
  }

  @Test
  void aRebuildDoesNotStartBeforeTheCopyIsThere() {
    assertThat(leg().kept()).isEqualTo(Kept.WANTED);
    readmit();
    assertThat(leg().kept()).isEqualTo(Kept.TAKING);
    var grant =
        sn1.view().grants().stream()
            .filter(g -> g.lvolId() == leg().id())
            .findFirst()
            .orElseThrow();
    Fixture.applied(
        sn1,
        new GrantConfirmed(
            grant.id(), grant.version(), io.diskengine.model.GrantState.GRANTED, "pid-1"));
    Fixture.refused(bm1, new RebuildStarted(leg().id(), leg().version()));
    UUID snapshot = UUID.randomUUID();
    Fixture.applied(sn1, new LvolKept(leg().id(), leg().version(), snapshot));
    assertThat(leg().keptUuid()).isEqualTo(snapshot);
    rebuild();
    assertThat(leg().kept()).isEqualTo(Kept.KEPT);
    assertThat(events()).anyMatch(e -> e.equals("what " + leg().name() + " on sn1 held is kept"));
  }

  @Test
  void theCopyGoesWhenTheLegIsInSyncAndNotBefore() {
    readmit();
    Fixture.confirmAll(sn1);
    rebuild();
    Fixture.refused(sn1, new KeptGone(leg().id(), leg().version()));
    Fixture.applied(bm1, new InSync(leg().id(), leg().version()));
    assertThat(leg().kept()).isEqualTo(Kept.DROPPING);
    Fixture.applied(sn1, new KeptGone(leg().id(), leg().version()));
    assertThat(leg().kept()).isEqualTo(Kept.NONE);
    assertThat(leg().keptUuid()).isNull();
  }

  @Test
  void aRebuildThatFailsOverwritesNothingElseAndTheOldCopyStays() {
    readmit();
    Fixture.confirmAll(sn1);
    rebuild();
    UUID first = leg().keptUuid();
    out();
    readmit();
    assertThat(leg().kept()).isEqualTo(Kept.KEPT);
    assertThat(leg().keptUuid()).isEqualTo(first);
  }

  @Test
  void aLegThatLeavesAgainWaitsUntilItsOldCopyIsGoneAndWantsANewOne() {
    readmit();
    Fixture.confirmAll(sn1);
    rebuild();
    Fixture.applied(bm1, new InSync(leg().id(), leg().version()));
    out();
    assertThat(leg().kept()).isEqualTo(Kept.DROPPING);
    assertThat(Fixture.refused(bm1, new Readmit(leg().id(), leg().version())))
        .contains("is not removed yet");
    Fixture.applied(sn1, new KeptGone(leg().id(), leg().version()));
    assertThat(leg().kept()).isEqualTo(Kept.WANTED);
    readmit();
    assertThat(leg().kept()).isEqualTo(Kept.TAKING);
  }

  @Test
  void withoutRoomForTheCopyTheLegWaitsUnlessTheClusterGivesItUp() {
    sql("UPDATE diskengine.disk SET free_clusters = 3");
    assertThat(Fixture.refused(bm1, new Readmit(leg().id(), leg().version())))
        .contains("has 12 MiB free, ")
        .contains("MiB are needed to keep what it holds while it is rebuilt");
    sql("UPDATE diskengine.cluster SET keep_old_legs = false");
    readmit();
    assertThat(leg().kept()).isEqualTo(Kept.NONE);
  }
}

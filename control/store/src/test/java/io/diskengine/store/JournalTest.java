package io.diskengine.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.model.DataPlaneState;
import io.diskengine.model.Event;
import io.diskengine.model.Intent;
import io.diskengine.model.Lvol;
import io.diskengine.model.Node;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.Reason;
import io.diskengine.store.AgentWrite.AnswerPlan;
import io.diskengine.store.AgentWrite.AppendEvent;
import io.diskengine.store.AgentWrite.BeginIntent;
import io.diskengine.store.AgentWrite.FinishIntent;
import io.diskengine.store.AgentWrite.FinishUnknownIntents;
import io.diskengine.store.AgentWrite.LvolUp;
import io.diskengine.store.AgentWrite.NodeSeen;
import io.diskengine.store.AgentWrite.PublishPlan;
import io.diskengine.store.AgentWrite.PublishReasons;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource(Server.class)
final class JournalTest {
  private static final Instant SINCE = Instant.parse("2026-11-20T10:00:00.123456Z");

  private final Fixture fixture;
  private final AgentSession sn1;

  JournalTest(Server server) {
    fixture = new Fixture(server);
    sn1 = fixture.storageNode("sn1");
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  @Test
  void intentIsRefusedWhenItsObjectChangedSinceThePlan() {
    fixture.controller.createVolume(Fixture.volume("db", 1));
    Lvol lvol = sn1.view().lvols().getFirst();
    ObjectRef object = new ObjectRef(ObjectKind.LVOL, lvol.id());
    long intent = Fixture.applied(sn1, new BeginIntent("CreateLvol", object, lvol.version()));
    Fixture.applied(sn1, new FinishIntent(intent, "ok"));
    Fixture.refused(sn1, new FinishIntent(intent, "ok"));
    fixture.controller.delete("db");
    assertThat(Fixture.refused(sn1, new BeginIntent("CreateLvol", object, lvol.version())))
        .isEqualTo("lvol " + lvol.id() + " is not at version 1 any more");
  }

  @Test
  void intentsThatTheirAgentDoesNotKnowAreEndedTogether() {
    ObjectRef node = new ObjectRef(ObjectKind.NODE, sn1.nodeId());
    long version = sn1.view().node().version();
    long known = Fixture.applied(sn1, new BeginIntent("known", node, version));
    long lost = Fixture.applied(sn1, new BeginIntent("lost", node, version));
    AgentSession other = fixture.storageNode("sn2");
    ObjectRef theirs = new ObjectRef(ObjectKind.NODE, other.nodeId());
    long elsewhere =
        Fixture.applied(other, new BeginIntent("x", theirs, other.view().node().version()));
    Fixture.applied(sn1, new FinishUnknownIntents(List.of(known), "not sent"));
    assertThat(fixture.controller.openIntents())
        .extracting(Intent::id)
        .containsExactly(known, elsewhere);
    Fixture.refused(sn1, new FinishIntent(lost, "ok"));
    Fixture.applied(sn1, new FinishUnknownIntents(List.of(), "not sent"));
    assertThat(fixture.controller.openIntents()).extracting(Intent::id).containsExactly(elsewhere);
  }

  @Test
  void intentsOfALostLeaseAreHandedToItsNextHolderWhoEndsThem() {
    PostgresAgentStore store = fixture.agentStore("sn2");
    AgentSession first = Fixture.held(store.acquire(Fixture.registration("sn2"), "me"));
    ObjectRef node = new ObjectRef(ObjectKind.NODE, first.nodeId());
    long intent =
        Fixture.applied(
            first, new BeginIntent("CreateTransport", node, first.view().node().version()));
    assertThat(fixture.controller.openIntents())
        .extracting(Intent::id, Intent::action, Intent::object)
        .containsExactly(Assertions.tuple(intent, "CreateTransport", node));
    Lease next = store.acquire(Fixture.registration("sn2"), "me");
    assertThat(((Lease.Held) next).leftOpen())
        .extracting(Intent::id, Intent::action, Intent::object)
        .containsExactly(Assertions.tuple(intent, "CreateTransport", node));
    assertThat(fixture.controller.openIntents()).extracting(Intent::id).containsExactly(intent);
    AgentSession second = Fixture.held(next);
    Fixture.applied(second, new FinishIntent(intent, "indeterminate"));
    assertThat(fixture.controller.openIntents()).isEmpty();
    assertThat(((Lease.Held) store.acquire(Fixture.registration("sn2"), "me")).leftOpen())
        .isEmpty();
  }

  @Test
  void historyPastItsTimeIsPruned() {
    AgentSession bm1 = fixture.agent("bm1");
    fixture.controller.createVolume(Fixture.volume("db", 1));
    fixture.controller.attach("db", "bm1");
    Fixture.confirmAll(sn1);
    fixture.controller.detach("db");
    Fixture.detachAll(bm1);
    fixture.controller.delete("db");
    Fixture.confirmAll(sn1);
    ObjectRef node = new ObjectRef(ObjectKind.NODE, sn1.nodeId());
    long intent = Fixture.applied(sn1, new BeginIntent("x", node, sn1.view().node().version()));
    Fixture.applied(sn1, new FinishIntent(intent, "ok"));
    fixture.controller.requestPlan("sn1");
    fixture.controller.prune();
    assertThat(fixture.rows("volume", "intent", "plan_request")).isEqualTo("1 1 1");
    Server.execute(
        fixture.url,
        "UPDATE diskengine.volume SET deleted_at = deleted_at - interval '31 days';"
            + " UPDATE diskengine.intent SET finished_at = finished_at - interval '25 hours';"
            + " UPDATE diskengine.plan_request SET requested_at = requested_at - interval '2 h'");
    fixture.controller.prune();
    assertThat(fixture.rows("volume", "lvol", "lvol_grant", "vm_mapping", "intent", "plan_request"))
        .isEqualTo("0 0 0 0 0 0");
  }

  @Test
  void everyKindOfObjectCanBeJournalled() {
    AgentSession bm1 = fixture.agent("bm1");
    fixture.controller.createVolume(Fixture.volume("db", 1));
    fixture.controller.attach("db", "bm1");
    var view = bm1.view();
    long[] ids = {
      0,
      view.node().id(),
      view.disks().getFirst().id(),
      view.volumes().getFirst().id(),
      view.lvols().getFirst().id(),
      view.grants().getFirst().id(),
      view.mappings().getFirst().id(),
      view.vmMappings().getFirst().id()
    };
    long[] versions = {
      0,
      view.node().version(),
      view.disks().getFirst().version(),
      view.volumes().getFirst().version(),
      view.lvols().getFirst().version(),
      view.grants().getFirst().version(),
      view.mappings().getFirst().version(),
      view.vmMappings().getFirst().version()
    };
    for (ObjectKind kind : ObjectKind.values()) {
      ObjectRef object = new ObjectRef(kind, ids[kind.ordinal()]);
      Fixture.applied(bm1, new BeginIntent("x", object, versions[kind.ordinal()]));
    }
  }

  @Test
  void confirmationsOfManyThingsAreOneCommit() {
    for (int i = 0; i < 5; i++) {
      fixture.controller.createVolume(Fixture.volume("v" + i, 1));
    }
    long before = fixture.counters("sn1").commits();
    sn1.write(
        sn1.view().lvols().stream()
            .map(l -> (AgentWrite) new LvolUp(l.id(), l.version(), UUID.randomUUID()))
            .toList());
    assertThat(fixture.counters("sn1").commits()).isEqualTo(before + 1);
  }

  @Test
  void reasonsAreReplacedReadBackAndFollowedToTheirRoot() {
    ObjectRef node = new ObjectRef(ObjectKind.NODE, sn1.nodeId());
    ObjectRef disk = new ObjectRef(ObjectKind.DISK, 7);
    Reason root = new Reason(node, "SPDK to answer", SINCE, 3, "connection refused", SINCE, null);
    Reason leaf = new Reason(disk, "its node", SINCE, 0, null, null, node);
    Fixture.applied(sn1, new PublishReasons(List.of(root, leaf)));
    assertThat(fixture.controller.why(disk))
        .extracting(ReasonRow::reason)
        .containsExactly(leaf, root);
    assertThat(fixture.controller.why(node)).containsExactly(new ReasonRow("sn1", "sn1", root));
    Fixture.applied(sn1, new PublishReasons(List.of(root)));
    assertThat(fixture.controller.reasons()).extracting(ReasonRow::reason).containsExactly(root);
    Fixture.applied(sn1, new PublishReasons(List.of()));
    assertThat(fixture.controller.reasons()).isEmpty();
  }

  @Test
  void sameReasonsAgainCostNothing() {
    Reason reason =
        new Reason(new ObjectRef(ObjectKind.NODE, sn1.nodeId()), "x", SINCE, 1, null, null, null);
    Fixture.applied(sn1, new PublishReasons(List.of(reason)));
    long before = fixture.counters("sn1").statements();
    Fixture.applied(sn1, new PublishReasons(List.of(reason)));
    assertThat(fixture.counters("sn1").statements()).isEqualTo(before);
  }

  @Test
  void planIsAskedForAndAnsweredOnce() {
    long request = fixture.controller.requestPlan("sn1");
    PlanRequest open = sn1.planRequests().getFirst();
    assertThat(open.id()).isEqualTo(request);
    Fixture.applied(sn1, new AnswerPlan(request, "nothing to do"));
    Fixture.refused(sn1, new AnswerPlan(request, "twice"));
    assertThat(sn1.planRequests()).isEmpty();
    assertThat(fixture.controller.planRequest(request).orElseThrow().answer())
        .isEqualTo("nothing to do");
    assertThat(fixture.controller.lastPlan("sn1")).isEmpty();
    Fixture.applied(sn1, new PublishPlan("create lvol x"));
    assertThat(fixture.controller.lastPlan("sn1")).contains("create lvol x");
  }

  @Test
  void eventsAreListedNewestFirstAndInPages() {
    ObjectRef node = new ObjectRef(ObjectKind.NODE, sn1.nodeId());
    for (int i = 0; i < 5; i++) {
      Fixture.applied(sn1, new AppendEvent(Event.Severity.INFO, node, "sn1", "event " + i));
    }
    List<Event> first = fixture.controller.events(0, 2);
    assertThat(first).extracting(Event::message).containsExactly("event 4", "event 3");
    assertThat(fixture.controller.events(first.getLast().id(), 2))
        .extracting(Event::message)
        .containsExactly("event 2", "event 1");
    assertThat(first.getFirst().node()).isEqualTo("sn1");
  }

  @Test
  void dataPlaneKeepsItsSinceUntilItChanges() {
    Fixture.applied(sn1, new NodeSeen(DataPlaneState.READY, "pid-1", "SPDK v26.09"));
    Node before = sn1.view().node();
    Fixture.applied(sn1, new NodeSeen(DataPlaneState.READY, "pid-1", "SPDK v26.09"));
    assertThat(sn1.view().node()).isEqualTo(before);
    Fixture.applied(sn1, new NodeSeen(DataPlaneState.READY, "pid-2", "SPDK v26.09"));
    Node restarted = sn1.view().node();
    assertThat(restarted.dataPlaneSince()).isEqualTo(before.dataPlaneSince());
    assertThat(restarted.incarnation()).isEqualTo("pid-2");
    Fixture.applied(sn1, new NodeSeen(DataPlaneState.DOWN, null, null));
    assertThat(sn1.view().node().dataPlaneSince()).isAfter(before.dataPlaneSince());
  }
}

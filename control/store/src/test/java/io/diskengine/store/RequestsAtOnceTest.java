package io.diskengine.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.NodeView;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.Sizes;
import io.diskengine.model.VolumeState;
import io.diskengine.store.AgentWrite.BeginIntent;
import io.diskengine.store.AgentWrite.LvolUp;
import io.diskengine.store.Together.Answer;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Requests of one transaction are judged one by one, each after those before it. */
@ParameterizedClass
@EnumSource(Server.class)
final class RequestsAtOnceTest {
  private final Fixture fixture;
  private final Database database;

  RequestsAtOnceTest(Server server) {
    fixture = new Fixture(server);
    database = fixture.controller.database();
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  private static String text(Answer<VolumeDetails> answer) {
    return switch (answer) {
      case Answer.Done<VolumeDetails>(VolumeDetails d) ->
          d.volume().name() + (d.mapping() == null ? "" : " " + d.mapping().state());
      case Answer.Refused<VolumeDetails>(RuntimeException e) -> e.getMessage();
    };
  }

  private List<Answer<VolumeDetails>> create(NewVolume... volumes) {
    return database.transaction(tx -> VolumeCreation.create(tx, List.of(volumes)));
  }

  private List<String> attach(String... volumesAndNodes) {
    List<Attaching.Request> requests =
        IntStream.range(0, volumesAndNodes.length / 2)
            .mapToObj(
                i -> new Attaching.Request(volumesAndNodes[2 * i], volumesAndNodes[2 * i + 1]))
            .toList();
    return database.transaction(tx -> Attaching.attach(tx, requests)).stream()
        .map(RequestsAtOnceTest::text)
        .toList();
  }

  @Test
  void volumesShareRoomAndNamesInTheOrderInWhichTheyCame() {
    fixture.storageNode("sn1");
    fixture.storageNode("sn2");
    // Each disk has 64 GiB: one leg of 40 GiB and what is small beside it.
    NewVolume large = new NewVolume("large", 40 * Sizes.GIB, 2);
    NewVolume larger = new NewVolume("larger", 40 * Sizes.GIB, 2);
    NewVolume small = Fixture.volume("small", 1);
    long commits = database.counters().commits();
    long statements = database.counters().statements();
    List<Answer<VolumeDetails>> answers =
        create(large, larger, small, new NewVolume("small", 2 * Sizes.GIB, 2));
    assertThat(database.counters().commits() - commits).isEqualTo(1);
    assertThat(database.counters().statements() - statements).isEqualTo(6 + 3 + 2);
    assertThat(text(answers.get(0))).isEqualTo("large");
    assertThat(text(answers.get(1))).startsWith("2 replica(s) of 40GiB need 2 failure domain(s)");
    assertThat(text(answers.get(2))).isEqualTo("small");
    assertThat(text(answers.get(3))).isEqualTo("volume small exists already");
    VolumeDetails read = fixture.controller.volume("large").orElseThrow();
    assertThat(answers.getFirst())
        .isEqualTo(
            new Answer.Done<>(
                new VolumeDetails(
                    read.volume(), read.lvols(), null, null, read.nodeNames(), List.of())));
    assertThat(fixture.controller.volume("small").orElseThrow().lvols())
        .extracting(Lvol::slot)
        .containsExactly(0);
    assertThat(fixture.rows("volume", "lvol", "event")).isEqualTo("2 3 2");
  }

  @Test
  void attachmentsAreRefusedOneByOne() {
    fixture.storageNode("sn1");
    fixture.storageNode("sn2");
    fixture.agent("bm1");
    fixture.agent("bm2");
    create(Fixture.volume("a", 2), Fixture.volume("b", 2), Fixture.volume("c", 1));
    fixture.controller.attach("c", "bm2");
    assertThat(
            attach(
                "b", "bm1", "a", "bm1", "a", "bm1", "a", "bm2", "c", "bm2", "c", "bm1", "d", "bm1",
                "a", "sn1", "a", "bm9"))
        .containsExactly(
            "b ASSIGNED",
            "a ASSIGNED",
            "a ASSIGNED",
            "volume a is ASSIGNED on node bm1: detach it first, or move it",
            "c ASSIGNED",
            "volume c is ASSIGNED on node bm2: detach it first, or move it",
            "there is no volume d",
            "node sn1 is a storage-node: attach needs a baremetal node",
            "there is no node bm9");
    assertThat(fixture.rows("volume_mapping", "vm_mapping", "lvol_grant")).isEqualTo("3 3 5");
  }

  private static List<AgentWrite> ups(NodeView view) {
    return view.lvols().stream()
        .filter(l -> l.state() == LvolState.CREATING)
        .<AgentWrite>map(l -> new LvolUp(l.id(), l.version(), UUID.randomUUID()))
        .toList();
  }

  @Test
  void confirmationsOfManyVolumesCostAsManyStatementsAsThoseOfOne() {
    AgentSession sn1 = fixture.storageNode("sn1");
    create(Fixture.volume("one", 1));
    List<AgentWrite> one = ups(sn1.view());
    long before = fixture.counters("sn1").statements();
    assertThat(sn1.write(one)).allMatch(WriteResult::applied);
    long ofOne = fixture.counters("sn1").statements() - before;

    for (int i = 0; i < 20; i++) {
      fixture.controller.createVolume(Fixture.volume("v" + i, 1));
    }
    List<AgentWrite> writes = ups(sn1.view());
    before = fixture.counters("sn1").statements();
    assertThat(sn1.write(writes)).hasSize(20).allMatch(WriteResult::applied);
    assertThat(fixture.counters("sn1").statements() - before).isEqualTo(ofOne);
    assertThat(fixture.controller.volumes())
        .extracting(d -> d.volume().state())
        .containsOnly(VolumeState.AVAILABLE);
  }

  @Test
  void staleOneAmongManyIsRefusedAloneAndInItsPlace() {
    AgentSession sn1 = fixture.storageNode("sn1");
    create(Fixture.volume("a", 1), Fixture.volume("b", 1), Fixture.volume("c", 1));
    List<Lvol> lvols = sn1.view().lvols();
    List<AgentWrite> writes = new ArrayList<>();
    for (Lvol l : lvols) {
      writes.add(new BeginIntent("create", new ObjectRef(ObjectKind.LVOL, l.id()), l.version()));
    }
    for (Lvol l : lvols) {
      long version = l == lvols.get(1) ? l.version() + 1 : l.version();
      writes.add(new LvolUp(l.id(), version, UUID.randomUUID()));
    }
    // The same row again: after the first, which raised its version.
    writes.add(new LvolUp(lvols.getFirst().id(), 1, UUID.randomUUID()));
    List<WriteResult> results = sn1.write(writes);
    assertThat(results.stream().map(WriteResult::applied))
        .containsExactly(true, true, true, true, false, true, false);
    assertThat(results.get(4).toString()).contains("is CREATING at version 1");
    assertThat(results.get(6).toString()).contains("is UP at version 2");
    assertThat(results.subList(0, 3)).doesNotHaveDuplicates();
    assertThat(fixture.controller.openIntents())
        .extracting(i -> i.object().id())
        .containsExactlyElementsOf(lvols.stream().map(Lvol::id).toList());
  }
}

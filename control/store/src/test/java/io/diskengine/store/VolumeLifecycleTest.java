package io.diskengine.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diskengine.model.Grant;
import io.diskengine.model.GrantState;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.NodeView;
import io.diskengine.model.Sizes;
import io.diskengine.model.VmMapping;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.model.VolumeState;
import io.diskengine.store.AgentWrite.GrantConfirmed;
import io.diskengine.store.AgentWrite.LvolChanged;
import io.diskengine.store.AgentWrite.LvolUp;
import io.diskengine.store.AgentWrite.MappingChanged;
import io.diskengine.store.RefusedException.Code;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource(Server.class)
final class VolumeLifecycleTest {
  private final Fixture fixture;
  private final ControllerStore controller;

  VolumeLifecycleTest(Server server) {
    fixture = new Fixture(server);
    controller = fixture.controller;
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  private static void assertRefused(Code code, Callable<?> request) {
    assertThatThrownBy(request::call)
        .isInstanceOfSatisfying(RefusedException.class, e -> assertThat(e.code()).isEqualTo(code));
  }

  @Test
  void volumeGoesFromCreateToDeleted() {
    AgentSession sn1 = fixture.storageNode("sn1");
    AgentSession sn2 = fixture.storageNode("sn2");
    AgentSession bm1 = fixture.agent("bm1");

    VolumeDetails created = controller.createVolume(Fixture.volume("db", 2));
    assertThat(created.volume().state()).isEqualTo(VolumeState.CREATING);
    assertThat(created.volume().guestBytes()).isEqualTo(Sizes.GIB + 3 * Sizes.MIB);
    assertThat(created.lvols()).extracting(Lvol::slot).containsExactly(0, 1);
    assertThat(created.lvols()).extracting(Lvol::nodeId).doesNotHaveDuplicates();
    Lvol first = created.lvols().getFirst();
    assertThat(first.nqn()).isEqualTo("nqn.2026-11.io.diskengine:test:" + first.name());
    assertThat(first.sizeBytes()).isEqualTo(Sizes.GIB + 4 * Sizes.MIB);

    VolumeDetails attaching = controller.attach("db", "bm1");
    assertThat(attaching.mapping()).isNotNull();
    assertThat(attaching.volume().epoch()).isEqualTo(created.volume().epoch() + 1);

    Fixture.confirmAll(sn1);
    assertThat(controller.volume("db").orElseThrow().volume().state())
        .isEqualTo(VolumeState.CREATING);
    Fixture.confirmAll(sn2);
    assertThat(controller.volume("db").orElseThrow().volume().state())
        .isEqualTo(VolumeState.AVAILABLE);

    NodeView view = bm1.view();
    assertThat(view.lvols()).hasSize(2);
    assertThat(view.disks()).hasSize(2);
    assertThat(view.peers()).extracting(n -> n.name()).containsExactly("sn1", "sn2");
    assertThat(view.grants())
        .allMatch(g -> g.state() == GrantState.GRANTED)
        .allMatch(g -> g.volumeEpoch() == view.volumes().getFirst().epoch())
        .allMatch(g -> g.hostNqn().equals(view.node().hostNqn()));
    Fixture.attachAll(bm1);
    VolumeDetails attached = controller.volume("db").orElseThrow();
    VmMapping vm = Objects.requireNonNull(attached.vmMapping());
    assertThat(vm.socketPath()).isEqualTo("/run/s.sock");
    assertThat(vm.controllerName()).isEqualTo("vhost" + vm.id() + "_" + attached.volume().tag());

    assertRefused(Code.WRONG_STATE, () -> controller.delete("db"));
    controller.detach("db");
    Fixture.detachAll(bm1);
    assertThat(sn1.view().grants()).extracting(Grant::state).containsOnly(GrantState.REVOKING);
    controller.delete("db");
    Fixture.confirmAll(sn1);
    Fixture.confirmAll(sn2);
    assertThat(controller.volumes()).isEmpty();
    assertThat(controller.events(0, 1).getFirst().message())
        .isEqualTo(
            "deleted: every replica is gone, the space of the last one on sn2 is free again");
    assertThat(sn1.view().lvols()).isEmpty();
    assertThat(controller.createVolume(Fixture.volume("db", 1)).volume().id())
        .isGreaterThan(created.volume().id());
  }

  @Test
  void statusSaysWhatTheDetailsSayAllTheWay() {
    AgentSession sn1 = fixture.storageNode("sn1");
    AgentSession sn2 = fixture.storageNode("sn2");
    AgentSession bm1 = fixture.agent("bm1");
    long id = controller.createVolume(Fixture.volume("db", 2)).volume().id();
    List<VolumeStatus> seen = new ArrayList<>();
    List<Runnable> steps =
        List.of(
            () -> Fixture.confirmAll(sn1),
            () -> controller.attach("db", "bm1"),
            () -> Fixture.confirmAll(sn1),
            () -> Fixture.confirmAll(sn2),
            () -> Fixture.attachAll(bm1),
            () -> controller.detach("db"),
            () -> Fixture.detachAll(bm1),
            () -> controller.delete("db"));
    for (Runnable step : steps) {
      step.run();
      VolumeStatus status = VolumeStatus.of(controller.volume("db").orElseThrow());
      assertThat(controller.statuses(Set.of(id))).containsExactly(status);
      seen.add(status);
    }
    assertThat(seen).extracting(VolumeStatus::whole).contains(false, true);
    assertThat(seen)
        .extracting(VolumeStatus::mapping)
        .filteredOn(Objects::nonNull)
        .extracting(VolumeStatus.Mapping::state)
        .contains(
            VolumeMappingState.ASSIGNED, VolumeMappingState.ATTACHED, VolumeMappingState.DETACHING);
    Fixture.confirmAll(sn1);
    Fixture.confirmAll(sn2);
    assertThat(controller.statuses(Set.of(id))).isEmpty();
  }

  @Test
  void creatingAndAttachingTakeOneCommitEach() {
    fixture.storageNode("sn1");
    fixture.storageNode("sn2");
    fixture.agent("bm1");
    StoreCounters counters = fixture.controller.database().counters();
    controller.createVolume(Fixture.volume("db", 2));
    assertThat(counters.commits()).isEqualTo(1);
    controller.attach("db", "bm1");
    controller.attach("db", "bm1");
    controller.volumes();
    controller.nodes();
    assertThat(counters.commits()).isEqualTo(3);
    assertThat(counters.rollbacks()).isZero();
  }

  @Test
  void volumeWithoutRoomForEveryReplicaIsRefusedWithTheReasonPerNode() {
    fixture.storageNode("sn1");
    fixture.agent("sn2");
    assertThatThrownBy(() -> controller.createVolume(Fixture.volume("db", 2)))
        .hasMessage(
            "2 replica(s) of 1GiB need 2 failure domain(s) with room, there are 1;"
                + " sn1: has room, in failure domain domain-sn1; sn2: has no disk that is UP");
    assertThat(controller.volumes()).isEmpty();
  }

  @Test
  void placementCountsTheFullSizeOfReplicasThatWereOnlyPromised() {
    fixture.storageNode("sn1");
    NewVolume big = new NewVolume("a", 40 * Sizes.GIB, 1);
    controller.createVolume(big);
    assertRefused(
        Code.NO_PLACE, () -> controller.createVolume(new NewVolume("b", 40 * Sizes.GIB, 1)));
  }

  @Test
  void sameNameAtTheSameTimeIsCreatedOnce() throws Exception {
    fixture.storageNode("sn1");
    int created = 0;
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Callable<VolumeDetails> create = () -> controller.createVolume(Fixture.volume("db", 1));
      for (Future<VolumeDetails> f : threads.invokeAll(List.of(create, create, create, create))) {
        try {
          f.get();
          created++;
        } catch (ExecutionException e) {
          assertThat(e.getCause())
              .isInstanceOf(RefusedException.class)
              .hasMessage("volume db exists already");
        }
      }
    }
    assertThat(created).isEqualTo(1);
    assertThat(controller.volumes()).hasSize(1);
  }

  @Test
  void volumeIsMappedToOneNodeOnly() throws Exception {
    fixture.storageNode("sn1");
    fixture.agent("bm1");
    fixture.agent("bm2");
    controller.createVolume(Fixture.volume("db", 1));
    int mapped = 0;
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Callable<VolumeDetails>> requests =
          List.of(() -> controller.attach("db", "bm1"), () -> controller.attach("db", "bm2"));
      for (Future<VolumeDetails> f : threads.invokeAll(requests)) {
        try {
          f.get();
          mapped++;
        } catch (ExecutionException e) {
          assertThat(e.getCause())
              .isInstanceOfSatisfying(
                  RefusedException.class,
                  r -> assertThat(r.code()).isEqualTo(Code.ATTACHED_ELSEWHERE));
        }
      }
    }
    assertThat(mapped).isEqualTo(1);
  }

  @Test
  void secondNonFinalMappingIsRefusedByTheDatabaseItself() {
    fixture.storageNode("sn1");
    fixture.agent("bm1");
    fixture.agent("bm2");
    controller.createVolume(Fixture.volume("db", 1));
    controller.attach("db", "bm1");
    assertThatThrownBy(() ->
            Server.execute(
                fixture.url,
                "INSERT INTO diskengine.volume_mapping (volume_id, node_id, clean)"
                    + " SELECT v.id, n.id, true FROM diskengine.volume v, diskengine.node n"
                    + " WHERE n.name = 'bm2'"))
        .hasStackTraceContaining("volume_mapping_one_writer");
  }

  @Test
  void attachingAgainAfterDetachWaitsForTheOldGrants() {
    AgentSession sn1 = fixture.storageNode("sn1");
    AgentSession bm1 = fixture.agent("bm1");
    AgentSession bm2 = fixture.agent("bm2");
    controller.createVolume(Fixture.volume("db", 1));
    controller.attach("db", "bm1");
    Fixture.confirmAll(sn1);
    Fixture.attachAll(bm1);
    controller.detach("db");
    assertRefused(Code.WRONG_STATE, () -> controller.attach("db", "bm1"));
    Fixture.detachAll(bm1);
    controller.attach("db", "bm2");
    Grant waiting =
        sn1.view().grants().stream()
            .filter(g -> g.state() == GrantState.GRANTING)
            .findFirst()
            .orElseThrow();
    Fixture.refused(
        sn1, new GrantConfirmed(waiting.id(), waiting.version(), GrantState.GRANTED, "pid-1"));
    Fixture.confirmAll(sn1);
    assertThat(bm2.view().grants()).extracting(Grant::state).containsOnly(GrantState.GRANTED);
    assertThat(bm2.view().mappings().getFirst().clean()).isTrue();
  }

  @Test
  void staleRowVersionIsRefusedAndSaysWhatIsThere() {
    AgentSession sn1 = fixture.storageNode("sn1");
    controller.createVolume(Fixture.volume("db", 1));
    Lvol lvol = sn1.view().lvols().getFirst();
    controller.delete("db");
    assertThat(Fixture.refused(sn1, new LvolUp(lvol.id(), lvol.version(), UUID.randomUUID())))
        .isEqualTo(
            "lvol " + lvol.id() + " is DELETING at version 2: not what this was planned from");
  }

  @Test
  void refusedWriteDoesNotStopTheOthersOfItsBatch() {
    AgentSession sn1 = fixture.storageNode("sn1");
    controller.createVolume(Fixture.volume("a", 1));
    controller.createVolume(Fixture.volume("b", 1));
    List<Lvol> lvols = sn1.view().lvols();
    List<WriteResult> results =
        sn1.write(
            List.of(
                new LvolUp(lvols.get(0).id(), 99, UUID.randomUUID()),
                new LvolUp(lvols.get(1).id(), 1, UUID.randomUUID())));
    assertThat(results).extracting(WriteResult::applied).containsExactly(false, true);
    assertThat(sn1.view().lvols())
        .extracting(Lvol::state)
        .containsExactly(LvolState.CREATING, LvolState.UP);
  }

  @Test
  void agentCannotConfirmWhatBelongsToAnotherNode() {
    AgentSession sn1 = fixture.storageNode("sn1");
    AgentSession sn2 = fixture.storageNode("sn2");
    AgentSession bm1 = fixture.agent("bm1");
    AgentSession bm2 = fixture.agent("bm2");
    controller.createVolume(Fixture.volume("db", 2));
    controller.attach("db", "bm1");
    Lvol foreign = sn2.view().lvols().getFirst();
    Fixture.refused(sn1, new LvolUp(foreign.id(), 1, UUID.randomUUID()));
    Grant grant = sn2.view().grants().getFirst();
    Fixture.confirmAll(sn2);
    Fixture.refused(
        sn1, new GrantConfirmed(grant.id(), grant.version(), GrantState.GRANTED, "pid"));
    Fixture.refused(
        bm2,
        new MappingChanged(
            bm1.view().mappings().getFirst().id(), 1, VolumeMappingState.INITIALISED));
  }

  @Test
  void lvolIsNotDeletedWhileAnybodyMayReachIt() {
    AgentSession sn1 = fixture.storageNode("sn1");
    AgentSession bm1 = fixture.agent("bm1");
    controller.createVolume(Fixture.volume("db", 1));
    controller.attach("db", "bm1");
    Fixture.confirmAll(sn1);
    controller.detach("db");
    Fixture.detachAll(bm1);
    controller.delete("db");
    Lvol lvol = sn1.view().lvols().getFirst();
    Fixture.refused(sn1, new LvolChanged(lvol.id(), lvol.version(), LvolState.DELETED, null));
  }

  @Test
  void concurrentConfirmationsOfTheLastReplicasMakeTheVolumeAvailable() throws Exception {
    AgentSession sn1 = fixture.storageNode("sn1");
    AgentSession sn2 = fixture.storageNode("sn2");
    for (int i = 0; i < 10; i++) {
      controller.createVolume(Fixture.volume("v" + i, 2));
    }
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> done = new ArrayList<>();
      done.add(threads.submit(() -> Fixture.confirmAll(sn1)));
      done.add(threads.submit(() -> Fixture.confirmAll(sn2)));
      for (Future<?> f : done) {
        f.get();
      }
    }
    assertThat(controller.volumes())
        .extracting(d -> d.volume().state())
        .containsOnly(VolumeState.AVAILABLE);
  }

  @Test
  void requestsForUnknownThingsAreNotFound() {
    fixture.storageNode("sn1");
    controller.createVolume(Fixture.volume("db", 1));
    assertRefused(Code.NOT_FOUND, () -> controller.attach("nope", "sn1"));
    assertRefused(Code.NOT_FOUND, () -> controller.attach("db", "nope"));
    assertRefused(Code.WRONG_STATE, () -> controller.attach("db", "sn1"));
    assertRefused(Code.NOT_FOUND, () -> controller.detach("nope"));
    assertRefused(Code.NOT_FOUND, () -> controller.delete("nope"));
    assertRefused(Code.ALREADY_EXISTS, () -> controller.createVolume(Fixture.volume("db", 1)));
  }
}

package io.diskengine.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.agent.AgentStatus.State;
import io.diskengine.model.DataPlaneState;
import io.diskengine.model.LvolSync;
import io.diskengine.store.VolumeDetails;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Processes die, answers are lost, others interfere. */
@NullUnmarked
class AgentFaultsTest {
  private static final List<LvolSync> BOTH = List.of(LvolSync.IN_SYNC, LvolSync.IN_SYNC);

  @TempDir Path dir;

  private static List<LvolSync> syncs(VolumeDetails v) {
    return v.lvols().stream().map(l -> l.sync()).toList();
  }

  private static long count(Cluster c, String text) {
    synchronized (c.fabric) {
      return c.fabric.log.stream().filter(l -> l.contains(text)).count();
    }
  }

  @Test
  void baremetalDataPlaneThatDiedComesBackWithOneTruth() throws Exception {
    try (Cluster c = new Cluster(dir).startAll()) {
      c.create("v1", 2);
      VolumeDetails before = c.attach("v1");
      c.plane("bm1").kill();
      c.plane("bm1").start();
      c.await("the guest's controller", () -> !c.plane("bm1").host.vhosts.isEmpty());
      assertEquals(
          before.vmMapping().controllerName(),
          c.plane("bm1").host.vhosts.keySet().iterator().next());
      assertTrue(
          c.controller.events(0, 50).stream().anyMatch(e -> e.message().contains("unclean stop")));
      c.await("the other leg to be rebuilt", () -> syncs(c.volume("v1")).equals(BOTH));
      assertEquals(1, count(c, "bdev_raid_create"));
    }
  }

  @Test
  void cleanStopOfTheNodeLeavesNothingToRebuild() throws Exception {
    try (Cluster c = new Cluster(dir).startAll()) {
      c.create("v1", 2);
      c.attach("v1");
      ((BaremetalAgent) c.agents.remove("bm1")).closeWithDataPlane();
      assertTrue(c.volume("v1").mapping().clean());
      assertTrue(c.plane("bm1").host.raids.isEmpty());
      c.plane("bm1").kill();
      c.plane("bm1").start();
      c.startAgent("bm1");
      c.await("the guest's controller", () -> !c.plane("bm1").host.vhosts.isEmpty());
      assertEquals(BOTH, syncs(c.volume("v1")));
      assertEquals(1, count(c, "remove_base"), "only that of the spare slot, at the creation");
    }
  }

  /** It was the end of the agent's loop: the process stayed and did nothing. */
  @Test
  void anAgentGoesOnAfterATaskThatFailed() throws Exception {
    try (Cluster c = new Cluster(dir).startAll()) {
      boolean[] failed = {false};
      c.onStatus =
          s -> {
            if (s.state() == State.VERIFYING && !failed[0]) {
              failed[0] = true;
              throw new IllegalStateException("a fault in a task");
            }
          };
      c.plane("bm1").kill();
      c.plane("bm1").start();
      c.await("the fault", () -> failed[0]);
      c.create("v1", 2);
      c.attach("v1");
    }
  }

  @Test
  void restartedAgentFindsEverythingAndChangesNothing() throws Exception {
    try (Cluster c = new Cluster(dir).startAll()) {
      c.create("v1", 2);
      c.attach("v1");
      int done = c.fabric.log.size();
      for (String node : List.of("sn1", "bm1")) {
        c.agents.remove(node).close();
        c.statuses.remove(node);
        c.startAgent(node);
        c.await(node + " to be ready", () -> c.isReady(node));
      }
      Thread.sleep(500);
      List<String> after = List.copyOf(c.fabric.log.subList(done, c.fabric.log.size()));
      assertEquals(
          List.of(), after.stream().filter(l -> !l.contains("framework_wait_init")).toList());
      assertEquals(BOTH, syncs(c.volume("v1")));
    }
  }

  @Test
  void answerThatIsLostIsLookedForAfterTheConnectionEnds() throws Exception {
    try (Cluster c = new Cluster(dir).startAll()) {
      c.create("v1", 2);
      c.plane("bm1").loseAnswerOf("bdev_raid_create");
      c.controller.attach("v1", "bm1");
      c.await("the RAID to be made", () -> count(c, "bdev_raid_create") == 1);
      Thread.sleep(300);
      assertEquals(1, count(c, "bdev_raid_create"), "an unanswered object is left alone");
      assertEquals(0, c.plane("bm1").host.vhosts.size());
      c.plane("bm1").dropConnections();
      c.await("v1 to be attached", () -> c.isAttached("v1"));
      assertEquals(1, count(c, "bdev_raid_create"));
    }
  }

  @Test
  void stoppedDataPlaneIsCalledSilent() throws Exception {
    try (Cluster c = new Cluster(dir).startAll()) {
      c.plane("bm1").stopped = true;
      c.await("SILENT", () -> state(c, "bm1") == DataPlaneState.SILENT);
      c.plane("bm1").stopped = false;
      c.await("READY", () -> state(c, "bm1") == DataPlaneState.READY);
    }
  }

  private static DataPlaneState state(Cluster c, String node) {
    return c.controller.nodes().stream()
        .filter(n -> n.name().equals(node))
        .findFirst()
        .orElseThrow()
        .dataPlane();
  }

  @Test
  void secondAgentOfADataPlaneIsRefusedWithTheHoldersPid() throws Exception {
    try (Cluster c = new Cluster(dir).startAll()) {
      IOException refused = assertThrows(IOException.class, () -> c.startAgent("sn1"));
      assertTrue(refused.getMessage().contains("pid " + ProcessHandle.current().pid()));
    }
  }

  @Test
  void dataPlaneThatExaminesByItselfIsNotTouched() throws Exception {
    try (Cluster c = new Cluster(dir)) {
      c.plane("sn1").start().initialiseWithAutoExamine();
      c.startAgent("sn1");
      c.await(
          "STOPPED",
          () ->
              c.statuses.getOrDefault("sn1", List.of()).stream()
                  .anyMatch(
                      s -> s.state() == State.STOPPED && s.detail().contains("auto_examine")));
      assertEquals(List.of(), c.fabric.log);
    }
  }

  @Test
  void databaseThatWentBackInTimeIsNotFollowed() throws Exception {
    try (Cluster c = new Cluster(dir).startAll()) {
      c.create("v1", 2);
      c.attach("v1");
      c.agents.remove("sn1").close();
      c.sql("UPDATE cluster SET sequence = 1");
      c.startAgent("sn1");
      c.await("STOPPED", () -> c.statuses.get("sn1").getLast().state() == State.STOPPED);
      assertTrue(c.statuses.get("sn1").getLast().detail().contains("back in time"));
    }
  }

  @Test
  void oneBadReplicaDoesNotStopTheOthersAndSaysWhy() throws Exception {
    try (Cluster c = new Cluster(dir).startAll()) {
      c.plane("sn1").hold("bdev_lvol_create");
      c.controller.createVolume(new io.diskengine.store.NewVolume("bad", 64 << 20, 2));
      String name =
          c.volume("bad").lvols().stream()
              .filter(l -> c.volume("bad").nodeNames().get(l.nodeId()).equals("sn1"))
              .findFirst()
              .orElseThrow()
              .name();
      c.plane("sn1").target.plant(name, 8 << 20);
      c.plane("sn1").release("bdev_lvol_create");
      c.create("good", 2);
      c.await(
          "a reason",
          () ->
              c.controller.reasons().stream()
                  .anyMatch(r -> r.reason().waitingFor().contains("has 8388608 bytes, expected")));
      c.attach("good");
    }
  }

  @Test
  void reasonNamesLegCauseAndNodeSoon() throws Exception {
    try (Cluster c = new Cluster(dir).startAll()) {
      c.create("v1", 2);
      c.attach("v1");
      c.plane("sn2").kill();
      long start = System.nanoTime();
      c.await(
          "a reason",
          () ->
              c.controller.reasons().stream()
                  .anyMatch(r ->
                      r.reason().waitingFor().contains("reconnect_is_delayed")
                          && r.reason().waitingFor().contains("sn2")));
      assertTrue(System.nanoTime() - start < 5_000_000_000L);
    }
  }

  @Test
  void unknownObjectsAreReportedAndLeftAlone() throws Exception {
    try (Cluster c = new Cluster(dir).startAll()) {
      c.plane("sn1").target.plant("v99-abcdef_r0_g1", 8 << 20);
      c.agents.remove("sn1").close();
      c.startAgent("sn1");
      c.await(
          "a reason",
          () ->
              c.controller.reasons().stream()
                  .anyMatch(r -> r.reason().waitingFor().contains("v99-abcdef_r0_g1")));
      assertEquals(1, c.plane("sn1").target.media.values().iterator().next().blobs.size());
    }
  }

  @Test
  void aHostThatWasNotGrantedIsTakenAway() throws Exception {
    String stranger = "nqn.2026-11.org.example:stranger";
    try (Cluster c = new Cluster(dir).startAll()) {
      c.create("v1", 2);
      c.attach("v1");
      synchronized (c.fabric) {
        c.plane("sn1").target.subsystems.values().forEach(s -> s.hosts.add(stranger));
      }
      c.agents.remove("sn1").close();
      c.startAgent("sn1");
      c.await("granted hosts alone", () -> count(c, stranger) > 0 && hosts(c, "sn1") == 1);
      assertEquals(BOTH, syncs(c.volume("v1")));
    }
  }

  private static long hosts(Cluster c, String node) {
    synchronized (c.fabric) {
      return c.plane(node).target.subsystems.values().stream().mapToLong(s -> s.hosts.size()).sum();
    }
  }

  @Test
  void livePlanAnswersARequest() throws Exception {
    try (Cluster c = new Cluster(dir).startAll()) {
      long id = c.controller.requestPlan("bm1");
      c.await("an answer", () -> c.controller.planRequest(id).orElseThrow().answer() != null);
      String answer = c.controller.planRequest(id).orElseThrow().answer();
      assertTrue(
          answer.matches(
              "nothing to do\nsent so far: \\d+ RPCs \\(.*framework_start_init 1.*\\),"
                  + " \\d+ SQL statements, \\d+ commits"),
          answer);
    }
  }

  @Test
  void startOptionsAreSetBeforeInitialisation() throws Exception {
    try (Cluster c = new Cluster(dir).startAll()) {
      Map<String, Long> calls = c.plane("bm1").callsAndReset();
      assertEquals(1, calls.get("bdev_set_options"));
      assertEquals(1, calls.get("bdev_nvme_set_options"));
      assertEquals(1, calls.get("framework_start_init"));
    }
  }
}

package io.diskengine.testkit.sim;

import io.diskengine.agent.AgentStatus;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolSync;
import io.diskengine.testkit.sim.Crossing.Fate;
import io.diskengine.testkit.sim.Crossing.Line;
import io.diskengine.testkit.spdk.FakeMedia;
import io.diskengine.testkit.store.MemoryState;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;

/**
 * For each law a course of events in which only its guard keeps it: it passes, and it must not pass
 * without the guard ({@link SimMutantTest}). Whatever is wrong is thrown.
 */
public final class SimLawScenes {
  private static final String ATTACH = "bdev_nvme_attach_controller";

  private SimLawScenes() {}

  private static void require(boolean condition, String otherwise) {
    if (!condition) {
      throw new AssertionError(otherwise);
    }
  }

  private static SimWorld attached(long seed, int baremetalNodes) {
    SimWorld w = new SimWorld(seed, 2, baremetalNodes).startAll();
    SimVolume unused = w.user.create("v1", 2);
    w.user.attach("v1", "bm1");
    w.await("v1 to be attached", 60_000, () -> w.isAttached("v1"));
    w.run(2_000);
    return w;
  }

  private static Lvol lvol(SimWorld w) {
    return w.store.state().lvolsOf(w.volume("v1").id).getFirst();
  }

  /** What was just made is unknown until it was seen, not absent: it is not made again. */
  public static void unknownIsNotAbsent() {
    SimWorld w = new SimWorld(1, 2, 1).startAll();
    SimVolume unused = w.user.create("v1", 2);
    boolean[] made = {false};
    w.setFaults(c -> {
      made[0] |= c.action().equals("bdev_null_delete") && c.line() == Line.AFTER_EXECUTE;
      boolean look = c.action().endsWith("get_bdevs") && c.line() == Line.BEFORE_EXECUTE;
      return made[0] && look ? Fate.DELAYED : Fate.GOES_ON;
    });
    w.user.attach("v1", "bm1");
    w.await("the RAID to be made", 60_000, () -> made[0]);
    w.run(5_000);
    w.settle();
    String again =
        w.trace().stream()
            .filter(t -> t.contains(" refuses bdev_raid_create"))
            .findFirst()
            .orElse("");
    require(again.isEmpty(), "it was made again: " + again);
  }

  /** A subsystem of the right name that lets every host in. */
  public static void existsIsNotCorrect() {
    SimWorld w = new SimWorld(3, 2, 1).startAll();
    SimVolume unused = w.user.create("v1", 2);
    w.awaitDesiredState(60_000);
    Lvol lvol = lvol(w);
    SimNode storage = w.node(w.store.state().nodes.at(lvol.nodeId()).name());
    w.call(storage, "nvmf_delete_subsystem", "{\"nqn\":\"%s\"}".formatted(lvol.nqn()));
    w.run(100);
    w.call(
        storage,
        "nvmf_create_subsystem",
        "{\"nqn\":\"%s\",\"allow_any_host\":true,\"serial_number\":\"%s\",\"model_number\":\"diskengine\",\"min_cntlid\":%d,\"max_cntlid\":%d}"
            .formatted(lvol.nqn(), lvol.serial(), lvol.minCntlid(), lvol.maxCntlid()));
    require(w.subsystem(storage, lvol.nqn()).anyHost(), "the stranger is there");
    w.run(40_000); // longer than a resync
  }

  /** A request that is executed long after its deadline. */
  public static void aTimeoutIsIndeterminate() {
    SimWorld w = new SimWorld(4, 2, 1).startAll();
    boolean[] once = {false};
    w.setFaults(c -> {
      boolean here = c.action().equals("nvmf_create_subsystem") && c.line() == Line.BEFORE_EXECUTE;
      boolean first = here && !once[0];
      once[0] |= here;
      return first ? Fate.DELAYED : Fate.GOES_ON;
    });
    SimVolume unused = w.user.create("v1", 2);
    w.await("the request to be sent", 60_000, () -> once[0]);
    w.run(60_000);
    w.settle();
  }

  /** A creation waits for a leg of a node that died, and the volume is taken away meanwhile. */
  public static void whatWasTakenAwayIsReleased() {
    SimWorld w = new SimWorld(24, 2, 2).startAll();
    SimVolume v1 = w.user.create("v1", 2);
    w.awaitDesiredState(60_000);
    Lvol away = w.store.state().lvolsOf(v1.id).getLast();
    SimNode dead = w.node(w.store.state().nodes.at(away.nodeId()).name());
    w.setFaults(c -> {
      if (c.action().equals("bdev_raid_create") && c.line() == Line.BEFORE_EXECUTE) {
        w.setFaults(Crossing.Faults.NONE);
        dead.supervised = false;
        w.killPlane(dead);
      }
      return Fate.GOES_ON;
    });
    w.user.attach("v1", "bm1");
    w.await("the creation", 60_000, () -> !dead.spdk.isUp());
    w.run(5_000);
    w.user.moveByForce("v1", "bm2");
    w.settle();
  }

  /** A volume is detached: a detach that was answered is one that is looked for. */
  public static void acceptedIsNotDone() {
    SimWorld w = attached(5, 1);
    w.user.detach("v1");
    w.settle();
  }

  /**
   * The connection ends while a controller connects, and the volume is taken away in the same
   * moment: nobody sees the controller, and it comes.
   */
  public static void whatMayComeIsNotGone() {
    for (long seed = 20; seed < 28; seed++) {
      SimWorld w = new SimWorld(seed, 2, 1).startAll();
      SimVolume v1 = w.user.create("v1", 1);
      w.awaitDesiredState(60_000);
      SimNode bm1 = w.node("bm1");
      boolean[] cut = {false};
      w.setFaults(c -> {
        if (c.action().equals("bdev_nvme_attach_controller") && c.line() == Line.BEFORE_EXECUTE) {
          w.setFaults(Crossing.Faults.NONE);
          w.scheduler.after(
              0,
              () -> {
                cut[0] = bm1.spdk.view().connecting().contains(lvol(w).name());
                List.copyOf(bm1.links).forEach(SimLink::cut);
                w.user.detachByForce("v1");
              });
        }
        return Fate.GOES_ON;
      });
      w.user.attach("v1", "bm1");
      w.await("the end of the connection", 60_000, () -> cut[0]);
      w.settle();
      require(w.store.state().liveMapping(v1.id).isEmpty(), "it is taken down");
    }
  }

  /**
   * Attaches lie in the sockets of a data plane that is stopped; the agent that sent them is dead,
   * and the next one too when the data plane goes on and connects.
   */
  public static void whatAnAgentBeforeSentMayCome() {
    SimWorld w = new SimWorld(18, 2, 1).startAll();
    SimVolume v1 = w.user.create("v1", 2);
    w.awaitDesiredState(60_000);
    SimNode bm1 = w.node("bm1");
    bm1.spdk.setStopped(true);
    w.user.attach("v1", "bm1");
    w.await("both attaches to be sent", 60_000, () -> openAttaches(w) == 2);
    w.run(1_000);
    for (int died = 0; died < 2; died++) {
      String holder = holder(w, bm1);
      w.killAgent(bm1);
      w.await("the next agent", 120_000, () -> bm1.isAgentUp() && !holder.equals(holder(w, bm1)));
      w.run(2_000);
      require(openAttaches(w) == 2, "what may come is still on record");
    }
    w.user.detachByForce("v1");
    w.run(1_000);
    bm1.spdk.setStopped(false);
    w.settle();
    require(w.store.state().liveMapping(v1.id).isEmpty(), "it is taken down");
    require(openAttaches(w) == 0, "nothing is open");
  }

  /** A volume is detached while the examination of its leg waits for that of another volume's. */
  public static void whatHasNoAnswerIsNotGone() {
    SimWorld w = new SimWorld(43, 2, 1).startAll();
    for (String v : List.of("v1", "v2")) {
      SimVolume unused = w.user.create(v, 1);
      w.user.attach(v, "bm1");
      w.await(v + " to be attached", 60_000, () -> w.isAttached(v));
      w.run(2_000);
      w.user.detach(v);
      w.settle();
    }
    String away = w.store.state().nodes.at(lvol(w).nodeId()).name();
    w.setFaults(c -> {
      if (c.action().equals("bdev_examine") && c.line() == Line.BEFORE_EXECUTE) {
        w.setFaults(Crossing.Faults.NONE);
        w.fabric.setCut(away, "bm1", true);
      }
      return Fate.GOES_ON;
    });
    w.user.attach("v1", "bm1");
    w.run(2_000);
    w.user.attach("v2", "bm1");
    w.run(2_000);
    w.user.detach("v2");
    w.run(10_000);
    w.settle();
    require(w.isAttached("v1"), "the other volume is attached");
  }

  private static String outcomeOfCreation(SimWorld w) {
    return w.store.state().intents.values().stream()
        .filter(i -> i.action().startsWith("CreateNull["))
        .map(i -> String.valueOf(i.outcome()))
        .findFirst()
        .orElse("none");
  }

  private static boolean sendsRaid(Crossing c) {
    return c.action().equals("bdev_raid_create") && c.line() == Line.BEFORE_SEND;
  }

  /** Of two attaches one comes to nothing: no RAID of the other leg alone. */
  public static void whatFollowsSomethingThatFailedIsNotSent() {
    SimWorld w = new SimWorld(53, 2, 1).startAll();
    SimVolume unused = w.user.create("v1", 2);
    w.awaitDesiredState(60_000);
    boolean[] cut = {false};
    boolean[] sent = {false};
    w.setFaults(c -> {
      boolean first = c.action().equals(ATTACH) && c.line() == Line.BEFORE_EXECUTE && !cut[0];
      cut[0] |= first;
      sent[0] |= sendsRaid(c);
      return first ? Fate.CUT_OFF : Fate.GOES_ON;
    });
    w.user.attach("v1", "bm1");
    w.await("an outcome", 60_000, () -> !outcomeOfCreation(w).matches("none|null"));
    require(!sent[0], "no RAID is made while a leg is missing");
    String outcome = outcomeOfCreation(w);
    require(outcome.startsWith("not sent: what it follows"), "it says why: " + outcome);
    w.settle();
    require(w.isAttached("v1"), "it is attached in the end");
  }

  /** The volume is given to another node while its legs are attached here. */
  public static void whatFollowsIsNotSentWhenItsRowsHaveChanged() {
    SimWorld w = new SimWorld(54, 2, 2).startAll();
    SimVolume unused = w.user.create("v1", 2);
    w.awaitDesiredState(60_000);
    boolean[] moved = {false};
    boolean[] sent = {false};
    w.setFaults(c -> {
      boolean late = c.action().equals(ATTACH) && c.line() == Line.AFTER_EXECUTE && !moved[0];
      if (late) {
        moved[0] = true;
        w.user.moveByForce("v1", "bm2");
      }
      sent[0] |= sendsRaid(c) && c.node().equals("bm1");
      return late ? Fate.DELAYED : Fate.GOES_ON;
    });
    w.user.attach("v1", "bm1");
    w.run(60_000);
    require(!sent[0], "no RAID is made where the volume is no more");
    String outcome = outcomeOfCreation(w);
    require(outcome.equals("not sent: its rows have changed since"), "it says why: " + outcome);
    w.settle();
    require(w.isAttached("v1"), "it is attached in the end");
  }

  /** The connection ends while an attach is executed, and the agent is back before it is over. */
  public static void anAttachThatMayComeSoonIsNotSentAgain() {
    SimWorld w = new SimWorld(55, 2, 1).startAll();
    SimVolume unused = w.user.create("v1", 1);
    w.awaitDesiredState(60_000);
    SimNode bm1 = w.node("bm1");
    int[] executed = {0};
    w.setFaults(c -> {
      if (c.action().equals(ATTACH) && c.line() == Line.BEFORE_EXECUTE && executed[0]++ == 0) {
        w.scheduler.after(1, () -> List.copyOf(bm1.links).forEach(SimLink::cut));
      }
      return Fate.GOES_ON;
    });
    w.user.attach("v1", "bm1");
    w.await("v1 to be attached", 60_000, () -> w.isAttached("v1"));
    require(executed[0] == 1, "it was asked for once, not " + executed[0] + " times");
    w.settle();
  }

  private static String holder(SimWorld w, SimNode node) {
    return String.valueOf(w.store.state().node(node.name).orElseThrow().leaseHolder());
  }

  private static long openAttaches(SimWorld w) {
    return w.store.state().intents.values().stream()
        .filter(i -> i.finishedAt() == null && i.action().startsWith("AttachController"))
        .count();
  }

  /** PostgreSQL answers a commit after half of the lease: what was journalled is not sent. */
  public static void nothingIsSentAfterHalfOfTheLease() {
    SimWorld w = attached(7, 1);
    boolean[] late = {false};
    w.setFaults(c -> {
      boolean here =
          c.node().equals("bm1")
              && c.action().contains("BeginIntent")
              && c.line() == Line.AFTER_COMMIT;
      boolean first = here && !late[0];
      late[0] |= here;
      return first ? Fate.DELAYED : Fate.GOES_ON;
    });
    w.node("sn2").supervised = false;
    w.killPlane(w.node("sn2"));
    w.await("a late answer", 60_000, () -> late[0]);
    w.run(30_000);
    w.settle();
  }

  /** Between two leases the data plane may have changed. */
  public static void factsBelongToAnIncarnation() {
    SimWorld w = attached(14, 1);
    SimNode sn1 = w.node("sn1");
    long before = sn1.spdk.calls().get("nvmf_get_subsystems");
    w.run(w.store.state().cluster.settings().leaseRenewMs());
    w.takeLease(sn1, 10_000);
    SimVolume unused = w.user.create("v2", 2); // it renews before it makes its replica
    w.await("lost", 15_000, () -> sn1.status().state() == AgentStatus.State.WAITING);
    w.await("won again", 15_000, w::areAgentsReady);
    require(
        sn1.spdk.calls().get("nvmf_get_subsystems") > before,
        "nothing was looked at after another agent had the node");
  }

  /** A volume is taken from a node that only lost PostgreSQL, and whose guest goes on. */
  public static void oneWriterForEachVolume() {
    for (long seed = 70; seed < 74; seed++) {
      SimWorld w = attached(seed, 2);
      w.setPostgresCut(w.node("bm1"), true);
      w.fabric.setCut("sn1", "bm1", true);
      w.run(200);
      w.user.moveByForce("v1", "bm2");
      w.run(3_000);
      w.fabric.setCut("sn1", "bm1", false);
      w.run(30_000);
      w.settle();
    }
  }

  /** Legs may differ after an unclean stop. */
  public static void oneTruthAfterAnUncleanStop() {
    for (long seed = 80; seed < 83; seed++) {
      SimWorld w = attached(seed, 1);
      w.node("sn1").spdk.setStopped(true);
      w.run(500);
      w.killPlane(w.node("bm1"));
      w.guestsOf("v1").forEach(w::restartGuest);
      w.killPlane(w.node("sn1")); // with what lay in its sockets
      w.run(60_000);
      w.settle();
    }
  }

  /** Both storage nodes are away: nothing is dropped. */
  public static void theLastCopyIsUntouchable() {
    SimWorld w = attached(9, 1);
    w.setQuiet(true);
    for (String node : new String[] {"sn1", "sn2"}) {
      w.node(node).supervised = false;
      w.killPlane(w.node(node));
    }
    w.run(60_000);
    require(
        w.store.state().lvolsOf(w.volume("v1").id).stream()
            .allMatch(l -> l.sync() == LvolSync.IN_SYNC),
        "a leg was dropped though no other one was healthy");
    w.settle();
  }

  /** A volume is taken down under its vhost controller. */
  public static void nothingGoesUnderWhatUsesIt() {
    SimWorld w = attached(10, 1);
    w.user.detach("v1");
    w.settle();
  }

  /** Under the name of an lvol with a tombstone there is another. */
  public static void onlyWhatHasATombstoneIsDeleted() {
    SimWorld w = new SimWorld(11, 2, 1).startAll();
    SimVolume unused = w.user.create("v1", 1);
    w.awaitDesiredState(60_000);
    Lvol lvol = lvol(w);
    SimNode storage = w.node(w.store.state().nodes.at(lvol.nodeId()).name());
    storage.supervised = false;
    w.killAgent(storage);
    w.killPlane(storage);
    FakeMedia.Disk disk = w.fabric.media.put(storage.disk, SimWorld.DISK_BYTES);
    require(disk.blobs().remove(lvol.name()) != null, "the lvol was there");
    disk.plant(lvol.name(), new UUID(1, 2), lvol.sizeBytes());
    w.user.delete("v1");
    storage.supervised = true;
    w.startPlane(storage);
    w.startAgent(storage);
    w.run(40_000);
    require(disk.blobs().containsKey(lvol.name()), "another lvol was deleted");
  }

  /** An id is given again after an older database was restored. */
  public static void anIdThatIsGivenAgainAdoptsNothing() {
    SimWorld w = new SimWorld(12, 2, 1).startAll();
    MemoryState before = w.store.state();
    SimVolume old = w.user.create("v1", 2);
    w.awaitDesiredState(60_000);
    Set<UUID> theirs = new HashSet<>();
    w.store.state().lvolsOf(old.id).forEach(l -> theirs.add(l.uuid()));
    w.store.goBackTo(before);
    w.nodes.values().forEach(n -> n.savedState = null); // as `recover` does
    w.nodes.values().forEach(w::killAgent);
    w.run(10_000);
    w.await("agents to be ready", 60_000, w::areAgentsReady);
    SimVolume again = w.user.create("v2", 2);
    require(again.id == old.id, "the id is given again");
    w.run(20_000);
    w.store
        .state()
        .lvolsOf(again.id)
        .forEach(l -> require(!theirs.contains(l.uuid()), l.name() + " is somebody else's"));
  }

  /** An old backup is restored. */
  public static void theDatabaseDoesNotGoBackInTime() {
    SimWorld w = attached(13, 1);
    MemoryState old = w.store.state();
    SimVolume unused = w.user.create("v2", 2);
    w.user.attach("v2", "bm1");
    w.await("v2 to be attached", 60_000, () -> w.isAttached("v2"));
    w.run(3_000);
    w.store.goBackTo(old);
    w.laws.forgetVolume("v2");
    w.run(5_000);
    long actions = w.actions();
    w.user.detach("v1");
    w.run(60_000);
    require(w.actions() == actions, (w.actions() - actions) + " actions after it went back");
  }

  /** A volume waits for a storage node that is away. */
  public static void whoeverWaitsSaysWhy() {
    SimWorld w = new SimWorld(15, 2, 1).startAll();
    SimVolume unused = w.user.create("v1", 2);
    w.awaitDesiredState(60_000);
    w.node("sn2").supervised = false;
    w.killPlane(w.node("sn2"));
    w.user.attach("v1", "bm1");
    w.run(60_000);
  }

  /** What is refused is tried again more and more slowly. */
  public static void triesAreBounded() {
    SimWorld w = new SimWorld(16, 2, 1).startAll();
    int[] sent = {0};
    w.setFaults(c -> {
      boolean here =
          c.action().equals("bdev_lvol_create")
              && c.node().equals("sn1")
              && c.line() == Line.BEFORE_EXECUTE;
      sent[0] += here ? 1 : 0;
      return here ? Fate.CUT_OFF : Fate.GOES_ON;
    });
    SimVolume unused = w.user.create("v1", 2);
    w.run(20_000);
    require(sent[0] > 5, "it is tried again"); // not too often: that is a law of the simulator
  }
}

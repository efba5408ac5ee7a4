package io.diskengine.model.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.model.GrantState;
import io.diskengine.model.Kept;
import io.diskengine.model.Limits;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Sizes;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.model.VolumeState;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Both planners against data planes in memory that follow SPDK's rules; seeds are printed. */
class PlannerSimulationTest {
  private static SimWorld world() {
    SimWorld world = new SimWorld(new SplittableRandom(1));
    world.converge();
    return world;
  }

  static VolumeMapping mapping(SimWorld w, long volume) {
    return w.db.mappings.values().stream()
        .filter(m -> m.volumeId() == volume)
        .reduce((a, b) -> b)
        .orElseThrow();
  }

  static List<LvolSync> syncs(SimWorld w, long volume) {
    return w.db.lvols.values().stream()
        .filter(l -> l.volumeId() == volume && l.state() != LvolState.DELETED)
        .map(l -> l.sync())
        .toList();
  }

  private static long attached(SimWorld w, int replicas) {
    Volume v = w.db.createVolume(replicas, List.of(1L, 2L));
    w.converge();
    assertEquals(VolumeState.AVAILABLE, w.db.volume(v.id()).state());
    w.db.attach(v.id());
    w.converge();
    assertEquals(VolumeMappingState.ATTACHED, mapping(w, v.id()).state());
    return v.id();
  }

  @Test
  void volumeIsAttachedAndThenNothingIsLeftToDo() {
    SimWorld w = world();
    long v = attached(w, 2);
    assertTrue(w.db.volume(v).raidCreated());
    assertEquals(false, mapping(w, v).clean());
    int done = w.actionsDone;
    w.converge();
    assertEquals(done, w.actionsDone);
    assertTrue(w.db.vms.values().stream().allMatch(m -> m.state() == VmMappingState.ATTACHED));
  }

  @Test
  void singleReplicaIsARaidWithoutItsPlaceholder() {
    SimWorld w = world();
    attached(w, 1);
    assertEquals(0, w.compute.nulls.size());
    assertEquals(1, w.compute.raidFacts().byName().values().iterator().next().operational());
    w.killCompute();
    w.converge();
    assertEquals(1, w.compute.vhosts.size());
  }

  @Test
  void lostLegIsOutBeforeItIsDisabledAndRebuiltWhenItReturns() {
    SimWorld w = world();
    long v = attached(w, 2);
    w.write(v, false);
    w.killTarget(1);
    w.history.clear();
    for (int i = 0; i < 8; i++) {
      w.stepBaremetal(100);
      w.compute.nowMs += 1_000;
    }
    assertEquals(List.of(LvolSync.IN_SYNC, LvolSync.OUT), syncs(w, v));
    int out = indexOf(w, "CommitOut");
    int disabled = indexOf(w, "DisableController");
    int detached = indexOf(w, "DetachController");
    assertTrue(out < disabled && disabled < detached, w.history::toString);
    w.write(v, false);
    w.converge();
    assertEquals(List.of(LvolSync.IN_SYNC, LvolSync.IN_SYNC), syncs(w, v));
    w.checkEqual();
  }

  private static int indexOf(SimWorld w, String text) {
    for (int i = 0; i < w.history.size(); i++) {
      if (w.history.get(i).contains(text)) {
        return i;
      }
    }
    throw new AssertionError(text + " is not in " + w.history);
  }

  @Test
  void bothLegsDownDropsNothing() {
    SimWorld w = world();
    long v = attached(w, 2);
    w.killTarget(0);
    w.killTarget(1);
    for (int i = 0; i < 20; i++) {
      Plan plan = w.stepBaremetal(100);
      assertTrue(plan.work().isEmpty(), plan::text);
      w.compute.nowMs += 1_000;
    }
    assertEquals(List.of(LvolSync.IN_SYNC, LvolSync.IN_SYNC), syncs(w, v));
  }

  @Test
  void uncleanStopMakesOneLegTheTruthBeforeTheGuestReads() {
    SimWorld w = world();
    long v = attached(w, 2);
    w.write(v, true);
    w.history.clear();
    w.converge();
    assertTrue(indexOf(w, "CommitOut") < indexOf(w, "CreateVhost"), w.history::toString);
    assertTrue(indexOf(w, "DetachController") < indexOf(w, "CreateVhost"), w.history::toString);
    assertEquals(List.of(LvolSync.IN_SYNC, LvolSync.IN_SYNC), syncs(w, v));
    w.checkEqual();
  }

  @Test
  void cleanStopLeavesNothingToRebuild() {
    SimWorld w = world();
    long v = attached(w, 2);
    w.write(v, false);
    w.stopping = true;
    w.converge();
    assertTrue(mapping(w, v).clean());
    assertEquals(0, w.compute.controllers.size());
    w.stopping = false;
    w.killCompute();
    w.history.clear();
    w.converge();
    assertTrue(w.history.stream().noneMatch(h -> h.contains("CommitOut")), w.history::toString);
    assertEquals(1, w.compute.vhosts.size());
  }

  @Test
  void uncleanSetWaitsForItsMissingLeg() {
    SimWorld w = world();
    long v = attached(w, 2);
    w.killTarget(1);
    w.killCompute();
    for (int i = 0; i < 100; i++) {
      w.stepBaremetal(100);
      w.compute.nowMs += 1_000;
    }
    assertEquals(List.of(LvolSync.IN_SYNC, LvolSync.IN_SYNC), syncs(w, v));
    assertEquals(0, w.compute.vhosts.size());
    assertTrue(w.stepBaremetal(100).text().contains("not clean"));
  }

  @Test
  void cleanSetStartsWithoutAMissingLegThroughAPlaceholder() {
    SimWorld w = world();
    long v = attached(w, 2);
    w.stopping = true;
    w.converge();
    w.stopping = false;
    w.killCompute();
    w.killTarget(1);
    for (int i = 0; i < 45; i++) {
      w.stepBaremetal(100);
      w.compute.nowMs += 1_000;
    }
    assertEquals(List.of(LvolSync.IN_SYNC, LvolSync.OUT), syncs(w, v));
    assertEquals(1, w.compute.vhosts.size());
    assertEquals(0, w.compute.nulls.size());
    w.write(v, false);
    w.converge();
    assertEquals(List.of(LvolSync.IN_SYNC, LvolSync.IN_SYNC), syncs(w, v));
    w.checkEqual();
  }

  @Test
  void detachAndDeleteLeaveNothing() {
    SimWorld w = world();
    long v = attached(w, 2);
    w.db.detach(v);
    w.converge();
    assertEquals(VolumeMappingState.DETACHED, mapping(w, v).state());
    assertTrue(w.db.grants.values().stream().allMatch(g -> g.state() == GrantState.REVOKED));
    w.db.delete(v);
    w.converge();
    assertTrue(w.db.lvols.values().stream().allMatch(l -> l.state() == LvolState.DELETED));
    assertTrue(w.targets.stream().allMatch(t -> t.blobs.isEmpty() && t.subsystems.isEmpty()));
    assertEquals(0, w.compute.controllers.size() + w.compute.raids.size());
  }

  @Test
  void whatALegHeldIsKeptUntilItsRebuildIsDone() {
    SimWorld w = world();
    long v = attached(w, 2);
    w.write(v, false);
    w.killTarget(1);
    for (int i = 0; i < 30; i++) {
      w.stepBaremetal(100);
      w.compute.nowMs += 1_000;
    }
    assertEquals(List.of(LvolSync.IN_SYNC, LvolSync.OUT), syncs(w, v));
    assertEquals(Kept.WANTED, w.db.lvols.values().stream().toList().getLast().kept());
    w.history.clear();
    w.converge();
    assertTrue(indexOf(w, "SnapshotLvol") < indexOf(w, "AddHost"), w.history::toString);
    assertTrue(indexOf(w, "AddBase") < indexOf(w, "DeleteLvol"), w.history::toString);
    assertEquals(List.of(LvolSync.IN_SYNC, LvolSync.IN_SYNC), syncs(w, v));
    assertTrue(w.db.lvols.values().stream().allMatch(l -> l.kept() == Kept.NONE));
    assertTrue(
        w.targets.stream().flatMap(t -> t.blobs.values().stream()).noneMatch(b -> b.snapshot));
    w.checkEqual();
  }

  @Test
  void deletionTakesWhatWasKeptAsWell() {
    SimWorld w = world();
    long v = attached(w, 2);
    w.killTarget(1);
    for (int i = 0; i < 30; i++) {
      w.stepBaremetal(100);
      w.compute.nowMs += 1_000;
    }
    w.startTarget(1);
    for (int i = 0; i < 200 && w.history.stream().noneMatch(h -> h.contains("AddBase")); i++) {
      w.stepStorage(1, 100);
      w.stepBaremetal(100);
      w.compute.nowMs += 100;
    }
    assertTrue(w.targets.get(1).blobs.values().stream().anyMatch(b -> b.snapshot));
    w.db.detach(v);
    w.converge();
    w.db.delete(v);
    w.converge();
    assertTrue(w.targets.stream().allMatch(t -> t.blobs.isEmpty()));
    assertTrue(w.db.lvols.values().stream().allMatch(l -> l.state() == LvolState.DELETED));
  }

  @Test
  void limitsAreSetBeforeTheGuestSeesTheVolumeAndAgainAfterARestart() {
    SimWorld w = world();
    Volume v = w.db.createVolume(2, List.of(1L, 2L));
    w.converge();
    w.db.limit(v.id(), new Limits(5_000, 100));
    w.db.attach(v.id());
    w.history.clear();
    w.converge();
    assertTrue(indexOf(w, "SetLimits") < indexOf(w, "CreateVhost"), w.history::toString);
    int done = w.actionsDone;
    w.converge();
    assertEquals(done, w.actionsDone, "nothing flaps");
    w.killCompute();
    w.history.clear();
    w.converge();
    assertTrue(indexOf(w, "SetLimits") < indexOf(w, "CreateVhost"), w.history::toString);
    w.db.limit(v.id(), Limits.NONE);
    w.converge();
    assertTrue(w.compute.limits.containsValue(Limits.NONE));
  }

  @Test
  void aVolumeGrowsWhileItIsAttached() {
    SimWorld w = world();
    long v = attached(w, 2);
    w.db.resize(v, 128 * Sizes.MIB);
    w.converge();
    assertEquals(VolumeState.AVAILABLE, w.db.volume(v).state());
    assertEquals(List.of(132 * Sizes.MIB, 132 * Sizes.MIB), sizes(w));
  }

  @Test
  void aVolumeThatGrowsWhileDetachedGetsItsLastClusterWhenItsRaidIsOnline() {
    SimWorld w = world();
    long v = attached(w, 2);
    w.db.detach(v);
    w.converge();
    w.db.resize(v, 128 * Sizes.MIB);
    w.converge();
    assertEquals(List.of(128 * Sizes.MIB, 128 * Sizes.MIB), sizes(w));
    assertTrue(w.stepStorage(0, 0).text().contains("to be attached"), w.stepStorage(0, 0)::text);
    w.db.attach(v);
    w.history.clear();
    w.converge();
    assertTrue(indexOf(w, "CreateVhost") < indexOf(w, "ResizeLvol"), w.history::toString);
    assertEquals(List.of(132 * Sizes.MIB, 132 * Sizes.MIB), sizes(w));
    assertEquals(VolumeState.AVAILABLE, w.db.volume(v).state());
  }

  private static List<Long> sizes(SimWorld w) {
    return w.targets.stream()
        .flatMap(t -> t.blobs.values().stream())
        .map(b -> b.sizeBytes)
        .toList();
  }

  @Test
  void aLostReplicaIsReplacedAndRemovedWhenItsNodeReturns() {
    SimWorld w = world();
    long v = attached(w, 2);
    w.killTarget(1);
    for (int i = 0; i < 8; i++) {
      w.stepStorage(1, 0);
      w.stepBaremetal(100);
      w.compute.nowMs += 1_000;
    }
    w.write(v, false);
    Lvol lost =
        w.db.lvols.values().stream()
            .filter(l -> l.sync() == LvolSync.OUT)
            .findFirst()
            .orElseThrow();
    Lvol made = w.db.replace(lost, 1);
    for (int i = 0; i < 20; i++) {
      w.stepStorage(0, 100);
      w.stepBaremetal(100);
      w.compute.progress();
      w.write(v, false);
      w.check();
      w.compute.nowMs += 1_000;
    }
    assertEquals(LvolSync.IN_SYNC, w.db.lvols.get(made.id()).sync());
    assertEquals(LvolState.DELETING, w.db.lvols.get(lost.id()).state());
    w.checkEqual();
    w.converge();
    assertEquals(LvolState.DELETED, w.db.lvols.get(lost.id()).state());
    assertTrue(w.targets.get(1).blobs.isEmpty());
    w.killCompute();
    w.converge();
    assertEquals(List.of(LvolSync.IN_SYNC, LvolSync.IN_SYNC), syncs(w, v));
    w.checkEqual();
  }

  @Test
  void aReplicaMovesByAddRebuildRemoveAndThereAreNeverFewerInSync() {
    SimWorld w = world();
    long v = attached(w, 2);
    w.write(v, false);
    Lvol old = w.db.lvols.values().stream().filter(l -> l.slot() == 1).findFirst().orElseThrow();
    Lvol made = w.db.replace(old, 1);
    w.db.leaving.add(old.id());
    w.history.clear();
    for (int i = 0; i < 20; i++) {
      w.stepStorage(0, 100);
      w.stepStorage(1, 100);
      w.stepBaremetal(100);
      w.compute.progress();
      w.write(v, false);
      w.check();
      assertTrue(
          w.db.lvols.values().stream().filter(l -> l.sync() == LvolSync.IN_SYNC).count() >= 2);
      w.compute.nowMs += 1_000;
    }
    assertEquals(LvolState.DELETED, w.db.lvols.get(old.id()).state(), w.history::toString);
    assertEquals(LvolSync.IN_SYNC, w.db.lvols.get(made.id()).sync());
    w.checkEqual();
  }

  @Test
  void aVolumeIsTakenFromADeadNodeAndStartedOnAnother() {
    SimWorld w = world();
    long v = attached(w, 2);
    w.write(v, true); // bm1 dies in the middle of a write and does not come back
    w.history.clear();
    w.db.move(v, SimDatabase.OTHER_BAREMETAL);
    SimWorld.Host other = w.hosts.get(1);
    for (int i = 0; i < 30; i++) {
      w.stepStorage(0, 100);
      w.stepStorage(1, 100);
      w.step(other, 100);
      other.compute.progress();
      w.compute.nowMs += 1_000;
    }
    assertEquals(VolumeMappingState.ATTACHED, mapping(w, v).state());
    assertTrue(w.exposed(other, v) != null);
    assertEquals(List.of(LvolSync.IN_SYNC, LvolSync.IN_SYNC), syncs(w, v));
    assertTrue(indexOf(w, "RemoveHost") < indexOf(w, "REVOKED"), w.history::toString);
    assertTrue(indexOf(w, "REVOKED") < indexOf(w, "AddHost"), w.history::toString);
    assertTrue(indexOf(w, "AddHost") < indexOf(w, "AttachController"), w.history::toString);
    w.write(v, false);
    w.converge();
    w.checkEqual();
  }

  @Test
  void aNodeThatWasOnlyCutOffFindsItselfFencedAndTakesEverythingDown() {
    SimWorld w = world();
    long v = attached(w, 2);
    String vhost = w.compute.vhosts.keySet().iterator().next();
    w.compute.guests.add(vhost);
    w.db.move(v, SimDatabase.OTHER_BAREMETAL);
    SimWorld.Host other = w.hosts.get(1);
    for (int i = 0; i < 30; i++) {
      w.stepStorage(0, 100);
      w.stepStorage(1, 100);
      w.step(other, 100);
      other.compute.progress();
      w.write(v, false); // both guests
      w.check();
      w.compute.nowMs += 1_000;
    }
    assertTrue(w.hasWaiting(w.hosts.getFirst()), "the fenced guest's writes wait");
    assertEquals(1, w.compute.vhosts.size());
    for (int i = 0; i < 10; i++) {
      w.stepBaremetal(100); // bm1 reads the rows again
      w.check();
    }
    assertTrue(!w.hasWaiting(w.hosts.getFirst()), "the fenced guest's writes have failed");
    assertEquals(0, w.compute.controllers.size() + w.compute.raids.size());
    assertTrue(w.stepBaremetal(0).text().contains("taken away"), w.stepBaremetal(0)::text);
    w.compute.guests.clear();
    w.converge();
    assertEquals(0, w.compute.vhosts.size());
    assertEquals(1, w.db.gone.size());
    assertTrue(w.db.baremetalView(SimDatabase.BAREMETAL).mappings().isEmpty());
    w.checkEqual();
  }

  @Test
  void aVolumeMovesWhileAStorageNodeIsDeadAndThatNodeRevokesFirstWhenItReturns() {
    SimWorld w = world();
    long v = attached(w, 2);
    w.write(v, false);
    w.killCompute();
    w.killTarget(1);
    w.stepStorage(1, 0);
    w.db.move(v, SimDatabase.OTHER_BAREMETAL);
    assertEquals(List.of(LvolSync.IN_SYNC, LvolSync.OUT), syncs(w, v));
    SimWorld.Host other = w.hosts.get(1);
    for (int i = 0; i < 10; i++) {
      w.stepStorage(0, 100);
      w.step(other, 100);
      w.compute.nowMs += 1_000;
    }
    assertTrue(w.exposed(other, v) != null, "it runs on the replica that is left");
    w.write(v, false);
    w.history.clear();
    w.converge();
    assertEquals(List.of(LvolSync.IN_SYNC, LvolSync.IN_SYNC), syncs(w, v));
    assertTrue(indexOf(w, "REVOKED") < indexOf(w, "Readmit"), w.history::toString);
    w.checkEqual();
  }

  @Test
  void anAgentMayDieAtAnyActionOfAnAttachment() {
    for (int most = 0; most < 40; most++) {
      SimWorld w = new SimWorld(new SplittableRandom(most));
      for (int i = 0; i < 20; i++) {
        w.stepStorage(0, 100);
        w.stepStorage(1, 100);
      }
      Volume v = w.db.createVolume(2, List.of(1L, 2L));
      w.stepStorage(0, most);
      w.stepStorage(1, most / 2);
      w.converge();
      w.db.attach(v.id());
      for (int i = 0; i < 6; i++) {
        w.stepStorage(0, most);
        w.stepStorage(1, 100);
        w.stepBaremetal(most % 8);
      }
      w.converge();
      assertEquals(VolumeMappingState.ATTACHED, mapping(w, v.id()).state());
    }
  }
}

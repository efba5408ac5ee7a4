package io.diskengine.model.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.model.Disk;
import io.diskengine.model.DiskState;
import io.diskengine.model.Grant;
import io.diskengine.model.GrantState;
import io.diskengine.model.Kept;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.model.VolumeState;
import io.diskengine.model.plan.BaremetalObserved.Process;
import io.diskengine.model.plan.BaremetalObserved.Raid;
import io.diskengine.model.plan.DiskFile.Content;
import io.diskengine.model.plan.Leg.Health;
import io.diskengine.model.plan.StorageNodeObserved.LvolSeen;
import io.diskengine.model.plan.StorageNodeObserved.Subsystem;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Each law's predicate alone: what it allows and what it forbids. */
class LawsTest {
  private static final UUID U = new UUID(1, 2);
  private static final Health HEALTHY = new Health.Healthy();
  private static final Health FAILING = new Health.Failing(1, "gone");

  private static Lvol lvol(long id, LvolSync sync, LvolState state, boolean confirmed) {
    return new Lvol(
        id,
        1,
        1,
        1,
        (int) id,
        1,
        "v" + id,
        confirmed ? U : null,
        1,
        "nqn" + id,
        U,
        "",
        "",
        1,
        2,
        state,
        sync,
        null,
        Kept.NONE,
        null,
        null,
        1);
  }

  private static Leg leg(long id, LvolSync sync, Health health, boolean inRaid) {
    return new Leg(lvol(id, sync, LvolState.UP, true), "v" + id + "n1", health, inRaid);
  }

  private static VolumeMapping mapping(boolean clean) {
    return new VolumeMapping(1, 1, 1, VolumeMappingState.ATTACHED, null, clean, 1);
  }

  private static Raid raid(
      String state, int operational, boolean process, long quiet, long looked, String... members) {
    List<BaremetalObserved.Leg> legs =
        java.util.Arrays.stream(members)
            .map(m -> new BaremetalObserved.Leg(m, U, true, 0, 0))
            .toList();
    return new Raid(
        "r",
        U,
        state,
        true,
        2,
        operational,
        legs,
        process ? new Process("v2n1", 5) : null,
        quiet,
        looked);
  }

  private static Facts<Subsystem> subsystems(String... hosts) {
    return Facts.known(
        Map.of(
            "nqn1", new Subsystem("nqn1", "", 1, 2, false, List.of(), Set.of(hosts), List.of())));
  }

  @Test
  void unknownIsNotAbsent() {
    assertFalse(Facts.unknown().isAbsent("x"));
    assertFalse(new Facts<>(true, Map.of(), Set.of("x"), new Facts.Groups()).isAbsent("x"));
    assertTrue(Facts.known(Map.of()).isAbsent("x"));
    assertFalse(Facts.known(Map.of("x", 1)).isAbsent("x"));
  }

  private static Lvol kept(Kept kept, LvolState state, UUID uuid) {
    Lvol l = lvol(1, LvolSync.OUT, state, true);
    return new Lvol(
        l.id(),
        l.volumeId(),
        l.diskId(),
        l.nodeId(),
        l.slot(),
        l.generation(),
        l.name(),
        l.uuid(),
        l.sizeBytes(),
        l.nqn(),
        l.namespaceUuid(),
        l.nguid(),
        l.serial(),
        l.minCntlid(),
        l.maxCntlid(),
        l.state(),
        l.sync(),
        null,
        kept,
        uuid,
        null,
        1);
  }

  @Test
  void nobodyIsLetInToOverwriteWhatIsNotKept() {
    assertTrue(Laws.mayLetIn(kept(Kept.NONE, LvolState.UP, null)));
    assertFalse(Laws.mayLetIn(kept(Kept.WANTED, LvolState.UP, null)));
    assertFalse(Laws.mayLetIn(kept(Kept.TAKING, LvolState.UP, null)));
    assertTrue(Laws.mayLetIn(kept(Kept.KEPT, LvolState.UP, U)));
  }

  @Test
  void onlyTheNeedlessSnapshotThatWasTakenOfAReplicaIsDropped() {
    LvolSeen ours = new LvolSeen("s/v1_kept", U, 1, true);
    assertTrue(Laws.mayDropKept(kept(Kept.DROPPING, LvolState.UP, U), ours));
    assertTrue(Laws.mayDropKept(kept(Kept.KEPT, LvolState.DELETING, U), ours));
    assertFalse(Laws.mayDropKept(kept(Kept.KEPT, LvolState.UP, U), ours));
    assertFalse(
        Laws.mayDropKept(
            kept(Kept.DROPPING, LvolState.UP, U),
            new LvolSeen("s/v1_kept", new UUID(3, 3), 1, true)));
    assertFalse(
        Laws.mayDropKept(
            kept(Kept.DROPPING, LvolState.UP, U), new LvolSeen("s/v1_kept", U, 1, false)));
  }

  @Test
  void lastHealthyInSyncLegIsNotDropped() {
    Leg failing = leg(1, LvolSync.IN_SYNC, FAILING, true);
    assertTrue(Laws.mayDrop(failing, List.of(failing, leg(2, LvolSync.IN_SYNC, HEALTHY, true))));
    assertFalse(Laws.mayDrop(failing, List.of(failing)));
    assertFalse(Laws.mayDrop(failing, List.of(failing, leg(2, LvolSync.IN_SYNC, FAILING, true))));
    assertFalse(
        Laws.mayDrop(failing, List.of(failing, leg(2, LvolSync.REBUILDING, HEALTHY, true))));
    assertFalse(Laws.mayDrop(failing, List.of(failing, leg(2, LvolSync.IN_SYNC, HEALTHY, false))));
    assertFalse(
        Laws.mayDrop(
            failing, List.of(failing, leg(2, LvolSync.IN_SYNC, new Health.Unknown(), true))));
  }

  @Test
  void onlyACleanSetStartsAloneAndOnlyAfterAWait() {
    assertTrue(Laws.mayStartAlone(mapping(true), Laws.START_ALONE_AFTER_MS));
    assertFalse(Laws.mayStartAlone(mapping(true), Laws.START_ALONE_AFTER_MS - 1));
    assertFalse(Laws.mayStartAlone(mapping(false), Laws.START_ALONE_AFTER_MS));
  }

  @Test
  void guestSeesExactlyTheLegsThatHoldItsData() {
    Leg in = leg(1, LvolSync.IN_SYNC, HEALTHY, true);
    assertTrue(Laws.mayExpose(raid("online", 1, false, 0, 0, "v1n1"), List.of(in)));
    assertFalse(Laws.mayExpose(raid("configuring", 1, false, 0, 0, "v1n1"), List.of(in)));
    assertFalse(
        Laws.mayExpose(
            raid("online", 2, false, 0, 0, "v1n1", "v2n1"),
            List.of(in, leg(2, LvolSync.OUT, HEALTHY, true))));
    assertFalse(
        Laws.mayExpose(
            raid("online", 1, false, 0, 0, "v1n1"),
            List.of(in, leg(2, LvolSync.IN_SYNC, HEALTHY, false))));
    assertFalse(Laws.mayExpose(raid("online", 2, false, 0, 0, "v1n1", "ph"), List.of(in)));
  }

  @Test
  void uncleanStopNeedsATruthUnlessThisIncarnationOpenedTheRaid() {
    assertTrue(Laws.mustChooseTruth(mapping(false), false, 2));
    assertFalse(Laws.mustChooseTruth(mapping(false), true, 2));
    assertFalse(Laws.mustChooseTruth(mapping(true), false, 2));
    assertFalse(Laws.mustChooseTruth(mapping(false), false, 1));
  }

  @Test
  void rebuildIsDoneWhenTwoLooksASecondApartSaySo() {
    Leg leg = leg(2, LvolSync.REBUILDING, HEALTHY, true);
    assertTrue(Laws.isRebuilt(raid("online", 2, false, 0, 1_000, "v1n1", "v2n1"), leg));
    assertFalse(Laws.isRebuilt(raid("online", 2, false, 0, 999, "v1n1", "v2n1"), leg));
    assertFalse(Laws.isRebuilt(raid("online", 2, true, 0, 1_000, "v1n1", "v2n1"), leg));
    assertFalse(Laws.isRebuilt(raid("online", 1, false, 0, 1_000, "v1n1", "v2n1"), leg));
    assertFalse(
        Laws.isRebuilt(
            raid("online", 1, false, 0, 1_000, "v1n1"),
            leg(2, LvolSync.REBUILDING, HEALTHY, false)));
  }

  @Test
  void rebuiltLegSucceedsItsSourceOnlyWhenNoLegInSyncIsLeftInTheRaid() {
    Leg source = leg(1, LvolSync.IN_SYNC, HEALTHY, false);
    Leg rebuilt = leg(2, LvolSync.REBUILDING, HEALTHY, true);
    List<Leg> legs = List.of(source, rebuilt);
    assertTrue(Laws.isSuccessor(raid("online", 1, false, 0, 1_000, "v2n1"), rebuilt, legs));
    assertFalse(Laws.isSuccessor(raid("online", 1, false, 0, 999, "v2n1"), rebuilt, legs));
    assertFalse(Laws.isSuccessor(raid("online", 1, true, 0, 1_000, "v2n1"), rebuilt, legs));
    assertFalse(Laws.isSuccessor(raid("configuring", 1, false, 0, 1_000, "v2n1"), rebuilt, legs));
    Leg there = leg(1, LvolSync.IN_SYNC, HEALTHY, true);
    Raid both = raid("online", 2, false, 0, 1_000, "v1n1", "v2n1");
    assertFalse(Laws.isSuccessor(both, rebuilt, List.of(there, rebuilt)));
    Leg out = leg(2, LvolSync.OUT, HEALTHY, true);
    Raid one = raid("online", 1, false, 0, 1_000, "v2n1");
    assertFalse(Laws.isSuccessor(one, out, List.of(source, out)));
  }

  @Test
  void legThatLeavesAgainAndAgainWaitsLongerEachTime() {
    BaremetalObserved.Out once = new BaremetalObserved.Out("gone", 1, 1_000);
    assertEquals(1_000, Laws.readmitAtMs(once));
    BaremetalObserved.Out twice = once.again("gone", 2_000);
    assertEquals(2_000 + Laws.READMIT_FIRST_MS, Laws.readmitAtMs(twice));
    assertEquals(3_000 + 2 * Laws.READMIT_FIRST_MS, Laws.readmitAtMs(twice.again("gone", 3_000)));
    BaremetalObserved.Out often = new BaremetalObserved.Out("gone", 1_000, 0);
    assertEquals(Laws.READMIT_CAP_MS, Laws.readmitAtMs(often));
  }

  @Test
  void legOutsideTheSetIsAttachedOnlyBesideAnOnlineRaidThatLacksIt() {
    Leg out = leg(1, LvolSync.OUT, HEALTHY, false);
    assertTrue(Laws.mayAttach(out, true));
    assertFalse(Laws.mayAttach(out, false));
    assertFalse(Laws.mayAttach(leg(1, LvolSync.OUT, HEALTHY, true), true));
    assertTrue(Laws.mayAttach(leg(1, LvolSync.IN_SYNC, HEALTHY, false), false));
  }

  @Test
  void grantCountsWhenConfirmedForThisEpochAndMapping() {
    Volume v =
        new Volume(
            1,
            U,
            "v",
            1,
            1,
            4096,
            2,
            1,
            true,
            io.diskengine.model.Limits.NONE,
            7,
            true,
            VolumeState.AVAILABLE,
            null,
            Instant.EPOCH,
            1);
    assertTrue(Laws.isValid(grant(GrantState.GRANTED, 7, 1), v, mapping(true)));
    assertFalse(Laws.isValid(grant(GrantState.GRANTING, 7, 1), v, mapping(true)));
    assertFalse(Laws.isValid(grant(GrantState.GRANTED, 6, 1), v, mapping(true)));
    assertFalse(Laws.isValid(grant(GrantState.GRANTED, 7, 2), v, mapping(true)));
  }

  private static Grant grant(GrantState state, long epoch, long mapping) {
    return new Grant(1, 1, mapping, "host", epoch, state, "i", 1);
  }

  @Test
  void grantIsRevokedWhenItsHostIsOffTheListAndHasNoController() {
    Facts<Set<String>> none = Facts.known(Map.of("nqn1", Set.of()));
    assertTrue(Laws.isRevoked("h", subsystems(), none, "nqn1"));
    assertFalse(Laws.isRevoked("h", subsystems("h"), none, "nqn1"));
    assertFalse(
        Laws.isRevoked("h", subsystems(), Facts.known(Map.of("nqn1", Set.of("h"))), "nqn1"));
    assertFalse(Laws.isRevoked("h", subsystems(), Facts.known(Map.of()), "nqn1"));
    assertTrue(Laws.isRevoked("h", Facts.known(Map.of()), Facts.unknown(), "nqn1"));
    assertFalse(Laws.isRevoked("h", Facts.unknown(), none, "nqn1"));
  }

  @Test
  void lvstoreIsMadeOnceOnADiskProvenEmpty() {
    assertTrue(mayCreate(null, Content.EMPTY, Facts.known(Map.of())));
    assertFalse(mayCreate(null, Content.DATA, Facts.known(Map.of())));
    assertFalse(mayCreate(null, Content.UNKNOWN, Facts.known(Map.of())));
    assertFalse(mayCreate(U, Content.EMPTY, Facts.known(Map.of())));
    assertFalse(mayCreate(null, Content.EMPTY, Facts.unknown()));
  }

  private static boolean mayCreate(
      @org.jspecify.annotations.Nullable UUID lvstore, Content content, Facts<Lvstore> facts) {
    Disk disk =
        new Disk(
            1,
            U,
            1,
            "s",
            1,
            "m",
            "/d",
            1,
            4096,
            true,
            false,
            DiskState.NEW,
            lvstore,
            "lvs",
            0,
            0,
            0,
            null,
            1);
    DiskFile file = new DiskFile("/d", "s", 1, "m", 1, 4096, content, "");
    return Laws.mayCreateLvstore(disk, file, facts, "disk1");
  }

  @Test
  void onlyATombstonedUnexportedLvolOfTheSameIdentityIsDeleted() {
    LvolSeen seen = new LvolSeen("l/v1", U, 1);
    Lvol dead = lvol(1, LvolSync.IN_SYNC, LvolState.DELETING, true);
    assertTrue(Laws.mayDelete(dead, seen, Facts.known(Map.of())));
    assertFalse(
        Laws.mayDelete(lvol(1, LvolSync.IN_SYNC, LvolState.UP, true), seen, Facts.known(Map.of())));
    assertFalse(Laws.mayDelete(dead, seen, subsystems()));
    assertFalse(Laws.mayDelete(dead, seen, Facts.unknown()));
    assertFalse(
        Laws.mayDelete(dead, new LvolSeen("l/v1", new UUID(9, 9), 1), Facts.known(Map.of())));
  }

  @Test
  void subsystemGoesOnlyWithoutHostsAndControllers() {
    Facts<Set<String>> none = Facts.known(Map.of("nqn1", Set.of()));
    Subsystem empty = new Subsystem("nqn1", "", 1, 2, false, List.of(), Set.of(), List.of());
    Subsystem held = new Subsystem("nqn1", "", 1, 2, false, List.of(), Set.of("h"), List.of());
    assertTrue(Laws.mayUnexport(empty, none));
    assertFalse(Laws.mayUnexport(held, none));
    assertFalse(Laws.mayUnexport(empty, Facts.known(Map.of())));
    assertFalse(Laws.mayUnexport(empty, Facts.known(Map.of("nqn1", Set.of("h")))));
  }
}

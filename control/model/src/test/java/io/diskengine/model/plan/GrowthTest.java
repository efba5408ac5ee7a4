package io.diskengine.model.plan;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.model.Cluster;
import io.diskengine.model.ClusterSettings;
import io.diskengine.model.DataPlaneState;
import io.diskengine.model.Kept;
import io.diskengine.model.Limits;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Node;
import io.diskengine.model.NodeMode;
import io.diskengine.model.NodeView;
import io.diskengine.model.Schedulability;
import io.diskengine.model.Sizes;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeState;
import io.diskengine.model.plan.BaremetalObserved.Process;
import io.diskengine.model.plan.BaremetalObserved.Raid;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** When a RAID has missed that its legs grew (decision 0052): only when it says so. */
class GrowthTest {
  private static final int BLOCK = 4096;
  private static final long OFFSET = Sizes.SUPERBLOCK_BYTES / BLOCK;
  private static final long SIZE = 64 * Sizes.MIB;
  private static final long WHOLE = Sizes.guestBytes(SIZE) / BLOCK;
  private static final long SMALL = WHOLE - 1;

  private static Volume volume(VolumeState state) {
    return new Volume(
        1,
        new UUID(0, 1),
        "v",
        SIZE,
        SIZE,
        BLOCK,
        2,
        Sizes.guestBytes(SIZE),
        false,
        Limits.NONE,
        1,
        true,
        state,
        null,
        Instant.EPOCH,
        1);
  }

  private static Lvol lvol(int id, LvolState state, LvolSync sync) {
    return new Lvol(
        id,
        1,
        1,
        1,
        id,
        1,
        "l" + id,
        null,
        Sizes.legBytes(SIZE),
        "nqn" + id,
        new UUID(1, id),
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

  private static Lvol lvol(int id) {
    return lvol(id, LvolState.UP, LvolSync.IN_SYNC);
  }

  private static BaremetalObserved.Leg leg(int lvol, long offset, long blocks) {
    return new BaremetalObserved.Leg("l" + lvol + "n1", new UUID(1, lvol), true, offset, blocks);
  }

  private static Raid raid(String state, BaremetalObserved.Leg... legs) {
    return new Raid("r", new UUID(0, 1), state, true, 2, legs.length, List.of(legs), null, 1, 1);
  }

  private static boolean isMissed(Raid raid, Lvol... replicas) {
    return isMissed(volume(VolumeState.AVAILABLE), raid, replicas);
  }

  private static boolean isMissed(Volume volume, Raid raid, Lvol... replicas) {
    return Growth.isMissed(new Index(view(volume, replicas)), volume, raid);
  }

  @Test
  void aRaidThatSaysItIsSmallerThanItsLegsAllowMissedAGrowth() {
    assertTrue(
        isMissed(raid("online", leg(1, OFFSET, SMALL), leg(2, OFFSET, SMALL)), lvol(1), lvol(2)));
    assertTrue(isMissed(raid("online", leg(1, OFFSET, SMALL)), lvol(1)), "one replica");
  }

  @Test
  void aRaidThatIsAsLargeAsItsLegsAllowMissedNothing() {
    assertFalse(
        isMissed(raid("online", leg(1, OFFSET, WHOLE), leg(2, OFFSET, WHOLE)), lvol(1), lvol(2)));
    assertFalse(isMissed(raid("online", leg(1, OFFSET, WHOLE + 1)), lvol(1)), "larger");
  }

  @Test
  void dataThatBeginsLaterIsNotMissing() {
    assertFalse(isMissed(raid("online", leg(1, 2 * OFFSET, WHOLE - OFFSET)), lvol(1)));
    assertTrue(isMissed(raid("online", leg(1, 2 * OFFSET, SMALL - OFFSET)), lvol(1)));
  }

  @Test
  void aSizeThatWasNotToldIsNotSmall() {
    assertFalse(
        isMissed(raid("online", leg(1, OFFSET, 0), leg(2, OFFSET, 0)), lvol(1), lvol(2)), "none");
    assertFalse(
        isMissed(raid("online", leg(1, OFFSET, SMALL), leg(2, OFFSET, 0)), lvol(1), lvol(2)),
        "of one leg only");
    assertFalse(
        isMissed(raid("online", leg(1, OFFSET, SMALL), leg(2, OFFSET, 1)), lvol(1), lvol(2)),
        "two sizes");
    assertFalse(isMissed(raid("online", leg(1, 0, SMALL)), lvol(1)), "where the data begins");
  }

  @Test
  void nothingIsSaidOfARaidThatIsNotOnlineWithEveryReplica() {
    BaremetalObserved.Leg one = leg(1, OFFSET, SMALL);
    BaremetalObserved.Leg two = leg(2, OFFSET, SMALL);
    assertFalse(isMissed(raid("configuring", one, two), lvol(1), lvol(2)), "configuring");
    assertFalse(isMissed(raid("online", one), lvol(1), lvol(2)), "a leg is not there");
    BaremetalObserved.Leg empty =
        new BaremetalObserved.Leg(null, new UUID(0, 0), false, OFFSET, SMALL);
    assertFalse(isMissed(raid("online", one, empty), lvol(1), lvol(2)), "an empty slot");
    assertTrue(isMissed(raid("online", one, empty), lvol(1)), "of a volume with one replica");
    BaremetalObserved.Leg placeholder =
        new BaremetalObserved.Leg("ph", new UUID(7, 7), true, OFFSET, SMALL);
    assertFalse(isMissed(raid("online", one, placeholder), lvol(1)), "a placeholder");
    assertFalse(isMissed(raid("online", one, placeholder), lvol(1), lvol(2)), "for a replica");
    Raid rebuilding =
        new Raid(
            "r",
            new UUID(0, 1),
            "online",
            true,
            2,
            2,
            List.of(one, two),
            new Process("l2n1", 5),
            1,
            1);
    assertFalse(isMissed(rebuilding, lvol(1), lvol(2)), "a rebuild");
  }

  @Test
  void nothingIsSaidWhileTheRecordsChange() {
    Raid small = raid("online", leg(1, OFFSET, SMALL), leg(2, OFFSET, SMALL));
    Lvol resizing = lvol(2, LvolState.RESIZING, LvolSync.IN_SYNC);
    assertFalse(isMissed(small, lvol(1), resizing));
    assertFalse(isMissed(small, lvol(1), lvol(2, LvolState.UP, LvolSync.OUT)));
    assertFalse(isMissed(volume(VolumeState.RESIZING), small, lvol(1), lvol(2)));
    Lvol gone = lvol(3, LvolState.DELETING, LvolSync.IN_SYNC);
    assertTrue(isMissed(small, lvol(1), lvol(2), gone), "what is deleted does not count");
  }

  private static NodeView view(Volume volume, Lvol... replicas) {
    Node node =
        new Node(
            1,
            "bm1",
            NodeMode.BAREMETAL,
            "d",
            "nqn",
            List.of(),
            Schedulability.ACTIVE,
            null,
            1,
            Instant.EPOCH,
            true,
            null,
            null,
            DataPlaneState.READY,
            null,
            1);
    return new NodeView(
        new Cluster("c", "nqn", 1, ClusterSettings.DEFAULTS),
        node,
        List.of(),
        List.of(),
        List.of(volume),
        List.of(replicas),
        List.of(),
        List.of(),
        List.of());
  }
}

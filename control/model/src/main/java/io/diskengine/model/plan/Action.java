package io.diskengine.model.plan;

import io.diskengine.model.FabricAddress;
import io.diskengine.model.Limits;
import io.diskengine.model.Transport;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * One idempotent step on the data plane: one RPC. Repeating a step that was done already changes
 * nothing; what the answer means is decided by looking at the object again.
 */
public sealed interface Action {
  /** Steps of a storage node. */
  sealed interface StorageAction extends Action {}

  /** Steps of a baremetal node. */
  sealed interface BaremetalAction extends Action {}

  record CreateAio(String bdev, String filename, int blockSize) implements StorageAction {}

  /** Lets SPDK's modules look at a bdev and waits for them. Never a {@code raid_*} (law 8). */
  record Examine(String bdev) implements StorageAction, BaremetalAction {}

  record CreateLvstore(
      String bdev,
      String name,
      long clusterBytes,
      int mdPagesPerClusterPercent,
      boolean writeZeroes)
      implements StorageAction {}

  record CreateTransport(Transport transport) implements StorageAction {}

  record CreateLvol(String lvstore, String name, long sizeBytes, boolean thin)
      implements StorageAction {}

  /** Grows it. */
  record ResizeLvol(String lvstore, String name, long sizeBytes) implements StorageAction {}

  /** Keeps what an lvol holds now: a thick one is thin afterwards. */
  record SnapshotLvol(String lvstore, String name, String snapshot) implements StorageAction {}

  /** Of a snapshot with one clone: what they share stays with the clone. */
  record DeleteLvol(String lvstore, String name) implements StorageAction {}

  /** Allows no host. */
  record CreateSubsystem(String nqn, String serial, int minCntlid, int maxCntlid)
      implements StorageAction {}

  record DeleteSubsystem(String nqn) implements StorageAction {}

  record AddHost(String nqn, String hostNqn) implements StorageAction {}

  /** Answers when the host's last I/O is over. */
  record RemoveHost(String nqn, String hostNqn) implements StorageAction {}

  record AddNamespace(String nqn, String bdev, UUID uuid, String nguid) implements StorageAction {}

  record RemoveNamespace(String nqn) implements StorageAction {}

  record AddListener(String nqn, FabricAddress address) implements StorageAction {}

  record RemoveListener(String nqn, FabricAddress address) implements StorageAction {}

  /** Reads which hosts have controllers on a subsystem. */
  record LookControllers(String nqn) implements StorageAction {}

  record AttachController(String controller, FabricAddress address, String nqn, String hostNqn)
      implements BaremetalAction {
    /**
     * Within this time SPDK has done with an attach that it has read: Linux gives up a connect
     * after 127 s, and the handshake after it has limits of seconds.
     */
    public static final long COMES_WITHIN_MS = 160_000;

    /** Most attaches are over within this time. */
    public static final long COMES_SOON_MS = 1_000;

    private static final String JOURNALLED = "AttachController[controller=";

    /** The controller of an attach that is on record as its {@link #toString}. */
    public static Optional<String> controllerIn(String journalled) {
      int end = journalled.indexOf(',');
      return journalled.startsWith(JOURNALLED) && end > 0
          ? Optional.of(journalled.substring(JOURNALLED.length(), end))
          : Optional.empty();
    }
  }

  record DisableController(String controller) implements BaremetalAction {}

  record DetachController(String controller) implements BaremetalAction {}

  /** raid1 with a superblock. */
  record CreateRaid(String raid, UUID uuid, List<String> bases) implements BaremetalAction {
    public CreateRaid {
      bases = List.copyOf(bases);
    }
  }

  /** Leaves the superblocks. */
  record DeleteRaid(String raid) implements BaremetalAction {}

  record AddBase(String raid, String base) implements BaremetalAction {}

  record RemoveBase(String raid, String base) implements BaremetalAction {}

  record CreateNull(String bdev, UUID uuid, int blockSize, long blocks)
      implements BaremetalAction {}

  record DeleteNull(String bdev) implements BaremetalAction {}

  record SetLimits(String raid, Limits limits) implements BaremetalAction {}

  record CreateVhost(String controller, String bdev) implements BaremetalAction {}

  record DeleteVhost(String controller) implements BaremetalAction {}
}

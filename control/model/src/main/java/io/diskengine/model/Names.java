package io.diskengine.model;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Names and identities (law 12): pure functions of what is stored, chosen here and never by SPDK.
 * They are interfaces: disks, superblocks and guests carry them.
 */
public final class Names {
  public static final String DEFAULT_NQN_PREFIX = "nqn.2026-11.io.diskengine";
  public static final int NSID = 1;

  /** Controller ids given to one slot; slots never share one (NVMe: 0xFFF0 and up are reserved). */
  private static final int CNTLIDS_PER_SLOT = 0x1000;

  private static final int TAG_DIGITS = 6;

  private Names() {}

  /** The snapshot that keeps what a replica held before a rebuild. */
  public static String kept(String lvol) {
    return lvol + "_kept";
  }

  /** The first six hex digits of a volume's uuid. */
  public static String tag(UUID volumeUuid) {
    return volumeUuid.toString().substring(0, TAG_DIGITS);
  }

  public static String lvstore(UUID diskUuid) {
    return "lvs_" + diskUuid;
  }

  /** {@code v<volume>-<tag>_r<slot>_g<generation>}; also the name of its NVMe controller. */
  public static String lvol(long volumeId, UUID volumeUuid, int slot, int generation) {
    return "v" + volumeId + "-" + tag(volumeUuid) + "_r" + slot + "_g" + generation;
  }

  public static String subsystemNqn(String nqnPrefix, String clusterId, String lvolName) {
    return nqnPrefix + ":" + clusterId + ":" + lvolName;
  }

  public static String hostNqn(String nqnPrefix, String clusterId, String nodeName) {
    return nqnPrefix + ":" + clusterId + ":host:" + nodeName;
  }

  /** The bdev_nvme controller of a leg; its bdev is {@link #legBdev}. */
  public static String controller(String lvolName) {
    return lvolName;
  }

  /** SPDK names a namespace's bdev {@code <controller>n<nsid>}. */
  public static String legBdev(String lvolName) {
    return controller(lvolName) + "n" + NSID;
  }

  public static String raid(long volumeId, UUID volumeUuid) {
    return "raid_" + volumeId + "_" + tag(volumeUuid);
  }

  /**
   * The null bdev that holds a leg's slot while a RAID is created; its name tells that it is ours
   * and nobody's data.
   */
  public static String placeholder(int slot, String raid) {
    return "ph" + slot + "_" + raid;
  }

  public static boolean isPlaceholder(String bdev) {
    return bdev.startsWith("ph") && bdev.contains("_raid_");
  }

  public static String vhost(long vmMappingId, UUID volumeUuid) {
    return "vhost" + vmMappingId + "_" + tag(volumeUuid);
  }

  /** Uuid of the namespace of a replica, and so of the leg in the RAID's superblock. */
  public static UUID namespaceUuid(UUID volumeUuid, int slot, int generation) {
    String name = "diskengine/leg/" + volumeUuid + "/" + slot + "/" + generation;
    return UUID.nameUUIDFromBytes(name.getBytes(StandardCharsets.US_ASCII));
  }

  /** That of the lvol with this name, if it may be one of the volume. */
  public static Optional<UUID> namespaceUuid(long volumeId, UUID volumeUuid, String lvolName) {
    Matcher m = LVOL.matcher(lvolName);
    boolean mine =
        m.matches() && Long.parseLong(m.group(1)) == volumeId && m.group(2).equals(tag(volumeUuid));
    return mine
        ? Optional.of(
            namespaceUuid(volumeUuid, Integer.parseInt(m.group(3)), Integer.parseInt(m.group(4))))
        : Optional.empty();
  }

  /** NGUID as the RPC takes it: the 32 hex digits of the namespace uuid. */
  public static String nguid(UUID namespaceUuid) {
    return namespaceUuid.toString().replace("-", "").toUpperCase(Locale.ROOT);
  }

  /** Serial number of the subsystem (at most 20 bytes). */
  public static String serial(UUID namespaceUuid) {
    return "DE" + nguid(namespaceUuid).substring(0, 16);
  }

  public static int minCntlid(int slot) {
    return slot * CNTLIDS_PER_SLOT + 1;
  }

  public static int maxCntlid(int slot) {
    return (slot + 1) * CNTLIDS_PER_SLOT - 1;
  }

  /** The channel on which a node's agent is woken. */
  public static String channel(String nodeName) {
    return "diskengine_" + nodeName;
  }

  private static final Pattern LVOL =
      Pattern.compile("v([0-9]{1,18})-([0-9a-f]{6})_r([0-9]{1,4})_g([0-9]{1,9})");

  private static final Pattern OF_VOLUME =
      Pattern.compile("(?:.*[:/])?(?:v|raid_)([0-9]{1,18})[-_].*");

  /** The volume that an lvol, controller, subsystem or RAID of such a name belongs to. */
  public static Optional<Long> volumeOf(String name) {
    Matcher m = OF_VOLUME.matcher(name);
    return m.matches() ? Optional.of(Long.parseLong(m.group(1))) : Optional.empty();
  }
}

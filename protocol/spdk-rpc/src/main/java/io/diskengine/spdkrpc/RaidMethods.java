package io.diskengine.spdkrpc;

import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** {@code bdev_raid}. */
public final class RaidMethods {
  private RaidMethods() {}

  /** {@code bdev_raid_create}. True also when a base bdev does not exist yet: look at the state. */
  public record CreateRaid(
      String name,
      String raidLevel,
      @Nullable Integer stripSizeKb,
      List<String> baseBdevs,
      @Nullable UUID uuid,
      @Nullable Boolean superblock) {

    public static CreateRaid raid1(
        String name, @Nullable UUID uuid, List<String> baseBdevs, boolean superblock) {
      return new CreateRaid(name, "raid1", null, baseBdevs, uuid, superblock);
    }

    /**
     * @param level {@code raid0} or {@code concat}
     * @param stripSizeKb a power of two, at least a block
     */
    public static CreateRaid striped(
        String name, String level, int stripSizeKb, List<String> baseBdevs, boolean superblock) {
      return new CreateRaid(name, level, stripSizeKb, baseBdevs, null, superblock);
    }
  }

  /**
   * A RAID as {@code bdev_raid_get_bdevs} lists it ({@code name} set) or as a bdev's {@code
   * driver_specific.raid} ({@code name} absent). There is no degraded state: compare the counts,
   * and mind that the target of a rebuild counts as discovered and operational.
   *
   * @param state {@code online}, {@code configuring}, {@code offline}
   */
  public record RaidInfo(
      @Nullable String name,
      UUID uuid,
      long stripSizeKb,
      String state,
      String raidLevel,
      @Nullable Boolean superblock,
      int numBaseBdevs,
      int numBaseBdevsDiscovered,
      int numBaseBdevsOperational,
      @Nullable Process process,
      List<BaseBdev> baseBdevsList) {

    public boolean online() {
      return state.equals("online");
    }
  }

  /**
   * @param type {@code rebuild}
   * @param target base bdev that is written
   */
  public record Process(String type, String target, Progress progress) {}

  public record Progress(long blocks, int percent) {}

  /**
   * @param name null in the slot of a lost leg, whose uuid is then zero
   * @param dataOffset blocks, as {@code dataSize}
   */
  public record BaseBdev(
      @Nullable String name, UUID uuid, boolean isConfigured, long dataOffset, long dataSize) {}

  /** {@code bdev_raid_set_options}; the bandwidth limits all rebuilds together, 0 is none. */
  public record Options(
      @Nullable Integer processWindowSizeKb, @Nullable Integer processMaxBandwidthMbSec) {}

  private record Delete(String name, @Nullable Boolean clearSb) {}

  private record AddBaseBdev(String raidBdev, String baseBdev) {}

  public static RpcRequest<Boolean> setOptions(Options options) {
    return RpcRequest.of("bdev_raid_set_options", options, Boolean.class);
  }

  public static RpcRequest<Boolean> create(CreateRaid params) {
    return RpcRequest.of("bdev_raid_create", params, Boolean.class);
  }

  /** Leaves the superblocks. */
  public static RpcRequest<Boolean> delete(String name) {
    return RpcRequest.of("bdev_raid_delete", new Delete(name, null), Boolean.class);
  }

  /**
   * Clears the superblocks too.
   *
   * @throws IllegalArgumentException when the release can not
   */
  public static RpcRequest<Boolean> deleteAndClear(SpdkDialect dialect, String name) {
    if (!dialect.raidDeleteClearSb()) {
      throw new IllegalArgumentException(
          "bdev_raid_delete takes clear_sb since v26.05; clear the legs' first MiB otherwise");
    }
    return RpcRequest.of("bdev_raid_delete", new Delete(name, true), Boolean.class);
  }

  public static RpcRequest<List<RaidInfo>> bdevs() {
    return bdevs("all");
  }

  /**
   * @param category {@code all}, {@code online}, {@code configuring}, {@code offline}
   */
  public static RpcRequest<List<RaidInfo>> bdevs(String category) {
    return RpcRequest.listOf("bdev_raid_get_bdevs", Map.of("category", category), RaidInfo.class);
  }

  /** Starts a rebuild of the new leg; true says that it started. */
  public static RpcRequest<Boolean> addBaseBdev(String raidBdev, String baseBdev) {
    return RpcRequest.of(
        "bdev_raid_add_base_bdev", new AddBaseBdev(raidBdev, baseBdev), Boolean.class);
  }

  /** Never answers for a dead leg. Removing the last leg deletes the RAID. */
  public static RpcRequest<Boolean> removeBaseBdev(String baseBdev) {
    return RpcRequest.of("bdev_raid_remove_base_bdev", Map.of("name", baseBdev), Boolean.class);
  }
}

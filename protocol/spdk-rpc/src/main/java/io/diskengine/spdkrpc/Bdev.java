package io.diskengine.spdkrpc;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * One element of {@code bdev_get_bdevs}.
 *
 * @param name an lvol's is its uuid; {@code store/lvol} is among the aliases
 * @param supportedIoTypes {@code read}, {@code unmap}, {@code flush}, ...
 * @param driverSpecific by module; see {@link #lvol}, {@link #raid}, {@link #nvme}
 */
public record Bdev(
    String name,
    List<String> aliases,
    String productName,
    int blockSize,
    long numBlocks,
    @Nullable Long preferredWriteAlignment,
    @Nullable Long preferredWriteGranularity,
    @Nullable Long optimalWriteSize,
    @Nullable Long preferredUnmapAlignment,
    @Nullable Long preferredUnmapGranularity,
    UUID uuid,
    @Nullable Integer numaId,
    RateLimits assignedRateLimits,
    boolean claimed,
    @Nullable String claimType,
    @Nullable Boolean zoned,
    Map<String, Boolean> supportedIoTypes,
    @Nullable List<MemoryDomain> memoryDomains,
    ObjectNode driverSpecific) {

  /** Zero is unlimited. SPDK rounds I/O rates up to multiples of 1000. */
  public record RateLimits(
      long rwIosPerSec, long rwMbytesPerSec, long rMbytesPerSec, long wMbytesPerSec) {}

  public record MemoryDomain(@Nullable String dmaDeviceType, @Nullable String dmaDeviceId) {}

  /**
   * @param baseSnapshot name of the snapshot below, for a clone
   */
  public record Lvol(
      UUID lvolStoreUuid,
      String baseBdev,
      boolean thinProvision,
      @Nullable Long numAllocatedClusters,
      @JsonProperty("snapshot") boolean isSnapshot,
      @JsonProperty("clone") boolean isClone,
      @Nullable String baseSnapshot,
      @Nullable List<String> clones,
      @Nullable Boolean esnapClone,
      @Nullable String externalSnapshotName) {}

  /** One path of an NVMe bdev. */
  public record NvmePath(
      @Nullable String pciAddress, Trid trid, @Nullable ControllerData ctrlrData, NsData nsData) {}

  public record ControllerData(
      int cntlid,
      @Nullable String vendorId,
      @Nullable String modelNumber,
      @Nullable String serialNumber,
      @Nullable String firmwareRevision,
      @Nullable String subnqn,
      @Nullable Boolean multiCtrlr,
      @Nullable Boolean anaReporting) {}

  public record NsData(int id, @Nullable String anaState, @Nullable Boolean canShare) {}

  public long sizeBytes() {
    return Math.multiplyExact(numBlocks, (long) blockSize);
  }

  public boolean supports(String ioType) {
    return supportedIoTypes.getOrDefault(ioType, false);
  }

  public Optional<Lvol> lvol() {
    return specific("lvol").map(json -> RpcJson.MAPPER.treeToValue(json, Lvol.class));
  }

  public Optional<RaidMethods.RaidInfo> raid() {
    return specific("raid")
        .map(json -> RpcJson.MAPPER.treeToValue(json, RaidMethods.RaidInfo.class));
  }

  /** The paths of an NVMe bdev; empty for other bdevs. */
  public List<NvmePath> nvme() {
    return specific("nvme")
        .map(json -> List.of(RpcJson.MAPPER.treeToValue(json, NvmePath[].class)))
        .orElse(List.of());
  }

  private Optional<JsonNode> specific(String module) {
    return Optional.ofNullable(driverSpecific.get(module));
  }
}

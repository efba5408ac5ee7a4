package io.diskengine.api;

import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The JSON of the API: one record for each schema of {@code openapi.json}, with the same members. A
 * component is required unless it is nullable; null members are left out.
 */
public final class Api {
  private Api() {}

  /**
   * A request for a volume.
   *
   * @param replicas default 2
   */
  public record NewVolume(String name, long sizeBytes, @Nullable Integer replicas) {}

  public record NewAttachment(String node) {}

  /**
   * Where a volume is to be attached instead.
   *
   * @param force default false: take it away from a node that has a guest, start without replicas
   *     that cannot be reached
   */
  public record NewMove(String node, @Nullable Boolean force) {}

  /**
   * What the guest may ask of a volume; absent or 0 = no limit.
   *
   * @param iops reads and writes in a second, a multiple of 1000
   * @param mbps MiB in a second
   */
  public record NewLimits(@Nullable Long iops, @Nullable Long mbps) {}

  public record NewSize(long sizeBytes) {}

  /**
   * Where a replica is to be instead.
   *
   * @param node default: where most room is
   */
  public record NewReplicaPlace(@Nullable String node) {}

  /**
   * @param guestBytes what the guest sees
   * @param iopsLimit reads and writes in a second; 0 = no limit
   * @param mbpsLimit MiB in a second; 0 = no limit
   * @param placement the replicas that are not gone, by slot
   * @param attachment absent while the volume is on no node
   * @param waitingFor one line, while something is not as asked; more by {@code why}
   */
  public record Volume(
      long id,
      UUID uuid,
      String name,
      String state,
      @Nullable String error,
      long sizeBytes,
      long guestBytes,
      int blockSize,
      int replicas,
      boolean thin,
      long iopsLimit,
      long mbpsLimit,
      long epoch,
      Instant createdAt,
      List<Replica> placement,
      @Nullable Attachment attachment,
      @Nullable String waitingFor) {}

  public record Volumes(List<Volume> volumes) {}

  /**
   * One replica: an lvol on a disk, a leg of the RAID.
   *
   * @param rebuildPercent 0-100 while it is being rebuilt
   * @param kept the copy of what it held before it is overwritten
   * @param waitingFor one line, while it is not as it should be
   */
  public record Replica(
      long id,
      int slot,
      int generation,
      String name,
      String node,
      long diskId,
      String nqn,
      String state,
      String sync,
      @Nullable Integer rebuildPercent,
      String kept,
      @Nullable String waitingFor) {}

  /**
   * A volume on a baremetal node.
   *
   * @param state {@code ATTACHING}, {@code ATTACHED} or {@code DETACHING}
   * @param socketPath the vhost-user-blk socket, once it is there
   * @param raidState SPDK's word as last seen
   */
  public record Attachment(
      String volume,
      String node,
      String state,
      @Nullable String controllerName,
      @Nullable String socketPath,
      @Nullable String raidState,
      long guestBytes,
      @Nullable String waitingFor) {}

  /**
   * @param mode {@code storage-node} or {@code baremetal}
   * @param agentRunning its lease is valid
   */
  public record Node(
      long id,
      String name,
      String mode,
      String failureDomain,
      String hostNqn,
      List<String> addresses,
      String schedulability,
      boolean agentRunning,
      @Nullable String leaseHolder,
      @Nullable Instant leaseExpires,
      String dataPlane,
      @Nullable Instant dataPlaneSince,
      @Nullable String spdkVersion) {}

  public record Nodes(List<Node> nodes) {}

  /** Whether a node is to get new work. */
  public record NewSchedulability(String schedulability) {}

  /**
   * What is on a node.
   *
   * @param replicas of a storage node
   * @param attachments of a baremetal node
   * @param staying why what a node that is drained still has does not leave by itself, one line
   *     each, the first 20
   */
  public record NodeUse(
      String node, String schedulability, long replicas, long attachments, List<String> staying) {}

  /**
   * @param freeBytes of the lvstore, as last seen; not what placement may still promise
   */
  public record Disk(
      long id,
      UUID uuid,
      String node,
      String serial,
      int nsid,
      String model,
      String address,
      String state,
      long sizeBytes,
      int blockSize,
      String lvstoreName,
      long totalBytes,
      long freeBytes,
      @Nullable String health) {}

  public record Disks(List<Disk> disks) {}

  public record ObjectId(String kind, long id, String name) {}

  /**
   * @param node whose agent wrote it; absent for the controller
   */
  public record Event(
      long id,
      Instant at,
      String severity,
      @Nullable String node,
      ObjectId object,
      String message) {}

  /** Newest first. */
  public record Events(List<Event> events) {}

  /**
   * One line of the answer to "why": an object that is not as it should be.
   *
   * @param depth 0 = the object asked about; causes are deeper
   * @param waitingFor absent when the object itself is settled
   * @param reportedBy the node whose agent says so; absent when concluded from the rows
   */
  public record WhyLevel(
      int depth,
      ObjectId object,
      String state,
      @Nullable String waitingFor,
      @Nullable Instant since,
      @Nullable Integer attempts,
      @Nullable String lastError,
      @Nullable Instant nextTry,
      @Nullable String reportedBy) {}

  /**
   * @param waiting false = the object and all below it are as they should be
   * @param rootCause the deepest line, as text
   * @param levels in the order to print
   */
  public record Why(
      ObjectId object, boolean waiting, @Nullable String rootCause, List<WhyLevel> levels) {}

  /**
   * @param live true = planned for this request; false = the last one published, or none
   * @param plan absent when the node has never published one
   */
  public record NodePlan(String node, boolean live, @Nullable String plan) {}

  public record Plans(List<NodePlan> plans) {}

  public record Health(String status) {}

  /**
   * An error reply.
   *
   * @param code an {@link ErrorCode}
   */
  public record Problem(String code, String message) {}
}

package io.diskengine.model;

/**
 * Timers and limits of the whole system, one row of {@code cluster}. Units are in the names.
 *
 * @param reconnectDelaySec bdev_nvme: pause between reconnects of a lost controller
 * @param ctrlrLossTimeoutSec bdev_nvme: -1 = a lost controller is never given up by SPDK
 * @param fastIoFailTimeoutSec bdev_nvme: 0 = I/O waits for a path without errors
 * @param transportAckTimeout bdev_nvme: RDMA exponent, TCP user timeout (12: about 4.4 s)
 * @param probeIntervalMs pause between probes of a leg
 * @param probeDeadlineMs a probe without an answer for this long has failed
 * @param graceMs a leg is dropped after its controller was not enabled for this long
 * @param leaseTtlMs node lease, on PostgreSQL's clock; an agent stops at half of it
 * @param resyncMs full reconcile without any notification
 * @param maxRebuildsPerNode replicas rebuilding at once on one storage node
 * @param overcommitPercent 100 = the full size of every replica must fit
 * @param thin whether lvols are created thin
 * @param replaceAfterSec a replica that cannot be reached for this long gets a replacement
 *     elsewhere
 * @param maxRebuildsPerDisk replicas rebuilding at once on one disk
 * @param rebuildMbPerSec bandwidth of all rebuilds of a baremetal node together; 0 = no limit
 */
public record ClusterSettings(
    int reconnectDelaySec,
    int ctrlrLossTimeoutSec,
    int fastIoFailTimeoutSec,
    int transportAckTimeout,
    int probeIntervalMs,
    int probeDeadlineMs,
    int graceMs,
    int leaseTtlMs,
    int resyncMs,
    int maxRebuildsPerNode,
    int overcommitPercent,
    boolean thin,
    int replaceAfterSec,
    int maxRebuildsPerDisk,
    int rebuildMbPerSec) {
  private static final int BEAT_MARGIN_MS = 4_000;

  public static final ClusterSettings DEFAULTS =
      new ClusterSettings(
          1, -1, 0, 12, 1_000, 5_000, 3_000, 30_000, 30_000, 2, 100, true, 600, 2, 0);

  /** An agent that has not renewed for this long issues no mutation any more (law 7). */
  public int leaseStopMs() {
    return leaseTtlMs / 2;
  }

  /**
   * How often an agent that sends renews its lease: a third of the time after which it must stop.
   */
  public int leaseRenewMs() {
    return leaseStopMs() / 3;
  }

  /**
   * How often an agent that has nothing to send says that it is there: so that some seconds are
   * left for a PostgreSQL that is slow or away before others take the node for lost. Each time
   * wakes a process of PostgreSQL that has slept for so long.
   */
  public int leaseBeatMs() {
    return Math.max(leaseTtlMs / 2, leaseTtlMs - BEAT_MARGIN_MS);
  }
}

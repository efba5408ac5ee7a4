package io.diskengine.engine.host;

/**
 * One bdev_nvme_attach_controller: a name and one path to its subsystem.
 *
 * @param hostaddr source address, empty for any
 * @param hostsvcid source port, empty for any
 * @param connectTimeoutUs limit of one attempt to connect; 0 is {@link
 *     NvmeHost#CONNECT_DEADLINE_NS}
 */
public record AttachSpec(
    String name,
    TransportId trid,
    String hostnqn,
    String hostaddr,
    String hostsvcid,
    Multipath multipath,
    ReconnectTimers timers,
    long connectTimeoutUs) {
  /** What a second path under one name is for. */
  public enum Multipath {
    DISABLE,
    FAILOVER,
    MULTIPATH
  }

  boolean samePath(AttachSpec other) {
    return trid.traddr().equals(other.trid.traddr())
        && trid.trsvcid().equals(other.trid.trsvcid())
        && hostaddr.equals(other.hostaddr)
        && hostsvcid.equals(other.hostsvcid);
  }
}

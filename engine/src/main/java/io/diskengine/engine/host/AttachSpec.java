package io.diskengine.engine.host;

import io.diskengine.engine.bdev.BdevException;
import java.nio.charset.StandardCharsets;
import java.util.UUID;

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

  /**
   * What its connections connect to.
   *
   * @throws BdevException EIO for an address that is none
   */
  TcpQpair.Target target(NvmeOptions options) throws BdevException {
    boolean anySource = hostaddr.isEmpty() && hostsvcid.isEmpty();
    String source = hostaddr.isEmpty() ? "0.0.0.0" : hostaddr;
    long deadlineNs =
        connectTimeoutUs == 0 ? NvmeHost.CONNECT_DEADLINE_NS : connectTimeoutUs * 1_000;
    return new TcpQpair.Target(
        trid.address(),
        anySource ? null : TransportId.address(source, hostsvcid),
        trid.subnqn(),
        hostnqn,
        UUID.nameUUIDFromBytes(hostnqn.getBytes(StandardCharsets.UTF_8)),
        options.ackTimeoutMs(),
        options.tcpConnectTimeoutMs() == 0 ? deadlineNs : options.tcpConnectTimeoutMs() * 1_000_000,
        deadlineNs);
  }

  boolean samePath(AttachSpec other) {
    return trid.traddr().equals(other.trid.traddr())
        && trid.trsvcid().equals(other.trid.trsvcid())
        && hostaddr.equals(other.hostaddr)
        && hostsvcid.equals(other.hostsvcid);
  }
}

package io.diskengine.engine.host;

/**
 * What bdev_nvme_set_options sets and the host heeds; SPDK's defaults. What else SPDK has there is
 * accepted and kept by the RPC layer.
 *
 * @param timeoutAdminUs deadline of an admin command; 0 is {@link NvmeHost#ADMIN_DEADLINE_NS}
 * @param keepAliveTimeoutMs told to controllers; 0 turns keep-alive off, and with it the detection
 *     of silent peers
 * @param transportAckTimeout exponent of 2: milliseconds that sent data may stay unacknowledged; 0
 *     for the system's default
 * @param bdevRetryCount how often an I/O that may succeed later is sent again; -1 always
 * @param timers defaults for controllers
 * @param tcpConnectTimeoutMs limit of connect(2); 0 leaves it to the deadline of the handshake
 */
public record NvmeOptions(
    long timeoutAdminUs,
    long keepAliveTimeoutMs,
    int transportAckTimeout,
    int bdevRetryCount,
    ReconnectTimers timers,
    long tcpConnectTimeoutMs) {
  /** Beyond, 2^n milliseconds do not fit an int. */
  public static final int MAX_TRANSPORT_ACK_TIMEOUT = 30;

  public static final NvmeOptions DEFAULT =
      new NvmeOptions(0, 10_000, 0, 3, ReconnectTimers.NONE, 0);

  public boolean isValid() {
    return bdevRetryCount >= -1
        && timers.isValid()
        && transportAckTimeout <= MAX_TRANSPORT_ACK_TIMEOUT;
  }

  /** TCP_USER_TIMEOUT. */
  int ackTimeoutMs() {
    return transportAckTimeout == 0 ? 0 : 1 << transportAckTimeout;
  }
}

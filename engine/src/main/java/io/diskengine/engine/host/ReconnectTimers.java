package io.diskengine.engine.host;

/**
 * What happens when a controller is lost, in seconds, as SPDK's bdev_nvme has it.
 *
 * @param ctrlrLossSec how long it is tried to reconnect before the controller is deleted; -1 for
 *     ever, 0 one attempt
 * @param reconnectDelaySec between attempts
 * @param fastIoFailSec after which waiting I/O fails; 0 not before the controller is deleted
 */
public record ReconnectTimers(int ctrlrLossSec, long reconnectDelaySec, long fastIoFailSec) {
  public static final ReconnectTimers NONE = new ReconnectTimers(0, 0, 0);

  /** SPDK's rules ({@code bdev_nvme_check_io_error_resiliency_params}). */
  public boolean isValid() {
    if (ctrlrLossSec < -1) {
      return false;
    }
    if (ctrlrLossSec == 0) {
      return reconnectDelaySec == 0 && fastIoFailSec == 0;
    }
    boolean delayFits =
        reconnectDelaySec != 0 && (fastIoFailSec == 0 || fastIoFailSec >= reconnectDelaySec);
    boolean lossFits =
        ctrlrLossSec == -1 || reconnectDelaySec <= ctrlrLossSec && fastIoFailSec <= ctrlrLossSec;
    return delayFits && lossFits;
  }

  /** I/O waits while the controller is away, instead of failing at once. */
  boolean holdIo() {
    return reconnectDelaySec != 0;
  }
}

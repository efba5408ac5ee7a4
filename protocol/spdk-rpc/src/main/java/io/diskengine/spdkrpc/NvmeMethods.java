package io.diskengine.spdkrpc;

import java.math.BigInteger;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** {@code bdev_nvme}: the host side, local and over fabrics. */
public final class NvmeMethods {
  private NvmeMethods() {}

  /** {@code bdev_nvme_set_options}; refused while a controller is attached. */
  public record Options(
      @Nullable String actionOnTimeout,
      @Nullable Long timeoutUs,
      @Nullable Long timeoutAdminUs,
      @Nullable Integer keepAliveTimeoutMs,
      @Nullable Long nvmeAdminqPollPeriodUs,
      @Nullable Integer ioQueueRequests,
      @Nullable Integer transportRetryCount,
      @Nullable Integer bdevRetryCount,
      @Nullable Integer transportAckTimeout,
      @Nullable Integer ctrlrLossTimeoutSec,
      @Nullable Integer reconnectDelaySec,
      @Nullable Integer fastIoFailTimeoutSec,
      @Nullable Boolean disableAutoFailback,
      @Nullable Boolean ioPathStat,
      @Nullable Integer tcpConnectTimeoutMs,
      @Nullable Boolean enableFlush) {

    /** Every option unchanged. */
    public static Options unchanged() {
      return new Options(
          null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
          null);
    }

    public Options withBdevRetryCount(int count) {
      return new Options(
          actionOnTimeout,
          timeoutUs,
          timeoutAdminUs,
          keepAliveTimeoutMs,
          nvmeAdminqPollPeriodUs,
          ioQueueRequests,
          transportRetryCount,
          count,
          transportAckTimeout,
          ctrlrLossTimeoutSec,
          reconnectDelaySec,
          fastIoFailTimeoutSec,
          disableAutoFailback,
          ioPathStat,
          tcpConnectTimeoutMs,
          enableFlush);
    }

    /**
     * @param transportAckTimeout exponent: 2^n ms until an unacknowledged byte ends the connection
     * @param keepAliveTimeoutMs of every controller
     * @param enableFlush pass flushes to the device
     */
    public Options withLiveness(
        int transportAckTimeout, int keepAliveTimeoutMs, boolean enableFlush) {
      return new Options(
          actionOnTimeout,
          timeoutUs,
          timeoutAdminUs,
          keepAliveTimeoutMs,
          nvmeAdminqPollPeriodUs,
          ioQueueRequests,
          transportRetryCount,
          bdevRetryCount,
          transportAckTimeout,
          ctrlrLossTimeoutSec,
          reconnectDelaySec,
          fastIoFailTimeoutSec,
          disableAutoFailback,
          ioPathStat,
          tcpConnectTimeoutMs,
          enableFlush);
    }
  }

  /**
   * {@code bdev_nvme_attach_controller}, once per path.
   *
   * @param name of the controller; its bdevs are {@code <name>n<nsid>}
   * @param multipath {@code failover}, {@code multipath}, {@code disable}
   * @param ctrlrLossTimeoutSec -1 never gives up; needs {@code reconnectDelaySec}
   * @param fastIoFailTimeoutSec 0 holds I/O until the controller is back or lost
   */
  public record AttachController(
      String name,
      String trtype,
      @Nullable String adrfam,
      @Nullable String traddr,
      @Nullable String trsvcid,
      @Nullable String subnqn,
      @Nullable String hostnqn,
      @Nullable String hostaddr,
      @Nullable String hostsvcid,
      @Nullable Boolean hdgst,
      @Nullable Boolean ddgst,
      @Nullable String multipath,
      @Nullable Integer numIoQueues,
      @Nullable Integer ctrlrLossTimeoutSec,
      @Nullable Integer reconnectDelaySec,
      @Nullable Integer fastIoFailTimeoutSec,
      @Nullable MultipathOpts multipathOpts) {

    public AttachController(String name, Trid path) {
      this(
          name,
          path.trtype(),
          path.adrfam(),
          path.traddr(),
          path.trsvcid(),
          path.subnqn(),
          null,
          null,
          null,
          null,
          null,
          null,
          null,
          null,
          null,
          null,
          null);
    }

    public AttachController withHostNqn(String nqn) {
      return with(nqn, multipath, ctrlrLossTimeoutSec, reconnectDelaySec, fastIoFailTimeoutSec);
    }

    public AttachController withMultipath(String mode) {
      return with(hostnqn, mode, ctrlrLossTimeoutSec, reconnectDelaySec, fastIoFailTimeoutSec);
    }

    public AttachController withTimers(
        @Nullable Integer ctrlrLossSec,
        @Nullable Integer reconnectSec,
        @Nullable Integer fastIoFailSec) {
      return with(hostnqn, multipath, ctrlrLossSec, reconnectSec, fastIoFailSec);
    }

    private AttachController with(
        @Nullable String newHostnqn,
        @Nullable String newMultipath,
        @Nullable Integer ctrlrLossSec,
        @Nullable Integer reconnectSec,
        @Nullable Integer fastIoFailSec) {
      return new AttachController(
          name,
          trtype,
          adrfam,
          traddr,
          trsvcid,
          subnqn,
          newHostnqn,
          hostaddr,
          hostsvcid,
          hdgst,
          ddgst,
          newMultipath,
          numIoQueues,
          ctrlrLossSec,
          reconnectSec,
          fastIoFailSec,
          multipathOpts);
    }
  }

  /**
   * @param policy {@code active_passive}, {@code active_active}
   * @param selector {@code round_robin}, {@code queue_depth}
   */
  public record MultipathOpts(
      @Nullable String policy, @Nullable String selector, @Nullable Integer minIo) {}

  private record DetachPath(
      String name,
      @Nullable String trtype,
      @Nullable String adrfam,
      @Nullable String traddr,
      @Nullable String trsvcid,
      @Nullable String subnqn) {}

  private record OnePath(String name, @Nullable Integer cntlid) {}

  private record MultipathPolicy(
      String name, String policy, @Nullable String selector, @Nullable Integer rrMinIo) {}

  /** One controller name with its paths. */
  public record Controller(String name, List<Path> ctrlrs) {
    /** Every path is enabled. */
    public boolean enabled() {
      return !ctrlrs.isEmpty() && ctrlrs.stream().allMatch(Path::enabled);
    }
  }

  /**
   * @param state {@code enabled}, {@code disabled}, {@code resetting}, {@code
   *     reconnect_is_delayed}, {@code failed}, {@code deleting}
   */
  public record Path(
      String state,
      @Nullable String cuseDevice,
      Trid trid,
      @Nullable List<Trid> alternateTrids,
      int cntlid,
      @Nullable PathHost host,
      @Nullable Integer numaId) {

    public boolean enabled() {
      return state.equals("enabled");
    }
  }

  public record PathHost(
      String nqn,
      @Nullable String addr,
      @Nullable String svcid,
      @Nullable Boolean noShnNotification) {}

  /** Empty until somebody has an I/O channel; also for a bdev that does not exist. */
  public record IoPaths(List<PollGroup> pollGroups) {}

  public record PollGroup(String thread, List<IoPath> ioPaths) {}

  public record IoPath(
      String bdevName,
      int cntlid,
      boolean current,
      boolean connected,
      boolean accessible,
      IoPathTransport transport) {}

  public record IoPathTransport(
      String trtype, @Nullable String traddr, @Nullable String trsvcid, @Nullable String adrfam) {}

  /**
   * {@code bdev_nvme_get_controller_health_info}. A TCP target answers with zeros, which is -273
   * degrees.
   *
   * @param dataUnitsRead units of 512,000 bytes, as {@code dataUnitsWritten}
   * @param controllerBusyTime minutes
   */
  public record HealthInfo(
      @Nullable String modelNumber,
      @Nullable String serialNumber,
      @Nullable String firmwareRevision,
      @Nullable String traddr,
      long criticalWarning,
      long temperatureCelsius,
      long availableSparePercentage,
      long availableSpareThresholdPercentage,
      long percentageUsed,
      BigInteger dataUnitsRead,
      BigInteger dataUnitsWritten,
      BigInteger hostReadCommands,
      BigInteger hostWriteCommands,
      BigInteger controllerBusyTime,
      BigInteger powerCycles,
      BigInteger powerOnHours,
      BigInteger unsafeShutdowns,
      BigInteger mediaErrors,
      BigInteger numErrLogEntries,
      long warningTemperatureTimeMinutes,
      long criticalCompositeTemperatureTimeMinutes) {}

  public static RpcRequest<Boolean> setOptions(Options options) {
    return RpcRequest.of("bdev_nvme_set_options", options, Boolean.class);
  }

  /** Names of the bdevs that are there now; none while the subsystem has no namespace. */
  public static RpcRequest<List<String>> attachController(AttachController params) {
    return RpcRequest.listOf("bdev_nvme_attach_controller", params, String.class);
  }

  /** True says accepted: the controller is gone when {@link #controllers()} no longer lists it. */
  public static RpcRequest<Boolean> detachController(String name) {
    return RpcRequest.of(
        "bdev_nvme_detach_controller",
        new DetachPath(name, null, null, null, null, null),
        Boolean.class);
  }

  public static RpcRequest<Boolean> detachPath(String name, Trid path) {
    return RpcRequest.of(
        "bdev_nvme_detach_controller",
        new DetachPath(
            name, path.trtype(), path.adrfam(), path.traddr(), path.trsvcid(), path.subnqn()),
        Boolean.class);
  }

  public static RpcRequest<Boolean> disableController(String name) {
    return RpcRequest.of("bdev_nvme_disable_controller", new OnePath(name, null), Boolean.class);
  }

  public static RpcRequest<Boolean> enableController(String name) {
    return RpcRequest.of("bdev_nvme_enable_controller", new OnePath(name, null), Boolean.class);
  }

  public static RpcRequest<Boolean> resetController(String name) {
    return RpcRequest.of("bdev_nvme_reset_controller", new OnePath(name, null), Boolean.class);
  }

  public static RpcRequest<List<Controller>> controllers() {
    return RpcRequest.listOf("bdev_nvme_get_controllers", null, Controller.class);
  }

  public static RpcRequest<List<Controller>> controller(String name) {
    return RpcRequest.listOf("bdev_nvme_get_controllers", Map.of("name", name), Controller.class);
  }

  public static RpcRequest<IoPaths> ioPaths() {
    return RpcRequest.of("bdev_nvme_get_io_paths", null, IoPaths.class);
  }

  public static RpcRequest<IoPaths> ioPaths(String bdev) {
    return RpcRequest.of("bdev_nvme_get_io_paths", Map.of("name", bdev), IoPaths.class);
  }

  public static RpcRequest<HealthInfo> healthInfo(String controller) {
    return RpcRequest.of(
        "bdev_nvme_get_controller_health_info", Map.of("name", controller), HealthInfo.class);
  }

  /** Deprecated since v26.05 in favour of {@link AttachController#multipathOpts}. */
  public static RpcRequest<Boolean> setMultipathPolicy(
      String bdev, String policy, @Nullable String selector, @Nullable Integer rrMinIo) {
    return RpcRequest.of(
        "bdev_nvme_set_multipath_policy",
        new MultipathPolicy(bdev, policy, selector, rrMinIo),
        Boolean.class);
  }
}

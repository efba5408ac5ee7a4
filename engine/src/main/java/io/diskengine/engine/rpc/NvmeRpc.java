package io.diskengine.engine.rpc;

import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.Done;
import io.diskengine.engine.host.AttachSpec;
import io.diskengine.engine.host.AttachSpec.Multipath;
import io.diskengine.engine.host.ControllerGroup;
import io.diskengine.engine.host.NvmeHost;
import io.diskengine.engine.host.NvmeHost.PathFilter;
import io.diskengine.engine.host.ReconnectTimers;
import io.diskengine.engine.host.TransportId;
import io.diskengine.engine.linux.Errno;
import io.diskengine.engine.rpc.RpcRegistry.Phase;
import io.diskengine.nvme.HealthLogPage;
import io.diskengine.nvme.NativeMemory;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/** The methods of SPDK's bdev_nvme. */
public final class NvmeRpc implements RpcModule {
  /** {@code DEFAULT_MAX_BDEVS_PER_RPC}. */
  private static final long DEFAULT_MAX_BDEVS = 128;

  /** Parameters that ask for what does not exist here: refused by name, never ignored. */
  private static final List<String> UNSUPPORTED_KEYS =
      List.of("psk", "dhchap_key", "dhchap_ctrlr_key");

  private static final List<String> UNSUPPORTED_FLAGS =
      List.of("hdgst", "ddgst", "prchk_reftag", "prchk_guard");

  private static final int KELVIN = 273;

  private final NvmeHost host;
  private final NvmeOptionsRpc options;
  private final WrittenParts<ControllerGroup> written;

  public NvmeRpc(NvmeHost host) {
    this.host = host;
    this.options = new NvmeOptionsRpc(host);
    this.written = new WrittenParts<>(host::describe, this::controller);
  }

  @Override
  public void register(RpcRegistry registry) {
    registry.method("bdev_nvme_set_options", Phase.BOTH, options::set);
    registry.method("bdev_nvme_attach_controller", Phase.RUNTIME, this::attach);
    registry.method("bdev_nvme_detach_controller", Phase.RUNTIME, this::detach);
    operation(registry, "bdev_nvme_reset_controller", ControllerGroup::reset);
    operation(registry, "bdev_nvme_enable_controller", ControllerGroup::enable);
    operation(registry, "bdev_nvme_disable_controller", ControllerGroup::disable);
    registry.method("bdev_nvme_get_controllers", Phase.RUNTIME, this::getControllers);
    registry.method("bdev_nvme_get_io_paths", Phase.RUNTIME, this::getIoPaths);
    registry.method("bdev_nvme_get_controller_health_info", Phase.RUNTIME, this::healthInfo);
    registry.config(
        "bdev",
        () -> {
          List<JsonObject> entries = new ArrayList<>();
          entries.add(options.config());
          host.groups()
              .forEach(group -> host.paths(group).forEach(p -> entries.add(config(p.spec()))));
          return entries;
        });
  }

  // ---- attach

  private void attach(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("name");
    String trtype = params.string("trtype");
    String traddr = params.string("traddr");
    String adrfam = params.stringOr("adrfam", TransportId.adrfamOf(traddr));
    String trsvcid = params.stringOr("trsvcid", "");
    String subnqn = params.stringOr("subnqn", "");
    String hostnqn = params.stringOr("hostnqn", host.defaultHostnqn());
    String hostaddr = params.stringOr("hostaddr", "");
    String hostsvcid = params.stringOr("hostsvcid", "");
    Multipath multipath = multipath(params);
    ReconnectTimers defaults = host.options().timers();
    ReconnectTimers timers =
        new ReconnectTimers(
            params.i32Or("ctrlr_loss_timeout_sec", defaults.ctrlrLossSec()),
            params.u32Or("reconnect_delay_sec", defaults.reconnectDelaySec()),
            params.u32Or("fast_io_fail_timeout_sec", defaults.fastIoFailSec()));
    long connectTimeoutUs = params.u64Or("fabrics_connect_timeout_us", 0);
    long maxBdevs = params.u32Or("max_bdevs", DEFAULT_MAX_BDEVS);
    long ioQueues = params.u32Or("num_io_queues", 1024);
    params.stringOrNull("priority");
    params.boolOr("allow_unrecognized_csi", false);
    params.boolOr("disable_sq_flow_control", false);
    String unsupported = unsupported(params);
    NvmeOptionsRpc.multipathOpts(params);
    params.end();
    if (maxBdevs == 0) {
      throw new RpcFailure(BdevException.EINVAL, "max_bdevs cannot be zero");
    }
    if (ioQueues == 0 || ioQueues > 65536) {
      throw new RpcFailure(BdevException.EINVAL, "num_io_queues out of bounds, min: 1 max: 65536");
    }
    if (!unsupported.isEmpty()) {
      throw new RpcFailure(BdevException.EINVAL, unsupported + " is not supported");
    }
    if (!adrfam.equalsIgnoreCase("IPv4") && !adrfam.equalsIgnoreCase("IPv6")) {
      throw new RpcFailure(BdevException.EINVAL, "Failed to parse adrfam: " + adrfam);
    }
    if (!trtype.equalsIgnoreCase("TCP")) {
      throw RpcFailure.ofErrno(BdevException.ENODEV);
    }
    String family = adrfam.equalsIgnoreCase("IPv4") ? "IPv4" : "IPv6";
    TransportId trid = new TransportId("TCP", family, traddr, trsvcid, subnqn);
    AttachSpec spec =
        new AttachSpec(
            name, trid, hostnqn, hostaddr, hostsvcid, multipath, timers, connectTimeoutUs);
    try {
      host.attach(
          spec,
          (errno, bdevs) -> {
            if (errno == 0) {
              reply.ok(bdevs.stream().limit(maxBdevs).toList());
            } else {
              reply.fail(RpcFailure.ofErrno(errno));
            }
          });
    } catch (BdevException e) {
      throw refusal(e);
    }
  }

  /** EALREADY and EINVAL carry SPDK's text; the rest is the errno's. */
  private static RpcFailure refusal(BdevException e) {
    boolean ownText = e.errno() == -Errno.EALREADY || e.errno() == BdevException.EINVAL;
    return ownText ? withText(e) : RpcFailure.of(e);
  }

  static RpcFailure withText(BdevException e) {
    return new RpcFailure(e.errno(), Objects.requireNonNullElse(e.getMessage(), ""));
  }

  private static Multipath multipath(RpcParams params) throws RpcFailure {
    return switch (params.stringOr("multipath", "multipath")) {
      case "disable" -> Multipath.DISABLE;
      case "failover" -> Multipath.FAILOVER;
      case "multipath" -> Multipath.MULTIPATH;
      default -> throw params.undecodable();
    };
  }

  private static String unsupported(RpcParams params) throws RpcFailure {
    String found = "";
    for (String key : UNSUPPORTED_KEYS) {
      found = params.stringOrNull(key) == null ? found : key;
    }
    for (String flag : UNSUPPORTED_FLAGS) {
      found = params.boolOr(flag, false) ? flag : found;
    }
    return found;
  }

  private static JsonObject config(AttachSpec spec) {
    JsonObject params = new JsonObject().put("name", spec.name());
    spec.trid().description().forEach(params::put);
    params
        .put("prchk_reftag", false)
        .put("prchk_guard", false)
        .put("ctrlr_loss_timeout_sec", spec.timers().ctrlrLossSec())
        .put("reconnect_delay_sec", spec.timers().reconnectDelaySec())
        .put("fast_io_fail_timeout_sec", spec.timers().fastIoFailSec())
        .put("hostnqn", spec.hostnqn())
        .put("hdgst", false)
        .put("ddgst", false);
    if (!spec.hostaddr().isEmpty()) {
      params.put("hostaddr", spec.hostaddr());
    }
    if (!spec.hostsvcid().isEmpty()) {
      params.put("hostsvcid", spec.hostsvcid());
    }
    if (spec.multipath() == Multipath.MULTIPATH) {
      params.put("multipath", "multipath");
    }
    return new JsonObject().put("method", "bdev_nvme_attach_controller").put("params", params);
  }

  // ---- detach, reset, enable, disable

  private void detach(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("name");
    PathFilter filter =
        new PathFilter(
            params.stringOrNull("trtype"),
            params.stringOrNull("adrfam"),
            params.stringOrNull("traddr"),
            params.stringOrNull("trsvcid"),
            params.stringOrNull("subnqn"),
            params.stringOrNull("hostaddr"),
            params.stringOrNull("hostsvcid"));
    params.end();
    host.detach(name, filter, reply::done);
  }

  private interface Operation {
    void start(ControllerGroup group, int cntlid, Done done);
  }

  private void operation(RpcRegistry registry, String method, Operation operation) {
    registry.method(
        method,
        Phase.RUNTIME,
        (params, reply) -> {
          String name = params.string("name");
          int cntlid = params.u16Or("cntlid", 0);
          params.end();
          ControllerGroup group = host.find(name);
          if (group == null) {
            throw RpcFailure.ofErrno(BdevException.ENODEV);
          }
          operation.start(group, cntlid, reply::done);
        });
  }

  // ---- what there is

  private void getControllers(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.stringOrNull("name");
    params.end();
    if (name == null) {
      reply.ok(written.all(host.groups()));
      return;
    }
    ControllerGroup group = host.find(name);
    if (group == null) {
      throw new RpcFailure(BdevException.EINVAL, "Controller " + name + " does not exist");
    }
    reply.ok(List.of(written.of(group)));
  }

  private JsonObject controller(ControllerGroup group) {
    return new JsonObject()
        .put("name", group.name())
        .put("ctrlrs", host.paths(group).stream().map(NvmeRpc::path).toList());
  }

  private static JsonObject path(NvmeHost.PathDescription path) {
    AttachSpec spec = path.spec();
    return new JsonObject()
        .put("state", path.state())
        .put("trid", spec.trid().description())
        .put("cntlid", path.cntlid())
        .put(
            "host",
            new JsonObject()
                .put("nqn", spec.hostnqn())
                .put("addr", spec.hostaddr())
                .put("svcid", spec.hostsvcid())
                .put("no_shn_notification", false));
  }

  private void getIoPaths(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.stringOrNull("name");
    params.end();
    host.ioPaths(
        name,
        paths -> {
          Map<Integer, List<JsonObject>> byReactor = new TreeMap<>();
          for (NvmeHost.IoPath path : paths) {
            byReactor.computeIfAbsent(path.reactor(), r -> new ArrayList<>()).add(ioPath(path));
          }
          List<JsonObject> groups = new ArrayList<>();
          byReactor.forEach((reactor, found) ->
              groups.add(
                  new JsonObject().put("thread", "reactor_" + reactor).put("io_paths", found)));
          reply.ok(new JsonObject().put("poll_groups", groups));
        });
  }

  private static JsonObject ioPath(NvmeHost.IoPath path) {
    return new JsonObject()
        .put("bdev_name", path.bdevName())
        .put("cntlid", path.cntlid())
        .put("current", path.current())
        .put("connected", path.connected())
        .put("accessible", true)
        .put(
            "transport",
            new JsonObject()
                .put("trtype", path.trid().trtype())
                .put("traddr", path.trid().traddr())
                .put("trsvcid", path.trid().trsvcid())
                .put("adrfam", path.trid().adrfam()));
  }

  private void healthInfo(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("name");
    params.end();
    ControllerGroup group = host.find(name);
    if (group == null) {
      throw new RpcFailure(RpcFailure.INTERNAL_ERROR, "Device not found");
    }
    NvmeHost.Identity identity = host.identity(group);
    host.healthPage(
        group,
        HealthLogPage.SIZE,
        page -> {
          if (page == 0) {
            reply.fail(new RpcFailure(RpcFailure.INTERNAL_ERROR, "Internal error"));
          } else {
            reply.ok(health(identity, page));
          }
        });
  }

  private static JsonObject health(NvmeHost.Identity identity, long page) {
    JsonObject json =
        new JsonObject()
            .put("model_number", identity.model())
            .put("serial_number", identity.serial())
            .put("firmware_revision", identity.firmware())
            .put("traddr", identity.traddr())
            .put("critical_warning", HealthLogPage.criticalWarning(page))
            .put("temperature_celsius", celsius(HealthLogPage.temperature(page)))
            .put("available_spare_percentage", HealthLogPage.availableSpare(page))
            .put(
                "available_spare_threshold_percentage", HealthLogPage.availableSpareThreshold(page))
            .put("percentage_used", HealthLogPage.percentageUsed(page))
            .put("data_units_read", counter(page + HealthLogPage.DATA_UNITS_READ))
            .put("data_units_written", counter(page + HealthLogPage.DATA_UNITS_WRITTEN))
            .put("host_read_commands", counter(page + HealthLogPage.HOST_READ_COMMANDS))
            .put("host_write_commands", counter(page + HealthLogPage.HOST_WRITE_COMMANDS))
            .put("controller_busy_time", counter(page + HealthLogPage.CONTROLLER_BUSY_TIME))
            .put("power_cycles", counter(page + HealthLogPage.POWER_CYCLES))
            .put("power_on_hours", counter(page + HealthLogPage.POWER_ON_HOURS))
            .put("unsafe_shutdowns", counter(page + HealthLogPage.UNSAFE_SHUTDOWNS))
            .put("media_errors", counter(page + HealthLogPage.MEDIA_ERRORS))
            .put("num_err_log_entries", counter(page + HealthLogPage.ERROR_LOG_ENTRIES))
            .put("warning_temperature_time_minutes", HealthLogPage.warningTemperatureTime(page))
            .put(
                "critical_composite_temperature_time_minutes",
                HealthLogPage.criticalTemperatureTime(page));
    for (int i = 0; i < 8; i++) {
      int kelvin = HealthLogPage.temperatureSensor(page, i);
      if (kelvin != 0) {
        json.put("temperature_sensor_celsius", celsius(kelvin));
      }
    }
    return json;
  }

  /** SPDK prints degrees below zero as an unsigned 64-bit number. */
  private static BigInteger celsius(int kelvin) {
    BigInteger degrees = BigInteger.valueOf((long) kelvin - KELVIN);
    return degrees.signum() < 0 ? degrees.add(BigInteger.ONE.shiftLeft(64)) : degrees;
  }

  private static BigInteger counter(long address) {
    byte[] bigEndian = new byte[16];
    for (int i = 0; i < 16; i++) {
      bigEndian[15 - i] = NativeMemory.getByte(address + i);
    }
    return new BigInteger(1, bigEndian);
  }
}

package io.diskengine.engine.rpc;

import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.nvmf.Namespace;
import io.diskengine.engine.nvmf.NvmfAddress;
import io.diskengine.engine.nvmf.NvmfTarget;
import io.diskengine.engine.nvmf.Subsystem;
import io.diskengine.engine.nvmf.SubsystemListener;
import io.diskengine.engine.nvmf.SubsystemOptions;
import io.diskengine.engine.nvmf.TransportOptions;
import io.diskengine.engine.rpc.RpcRegistry.Phase;
import io.diskengine.nvme.AnaGroupDescriptor;
import io.diskengine.nvme.Uuids;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The methods of the NVMe-oF target; codes and texts are SPDK's lib/nvmf/nvmf_rpc.c. */
public final class NvmfRpc implements RpcModule {
  /** SPDK's name of the only target. */
  static final String TARGET = "nvmf_tgt";

  /** SPDK's NVMF_CTRLR_RESET_SHN_TIMEOUT_IN_MS and 5 s. */
  static final long REMOVE_HOST_TIMEOUT_MS = 20_000;

  private static final long MAX_REMOVE_HOST_TIMEOUT_MS = 3_600_000;

  private final NvmfTarget target;

  public NvmfRpc(NvmfTarget target) {
    this.target = target;
  }

  @Override
  public void register(RpcRegistry registry) {
    method(registry, "nvmf_set_max_subsystems", Phase.STARTUP, this::setMaxSubsystems);
    method(registry, "nvmf_set_config", Phase.STARTUP, NvmfRpc::setConfig);
    method(registry, "nvmf_set_crdt", Phase.STARTUP, NvmfRpc::setCrdt);
    runtime(registry, "nvmf_create_transport", this::createTransport);
    runtime(registry, "nvmf_get_transports", this::getTransports);
    runtime(registry, "nvmf_create_subsystem", this::createSubsystem);
    runtime(registry, "nvmf_delete_subsystem", this::deleteSubsystem);
    runtime(registry, "nvmf_get_subsystems", this::getSubsystems);
    runtime(registry, "nvmf_subsystem_add_ns", this::addNamespace);
    runtime(registry, "nvmf_subsystem_remove_ns", this::removeNamespace);
    runtime(registry, "nvmf_subsystem_add_listener", this::addListener);
    runtime(registry, "nvmf_subsystem_remove_listener", this::removeListener);
    runtime(registry, "nvmf_subsystem_listener_set_ana_state", this::setAnaState);
    runtime(registry, "nvmf_subsystem_add_host", this::addHost);
    runtime(registry, "nvmf_subsystem_remove_host", this::removeHost);
    runtime(registry, "nvmf_subsystem_allow_any_host", this::allowAnyHost);
    runtime(
        registry,
        "nvmf_subsystem_get_controllers",
        view(s -> s.controllers().stream().map(NvmfJson::controller).toList()));
    runtime(
        registry,
        "nvmf_subsystem_get_listeners",
        view(s -> s.listeners().stream().map(l -> NvmfJson.listener(s, l)).toList()));
    runtime(
        registry,
        "nvmf_subsystem_get_qpairs",
        view(s -> target.queues(s).stream().map(NvmfJson::queue).toList()));
    runtime(registry, "nvmf_get_stats", this::getStats);
    registry.config("nvmf", () -> NvmfJson.config(target));
  }

  private static void runtime(RpcRegistry registry, String name, RpcHandler handler) {
    method(registry, name, Phase.RUNTIME, handler);
  }

  /** SPDK's nvmf methods have a text of their own for parameters that cannot be read. */
  private static void method(RpcRegistry registry, String name, Phase phase, RpcHandler handler) {
    registry.method(
        name,
        phase,
        RpcFailure.INVALID_PARAMS,
        (params, reply) -> {
          try {
            handler.handle(params, reply);
          } catch (RpcFailure failure) {
            throw RpcErrors.DECODE.equals(failure.getMessage()) ? invalidParameters() : failure;
          }
        });
  }

  private static RpcFailure invalidParameters() {
    return new RpcFailure(RpcFailure.INVALID_PARAMS, "Invalid parameters");
  }

  private static RpcFailure internalError() {
    return new RpcFailure(RpcFailure.INTERNAL_ERROR, "Internal error");
  }

  // ---- the target

  private void setMaxSubsystems(RpcParams params, RpcReply reply) throws RpcFailure {
    long max = params.u32("max_subsystems");
    params.end();
    if (max > Integer.MAX_VALUE - 1) {
      throw invalidParameters();
    }
    target.maxSubsystems((int) max);
    reply.ok(true);
  }

  /** Passthrough, authentication and discovery filters do not exist here: accepted, no effect. */
  private static void setConfig(RpcParams params, RpcReply reply) {
    reply.ok(true);
  }

  private static void setCrdt(RpcParams params, RpcReply reply) throws RpcFailure {
    boolean delays =
        params.u16Or("crdt1", 0) + params.u16Or("crdt2", 0) + params.u16Or("crdt3", 0) > 0;
    params.end();
    if (delays) {
      throw new RpcFailure(
          RpcFailure.INVALID_PARAMS, "command retry delays other than 0 are not supported");
    }
    reply.ok(true);
  }

  /** Options that only other transports have are accepted, as by SPDK's relaxed decoder. */
  private void createTransport(RpcParams params, RpcReply reply) throws RpcFailure {
    String trtype = params.string("trtype");
    checkTarget(params);
    String upper = trtype.toUpperCase(Locale.ROOT);
    switch (upper) {
      case NvmfAddress.TRTYPE -> {}
      case "RDMA", "FC", "VFIOUSER" ->
          throw new RpcFailure(RpcFailure.INTERNAL_ERROR, "Failed to create transport.");
      default ->
          throw new RpcFailure(
              RpcFailure.INVALID_PARAMS, "Invalid transport type '" + trtype + "'");
    }
    if (target.transport().isPresent()) {
      throw new RpcFailure(
          RpcFailure.INTERNAL_ERROR, "Transport type '" + upper + "' already exists");
    }
    TransportOptions d = TransportOptions.DEFAULTS;
    try {
      target.createTransport(
          new TransportOptions(
              params.u16Or("max_queue_depth", d.maxQueueDepth()),
              params.u16Or("max_io_qpairs_per_ctrlr", d.maxIoQpairsPerController()),
              int31(params, "in_capsule_data_size", d.inCapsuleDataSize()),
              int31(params, "max_io_size", d.maxIoSize()),
              int31(params, "max_aq_depth", d.maxAqDepth()),
              params.boolOr("c2h_success", d.c2hSuccess()),
              int31(params, "abort_timeout_sec", d.abortTimeoutSec()),
              int31(params, "ack_timeout", d.ackTimeoutMs()),
              params.u16Or("kas", d.kas()),
              int31(params, "min_kato", d.minKatoMs())));
    } catch (IllegalArgumentException e) {
      throw new RpcFailure(
          RpcFailure.INTERNAL_ERROR, "Failed to create transport: " + e.getMessage());
    } catch (BdevException e) {
      throw internalError();
    }
    reply.ok(true);
  }

  private static int int31(RpcParams params, String name, int fallback) throws RpcFailure {
    long value = params.u32Or(name, fallback);
    if (value > Integer.MAX_VALUE) {
      throw params.undecodable();
    }
    return (int) value;
  }

  private void getTransports(RpcParams params, RpcReply reply) throws RpcFailure {
    String trtype = params.stringOrNull("trtype");
    checkTarget(params);
    params.end();
    List<JsonObject> all = target.transport().map(NvmfJson::transport).stream().toList();
    if (trtype != null && (!trtype.equalsIgnoreCase(NvmfAddress.TRTYPE) || all.isEmpty())) {
      throw RpcFailure.ofErrno(BdevException.ENODEV);
    }
    reply.ok(all);
  }

  private void getStats(RpcParams params, RpcReply reply) throws RpcFailure {
    checkTarget(params);
    params.end();
    target.stats(stats -> reply.ok(NvmfJson.stats(stats)));
  }

  // ---- subsystems

  private void createSubsystem(RpcParams params, RpcReply reply) throws RpcFailure {
    long wzsl = params.u32Or("wzsl", SubsystemOptions.DEFAULT_WZSL);
    int maxNamespaces = int31(params, "max_namespaces", 0);
    if (wzsl > 19 || maxNamespaces > SubsystemOptions.LARGEST_MAX_NAMESPACES) {
      throw invalidParameters();
    }
    SubsystemOptions options =
        new SubsystemOptions(
            params.string("nqn"),
            params.stringOr("serial_number", SubsystemOptions.DEFAULT_SERIAL),
            params.stringOr("model_number", SubsystemOptions.DEFAULT_MODEL),
            params.boolOr("allow_any_host", false),
            maxNamespaces == 0 ? SubsystemOptions.DEFAULT_MAX_NAMESPACES : maxNamespaces,
            params.u16Or("min_cntlid", SubsystemOptions.MIN_CNTLID),
            params.u16Or("max_cntlid", SubsystemOptions.MAX_CNTLID),
            params.boolOr("ana_reporting", false),
            params.u32Or("dmrsl", SubsystemOptions.DEFAULT_DMRSL),
            (int) wzsl);
    checkTarget(params);
    params.stringOrNull("admin_label");
    params.boolOr("passthrough", false);
    params.boolOr("enable_nssr", false);
    params.end();
    if (!options.stringsFit()) {
      throw invalidParameters();
    }
    if (!options.cntlidRangeValid()) {
      throw new RpcFailure(
          RpcFailure.INVALID_PARAMS,
          "Invalid cntlid range [%d-%d]".formatted(options.minCntlid(), options.maxCntlid()));
    }
    try {
      target.createSubsystem(options);
    } catch (BdevException e) {
      throw new RpcFailure(
          RpcFailure.INTERNAL_ERROR, "Unable to create subsystem " + options.nqn());
    }
    reply.ok(true);
  }

  private void deleteSubsystem(RpcParams params, RpcReply reply) throws RpcFailure {
    Subsystem subsystem = subsystem(params);
    params.end();
    if (subsystem.isDiscovery()) {
      throw invalidParameters();
    }
    target.deleteSubsystem(subsystem, () -> reply.ok(true));
  }

  private void getSubsystems(RpcParams params, RpcReply reply) throws RpcFailure {
    List<Subsystem> wanted = params.has("nqn") ? List.of(subsystem(params)) : target.subsystems();
    checkTarget(params);
    params.end();
    reply.ok(wanted.stream().map(NvmfJson::subsystem).toList());
  }

  /** A method that shows something of one subsystem. */
  private RpcHandler view(View view) {
    return (params, reply) -> {
      Subsystem subsystem = subsystem(params);
      params.end();
      reply.ok(view.of(subsystem));
    };
  }

  private interface View {
    Object of(Subsystem subsystem);
  }

  private Subsystem subsystem(RpcParams params) throws RpcFailure {
    String nqn = params.string("nqn");
    checkTarget(params);
    return target
        .subsystem(nqn)
        .orElseThrow(() ->
            new RpcFailure(
                RpcFailure.INVALID_PARAMS, "Subsystem with NQN '" + nqn + "' not found"));
  }

  private static void checkTarget(RpcParams params) throws RpcFailure {
    String name = params.stringOr("tgt_name", TARGET);
    if (!name.equals(TARGET)) {
      throw new RpcFailure(RpcFailure.INVALID_PARAMS, "NVMf target '" + name + "' not found");
    }
  }

  // ---- namespaces

  private void addNamespace(RpcParams params, RpcReply reply) throws RpcFailure {
    RpcParams namespace = params.object("namespace");
    String bdevName = namespace.string("bdev_name");
    long nsid = namespace.u32Or("nsid", 0);
    Namespace.Ids ids =
        new Namespace.Ids(nguid(namespace), eui64(namespace), namespace.uuidOrNull("uuid"));
    boolean autoVisible = !namespace.boolOr("no_auto_visible", false);
    Subsystem subsystem = subsystem(params);
    if (nsid > Integer.MAX_VALUE || !autoVisible || subsystem.isDiscovery()) {
      throw invalidParameters();
    }
    try {
      subsystem.addNamespace(bdevName, (int) nsid, ids, reply::ok);
    } catch (BdevException e) {
      throw invalidParameters();
    }
  }

  private static @Nullable UUID nguid(RpcParams namespace) throws RpcFailure {
    String text = namespace.stringOrNull("nguid");
    try {
      return text == null ? null : Uuids.nguid(text);
    } catch (IllegalArgumentException e) {
      throw invalidParameters();
    }
  }

  private static long eui64(RpcParams namespace) throws RpcFailure {
    String text = namespace.stringOr("eui64", "0000000000000000");
    if (!text.matches("[0-9A-Fa-f]{16}")) {
      throw invalidParameters();
    }
    return Long.parseUnsignedLong(text, 16);
  }

  private void removeNamespace(RpcParams params, RpcReply reply) throws RpcFailure {
    long nsid = params.u32("nsid");
    Subsystem subsystem = subsystem(params);
    params.end();
    if (nsid > Integer.MAX_VALUE || !subsystem.removeNamespace((int) nsid, () -> reply.ok(true))) {
      throw invalidParameters();
    }
  }

  // ---- listeners

  private static NvmfAddress address(RpcParams params) throws RpcFailure {
    RpcParams address = params.object("listen_address");
    String trtype = address.stringOr("trtype", "");
    String traddr = address.string("traddr");
    String adrfam = address.stringOr("adrfam", "IPv4");
    String trsvcid = address.stringOr("trsvcid", "");
    String family =
        switch (adrfam.toLowerCase(Locale.ROOT)) {
          case "ipv4" -> "IPv4";
          case "ipv6" -> "IPv6";
          default -> throw invalidParameters();
        };
    if (!trtype.equalsIgnoreCase(NvmfAddress.TRTYPE)) {
      throw invalidParameters();
    }
    return new NvmfAddress(family, traddr, trsvcid);
  }

  private static int anaState(String text) throws RpcFailure {
    return switch (text) {
      case "optimized" -> AnaGroupDescriptor.OPTIMIZED;
      case "non_optimized" -> AnaGroupDescriptor.NON_OPTIMIZED;
      case "inaccessible" -> AnaGroupDescriptor.INACCESSIBLE;
      default -> throw invalidParameters();
    };
  }

  private void addListener(RpcParams params, RpcReply reply) throws RpcFailure {
    NvmfAddress address = address(params);
    int anaState = anaState(params.stringOr("ana_state", "optimized"));
    boolean secure = params.boolOr("secure_channel", false);
    Subsystem subsystem = subsystem(params);
    if (secure || subsystem.isDiscovery()) {
      throw invalidParameters();
    }
    try {
      subsystem.addListener(address, anaState);
    } catch (BdevException e) {
      throw invalidParameters();
    }
    reply.ok(true);
  }

  private void removeListener(RpcParams params, RpcReply reply) throws RpcFailure {
    NvmfAddress address = address(params);
    Subsystem subsystem = subsystem(params);
    params.end();
    if (!subsystem.removeListener(address, () -> reply.ok(true))) {
      throw invalidParameters();
    }
  }

  private void setAnaState(RpcParams params, RpcReply reply) throws RpcFailure {
    NvmfAddress address = address(params);
    int state = anaState(params.string("ana_state"));
    params.u32Or("anagrpid", 0);
    Subsystem subsystem = subsystem(params);
    params.end();
    SubsystemListener listener =
        subsystem.listener(address).orElseThrow(NvmfRpc::invalidParameters);
    try {
      subsystem.anaState(listener, state);
    } catch (BdevException e) {
      throw new RpcFailure(RpcFailure.INTERNAL_ERROR, "error setting ANA state: " + e.errno());
    }
    reply.ok(true);
  }

  // ---- hosts

  private void addHost(RpcParams params, RpcReply reply) throws RpcFailure {
    String host = params.string("host");
    Subsystem subsystem = subsystem(params);
    if (params.has("psk") || params.has("dhchap_key") || params.has("dhchap_ctrlr_key")) {
      throw invalidParameters(); // a host that must prove itself is not let in without proof
    }
    if (!subsystem.addHost(host)) {
      throw internalError();
    }
    reply.ok(true);
  }

  private void removeHost(RpcParams params, RpcReply reply) throws RpcFailure {
    String host = params.string("host");
    long timeoutMs = params.u64Or("timeout_ms", 0);
    Subsystem subsystem = subsystem(params);
    params.end();
    if (!subsystem.removeHost(host)) {
      throw internalError();
    }
    long limitMs =
        timeoutMs == 0 ? REMOVE_HOST_TIMEOUT_MS : Math.min(timeoutMs, MAX_REMOVE_HOST_TIMEOUT_MS);
    subsystem.disconnectHost(
        host,
        limitMs,
        inTime -> {
          if (inTime) {
            reply.ok(true);
          } else {
            reply.fail(
                new RpcFailure(RpcFailure.INTERNAL_ERROR, "Timeout reached during host removal"));
          }
        });
  }

  private void allowAnyHost(RpcParams params, RpcReply reply) throws RpcFailure {
    boolean allow = params.boolOr("allow_any_host", false);
    if (!params.has("allow_any_host")) {
      throw params.undecodable();
    }
    Subsystem subsystem = subsystem(params);
    params.end();
    subsystem.allowAnyHost(allow);
    reply.ok(true);
  }
}

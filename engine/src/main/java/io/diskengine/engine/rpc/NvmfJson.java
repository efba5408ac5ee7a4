package io.diskengine.engine.rpc;

import io.diskengine.engine.nvmf.Controller;
import io.diskengine.engine.nvmf.Namespace;
import io.diskengine.engine.nvmf.NvmfAddress;
import io.diskengine.engine.nvmf.NvmfTarget;
import io.diskengine.engine.nvmf.Subsystem;
import io.diskengine.engine.nvmf.SubsystemListener;
import io.diskengine.engine.nvmf.SubsystemOptions;
import io.diskengine.engine.nvmf.TransportOptions;
import io.diskengine.nvme.AnaGroupDescriptor;
import io.diskengine.nvme.Uuids;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** The target's objects as SPDK's nvmf methods and its saved configuration print them. */
final class NvmfJson {
  private static final long UINT32_MAX = 0xffff_ffffL;

  private NvmfJson() {}

  static JsonObject transport(TransportOptions options) {
    return new JsonObject()
        .put("trtype", NvmfAddress.TRTYPE)
        .put("max_queue_depth", options.maxQueueDepth())
        .put("max_io_qpairs_per_ctrlr", options.maxIoQpairsPerController())
        .put("in_capsule_data_size", options.inCapsuleDataSize())
        .put("max_io_size", options.maxIoSize())
        .put("max_aq_depth", options.maxAqDepth())
        .put("iobuf_small_cache_size", UINT32_MAX)
        .put("iobuf_large_cache_size", UINT32_MAX)
        .put("dif_insert_or_strip", false)
        .put("zcopy", false)
        .put("c2h_success", options.c2hSuccess())
        .put("sock_priority", 0)
        .put("abort_timeout_sec", options.abortTimeoutSec())
        .put("ack_timeout", options.ackTimeoutMs())
        .put("data_wr_pool_size", 0)
        .put("disable_command_passthru", false)
        .put("kas", options.kas())
        .put("min_kato", options.minKatoMs());
  }

  static JsonObject address(NvmfAddress address) {
    return new JsonObject()
        .put("trtype", NvmfAddress.TRTYPE)
        .put("adrfam", address.adrfam())
        .put("traddr", address.traddr())
        .put("trsvcid", address.trsvcid());
  }

  static JsonObject subsystem(Subsystem subsystem) {
    SubsystemOptions options = subsystem.options();
    JsonObject json =
        new JsonObject()
            .put("nqn", subsystem.nqn())
            .put("subtype", subsystem.isDiscovery() ? "Discovery" : "NVMe")
            .put(
                "listen_addresses",
                subsystem.listeners().stream().map(l -> address(l.address())).toList())
            .put("allow_any_host", subsystem.allowAnyHost())
            .put(
                "hosts",
                subsystem.hosts().stream().map(h -> new JsonObject().put("nqn", h)).toList());
    if (subsystem.isDiscovery()) {
      return json;
    }
    return json.put("serial_number", options.serialNumber())
        .put("model_number", options.modelNumber())
        .put("max_namespaces", options.maxNamespaces())
        .put("passthrough", false)
        .put("min_cntlid", options.minCntlid())
        .put("max_cntlid", options.maxCntlid())
        .put("dmrsl", options.dmrsl())
        .put("wzsl", options.wzsl())
        .put(
            "namespaces",
            subsystem.namespaces().stream().map(n -> namespace(subsystem, n)).toList());
  }

  private static JsonObject namespace(Subsystem subsystem, Namespace namespace) {
    JsonObject json =
        new JsonObject()
            .put("nsid", namespace.nsid())
            .put("bdev_name", namespace.bdev().name())
            .put("name", namespace.bdev().name());
    ids(json, namespace);
    return subsystem.options().anaReporting() ? json.put("anagrpid", namespace.nsid()) : json;
  }

  private static void ids(JsonObject json, Namespace namespace) {
    json.put("nguid", Uuids.nguidText(namespace.nguid()));
    if (namespace.eui64() != 0) {
      json.put("eui64", "%016X".formatted(namespace.eui64()));
    }
    json.put("uuid", namespace.uuid().toString());
  }

  static JsonObject listener(Subsystem subsystem, SubsystemListener listener) {
    JsonObject json = new JsonObject().put("address", address(listener.address()));
    if (!subsystem.options().anaReporting()) {
      return json;
    }
    String state = AnaGroupDescriptor.text(listener.anaState());
    return json.put(
        "ana_states",
        IntStream.rangeClosed(1, subsystem.options().maxNamespaces())
            .mapToObj(group -> new JsonObject().put("ana_group", group).put("ana_state", state))
            .toList());
  }

  static JsonObject controller(Controller controller) {
    return new JsonObject()
        .put("cntlid", controller.cntlid())
        .put("cntrltype", controller.subsystem().isDiscovery() ? "discovery" : "io")
        .put("hostnqn", controller.hostnqn())
        .put("hostid", controller.hostid().toString())
        .put("num_io_qpairs", controller.ioQueues());
  }

  static JsonObject queue(NvmfTarget.QueueView queue) {
    return new JsonObject()
        .put("cntlid", queue.cntlid())
        .put("qid", queue.qid())
        .put("state", "enabled")
        .put("thread", "nvmf_tgt_poll_group_%03d".formatted(queue.reactor()))
        .put("hostnqn", queue.hostnqn())
        .put("listen_address", address(queue.listen()))
        .put("peer_address", address(queue.peer()));
  }

  static JsonObject stats(List<NvmfTarget.GroupStat> stats) {
    return new JsonObject()
        .put("tick_rate", FrameworkRpc.TICK_RATE)
        .put(
            "poll_groups",
            stats.stream()
                .map(s ->
                    new JsonObject()
                        .put("name", s.name())
                        .put("admin_qpairs", s.adminQpairs())
                        .put("io_qpairs", s.ioQpairs())
                        .put("current_admin_qpairs", s.currentAdminQpairs())
                        .put("current_io_qpairs", s.currentIoQpairs())
                        .put("current_unassociated_qpairs", s.currentUnassociatedQpairs())
                        .put("pending_bdev_io", 0)
                        .put("completed_nvme_io", s.completedIo())
                        .put(
                            "transports",
                            List.of(new JsonObject().put("trtype", NvmfAddress.TRTYPE))))
                .toList());
  }

  // ---- the saved configuration

  /** In the order in which SPDK writes and replays it. */
  static List<JsonObject> config(NvmfTarget target) {
    List<JsonObject> entries = new ArrayList<>();
    entries.add(
        entry(
            "nvmf_set_max_subsystems",
            new JsonObject().put("max_subsystems", target.maxSubsystems())));
    target.transport().ifPresent(t -> entries.add(entry("nvmf_create_transport", transport(t))));
    List<Subsystem> subsystems =
        target.subsystems().stream().filter(s -> !s.isDiscovery()).toList();
    subsystems.forEach(s -> entries.add(entry("nvmf_create_subsystem", create(s))));
    for (Subsystem s : subsystems) {
      s.hosts().forEach(h -> entries.add(entry("nvmf_subsystem_add_host", of(s).put("host", h))));
      s.namespaces()
          .forEach(
              n -> entries.add(entry("nvmf_subsystem_add_ns", of(s).put("namespace", saved(n)))));
    }
    for (Subsystem s : subsystems) {
      s.listeners()
          .forEach(l ->
              entries.add(
                  entry(
                      "nvmf_subsystem_add_listener",
                      of(s)
                          .put("listen_address", address(l.address()))
                          .put("secure_channel", false))));
    }
    return entries;
  }

  private static JsonObject create(Subsystem subsystem) {
    SubsystemOptions options = subsystem.options();
    return of(subsystem)
        .put("allow_any_host", subsystem.allowAnyHost())
        .put("serial_number", options.serialNumber())
        .put("model_number", options.modelNumber())
        .put("max_namespaces", options.maxNamespaces())
        .put("min_cntlid", options.minCntlid())
        .put("max_cntlid", options.maxCntlid())
        .put("ana_reporting", options.anaReporting())
        .put("dmrsl", options.dmrsl())
        .put("wzsl", options.wzsl())
        .put("passthrough", false)
        .put("enable_nssr", false);
  }

  private static JsonObject saved(Namespace namespace) {
    JsonObject json =
        new JsonObject().put("nsid", namespace.nsid()).put("bdev_name", namespace.bdev().name());
    ids(json, namespace);
    return json.put("no_auto_visible", false);
  }

  private static JsonObject of(Subsystem subsystem) {
    return new JsonObject().put("nqn", subsystem.nqn());
  }

  private static JsonObject entry(String method, JsonObject params) {
    return new JsonObject().put("method", method).put("params", params);
  }
}

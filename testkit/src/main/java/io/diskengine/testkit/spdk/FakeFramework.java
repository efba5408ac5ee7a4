package io.diskengine.testkit.spdk;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Phases, version and process. */
final class FakeFramework {
  private static final int INIT_MS = 20;

  /** Methods of the start-up phase only. */
  private static final Set<String> STARTUP =
      new TreeSet<>(
          Set.of(
              "framework_start_init",
              "bdev_set_options",
              "nvmf_set_max_subsystems",
              "nvmf_set_config",
              "sock_impl_set_options",
              "iobuf_set_options"));

  /** Methods of both phases. */
  private static final Set<String> ALWAYS =
      new TreeSet<>(
          Set.of(
              "bdev_nvme_set_options",
              "bdev_raid_set_options",
              "framework_wait_init",
              "rpc_get_methods",
              "spdk_get_version",
              "spdk_kill_instance"));

  private static final Set<String> RUNTIME =
      new TreeSet<>(
          Set.of(
              "bdev_get_bdevs",
              "bdev_examine",
              "bdev_wait_for_examine",
              "bdev_get_iostat",
              "bdev_lvol_snapshot",
              "bdev_set_qos_limit",
              "bdev_malloc_create",
              "bdev_malloc_delete",
              "bdev_aio_create",
              "bdev_aio_delete",
              "bdev_null_create",
              "bdev_null_delete",
              "bdev_lvol_create_lvstore",
              "bdev_lvol_get_lvstores",
              "bdev_lvol_get_lvols",
              "bdev_lvol_create",
              "bdev_lvol_delete",
              "bdev_lvol_resize",
              "bdev_nvme_attach_controller",
              "bdev_nvme_detach_controller",
              "bdev_nvme_disable_controller",
              "bdev_nvme_get_controllers",
              "bdev_nvme_get_controller_health_info",
              "bdev_nvme_get_io_paths",
              "bdev_raid_create",
              "bdev_raid_delete",
              "bdev_raid_get_bdevs",
              "bdev_raid_add_base_bdev",
              "bdev_raid_remove_base_bdev",
              "framework_get_config",
              "framework_get_reactors",
              "framework_get_subsystems",
              "notify_get_types",
              "notify_get_notifications",
              "nvmf_create_transport",
              "nvmf_get_transports",
              "nvmf_create_subsystem",
              "nvmf_delete_subsystem",
              "nvmf_get_subsystems",
              "nvmf_subsystem_add_host",
              "nvmf_subsystem_remove_host",
              "nvmf_subsystem_add_ns",
              "nvmf_subsystem_remove_ns",
              "nvmf_subsystem_add_listener",
              "nvmf_subsystem_remove_listener",
              "nvmf_subsystem_get_controllers",
              "vhost_create_blk_controller",
              "vhost_delete_controller",
              "vhost_get_controllers"));

  private enum Phase {
    STARTUP,
    INITIALISING,
    RUNTIME
  }

  private final FakeSpdk self;
  private final List<Reply> waiting = new ArrayList<>();
  private Phase phase = Phase.STARTUP;

  FakeFramework(FakeSpdk self) {
    this.self = self;
  }

  void restart(boolean waitForRpc) {
    phase = waitForRpc ? Phase.STARTUP : Phase.RUNTIME;
    waiting.clear();
  }

  boolean isInitialised() {
    return phase == Phase.RUNTIME;
  }

  void checkPhase(String method) throws RpcFault {
    if (phase == Phase.RUNTIME && STARTUP.contains(method)) {
      throw new RpcFault(RpcFault.EPERM, FakeSpdk.ONLY_STARTUP);
    }
    if (phase != Phase.RUNTIME && RUNTIME.contains(method)) {
      throw new RpcFault(RpcFault.EPERM, FakeSpdk.ONLY_RUNTIME);
    }
  }

  private void init(Reply reply) {
    phase = Phase.INITIALISING;
    self.later(
        INIT_MS,
        () -> {
          phase = Phase.RUNTIME;
          reply.ok(true);
          List<Reply> told = List.copyOf(waiting);
          waiting.clear();
          told.forEach(w -> w.ok(true));
        });
  }

  boolean call(String method, Params p, Reply reply) throws RpcFault {
    switch (method) {
      case "framework_start_init" -> init(reply);
      case "framework_wait_init" -> {
        if (isInitialised()) {
          reply.ok(true);
        } else {
          waiting.add(reply);
        }
      }
      case "nvmf_set_max_subsystems" -> reply.ok(true);
      case "rpc_get_methods" -> reply.ok(methods(p.is("current", false)));
      case "spdk_get_version" -> reply.ok(version());
      case "framework_get_reactors" ->
          reply.ok(
              FakeSpdk.object()
                  .put("tick_rate", 1_000_000_000L)
                  .put("pid", self.pid())
                  .set("reactors", FakeSpdk.list()));
      case "framework_get_subsystems" -> reply.ok(subsystems());
      case "framework_get_config" -> reply.ok(config(p.text("name")));
      case "notify_get_types" ->
          reply.ok(List.of("bdev_register", "bdev_unregister", "bdev_resize"));
      case "notify_get_notifications" ->
          reply.ok(self.bdevs.notifications(p.number("id", 0), p.number("max", Long.MAX_VALUE)));
      case "spdk_kill_instance" -> kill(p.text("sig_name"), reply);
      default -> {
        return false;
      }
    }
    return true;
  }

  private void kill(String signal, Reply reply) throws RpcFault {
    if (!signal.equals("SIGTERM") && !signal.equals("SIGKILL") && !signal.equals("SIGINT")) {
      throw new RpcFault(RpcFault.INVALID_PARAMS, "Invalid parameters");
    }
    reply.ok(true);
    self.later(2, self::kill);
  }

  private List<String> methods(boolean current) {
    List<String> all = new ArrayList<>(ALWAYS);
    if (!current || phase == Phase.STARTUP) {
      all.addAll(STARTUP);
    }
    if (!current || phase == Phase.RUNTIME) {
      all.addAll(RUNTIME);
    }
    return all;
  }

  private static ArrayNode subsystems() {
    ArrayNode all = FakeSpdk.list();
    for (String name : List.of("bdev", "nvmf", "vhost_blk")) {
      all.add(FakeSpdk.object().put("subsystem", name).set("depends_on", FakeSpdk.list()));
    }
    return all;
  }

  private static ObjectNode version() {
    ObjectNode v = FakeSpdk.object().put("version", "SPDK v26.09-pre");
    v.putObject("fields").put("major", 26).put("minor", 9).put("patch", 0).put("suffix", "-pre");
    return v;
  }

  private ArrayNode config(String subsystem) throws RpcFault {
    return switch (subsystem) {
      case "bdev" -> self.bdevs.config();
      case "nvmf" -> self.nvmf.config();
      case "vhost_blk", "vmd", "sock", "iobuf", "accel", "scheduler", "keyring" -> FakeSpdk.list();
      default ->
          throw new RpcFault(RpcFault.INVALID_PARAMS, "Subsystem '" + subsystem + "' not found");
    };
  }
}

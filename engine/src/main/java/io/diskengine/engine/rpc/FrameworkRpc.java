package io.diskengine.engine.rpc;

import io.diskengine.engine.bdev.NotificationLog;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.rpc.RpcRegistry.Phase;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The methods about the process itself. */
public final class FrameworkRpc implements RpcModule {
  /** The SPDK release whose behaviour the engine shows. */
  public static final String VERSION = "SPDK v26.09 diskengine";

  /** Nanoseconds per second: the engine's clock ticks in nanoseconds. */
  static final long TICK_RATE = 1_000_000_000L;

  private final List<Reactor> reactors;
  private final NotificationLog notifications;
  private final RpcRegistry registry;
  private final List<RpcReply> initWaiters = new ArrayList<>();

  public FrameworkRpc(List<Reactor> reactors, NotificationLog notifications, RpcRegistry registry) {
    this.reactors = reactors;
    this.notifications = notifications;
    this.registry = registry;
  }

  /** Home reactor: initialises now, as {@code framework_start_init} does. */
  public void start() {
    registry.enterRuntime();
    initWaiters.forEach(waiter -> waiter.ok(true));
    initWaiters.clear();
  }

  @Override
  public void register(RpcRegistry registry) {
    registry.bare("spdk_get_version", Phase.BOTH, reply -> reply.ok(version()));
    registry.method(
        "rpc_get_methods",
        Phase.BOTH,
        (params, reply) -> {
          boolean current = params.boolOr("current", false);
          params.boolOr("include_aliases", false);
          params.end();
          reply.ok(
              registry.all().stream()
                  .filter(m -> !current || m.allowed(registry.initialised()))
                  .map(RpcRegistry.Method::name)
                  .toList());
        });
    registry.bare(
        "framework_start_init",
        Phase.STARTUP,
        reply -> {
          start();
          reply.ok(true);
        });
    registry.bare(
        "framework_wait_init",
        Phase.BOTH,
        reply -> {
          if (registry.initialised()) {
            reply.ok(true);
          } else {
            initWaiters.add(reply);
          }
        });
    registry.bare("framework_get_reactors", Phase.RUNTIME, reply -> reply.ok(reactorsJson()));
    registry.bare("framework_get_subsystems", Phase.RUNTIME, reply -> reply.ok(subsystems()));
    registry.method(
        "framework_get_config",
        Phase.RUNTIME,
        RpcFailure.INVALID_PARAMS,
        (params, reply) -> {
          String name = params.string("name");
          params.end();
          if (!SUBSYSTEMS.containsKey(name)) {
            throw new RpcFailure(RpcFailure.INVALID_PARAMS, "Subsystem '" + name + "' not found");
          }
          reply.ok(registry.config(name));
        });
    registry.bare(
        "notify_get_types",
        Phase.RUNTIME,
        reply -> reply.ok(List.of("bdev_register", "bdev_unregister", "bdev_resize")));
    registry.method(
        "notify_get_notifications",
        Phase.RUNTIME,
        RpcFailure.INVALID_PARAMS,
        (params, reply) -> {
          long id = params.u64Or("id", 0);
          long max = params.u64Or("max", NotificationLog.CAPACITY);
          params.end();
          reply.ok(
              notifications.from(id, max).stream()
                  .map(n ->
                      new JsonObject()
                          .put("type", n.type())
                          .put("ctx", n.context())
                          .put("id", n.id()))
                  .toList());
        });
  }

  private static JsonObject version() {
    return new JsonObject()
        .put("version", VERSION)
        .put(
            "fields",
            new JsonObject()
                .put("major", 26)
                .put("minor", 9)
                .put("patch", 0)
                .put("suffix", "diskengine"));
  }

  private JsonObject reactorsJson() {
    return new JsonObject()
        .put("tick_rate", TICK_RATE)
        .put("pid", ProcessHandle.current().pid())
        .put(
            "reactors",
            reactors.stream()
                .map(r ->
                    new JsonObject()
                        .put("lcore", r.index())
                        .put("busy", r.busyNs())
                        .put("in_interrupt", false)
                        .put("turns", r.turns())
                        .put("failed_offers", r.failedOffers())
                        .put("lw_threads", List.of()))
                .toList());
  }

  /** What exists here of SPDK's subsystems, with what each needs, in order of initialisation. */
  private static final Map<String, List<String>> SUBSYSTEMS = new java.util.LinkedHashMap<>();

  static {
    SUBSYSTEMS.put("scheduler", List.of());
    SUBSYSTEMS.put("sock", List.of());
    SUBSYSTEMS.put("iobuf", List.of());
    SUBSYSTEMS.put("bdev", List.of("sock", "iobuf"));
    SUBSYSTEMS.put("nvmf", List.of("bdev", "sock", "iobuf"));
    SUBSYSTEMS.put("vhost_blk", List.of("bdev"));
  }

  private static List<JsonObject> subsystems() {
    return SUBSYSTEMS.entrySet().stream()
        .map(e -> new JsonObject().put("subsystem", e.getKey()).put("depends_on", e.getValue()))
        .toList();
  }
}

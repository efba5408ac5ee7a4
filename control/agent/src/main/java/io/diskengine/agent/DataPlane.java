package io.diskengine.agent;

import io.diskengine.model.NodeView;
import io.diskengine.spdkrpc.FrameworkMethods;
import io.diskengine.spdkrpc.RpcRequest;
import io.diskengine.spdkrpc.RpcResult;
import io.diskengine.spdkrpc.SpdkRpcClient;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Takes a data-plane process from its first answer to the end of its initialisation. Blocks; run on
 * a thread of its own.
 */
final class DataPlane {
  /** What came of it. */
  sealed interface Outcome {
    /**
     * @param incarnation tells this process from every other (law 6)
     * @param connection of the client, which never spans two processes
     * @param methods it has now
     * @param nullBdevs that an agent before this one may have left
     */
    record Up(
        String incarnation,
        String version,
        long connection,
        Set<String> methods,
        Set<String> nullBdevs)
        implements Outcome {}

    /** Not there or not answering; try again. */
    record Away(String why) implements Outcome {}

    /** It runs with options that must not be; nothing is mutated. */
    record Unfit(String why) implements Outcome {}
  }

  private static final String REPLACED = "the process was replaced while it was asked";

  private DataPlane() {}

  static Outcome start(
      LongFunction<String> startTime, SpdkRpcClient spdk, Mode mode, NodeView view) {
    RpcResult<List<String>> methods = spdk.call(FrameworkMethods.currentMethods());
    if (!(methods instanceof RpcResult.Ok<List<String>>(List<String> current))) {
      return new Outcome.Away(methods.toString());
    }
    long connection = spdk.connection();
    if (current.contains("framework_start_init") && !current.contains("bdev_get_bdevs")) {
      String failure = initialise(spdk, connection, Set.copyOf(current), mode, view);
      if (failure != null) {
        return new Outcome.Away("start-up of the data plane: " + failure);
      }
    }
    RpcResult<Boolean> init = spdk.call(FrameworkMethods.waitInit());
    if (!init.isOk()) {
      return new Outcome.Away("framework_wait_init: " + init);
    }
    Outcome outcome = identify(startTime, spdk, connection);
    return isSame(spdk, connection) ? outcome : new Outcome.Away(REPLACED);
  }

  /**
   * Whether all that was answered since came from one process: one that is restarted at once takes
   * the next call, and is asked from the beginning.
   */
  private static boolean isSame(SpdkRpcClient spdk, long connection) {
    return connection != 0 && spdk.connection() == connection;
  }

  private static @Nullable String initialise(
      SpdkRpcClient spdk, long connection, Set<String> methods, Mode mode, NodeView view) {
    for (RpcRequest<?> option : mode.startupOptions(view)) {
      if (methods.contains(option.method())) {
        RpcResult<?> result = spdk.call(option);
        if (!result.isOk()) {
          return result.toString();
        }
      }
    }
    if (!isSame(spdk, connection)) {
      return REPLACED; // one that has not all its options
    }
    RpcResult<Boolean> started = spdk.call(FrameworkMethods.startInit());
    return started.isOk() ? null : started.toString();
  }

  private static Outcome identify(
      LongFunction<String> startTime, SpdkRpcClient spdk, long connection) {
    var reactors = spdk.submit(FrameworkMethods.reactors());
    var version = spdk.submit(FrameworkMethods.version());
    var config = spdk.submit(FrameworkMethods.config("bdev"));
    var methods = spdk.submit(FrameworkMethods.currentMethods());
    if (!(reactors.await() instanceof RpcResult.Ok<FrameworkMethods.Reactors>(var process))) {
      return new Outcome.Away("framework_get_reactors: " + reactors.await());
    }
    if (!(version.await() instanceof RpcResult.Ok<FrameworkMethods.Version>(var running))) {
      return new Outcome.Away("spdk_get_version: " + version.await());
    }
    if (!(config.await()
        instanceof RpcResult.Ok<List<FrameworkMethods.ConfigEntry>>(var entries))) {
      return new Outcome.Away("framework_get_config: " + config.await());
    }
    if (!(methods.await() instanceof RpcResult.Ok<List<String>>(var names))) {
      return new Outcome.Away("rpc_get_methods: " + methods.await());
    }
    boolean examines =
        entries.stream()
            .filter(e -> e.method().equals("bdev_set_options"))
            .map(FrameworkMethods.ConfigEntry::params)
            .anyMatch(DataPlane::isAutoExamine);
    if (examines) {
      return new Outcome.Unfit(
          "the data plane runs with bdev_auto_examine on, so that it and not the records would choose"
              + " the truth leg (law 8): start it with --wait-for-rpc and this agent turns it off");
    }
    long pid = process.pid();
    return new Outcome.Up(
        pid + "@" + startTime.apply(pid),
        running.version(),
        connection,
        Set.copyOf(names),
        nullBdevs(entries));
  }

  private static Set<String> nullBdevs(List<FrameworkMethods.ConfigEntry> bdevs) {
    Set<String> names = new HashSet<>();
    for (FrameworkMethods.ConfigEntry e : bdevs) {
      JsonNode params = e.params();
      if (e.method().equals("bdev_null_create") && params != null) {
        names.add(params.path("name").asString(""));
      }
    }
    return Set.copyOf(names);
  }

  private static boolean isAutoExamine(@Nullable JsonNode params) {
    return params != null && params.path("bdev_auto_examine").asBoolean(false);
  }
}

package io.diskengine.spdkrpc;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Start-up, identity and configuration of the process. */
public final class FrameworkMethods {
  private FrameworkMethods() {}

  /** {@code spdk_get_version}: the text for people and its parts. */
  public record Version(String version, SpdkVersion fields) {}

  /** One entry of {@code framework_get_config}; as a request it restores what it describes. */
  public record ConfigEntry(String method, @Nullable JsonNode params) {
    public RpcRequest<JsonNode> request() {
      return RpcRequest.raw(method, params);
    }
  }

  public record Subsystem(String subsystem, List<String> dependsOn) {}

  /**
   * @param pid of the process: with its start time, the incarnation
   * @param tickRate ticks per second
   */
  public record Reactors(@Nullable Long tickRate, long pid, List<Reactor> reactors) {}

  /**
   * @param busy ticks, as {@code idle}
   * @param sys clock ticks of the kernel, as {@code usr}
   */
  public record Reactor(
      int lcore,
      @Nullable Integer numaId,
      @Nullable Long tid,
      @Nullable Long busy,
      @Nullable Long idle,
      @Nullable Boolean inInterrupt,
      @Nullable Long irq,
      @Nullable Long sys,
      @Nullable Long usr,
      @Nullable List<LwThread> lwThreads) {}

  public record LwThread(String name, long id, @Nullable String cpumask, @Nullable Long elapsed) {}

  public static RpcRequest<Version> version() {
    return RpcRequest.of("spdk_get_version", null, Version.class);
  }

  /** Every method of the build. */
  public static RpcRequest<List<String>> methods() {
    return RpcRequest.listOf("rpc_get_methods", null, String.class);
  }

  /** The methods that may be called in the present phase. */
  public static RpcRequest<List<String>> currentMethods() {
    return RpcRequest.listOf("rpc_get_methods", Map.of("current", true), String.class);
  }

  /** Ends the phase of start-up methods; answers when initialisation has ended. */
  public static RpcRequest<Boolean> startInit() {
    return RpcRequest.of("framework_start_init", null, Boolean.class);
  }

  /** Answers when initialisation has ended; allowed in both phases. */
  public static RpcRequest<Boolean> waitInit() {
    return RpcRequest.of("framework_wait_init", null, Boolean.class);
  }

  public static RpcRequest<List<ConfigEntry>> config(String subsystem) {
    return RpcRequest.listOf("framework_get_config", Map.of("name", subsystem), ConfigEntry.class);
  }

  public static RpcRequest<List<Subsystem>> subsystems() {
    return RpcRequest.listOf("framework_get_subsystems", null, Subsystem.class);
  }

  public static RpcRequest<Reactors> reactors() {
    return RpcRequest.of("framework_get_reactors", null, Reactors.class);
  }

  /** Sends the process a signal, {@code SIGTERM} for a clean end. */
  public static RpcRequest<Boolean> killInstance(String signal) {
    return RpcRequest.of("spdk_kill_instance", Map.of("sig_name", signal), Boolean.class);
  }
}

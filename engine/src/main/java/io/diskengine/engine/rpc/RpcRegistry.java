package io.diskengine.engine.rpc;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** All methods of one engine, in the order in which rpc_get_methods lists them. */
public final class RpcRegistry {
  /** When a method may be called, as SPDK's {@code SPDK_RPC_STARTUP} and {@code _RUNTIME}. */
  public enum Phase {
    STARTUP,
    RUNTIME,
    BOTH
  }

  /** One method; {@code takesParams} is false where SPDK refuses any. */
  record Method(
      String name, Phase phase, boolean takesParams, int decodeErrorCode, RpcHandler handler) {
    boolean allowed(boolean initialised) {
      return phase == Phase.BOTH || (phase == Phase.RUNTIME) == initialised;
    }
  }

  private final Map<String, Method> methods = new LinkedHashMap<>();
  private boolean initialised;
  private final Map<String, List<Supplier<List<JsonObject>>>> configs = new HashMap<>();

  /** Home reactor: from now on runtime methods are allowed and startup methods are not. */
  void enterRuntime() {
    initialised = true;
  }

  /** Home reactor. */
  boolean initialised() {
    return initialised;
  }

  /** A method that answers undecodable parameters with -32603, as most of SPDK's do. */
  public void method(String name, Phase phase, RpcHandler handler) {
    method(name, phase, RpcFailure.INTERNAL_ERROR, handler);
  }

  /** A method with its own code for undecodable parameters. */
  public void method(String name, Phase phase, int decodeErrorCode, RpcHandler handler) {
    add(new Method(name, phase, true, decodeErrorCode, handler));
  }

  /** A method without parameters: even an empty object is refused. */
  public void bare(String name, Phase phase, BareHandler handler) {
    add(
        new Method(
            name,
            phase,
            false,
            RpcFailure.INVALID_PARAMS,
            (params, reply) -> handler.handle(reply)));
  }

  /** {@link #bare}'s handler. */
  public interface BareHandler {
    void handle(RpcReply reply) throws RpcFailure;
  }

  /**
   * What a part contributes to {@code framework_get_config} of one subsystem: entries of {@code
   * method} and {@code params} that would make its present state again. Home reactor.
   */
  public void config(String subsystem, Supplier<List<JsonObject>> entries) {
    configs.computeIfAbsent(subsystem, s -> new ArrayList<>()).add(entries);
  }

  List<JsonObject> config(String subsystem) {
    return configs.getOrDefault(subsystem, List.of()).stream()
        .flatMap(part -> part.get().stream())
        .toList();
  }

  private void add(Method method) {
    if (methods.putIfAbsent(method.name(), method) != null) {
      throw new IllegalStateException("method " + method.name() + " is registered twice");
    }
  }

  @Nullable Method find(String name) {
    return methods.get(name);
  }

  /** Every method, for rpc_get_methods and the coverage table. */
  Collection<Method> all() {
    return methods.values();
  }
}

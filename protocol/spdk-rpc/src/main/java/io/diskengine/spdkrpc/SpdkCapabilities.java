package io.diskengine.spdkrpc;

import java.util.List;
import java.util.Set;

/**
 * What the process on the other side can do. A fact of one incarnation: ask again after {@link
 * SpdkRpcClient#connection} changed.
 */
public record SpdkCapabilities(SpdkVersion version, SpdkDialect dialect, Set<String> methods) {

  public SpdkCapabilities {
    methods = Set.copyOf(methods);
  }

  /** Asks for version and methods. */
  public static RpcResult<SpdkCapabilities> ask(SpdkRpcClient spdk) {
    RpcCall<FrameworkMethods.Version> version = spdk.submit(FrameworkMethods.version());
    RpcCall<List<String>> methods = spdk.submit(FrameworkMethods.methods());
    return switch (version.await()) {
      case RpcResult.Ok<FrameworkMethods.Version>(FrameworkMethods.Version answer) ->
          methods
              .await()
              .map(names ->
                  new SpdkCapabilities(
                      answer.fields(), SpdkDialect.of(answer.fields()), Set.copyOf(names)));
      case RpcResult.Rejected<FrameworkMethods.Version>(int code, String message) ->
          new RpcResult.Rejected<>(code, message);
      case RpcResult.Unavailable<FrameworkMethods.Version>(String reason) ->
          new RpcResult.Unavailable<>(reason);
      case RpcResult.Indeterminate<FrameworkMethods.Version>(String reason, RpcCall<?> call) ->
          new RpcResult.Indeterminate<>(reason, call);
    };
  }

  public boolean has(String method) {
    return methods.contains(method);
  }
}

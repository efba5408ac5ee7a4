package io.diskengine.spdkrpc;

import org.jspecify.annotations.Nullable;

/**
 * Methods of diskengine's data plane that no SPDK has; ask {@code rpc_get_methods} before use. Both
 * calls of a hold must go over one connection, whose end ends the hold.
 */
public final class QuiesceMethods {
  private QuiesceMethods() {}

  private record Quiesce(String name, @Nullable Integer timeoutMs) {}

  private record Unquiesce(String name) {}

  /**
   * Holds the reads and writes of a bdev, for {@code timeoutMs} at most (the data plane's choice
   * where it is null); answered when nothing is in flight any more.
   */
  public static RpcRequest<Boolean> quiesce(String name, @Nullable Integer timeoutMs) {
    return RpcRequest.of("diskengine_bdev_quiesce", new Quiesce(name, timeoutMs), Boolean.class);
  }

  /**
   * Lets I/O go on. Rejected with -110 when it went on earlier by itself: what was made under the
   * hold is worth nothing then.
   */
  public static RpcRequest<Boolean> unquiesce(String name) {
    return RpcRequest.of("diskengine_bdev_unquiesce", new Unquiesce(name), Boolean.class);
  }
}

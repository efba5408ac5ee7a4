package io.diskengine.spdkrpc;

/**
 * Watches a client: for traces, metrics and call counts. Called on the client's own threads; must
 * be quick and must not call the client. What it throws is dropped.
 */
public interface RpcListener {
  /** Watches nothing. */
  RpcListener NONE = new RpcListener() {};

  /** The bytes are about to be written. */
  default void onSent(RpcCall<?> call) {}

  /**
   * The final outcome, once per submitted call. Late replies come here too; {@link
   * RpcCall#deadlinePassed} marks them.
   *
   * @param durationNs since the call was submitted
   */
  default void onSettled(RpcCall<?> call, RpcResult<?> result, long durationNs) {}

  default void onConnected(SpdkAddress address, long connection) {}

  /** Also called when a connect failed. */
  default void onDisconnected(SpdkAddress address, long connection, String reason) {}

  /** A reply that belongs to no call, such as an error with id null. */
  default void onUnmatched(SpdkAddress address, String reply) {}
}

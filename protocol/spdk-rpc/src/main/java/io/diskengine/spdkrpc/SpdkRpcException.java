package io.diskengine.spdkrpc;

/** Thrown by {@link RpcResult#orElseThrow}: the outcome was not Ok. */
public final class SpdkRpcException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  @SuppressWarnings("serial")
  private final transient RpcResult<?> result;

  SpdkRpcException(RpcResult<?> result) {
    super(result.toString());
    this.result = result;
  }

  /** The outcome; never {@link RpcResult.Ok}. */
  public RpcResult<?> result() {
    return result;
  }
}

package io.diskengine.engine.rpc;

import io.diskengine.engine.bdev.BdevException;

/** An error answer, with SPDK's code and text. */
public final class RpcFailure extends Exception {
  private static final long serialVersionUID = 1L;

  public static final int PARSE_ERROR = -32700;
  public static final int INVALID_REQUEST = -32600;
  public static final int METHOD_NOT_FOUND = -32601;
  public static final int INVALID_PARAMS = -32602;
  public static final int INTERNAL_ERROR = -32603;

  private final int code;

  public RpcFailure(int code, String message) {
    super(message, null, false, false);
    this.code = code;
  }

  /** A negative errno with its usual text, as most of SPDK's bdev methods answer. */
  public static RpcFailure ofErrno(int errno) {
    return new RpcFailure(errno, RpcErrors.text(errno));
  }

  /** -32602 with the errno's text, as SPDK's lvol and vhost methods answer. */
  public static RpcFailure invalidParams(int errno) {
    return new RpcFailure(INVALID_PARAMS, RpcErrors.text(errno));
  }

  public static RpcFailure of(BdevException refusal) {
    return ofErrno(refusal.errno());
  }

  public int code() {
    return code;
  }
}

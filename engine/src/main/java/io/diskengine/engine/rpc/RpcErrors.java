package io.diskengine.engine.rpc;

import io.diskengine.spdkrpc.SpdkError;

/** The texts of SPDK's errors. */
final class RpcErrors {
  static final String ONLY_RUNTIME =
      "Method may only be called after framework is initialized using framework_start_init RPC.";
  static final String ONLY_STARTUP =
      "Method may only be called before framework is initialized. Use --wait-for-rpc command line"
          + " parameter and then issue this RPC before the framework_start_init RPC.";
  static final String DECODE = "spdk_json_decode_object failed";

  private RpcErrors() {}

  static String text(int errno) {
    return SpdkError.of(errno).map(SpdkError::text).orElse("Unknown error " + -errno);
  }
}

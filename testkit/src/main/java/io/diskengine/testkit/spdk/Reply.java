package io.diskengine.testkit.spdk;

/** Where the answer of a call goes, now or later; once. */
interface Reply {
  void ok(Object result);

  void error(int code, String message);

  default void error(RpcFault fault) {
    error(fault.code, fault.text());
  }
}

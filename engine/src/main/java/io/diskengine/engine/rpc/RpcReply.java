package io.diskengine.engine.rpc;

/** Where a handler's answer goes, exactly once, from any thread. */
public interface RpcReply {
  /**
   * Maps, lists, {@link JsonObject}s, text, numbers and booleans that nobody changes any more: a
   * long list is written on another thread.
   */
  void ok(Object result);

  void fail(RpcFailure failure);

  /** The connection that asked: the same object for all requests of one connection. */
  default Object client() {
    return this;
  }

  /**
   * Runs the body on the home reactor when the connection that asked has ended.
   *
   * @return what forgets the body again
   */
  default Runnable onDisconnect(Runnable body) {
    return () -> {};
  }

  /** {@code true} for 0, else the errno and its text. */
  default void done(int errno) {
    if (errno == 0) {
      ok(true);
    } else {
      fail(RpcFailure.ofErrno(errno));
    }
  }
}

package io.diskengine.engine.rpc;

/**
 * One method. Runs on the home reactor; reads all parameters, ends with {@link RpcParams#end}
 * before it changes anything, and answers exactly once, now or later. Throws {@link RpcFailure} for
 * an answer that is an error.
 */
public interface RpcHandler {
  void handle(RpcParams params, RpcReply reply) throws RpcFailure;
}

package io.diskengine.engine.rpc;

/** A group of methods that belong together, such as everything about lvols. */
public interface RpcModule {
  void register(RpcRegistry registry);
}

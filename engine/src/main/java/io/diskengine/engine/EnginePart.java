package io.diskengine.engine;

import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.rpc.RpcRegistry;

/** One part of the engine (lvol, raid, nvmf, ...) as the assembly sees it. */
public interface EnginePart {
  /** Home reactor, before any RPC: make known the part's methods and its bdev module. */
  void install(BdevLayer layer, RpcRegistry registry);

  /**
   * Home reactor, at a clean stop, users of a part before the part: finish what is in flight, write
   * what a clean stop records, close everything, then call {@code done}.
   */
  default void stop(Runnable done) {
    done.run();
  }
}

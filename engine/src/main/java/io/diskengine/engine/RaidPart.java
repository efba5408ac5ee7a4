package io.diskengine.engine;

import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.raid.RaidModule;
import io.diskengine.engine.rpc.RaidRpc;
import io.diskengine.engine.rpc.RpcRegistry;
import org.jspecify.annotations.Nullable;

/**
 * Arrays in the assembly. They stop before whatever makes their legs: a leg that went first would
 * be recorded as missing.
 */
final class RaidPart implements EnginePart {
  private @Nullable RaidModule raids;

  @Override
  public void install(BdevLayer layer, RpcRegistry registry) {
    raids = new RaidModule(layer);
    layer.addModule(raids);
    new RaidRpc(raids).register(registry);
  }

  @Override
  public void stop(Runnable done) {
    if (raids == null) {
      done.run();
    } else {
      raids.close(done);
    }
  }
}

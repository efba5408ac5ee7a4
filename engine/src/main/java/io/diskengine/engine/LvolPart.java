package io.diskengine.engine;

import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.lvol.LvolModule;
import io.diskengine.engine.rpc.LvolChangeRpc;
import io.diskengine.engine.rpc.LvolRpc;
import io.diskengine.engine.rpc.RpcRegistry;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The lvol stores in the assembly; a clean stop leaves clean stores. */
final class LvolPart implements EnginePart {
  private static final Logger LOG = LoggerFactory.getLogger(LvolPart.class);

  private @Nullable LvolModule lvols;

  @Override
  public void install(BdevLayer layer, RpcRegistry registry) {
    lvols = new LvolModule(layer);
    new LvolRpc(lvols).register(registry);
    new LvolChangeRpc(lvols).register(registry);
  }

  @Override
  public void stop(Runnable done) {
    if (lvols == null) {
      done.run();
      return;
    }
    lvols.unload(errno -> {
      if (errno != 0) {
        LOG.error(
            "a lvol store was not closed cleanly: errno {}; its next load is a recovery", errno);
      }
      done.run();
    });
  }
}

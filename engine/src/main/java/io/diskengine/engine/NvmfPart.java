package io.diskengine.engine;

import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.nvmf.NvmfTarget;
import io.diskengine.engine.rpc.NvmfRpc;
import io.diskengine.engine.rpc.RpcRegistry;
import org.jspecify.annotations.Nullable;

/** The NVMe/TCP target. */
final class NvmfPart implements EnginePart {
  private @Nullable NvmfTarget target;

  @Override
  public void install(BdevLayer layer, RpcRegistry registry) {
    NvmfTarget made = new NvmfTarget(layer);
    target = made;
    new NvmfRpc(made).register(registry);
  }

  @Override
  public void stop(Runnable done) {
    if (target == null) {
      done.run();
    } else {
      target.stop(done);
    }
  }
}

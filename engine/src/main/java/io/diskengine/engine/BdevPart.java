package io.diskengine.engine;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.bdev.PassthruModule;
import io.diskengine.engine.rpc.BdevRpc;
import io.diskengine.engine.rpc.BdevStatRpc;
import io.diskengine.engine.rpc.FaultBdevRpc;
import io.diskengine.engine.rpc.PassthruRpc;
import io.diskengine.engine.rpc.QosRpc;
import io.diskengine.engine.rpc.QuiesceRpc;
import io.diskengine.engine.rpc.RpcRegistry;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Devices that belong to no other part. They end last, and with them the locks on their files. */
final class BdevPart implements EnginePart {
  private @Nullable BdevLayer layer;

  @Override
  public void install(BdevLayer layer, RpcRegistry registry) {
    this.layer = layer;
    new BdevRpc(layer).register(registry);
    new BdevStatRpc(layer).register(registry);
    new QosRpc(layer).register(registry);
    new FaultBdevRpc(layer).register(registry);
    PassthruModule passthru = new PassthruModule(layer);
    layer.addModule(passthru);
    new PassthruRpc(passthru).register(registry);
    new QuiesceRpc(layer).register(registry);
  }

  @Override
  public void stop(Runnable done) {
    List<Bdev> left = layer == null ? List.of() : List.copyOf(layer.bdevs());
    int[] missing = {left.size()};
    if (layer == null || left.isEmpty()) {
      done.run();
      return;
    }
    for (Bdev bdev : left) {
      // One that went with its base device meanwhile is as good.
      layer.unregister(
          bdev,
          errno -> {
            if (--missing[0] == 0) {
              done.run();
            }
          });
    }
  }
}

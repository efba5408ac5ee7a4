package io.diskengine.engine;

import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.host.NvmeHost;
import io.diskengine.engine.rpc.NvmeRpc;
import io.diskengine.engine.rpc.RpcRegistry;
import org.jspecify.annotations.Nullable;

/** The NVMe-oF host in the assembly. */
final class HostPart implements EnginePart {
  private @Nullable NvmeHost host;

  @Override
  public void install(BdevLayer layer, RpcRegistry registry) {
    host = new NvmeHost(layer);
    new NvmeRpc(host).register(registry);
  }

  @Override
  public void stop(Runnable done) {
    if (host == null) {
      done.run();
    } else {
      host.stop(done);
    }
  }
}

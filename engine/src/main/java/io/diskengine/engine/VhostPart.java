package io.diskengine.engine;

import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.rpc.RpcRegistry;
import io.diskengine.engine.rpc.VhostRpc;
import io.diskengine.engine.vhost.VhostTarget;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** vhost-user-blk in the assembly. */
final class VhostPart implements EnginePart {
  private final Path directory;
  private @Nullable VhostTarget target;

  VhostPart(Path directory) {
    this.directory = directory;
  }

  @Override
  public void install(BdevLayer layer, RpcRegistry registry) {
    target = new VhostTarget(layer, directory.toAbsolutePath().normalize());
    new VhostRpc(target).register(registry);
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

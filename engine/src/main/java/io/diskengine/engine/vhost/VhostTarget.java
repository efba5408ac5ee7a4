package io.diskengine.engine.vhost;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.bdev.Done;
import io.diskengine.engine.reactor.Reactor;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** All vhost controllers of an engine. Home reactor. */
public final class VhostTarget {
  private final BdevLayer layer;
  private final Path directory;
  private final Map<String, VhostController> controllers = new LinkedHashMap<>();
  private int nextReactor;

  public VhostTarget(BdevLayer layer, Path directory) {
    this.layer = layer;
    this.directory = directory;
  }

  public Collection<VhostController> controllers() {
    return List.copyOf(controllers.values());
  }

  public @Nullable VhostController find(String name) {
    return controllers.get(name);
  }

  public Path directory() {
    return directory;
  }

  /** One bit for each reactor. */
  public long coreMask() {
    return -1L >>> Long.SIZE - layer.reactors().size();
  }

  /**
   * Makes the socket {@code name} in the directory, with the device behind it.
   *
   * @param cpumask the reactors that may serve it, at least one and only existing ones, else EINVAL
   */
  public void create(String name, String bdevName, boolean readOnly, long cpumask)
      throws BdevException {
    if (controllers.containsKey(name)) {
      throw new BdevException(BdevException.EEXIST, "vhost controller " + name + " exists");
    }
    Path socket = directory.resolve(name).normalize();
    if (name.isEmpty() || !directory.equals(socket.getParent())) {
      throw new BdevException(BdevException.EINVAL, "no file name: " + name);
    }
    Bdev bdev = layer.find(bdevName);
    if (bdev == null) {
      throw new BdevException(BdevException.ENODEV, "no bdev has the name " + bdevName);
    }
    if (cpumask == 0 || (cpumask & ~coreMask()) != 0) {
      throw new BdevException(
          BdevException.EINVAL, "cpumask 0x%x is not within 0x%x".formatted(cpumask, coreMask()));
    }
    List<Reactor> allowed =
        layer.reactors().stream().filter(r -> (cpumask >>> r.index() & 1) != 0).toList();
    Reactor reactor = allowed.get(nextReactor++ % allowed.size());
    controllers.put(name, VhostController.open(name, socket, readOnly, layer, bdev, reactor));
  }

  /** EBUSY while a frontend is connected. */
  public void delete(String name, Done done) {
    VhostController controller = controllers.get(name);
    if (controller == null) {
      done.done(BdevException.ENODEV);
    } else if (controller.connected()) {
      done.done(BdevException.EBUSY);
    } else {
      controllers.remove(name);
      controller.close(done);
    }
  }

  /** Ends every session after what it has in flight, and every controller. */
  public void stop(Runnable done) {
    List<VhostController> all = List.copyOf(controllers.values());
    controllers.clear();
    int[] missing = {all.size()};
    if (all.isEmpty()) {
      done.run();
    }
    for (VhostController controller : all) {
      controller.close(errno -> {
        if (--missing[0] == 0) {
          done.run();
        }
      });
    }
  }
}

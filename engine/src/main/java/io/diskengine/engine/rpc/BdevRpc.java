package io.diskengine.engine.rpc;

import io.diskengine.engine.bdev.AioBdev;
import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.bdev.MallocBdev;
import io.diskengine.engine.bdev.NullBdev;
import io.diskengine.engine.reactor.Timer;
import io.diskengine.engine.rpc.RpcRegistry.Phase;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The methods about devices in general, and the RAM, null and file devices. */
public final class BdevRpc implements RpcModule {
  /** The largest RAM disk, as a guard against a slip of the finger. */
  static final long MAX_MALLOC_BYTES = 16L << 30;

  private final BdevLayer layer;
  private int nextMalloc;

  public BdevRpc(BdevLayer layer) {
    this.layer = layer;
  }

  @Override
  public void register(RpcRegistry registry) {
    registry.method("bdev_set_options", Phase.STARTUP, RpcFailure.INVALID_PARAMS, this::setOptions);
    registry.method("bdev_get_bdevs", Phase.RUNTIME, this::getBdevs);
    registry.method("bdev_examine", Phase.RUNTIME, this::examine);
    registry.bare(
        "bdev_wait_for_examine",
        Phase.RUNTIME,
        reply -> layer.waitForExamine(() -> reply.ok(true)));
    registry.method("bdev_malloc_create", Phase.RUNTIME, this::createMalloc);
    registry.method("bdev_malloc_delete", Phase.RUNTIME, delete(MallocBdev.class));
    registry.method("bdev_null_create", Phase.RUNTIME, this::createNull);
    registry.method("bdev_null_delete", Phase.RUNTIME, delete(NullBdev.class));
    registry.method("bdev_aio_create", Phase.RUNTIME, this::createAio);
    registry.method("bdev_aio_delete", Phase.RUNTIME, delete(AioBdev.class));
    registry.method("bdev_aio_rescan", Phase.RUNTIME, this::rescanAio);
    registry.config("bdev", this::config);
  }

  private void setOptions(RpcParams params, RpcReply reply) throws RpcFailure {
    boolean autoExamine = params.boolOr("bdev_auto_examine", layer.autoExamine());
    // Sizes of SPDK's shared pools: every submitter of the engine brings its own I/O objects.
    params.u32Or("bdev_io_pool_size", 0);
    params.u32Or("bdev_io_cache_size", 0);
    params.u32Or("iobuf_small_cache_size", 0);
    params.u32Or("iobuf_large_cache_size", 0);
    params.end();
    layer.autoExamine(autoExamine);
    reply.ok(true);
  }

  private void getBdevs(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.stringOrNull("name");
    long timeoutMs = params.u64Or("timeout", 0);
    params.end();
    if (name == null) {
      reply.ok(layer.bdevs().stream().map(BdevJson::bdev).toList());
      return;
    }
    Bdev bdev = layer.find(name);
    if (bdev != null) {
      reply.ok(List.of(BdevJson.bdev(bdev)));
    } else if (timeoutMs == 0) {
      throw RpcFailure.ofErrno(BdevException.ENODEV);
    } else {
      new AppearanceWait(name, timeoutMs, reply).check();
    }
  }

  /** bdev_get_bdevs with a timeout: looks for the device until it is there or time is up. */
  private final class AppearanceWait extends Timer {
    private static final long INTERVAL_NS = 5_000_000;
    private static final int ETIMEDOUT = -110;

    private final String name;
    private final long deadlineNs;
    private final RpcReply reply;

    AppearanceWait(String name, long timeoutMs, RpcReply reply) {
      this.name = name;
      this.deadlineNs = layer.home().nowNs() + timeoutMs * 1_000_000;
      this.reply = reply;
    }

    void check() {
      Bdev bdev = layer.find(name);
      if (bdev != null) {
        reply.ok(List.of(BdevJson.bdev(bdev)));
      } else if (layer.home().nowNs() - deadlineNs >= 0) {
        reply.fail(RpcFailure.ofErrno(ETIMEDOUT));
      } else {
        layer.home().schedule(this, INTERVAL_NS);
      }
    }

    @Override
    protected void expired() {
      check();
    }
  }

  private void examine(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("name");
    params.end();
    try {
      layer.examine(name);
    } catch (BdevException e) {
      throw RpcFailure.of(e);
    }
    reply.ok(true);
  }

  // ---- devices

  private void createMalloc(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.stringOrNull("name");
    UUID uuid = params.uuidOrNull("uuid");
    long numBlocks = params.u64("num_blocks");
    long blockSize = params.u32("block_size");
    params.u32Or("optimal_io_boundary", 0);
    params.end();
    requireGeometry(blockSize, numBlocks);
    if (numBlocks > MAX_MALLOC_BYTES / blockSize) {
      throw RpcFailure.ofErrno(BdevException.ENOMEM);
    }
    String chosen = name == null ? "Malloc" + nextMalloc++ : name;
    requireFree(chosen);
    register(new MallocBdev(chosen, orRandom(uuid), (int) blockSize, numBlocks), reply);
  }

  private void createNull(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("name");
    UUID uuid = params.uuidOrNull("uuid");
    long numBlocks = params.u64("num_blocks");
    long blockSize = params.u32("block_size");
    params.end();
    requireGeometry(blockSize, numBlocks);
    register(new NullBdev(name, orRandom(uuid), (int) blockSize, numBlocks), reply);
  }

  private void createAio(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("name");
    String filename = params.string("filename");
    long blockSize = params.u32Or("block_size", 512);
    boolean readOnly = params.boolOr("readonly", false);
    boolean fallocate = params.boolOr("fallocate", false);
    UUID uuid = params.uuidOrNull("uuid");
    params.end();
    requireFree(name);
    if (blockSize > 1 << 20) {
      throw RpcFailure.ofErrno(BdevException.EINVAL);
    }
    try {
      AioBdev aio =
          AioBdev.open(
              name,
              new AioBdev.Options(filename, (int) blockSize, readOnly, fallocate, orRandom(uuid)),
              layer.home().kernel());
      layer.register(aio);
      layer.waitForExamine(aio, () -> reply.ok(name)); // so does SPDK, for this kind alone
    } catch (BdevException e) {
      throw RpcFailure.of(e);
    }
  }

  private void rescanAio(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("name");
    params.end();
    if (!(layer.find(name) instanceof AioBdev aio)) {
      throw RpcFailure.ofErrno(BdevException.ENODEV);
    }
    layer.resize(aio, aio.currentNumBlocks());
    reply.ok(true);
  }

  private RpcHandler delete(Class<? extends Bdev> kind) {
    return (params, reply) -> {
      String name = params.string("name");
      params.end();
      Bdev bdev = layer.find(name);
      if (!kind.isInstance(bdev)) {
        throw RpcFailure.ofErrno(BdevException.ENODEV);
      }
      layer.unregister(Objects.requireNonNull(bdev), reply::done);
    };
  }

  private void requireFree(String name) throws RpcFailure {
    if (layer.find(name) != null) {
      throw RpcFailure.ofErrno(BdevException.EEXIST);
    }
  }

  private static void requireGeometry(long blockSize, long numBlocks) throws RpcFailure {
    boolean sizeFits = blockSize >= 512 && blockSize <= 1 << 20 && blockSize % 512 == 0;
    if (numBlocks == 0 || !sizeFits || numBlocks > Long.MAX_VALUE / blockSize) {
      throw RpcFailure.ofErrno(BdevException.EINVAL);
    }
  }

  private void register(Bdev bdev, RpcReply reply) throws RpcFailure {
    try {
      layer.register(bdev);
    } catch (BdevException e) {
      throw RpcFailure.of(e);
    }
    reply.ok(bdev.name());
  }

  private static UUID orRandom(@Nullable UUID uuid) {
    return uuid == null ? UUID.randomUUID() : uuid;
  }

  private List<JsonObject> config() {
    List<JsonObject> entries = new ArrayList<>();
    entries.add(
        entry("bdev_set_options", new JsonObject().put("bdev_auto_examine", layer.autoExamine())));
    for (Bdev bdev : layer.bdevs()) {
      JsonObject common =
          new JsonObject().put("name", bdev.name()).put("block_size", bdev.blockSizeBytes());
      switch (bdev) {
        case AioBdev aio ->
            entries.add(
                entry(
                    "bdev_aio_create",
                    common
                        .put("filename", aio.options().filename())
                        .put("readonly", aio.options().readOnly())
                        .put("fallocate", aio.options().fallocate())
                        .put("uuid", aio.uuid().toString())));
        case MallocBdev _ -> entries.add(entry("bdev_malloc_create", sized(common, bdev)));
        case NullBdev _ -> entries.add(entry("bdev_null_create", sized(common, bdev)));
        default -> {}
      }
    }
    return entries;
  }

  private static JsonObject sized(JsonObject common, Bdev bdev) {
    return common.put("num_blocks", bdev.numBlocks()).put("uuid", bdev.uuid().toString());
  }

  private static JsonObject entry(String method, JsonObject params) {
    return new JsonObject().put("method", method).put("params", params);
  }
}

package io.diskengine.engine.rpc;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.bdev.DelayBdev;
import io.diskengine.engine.bdev.DelayBdev.Latency;
import io.diskengine.engine.bdev.ErrorBdev;
import io.diskengine.engine.bdev.ErrorBdev.Fault;
import io.diskengine.engine.bdev.ErrorBdev.Injection;
import io.diskengine.engine.bdev.IoType;
import io.diskengine.engine.rpc.RpcRegistry.Phase;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The methods of the devices that fail or delay I/O on demand. */
public final class FaultBdevRpc implements RpcModule {
  private static final int NOT_DELAY_BDEV = RpcFailure.INVALID_REQUEST;

  private final BdevLayer layer;

  public FaultBdevRpc(BdevLayer layer) {
    this.layer = layer;
  }

  @Override
  public void register(RpcRegistry registry) {
    registry.method(
        "bdev_error_create", Phase.RUNTIME, RpcFailure.INVALID_PARAMS, this::createError);
    registry.method(
        "bdev_error_delete",
        Phase.RUNTIME,
        RpcFailure.INVALID_PARAMS,
        (params, reply) -> delete(ErrorBdev.class, params, reply));
    registry.method(
        "bdev_error_inject_error", Phase.RUNTIME, RpcFailure.INVALID_PARAMS, this::injectError);
    registry.method(
        "bdev_error_resume_pending", Phase.RUNTIME, RpcFailure.INVALID_PARAMS, this::resumePending);
    registry.method("bdev_delay_create", Phase.RUNTIME, this::createDelay);
    registry.method(
        "bdev_delay_delete",
        Phase.RUNTIME,
        (params, reply) -> delete(DelayBdev.class, params, reply));
    registry.method("bdev_delay_update_latency", Phase.RUNTIME, this::updateLatency);
    registry.config("bdev", this::config);
  }

  private void createError(RpcParams params, RpcReply reply) throws RpcFailure {
    String baseName = params.string("base_name");
    UUID uuid = params.uuidOrNull("uuid");
    params.end();
    BdevStatRpc.whenThere(
        layer,
        baseName,
        reply,
        base -> {
          try {
            ErrorBdev.create(layer, base, uuid);
            reply.ok(true);
          } catch (BdevException e) {
            reply.fail(RpcFailure.of(e));
          }
        });
  }

  private void injectError(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("name");
    String ioType = params.string("io_type");
    Fault fault = constant(Fault.class, params.string("error_type"), params);
    int sct = (int) params.u32Or("nvme_sct", 0);
    int sc = (int) params.u32Or("nvme_sc", 0);
    Injection injection =
        new Injection(
            fault,
            params.u32Or("num", 1),
            params.u64Or("queue_depth", 0),
            params.u64Or("corrupt_offset", 0),
            (int) params.u32Or("corrupt_value", 0),
            sct << 8 | sc);
    params.end();
    IoType type =
        ioType.equals("all") || ioType.equals("clear")
            ? null
            : constant(IoType.class, ioType, params);
    if ((fault == Fault.NVME_FAILURE) == (sct == 0 && sc == 0)) {
      throw new RpcFailure(
          BdevException.EINVAL, "nvme_sct or nvme_sc should be specified for NVMe error injection");
    }
    if (!(find(name) instanceof ErrorBdev bdev)) {
      throw RpcFailure.ofErrno(BdevException.ENODEV);
    }
    try {
      if (ioType.equals("clear")) {
        bdev.clear();
      } else {
        bdev.inject(type, injection);
      }
    } catch (BdevException e) {
      throw RpcFailure.of(e);
    }
    reply.ok(true);
  }

  private void resumePending(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("name");
    params.end();
    if (!(find(name) instanceof ErrorBdev bdev)) {
      throw RpcFailure.ofErrno(BdevException.ENODEV);
    }
    bdev.resumePending();
    reply.ok(true);
  }

  private void createDelay(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("name");
    String baseName = params.string("base_bdev_name");
    UUID uuid = params.uuidOrNull("uuid");
    long avgReadUs = params.u64("avg_read_latency");
    long p99ReadUs = params.u64("p99_read_latency");
    long avgWriteUs = params.u64("avg_write_latency");
    long p99WriteUs = params.u64("p99_write_latency");
    params.end();
    BdevStatRpc.whenThere(
        layer,
        baseName,
        reply,
        base -> {
          try {
            DelayBdev bdev = DelayBdev.create(layer, base, name, uuid);
            bdev.latency(Latency.AVG_READ, avgReadUs);
            bdev.latency(Latency.P99_READ, p99ReadUs);
            bdev.latency(Latency.AVG_WRITE, avgWriteUs);
            bdev.latency(Latency.P99_WRITE, p99WriteUs);
            reply.ok(name);
          } catch (BdevException e) {
            reply.fail(RpcFailure.of(e));
          }
        });
  }

  private List<JsonObject> config() {
    List<JsonObject> entries = new ArrayList<>();
    for (Bdev bdev : layer.bdevs()) {
      if (bdev instanceof ErrorBdev error) {
        entries.add(
            new JsonObject()
                .put("method", "bdev_error_create")
                .put(
                    "params",
                    new JsonObject()
                        .put("base_name", error.base().name())
                        .put("uuid", error.uuid().toString())));
      } else if (bdev instanceof DelayBdev delay) {
        entries.add(
            new JsonObject()
                .put("method", "bdev_delay_create")
                .put(
                    "params",
                    new JsonObject()
                        .put("name", delay.name())
                        .put("base_bdev_name", delay.base().name())
                        .put("uuid", delay.uuid().toString())
                        .put("avg_read_latency", delay.latencyUs(Latency.AVG_READ))
                        .put("p99_read_latency", delay.latencyUs(Latency.P99_READ))
                        .put("avg_write_latency", delay.latencyUs(Latency.AVG_WRITE))
                        .put("p99_write_latency", delay.latencyUs(Latency.P99_WRITE))));
      }
    }
    return entries;
  }

  private void updateLatency(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("delay_bdev_name");
    Latency latency = constant(Latency.class, params.string("latency_type"), params);
    long latencyUs = params.u64("latency_us");
    params.end();
    Bdev bdev = layer.find(name);
    if (bdev == null) {
      throw new RpcFailure(RpcFailure.INVALID_PARAMS, "The requested bdev does not exist.");
    }
    if (!(bdev instanceof DelayBdev delay)) {
      throw new RpcFailure(NOT_DELAY_BDEV, "The requested bdev is not a delay bdev.");
    }
    delay.latency(latency, latencyUs);
    reply.ok(true);
  }

  private void delete(Class<? extends Bdev> kind, RpcParams params, RpcReply reply)
      throws RpcFailure {
    String name = params.string("name");
    params.end();
    Bdev bdev = layer.find(name);
    if (!kind.isInstance(bdev)) {
      throw RpcFailure.ofErrno(BdevException.ENODEV);
    }
    layer.unregister(Objects.requireNonNull(bdev), reply::done);
  }

  private Bdev find(String name) throws RpcFailure {
    @Nullable Bdev bdev = layer.find(name);
    if (bdev == null) {
      throw RpcFailure.ofErrno(BdevException.ENODEV);
    }
    return bdev;
  }

  /** The constant with SPDK's lower-case name. */
  private static <E extends Enum<E>> E constant(Class<E> type, String name, RpcParams params)
      throws RpcFailure {
    for (E each : type.getEnumConstants()) {
      if (each.name().toLowerCase(Locale.ROOT).equals(name)) {
        return each;
      }
    }
    throw params.undecodable();
  }
}

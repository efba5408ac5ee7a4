package io.diskengine.engine.rpc;

import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.rpc.RpcRegistry.Phase;
import io.diskengine.engine.vhost.VhostController;
import io.diskengine.engine.vhost.VhostTarget;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The vhost methods. */
public final class VhostRpc implements RpcModule {
  private final VhostTarget target;
  private final WrittenParts<VhostController> written =
      new WrittenParts<>(VhostRpc::describe, VhostRpc::json);

  public VhostRpc(VhostTarget target) {
    this.target = target;
  }

  @Override
  public void register(RpcRegistry registry) {
    registry.method(
        "vhost_create_blk_controller", Phase.RUNTIME, RpcFailure.INVALID_PARAMS, this::create);
    registry.method(
        "vhost_delete_controller", Phase.RUNTIME, RpcFailure.INVALID_PARAMS, this::delete);
    registry.method("vhost_get_controllers", Phase.RUNTIME, this::list);
    registry.config(
        "vhost_blk",
        () ->
            target.controllers().stream()
                .filter(controller -> controller.bdevName() != null)
                .map(VhostRpc::configEntry)
                .toList());
  }

  private void create(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("ctrlr");
    String bdev = params.string("dev_name");
    boolean readOnly = params.boolOr("readonly", false);
    String mask = params.stringOrNull("cpumask");
    params.boolOr("packed_ring", false);
    params.stringOrNull("transport");
    params.end();
    if (mask != null && !mask.matches("(0x)?[0-9a-fA-F]{1,16}")) {
      throw RpcFailure.invalidParams(BdevException.EINVAL);
    }
    long reactors =
        mask == null ? target.coreMask() : Long.parseUnsignedLong(mask.replaceFirst("^0x", ""), 16);
    try {
      target.create(name, bdev, readOnly, reactors);
    } catch (BdevException e) {
      throw RpcFailure.invalidParams(e.errno());
    }
    reply.ok(true);
  }

  private void delete(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("ctrlr");
    params.end();
    target.delete(
        name,
        errno -> {
          if (errno == 0) {
            reply.ok(true);
          } else {
            reply.fail(RpcFailure.invalidParams(errno));
          }
        });
  }

  private void list(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.stringOrNull("name");
    params.end();
    if (name == null) {
      reply.ok(written.all(target.controllers()));
      return;
    }
    VhostController controller = target.find(name);
    if (controller == null) {
      throw new RpcFailure(RpcFailure.INTERNAL_ERROR, RpcErrors.text(BdevException.ENODEV));
    }
    reply.ok(List.of(written.of(controller)));
  }

  /** What of a controller can change. */
  private static void describe(VhostController controller, List<@Nullable Object> to) {
    to.add(controller.connected());
    to.add(controller.readOnly());
    to.add(controller.bdevName());
  }

  private static JsonObject json(VhostController controller) {
    return new JsonObject()
        .put("ctrlr", controller.name())
        .put("cpumask", "0x" + Long.toHexString(1L << controller.reactorIndex()))
        .put("delay_base_us", 0)
        .put("iops_threshold", 60000)
        .put("socket", controller.socket().toString())
        .put(
            "sessions",
            controller.connected()
                ? List.of(
                    new JsonObject()
                        .put("vid", 0)
                        .put("id", 0)
                        .put("name", controller.name())
                        .put("started", true))
                : List.of())
        .put(
            "backend_specific",
            new JsonObject()
                .put(
                    "block",
                    new JsonObject()
                        .put("readonly", controller.readOnly())
                        .put("bdev", controller.bdevName())
                        .put("transport", "vhost_user_blk")));
  }

  private static JsonObject configEntry(VhostController controller) {
    return new JsonObject()
        .put("method", "vhost_create_blk_controller")
        .put(
            "params",
            new JsonObject()
                .put("ctrlr", controller.name())
                .put("dev_name", controller.bdevName())
                .put("readonly", controller.readOnly()));
  }
}

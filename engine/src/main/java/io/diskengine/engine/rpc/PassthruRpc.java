package io.diskengine.engine.rpc;

import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.PassthruModule;
import io.diskengine.engine.bdev.PassthruModule.Asked;
import io.diskengine.engine.rpc.RpcRegistry.Phase;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/** The methods of passthru devices. */
public final class PassthruRpc implements RpcModule {
  private final PassthruModule module;

  public PassthruRpc(PassthruModule module) {
    this.module = module;
  }

  @Override
  public void register(RpcRegistry registry) {
    registry.method("bdev_passthru_create", Phase.RUNTIME, this::create);
    registry.method(
        "bdev_passthru_delete",
        Phase.RUNTIME,
        (params, reply) -> {
          String name = params.string("name");
          params.end();
          module.delete(name, reply::done);
        });
    registry.config("bdev", this::config);
  }

  private void create(RpcParams params, RpcReply reply) throws RpcFailure {
    String base = params.string("base_bdev_name");
    String name = params.string("name");
    UUID uuid = params.uuidOrNull("uuid");
    params.end();
    try {
      module.create(new Asked(name, base, uuid));
    } catch (BdevException e) {
      throw RpcFailure.of(e);
    }
    reply.ok(name);
  }

  private List<JsonObject> config() {
    List<JsonObject> entries = new ArrayList<>();
    for (Asked asked : module.asked()) {
      JsonObject params =
          new JsonObject().put("base_bdev_name", asked.baseName()).put("name", asked.name());
      if (asked.uuid() != null) {
        params.put("uuid", asked.uuid().toString());
      }
      entries.add(new JsonObject().put("method", "bdev_passthru_create").put("params", params));
    }
    return entries;
  }
}

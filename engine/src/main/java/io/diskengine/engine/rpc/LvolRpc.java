package io.diskengine.engine.rpc;

import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.lvol.ClearMethod;
import io.diskengine.engine.lvol.Lvol;
import io.diskengine.engine.lvol.LvolModule;
import io.diskengine.engine.lvol.LvolStore;
import io.diskengine.engine.lvol.LvolStoreOptions;
import java.util.Collection;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The lvol methods (SPDK module/bdev/lvol/vbdev_lvol_rpc.c). What is wrong at once is answered with
 * the errno as code, what turns out later with -32602, and a failed lvol removal with -32603.
 */
public final class LvolRpc implements RpcModule {
  private final LvolModule lvols;

  public LvolRpc(LvolModule lvols) {
    this.lvols = lvols;
  }

  @Override
  public void register(RpcRegistry registry) {
    RpcRegistry.Phase runtime = RpcRegistry.Phase.RUNTIME;
    registry.method("bdev_lvol_create_lvstore", runtime, this::createStore);
    registry.method("bdev_lvol_delete_lvstore", runtime, this::deleteStore);
    registry.method("bdev_lvol_get_lvstores", runtime, this::stores);
    registry.method("bdev_lvol_create", runtime, this::create);
    registry.method("bdev_lvol_delete", runtime, this::delete);
    registry.method("bdev_lvol_get_lvols", runtime, this::lvols);
  }

  private void createStore(RpcParams params, RpcReply reply) throws RpcFailure {
    String bdevName = params.string("bdev_name");
    String name = params.string("lvs_name");
    long clusterSize = params.u32Or("cluster_sz", 0);
    ClearMethod clear = clearMethod(params, ClearMethod.UNMAP);
    long mdPercent = params.u32Or("num_md_pages_per_cluster_ratio", 0);
    long mdPageSize = params.u32Or("md_page_size", 0);
    params.end();
    LvolStoreOptions options =
        new LvolStoreOptions(
            name,
            clusterSize == 0 ? LvolStoreOptions.DEFAULT_CLUSTER_BYTES : clusterSize,
            clear,
            mdPercent == 0 ? LvolStoreOptions.DEFAULT_MD_PERCENT : mdPercent,
            mdPageSize);
    try {
      lvols.createStore(
          bdevName,
          options,
          (errno, store) -> {
            if (store == null) {
              reply.fail(RpcFailure.invalidParams(errno));
            } else {
              reply.ok(store.uuid().toString());
            }
          });
    } catch (BdevException refused) {
      throw RpcFailure.of(refused);
    }
  }

  private void deleteStore(RpcParams params, RpcReply reply) throws RpcFailure {
    LvolStore store = store(params, "uuid");
    params.end();
    lvols.deleteStore(store, errno -> answer(errno, RpcFailure.INVALID_PARAMS, reply));
  }

  private void stores(RpcParams params, RpcReply reply) throws RpcFailure {
    Collection<LvolStore> asked = params.given() ? List.of(store(params, "uuid")) : lvols.stores();
    params.end();
    reply.ok(asked.stream().map(LvolRpc::describe).toList());
  }

  private static JsonObject describe(LvolStore store) {
    return new JsonObject()
        .put("uuid", store.uuid().toString())
        .put("name", store.name())
        .put("base_bdev", store.base().name())
        .put("total_data_clusters", store.totalDataClusters())
        .put("free_clusters", store.freeClusters())
        .put("block_size", store.blockSizeBytes())
        .put("cluster_size", store.clusterSizeBytes())
        .put("max_growable_size", store.maxGrowableSizeBytes());
  }

  private void create(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("lvol_name");
    long sizeMib = params.u64("size_in_mib");
    boolean thin = params.boolOr("thin_provision", false);
    ClearMethod clear = clearMethod(params, ClearMethod.DEFAULT);
    StoreName storeName = new StoreName(params, "uuid");
    params.end();
    LvolStore store = storeName.find();
    try {
      store.createLvol(
          name,
          bytes(sizeMib),
          thin,
          clear,
          (errno, lvol) -> {
            if (lvol == null) {
              reply.fail(RpcFailure.invalidParams(errno));
            } else {
              reply.ok(lvol.uniqueId());
            }
          });
    } catch (BdevException refused) {
      throw RpcFailure.of(refused);
    }
  }

  static long bytes(long mib) {
    return mib > Long.MAX_VALUE >> 20 ? Long.MAX_VALUE : mib << 20;
  }

  private void delete(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("name");
    params.end();
    Lvol lvol = lvols.lvol(name);
    if (lvol == null) {
      throw RpcFailure.ofErrno(BdevException.ENODEV);
    }
    lvol.store().deleteLvol(lvol, errno -> answer(errno, RpcFailure.INTERNAL_ERROR, reply));
  }

  private void lvols(RpcParams params, RpcReply reply) throws RpcFailure {
    Collection<LvolStore> asked =
        params.given() ? List.of(store(params, "lvs_uuid")) : lvols.stores();
    params.end();
    reply.ok(asked.stream().flatMap(s -> s.lvols().stream()).map(LvolRpc::describe).toList());
  }

  private static JsonObject describe(Lvol lvol) {
    return new JsonObject()
        .put("alias", lvol.alias())
        .put("uuid", lvol.uniqueId())
        .put("name", lvol.name())
        .put("is_thin_provisioned", lvol.thin())
        .put("is_snapshot", lvol.isSnapshot())
        .put("is_clone", lvol.isClone())
        .put("is_esnap_clone", lvol.isExternalClone())
        .put("is_degraded", lvol.degraded())
        .put("num_allocated_clusters", lvol.allocatedClusters())
        .put(
            "lvs",
            new JsonObject()
                .put("name", lvol.store().name())
                .put("uuid", lvol.store().uuid().toString()));
  }

  private static void answer(int errno, int code, RpcReply reply) {
    if (errno == 0) {
      reply.ok(true);
    } else {
      reply.fail(new RpcFailure(code, RpcErrors.text(errno)));
    }
  }

  private static ClearMethod clearMethod(RpcParams params, ClearMethod fallback) throws RpcFailure {
    String text = params.stringOrNull("clear_method");
    return switch (text) {
      case null -> fallback;
      case "none" -> ClearMethod.NONE;
      case "unmap" -> ClearMethod.UNMAP;
      case "write_zeroes" -> ClearMethod.WRITE_ZEROES;
      default -> throw params.undecodable();
    };
  }

  /** The store that the parameters name, which name nothing else. */
  LvolStore store(RpcParams params, String uuidName) throws RpcFailure {
    StoreName name = new StoreName(params, uuidName);
    params.end();
    return name.find();
  }

  /**
   * A store by exactly one of uuid and name: EINVAL for none or both, ENODEV for an unknown one.
   */
  private final class StoreName {
    private final @Nullable String uuid;
    private final @Nullable String name;

    StoreName(RpcParams params, String uuidName) throws RpcFailure {
      uuid = params.stringOrNull(uuidName);
      name = params.stringOrNull("lvs_name");
    }

    LvolStore find() throws RpcFailure {
      if ((uuid == null) == (name == null)) {
        throw RpcFailure.ofErrno(BdevException.EINVAL);
      }
      LvolStore store = name != null ? lvols.store(name) : byUuid(String.valueOf(uuid));
      if (store == null) {
        throw RpcFailure.ofErrno(BdevException.ENODEV);
      }
      return store;
    }

    private @Nullable LvolStore byUuid(String text) {
      try {
        return text.length() == 36 ? lvols.store(UUID.fromString(text)) : null;
      } catch (IllegalArgumentException unreadable) {
        return null;
      }
    }
  }
}

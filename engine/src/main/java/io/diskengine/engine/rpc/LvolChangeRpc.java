package io.diskengine.engine.rpc;

import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.Done;
import io.diskengine.engine.lvol.Lvol;
import io.diskengine.engine.lvol.LvolModule;
import io.diskengine.engine.lvol.LvolOperations;
import io.diskengine.engine.lvol.LvolStore;
import io.diskengine.engine.lvol.Result;
import io.diskengine.engine.lvol.ShallowCopy;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/**
 * The lvol methods that change what is there: snapshots, clones, parents, size, names, copies (SPDK
 * module/bdev/lvol/vbdev_lvol_rpc.c). An unknown bdev is -19; what is refused later is -32602 with
 * the errno's text.
 */
public final class LvolChangeRpc implements RpcModule {
  private final LvolModule lvols;
  private final LvolRpc names;
  private final Map<Long, ShallowCopy> copies = new LinkedHashMap<>();
  private long copiesStarted;

  public LvolChangeRpc(LvolModule lvols) {
    this.lvols = lvols;
    this.names = new LvolRpc(lvols);
  }

  @Override
  public void register(RpcRegistry registry) {
    RpcRegistry.Phase runtime = RpcRegistry.Phase.RUNTIME;
    registry.method("bdev_lvol_rename_lvstore", runtime, this::renameStore);
    registry.method("bdev_lvol_grow_lvstore", runtime, this::growStore);
    registry.method(
        "bdev_lvol_snapshot",
        runtime,
        byTwoNames("lvol_name", "snapshot_name", LvolChangeRpc::made, LvolOperations::snapshot));
    registry.method(
        "bdev_lvol_clone",
        runtime,
        byTwoNames("snapshot_name", "clone_name", LvolChangeRpc::made, LvolOperations::clone));
    registry.method("bdev_lvol_clone_bdev", runtime, this::cloneBdev);
    registry.method(
        "bdev_lvol_rename",
        runtime,
        byTwoNames("old_name", "new_name", LvolChangeRpc::answer, LvolOperations::rename));
    registry.method("bdev_lvol_resize", runtime, this::resize);
    registry.method(
        "bdev_lvol_set_read_only", runtime, (p, r) -> byName(p, r, LvolOperations::setReadOnly));
    registry.method("bdev_lvol_inflate", runtime, (p, r) -> byName(p, r, LvolOperations::inflate));
    registry.method(
        "bdev_lvol_decouple_parent",
        runtime,
        (p, r) -> byName(p, r, LvolOperations::decoupleParent));
    registry.method(
        "bdev_lvol_set_parent",
        runtime,
        byTwoNames(
            "lvol_name",
            "parent_name",
            LvolChangeRpc::answer,
            (operations, lvol, parent, done) -> operations.setParent(lvol, lvol(parent), done)));
    registry.method(
        "bdev_lvol_set_parent_bdev",
        runtime,
        byTwoNames(
            "lvol_name", "parent_name", LvolChangeRpc::answer, LvolOperations::setParentBdev));
    registry.method("bdev_lvol_start_shallow_copy", runtime, this::startShallowCopy);
    registry.method("bdev_lvol_check_shallow_copy", runtime, this::checkShallowCopy);
  }

  // ---- common

  private Lvol lvol(String bdevName) throws RpcFailure {
    Lvol lvol = lvols.lvolOfBdev(bdevName);
    if (lvol == null) {
      throw RpcFailure.ofErrno(BdevException.ENODEV);
    }
    return lvol;
  }

  private static Done answer(RpcReply reply) {
    return errno -> {
      if (errno == 0) {
        reply.ok(true);
      } else {
        reply.fail(RpcFailure.invalidParams(errno));
      }
    };
  }

  private static Result<Lvol> made(RpcReply reply) {
    return (errno, lvol) -> {
      if (lvol == null) {
        reply.fail(RpcFailure.invalidParams(errno));
      } else {
        reply.ok(lvol.uniqueId());
      }
    };
  }

  /** A change that takes the lvol's name only. */
  private interface Change {
    void start(LvolOperations operations, Lvol lvol, Done done);
  }

  private void byName(RpcParams params, RpcReply reply, Change change) throws RpcFailure {
    String name = params.string("name");
    params.end();
    Lvol lvol = lvol(name);
    change.start(lvol.store().operations(), lvol, answer(reply));
  }

  /** A change that takes the lvol's name and another one, and ends with an {@code R}. */
  private interface NamedChange<R> {
    void start(LvolOperations operations, Lvol lvol, String other, R end) throws RpcFailure;
  }

  private <R> RpcHandler byTwoNames(
      String lvolKey, String otherKey, Function<RpcReply, R> end, NamedChange<R> change) {
    return (params, reply) -> {
      String name = params.string(lvolKey);
      String other = params.string(otherKey);
      params.end();
      Lvol lvol = lvol(name);
      change.start(lvol.store().operations(), lvol, other, end.apply(reply));
    };
  }

  // ---- stores

  private void renameStore(RpcParams params, RpcReply reply) throws RpcFailure {
    String oldName = params.string("old_name");
    String newName = params.string("new_name");
    params.end();
    LvolStore store = lvols.store(oldName);
    if (store == null) {
      throw new RpcFailure(BdevException.ENOENT, "Lvol store " + oldName + " not found");
    }
    lvols.renameStore(store, newName, answer(reply));
  }

  private void growStore(RpcParams params, RpcReply reply) throws RpcFailure {
    LvolStore store = names.store(params, "uuid");
    store.operations().grow(answer(reply));
  }

  // ---- single lvols

  private void cloneBdev(RpcParams params, RpcReply reply) throws RpcFailure {
    String bdevName = params.string("bdev");
    String storeName = params.string("lvs_name");
    String cloneName = params.string("clone_name");
    params.end();
    LvolStore store = lvols.store(storeName);
    if (store == null) {
      throw new RpcFailure(RpcFailure.INVALID_PARAMS, "lvs does not exist");
    }
    if (!lvols.bdevExists(bdevName)) {
      throw new RpcFailure(RpcFailure.INVALID_PARAMS, "bdev does not exist");
    }
    Lvol same = lvols.lvolOfBdev(bdevName);
    if (same != null && same.store() == store) {
      throw new RpcFailure(
          RpcFailure.INVALID_PARAMS,
          "bdev is an lvol in same lvs as clone; use bdev_lvol_clone instead");
    }
    store.operations().cloneBdev(bdevName, cloneName, made(reply));
  }

  private void resize(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("name");
    long sizeMib = params.u64("size_in_mib");
    params.end();
    Lvol lvol = lvol(name);
    lvol.store().operations().resize(lvol, LvolRpc.bytes(sizeMib), answer(reply));
  }

  // ---- shallow copies

  private void startShallowCopy(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("src_lvol_name");
    String target = params.string("dst_bdev_name");
    params.end();
    Lvol lvol = lvol(name);
    long id = ++copiesStarted;
    try {
      copies.put(id, lvol.store().operations().shallowCopy(lvol, target));
    } catch (BdevException refused) {
      throw RpcFailure.invalidParams(refused.errno());
    }
    reply.ok(new JsonObject().put("operation_id", id));
  }

  /** Once a copy has ended, its state is told once. */
  private void checkShallowCopy(RpcParams params, RpcReply reply) throws RpcFailure {
    long id = params.u32("operation_id");
    params.end();
    ShallowCopy copy = copies.get(id);
    if (copy == null) {
      throw RpcFailure.ofErrno(BdevException.ENODEV);
    }
    JsonObject answer =
        new JsonObject()
            .put("copied_clusters", copy.copiedClusters())
            .put("total_clusters", copy.totalClusters());
    if (!copy.ended()) {
      answer.put("state", "in progress");
    } else if (copy.errno() == 0) {
      answer.put("state", "complete");
      copies.remove(id);
    } else {
      answer.put("state", "error").put("error", RpcErrors.text(copy.errno()));
      copies.remove(id);
    }
    reply.ok(answer);
  }
}

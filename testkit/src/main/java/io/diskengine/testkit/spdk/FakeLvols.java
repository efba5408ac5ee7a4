package io.diskengine.testkit.spdk;

import io.diskengine.testkit.spdk.FakeBdevs.Aio;
import io.diskengine.testkit.spdk.FakeBdevs.LvolBdev;
import io.diskengine.testkit.spdk.FakeMedia.Blob;
import io.diskengine.testkit.spdk.FakeMedia.Store;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Lvol stores and lvols. */
final class FakeLvols {
  private static final long DEFAULT_CLUSTER_BYTES = 4L << 20;
  private static final int MIN_CLUSTER_BYTES = 8192;
  private static final int MAX_NAME = 63;
  private static final int LOAD_MS = 5;
  private static final int MAX_DELETE_MS = 15;
  private static final int MAX_RESIZE_MS = 10;

  private final FakeSpdk self;
  private final FakeBdevs bdevs;

  /** Loaded stores with their base devices. */
  private final Map<Store, Aio> stores = new LinkedHashMap<>();

  FakeLvols(FakeSpdk self, FakeBdevs bdevs) {
    this.self = self;
    this.bdevs = bdevs;
  }

  void restart() {
    stores.clear();
  }

  /** Loads the store that is on the device; false when there is none. */
  boolean examine(FakeBdev bdev, Runnable done) {
    Store store = bdev instanceof Aio aio ? aio.disk.store : null;
    if (store == null || !(bdev instanceof Aio base)) {
      return false;
    }
    base.claim = "lvol";
    self.later(
        LOAD_MS,
        () -> {
          load(store, base);
          done.run();
        });
    return true;
  }

  private void load(Store store, Aio base) {
    if (bdevs.find(base.name) != base) {
      return;
    }
    stores.put(store, base);
    Runnable gone = () -> unload(store);
    base.open(gone);
    store.blobs.values().forEach(b -> bdevs.register(new LvolBdev(b, store, base)));
  }

  private void unload(Store store) {
    stores.remove(store);
    for (FakeBdev b : bdevs.all()) {
      if (b instanceof LvolBdev lvol && lvol.store == store) {
        bdevs.unregister(b);
      }
    }
  }

  boolean call(String method, Params p, Reply reply) throws RpcFault {
    switch (method) {
      case "bdev_lvol_create_lvstore" -> createStore(p, reply);
      case "bdev_lvol_get_lvstores" -> stores(p, reply);
      case "bdev_lvol_get_lvols" -> lvols(p, reply);
      case "bdev_lvol_create" -> create(p, reply);
      case "bdev_lvol_snapshot" -> snapshot(p, reply);
      case "bdev_lvol_resize" -> resize(p.text("name"), p.number("size_in_mib", 0), reply);
      case "bdev_lvol_delete" -> delete(p.text("name"), reply);
      default -> {
        return false;
      }
    }
    return true;
  }

  private void createStore(Params p, Reply reply) throws RpcFault {
    FakeBdev bdev = bdevs.get(p.text("bdev_name"));
    long cluster = p.number("cluster_sz", DEFAULT_CLUSTER_BYTES);
    String name = p.text("lvs_name");
    if (bdev.claim != null) {
      throw RpcFault.errno(RpcFault.EPERM);
    }
    if (name.isEmpty() || name.length() > MAX_NAME || cluster < MIN_CLUSTER_BYTES) {
      throw RpcFault.errno(RpcFault.EINVAL);
    }
    if (stores.keySet().stream().anyMatch(s -> s.name.equals(name))) {
      throw RpcFault.errno(RpcFault.EEXIST);
    }
    if (!(bdev instanceof Aio base)) {
      throw RpcFault.errno(RpcFault.EINVAL);
    }
    base.claim = "lvol";
    self.later(
        LOAD_MS,
        () -> {
          // The first clusters hold the metadata.
          long clusters = base.disk.sizeBytes / cluster - 1;
          Store store = new Store(name, self.fabric.newUuid(), cluster, clusters);
          base.disk.store = store;
          base.disk.raw.clear();
          load(store, base);
          reply.ok(store.uuid.toString());
        });
  }

  private void stores(Params p, Reply reply) throws RpcFault {
    ArrayNode all = FakeSpdk.list();
    for (Map.Entry<Store, Aio> e : stores.entrySet()) {
      Store s = e.getKey();
      boolean wanted = !p.has("lvs_name") || s.name.equals(p.text("lvs_name"));
      if (wanted && (!p.has("uuid") || s.uuid.toString().equals(p.text("uuid")))) {
        all.add(
            FakeSpdk.object()
                .put("uuid", s.uuid.toString())
                .put("name", s.name)
                .put("base_bdev", e.getValue().name)
                .put("total_data_clusters", s.clusters)
                .put("free_clusters", s.freeClusters())
                .put("block_size", e.getValue().blockSize)
                .put("cluster_size", s.clusterBytes));
      }
    }
    if (all.isEmpty() && (p.has("lvs_name") || p.has("uuid"))) {
      throw RpcFault.errno(RpcFault.ENODEV);
    }
    reply.ok(all);
  }

  private void lvols(Params p, Reply reply) throws RpcFault {
    ArrayNode all = FakeSpdk.list();
    if (p.has("lvs_name")) {
      store(p, "lvs_uuid");
    }
    for (FakeBdev b : bdevs.all()) {
      boolean wanted =
          b instanceof LvolBdev l
              && (!p.has("lvs_name") || l.store.name.equals(p.text("lvs_name")))
              && (!p.has("lvs_uuid") || l.store.uuid.toString().equals(p.text("lvs_uuid")));
      if (wanted && b instanceof LvolBdev lvol) {
        ObjectNode o = FakeSpdk.object().put("alias", lvol.aliases.getFirst());
        o.put("uuid", lvol.uuid.toString()).put("name", lvol.blob.name);
        o.put("is_thin_provisioned", lvol.blob.thin);
        o.put("is_snapshot", lvol.blob.snapshot).put("is_clone", false);
        o.put("is_esnap_clone", false).put("is_degraded", false);
        o.putObject("lvs").put("name", lvol.store.name).put("uuid", lvol.store.uuid.toString());
        all.add(o);
      }
    }
    reply.ok(all);
  }

  /** Named by exactly one of uuid and lvs_name. */
  private Store store(Params p, String uuidKey) throws RpcFault {
    if (p.has(uuidKey) == p.has("lvs_name")) {
      throw RpcFault.errno(RpcFault.EINVAL);
    }
    for (Store s : stores.keySet()) {
      if (s.name.equals(p.text("lvs_name")) || s.uuid.toString().equals(p.text(uuidKey))) {
        return s;
      }
    }
    throw RpcFault.errno(RpcFault.ENODEV);
  }

  private void create(Params p, Reply reply) throws RpcFault {
    Store store = store(p, "uuid");
    Aio base = stores.get(store);
    String name = p.text("lvol_name");
    if (name.isEmpty() || name.length() > MAX_NAME || base == null) {
      throw RpcFault.errno(RpcFault.EINVAL);
    }
    if (store.blobs.containsKey(name)) {
      throw RpcFault.errno(RpcFault.EEXIST);
    }
    long clusters = Math.ceilDiv(p.number("size_in_mib", 0) << 20, store.clusterBytes);
    boolean thin = p.is("thin_provision", false);
    if (!thin && clusters > store.freeClusters()) {
      throw new RpcFault(RpcFault.INVALID_PARAMS, "No space left on device");
    }
    UUID uuid = self.fabric.newUuid();
    Blob blob = new Blob(name, uuid, clusters * store.clusterBytes, thin);
    store.blobs.put(name, blob);
    bdevs.register(new LvolBdev(blob, store, base));
    reply.ok(uuid.toString());
  }

  /** What the lvol holds now, with a name and uuid of its own; the lvol reads as before. */
  private void snapshot(Params p, Reply reply) throws RpcFault {
    @Nullable FakeBdev bdev = bdevs.find(p.text("lvol_name"));
    String name = p.text("snapshot_name");
    if (!(bdev instanceof LvolBdev lvol)) {
      throw RpcFault.errno(RpcFault.ENODEV);
    }
    if (name.isEmpty() || name.length() > MAX_NAME) {
      throw RpcFault.errno(RpcFault.EINVAL);
    }
    if (lvol.store.blobs.containsKey(name)) {
      throw RpcFault.errno(RpcFault.EEXIST);
    }
    Aio base = stores.get(lvol.store);
    if (base == null) {
      throw RpcFault.errno(RpcFault.ENODEV);
    }
    Blob copy = new Blob(name, self.fabric.newUuid(), lvol.blob.sizeBytes, true);
    copy.snapshot = true;
    copy.data.putAll(lvol.blob.data);
    lvol.store.blobs.put(name, copy);
    bdevs.register(new LvolBdev(copy, lvol.store, base));
    reply.ok(copy.uuid.toString());
  }

  /** Rounded up to whole clusters; who has it open is told before the answer. */
  private void resize(String name, long sizeMib, Reply reply) throws RpcFault {
    @Nullable FakeBdev bdev = bdevs.find(name);
    if (!(bdev instanceof LvolBdev lvol)) {
      throw RpcFault.errno(RpcFault.ENODEV);
    }
    Blob blob = lvol.blob;
    Store store = lvol.store;
    long bytes = Math.ceilDiv(sizeMib << 20, store.clusterBytes) * store.clusterBytes;
    long more = (bytes - blob.sizeBytes) / store.clusterBytes;
    if (blob.snapshot) {
      throw new RpcFault(RpcFault.INVALID_PARAMS, "Operation not permitted");
    }
    if (!blob.thin && more > store.freeClusters()) {
      throw new RpcFault(RpcFault.INVALID_PARAMS, "No space left on device");
    }
    if (more < 0 && lvol.isOpen()) {
      throw new RpcFault(RpcFault.INVALID_PARAMS, "Device or resource busy");
    }
    self.later(
        self.time.random().nextInt(MAX_RESIZE_MS),
        () -> {
          blob.sizeBytes = bytes;
          bdevs.resize(lvol, bytes / lvol.blockSize);
          reply.ok(true);
        });
  }

  private void delete(String name, Reply reply) throws RpcFault {
    @Nullable FakeBdev bdev = bdevs.find(name);
    if (!(bdev instanceof LvolBdev lvol)) {
      throw RpcFault.errno(RpcFault.ENODEV);
    }
    // Its device goes first, its clusters follow; the answer comes last.
    bdevs.unregister(lvol);
    self.later(
        self.time.random().nextInt(MAX_DELETE_MS),
        () -> {
          lvol.store.blobs.remove(lvol.blob.name);
          reply.ok(true);
        });
  }
}

package io.diskengine.testkit.spdk;

import io.diskengine.testkit.spdk.FakeMedia.Blob;
import io.diskengine.testkit.spdk.FakeMedia.Disk;
import io.diskengine.testkit.spdk.FakeMedia.Store;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Devices, their examination, and the simple kinds of them. */
final class FakeBdevs {
  private static final int EXAMINE_MS = 2;
  private static final int QOS_STEP = 1_000;
  private static final int MAX_NOTIFICATIONS = 1024;

  private final FakeSpdk self;
  private final FakeLvols lvols;
  private final Map<String, FakeBdev> bdevs = new LinkedHashMap<>();

  /** By aliases and uuids; the one that was there first counts. */
  private final Map<String, List<FakeBdev>> byOtherName = new HashMap<>();

  private final Set<String> allowed = new LinkedHashSet<>();
  private final List<Reply> waitForExamine = new ArrayList<>();
  private final Map<Reply, String> waitForBdev = new LinkedHashMap<>();
  private final Deque<ObjectNode> notifications = new ArrayDeque<>();
  private long lastNotification;
  private boolean autoExamine = true;
  private int examining;

  FakeBdevs(FakeSpdk self) {
    this.self = self;
    lvols = new FakeLvols(self, this);
  }

  void restart() {
    bdevs.clear();
    byOtherName.clear();
    allowed.clear();
    waitForExamine.clear();
    waitForBdev.clear();
    autoExamine = true;
    examining = 0;
    notifications.clear();
    lastNotification = 0;
    lvols.restart();
  }

  /** The part of the configuration that a person could replay. */
  ArrayNode config() {
    ObjectNode options = FakeSpdk.object().put("method", "bdev_set_options");
    options.putObject("params").put("bdev_auto_examine", autoExamine);
    ArrayNode all = FakeSpdk.list().add(options);
    for (FakeBdev b : bdevs.values()) {
      if (b instanceof Memory || b instanceof Nothing) {
        String method = b instanceof Memory ? "bdev_malloc_create" : "bdev_null_create";
        ObjectNode entry = FakeSpdk.object().put("method", method);
        entry
            .putObject("params")
            .put("name", b.name)
            .put("num_blocks", b.blocks)
            .put("block_size", b.blockSize)
            .put("uuid", b.uuid.toString());
        all.add(entry);
      }
    }
    return all.add(FakeSpdk.object().put("method", "bdev_wait_for_examine"));
  }

  /** Those from {@code first} on, at most {@code max}. */
  ArrayNode notifications(long first, long max) {
    ArrayNode all = FakeSpdk.list();
    for (ObjectNode n : notifications) {
      if (n.path("id").asLong() >= first && all.size() < max) {
        all.add(n);
      }
    }
    return all;
  }

  private void tell(String type, FakeBdev bdev) {
    notifications.add(
        FakeSpdk.object().put("type", type).put("ctx", bdev.name).put("id", lastNotification++));
    if (notifications.size() > MAX_NOTIFICATIONS) {
      notifications.removeFirst();
    }
  }

  @Nullable FakeBdev find(String name) {
    FakeBdev exact = bdevs.get(name);
    List<FakeBdev> others = byOtherName.getOrDefault(name, List.of());
    return exact != null ? exact : others.isEmpty() ? null : others.getFirst();
  }

  FakeBdev get(String name) throws RpcFault {
    FakeBdev bdev = find(name);
    if (bdev == null) {
      throw RpcFault.errno(RpcFault.ENODEV);
    }
    return bdev;
  }

  List<FakeBdev> all() {
    return List.copyOf(bdevs.values());
  }

  void register(FakeBdev bdev) {
    bdevs.put(bdev.name, bdev);
    bdev.otherNames()
        .forEach(o -> byOtherName.computeIfAbsent(o, _ -> new ArrayList<>(1)).add(bdev));
    tell("bdev_register", bdev);
    List<Reply> told =
        waitForBdev.entrySet().stream()
            .filter(w -> bdev.isCalled(w.getValue()))
            .map(Map.Entry::getKey)
            .toList();
    told.forEach(waitForBdev::remove);
    // Who makes the device is answered first.
    told.forEach(r -> self.later(0, () -> r.ok(FakeSpdk.list().add(json(bdev)))));
    if (autoExamine
        || allowed.contains(bdev.name)
        || bdev.aliases.stream().anyMatch(allowed::contains)) {
      examine(bdev);
    }
  }

  void unregister(FakeBdev bdev) {
    if (bdevs.remove(bdev.name, bdev)) {
      for (String other : bdev.otherNames()) {
        byOtherName.computeIfPresent(
            other, (_, there) -> there.remove(bdev) && there.isEmpty() ? null : there);
      }
      tell("bdev_unregister", bdev);
      bdev.removed();
    }
  }

  /** Whoever has the device open is told. */
  void resize(FakeBdev bdev, long blocks) {
    if (bdev.blocks != blocks) {
      bdev.blocks = blocks;
      if (bdevs.get(bdev.name) == bdev) {
        tell("bdev_resize", bdev);
      }
      bdev.resized();
    }
  }

  private void examine(FakeBdev bdev) {
    examining++;
    int claims = bdev.raidClaims;
    self.later(
        EXAMINE_MS,
        () -> {
          boolean taken = bdev.claim != null || bdev.raidClaims != claims;
          if (bdevs.get(bdev.name) != bdev || taken) {
            examined();
          } else if (!lvols.examine(bdev, this::examined)) {
            self.raids.examine(bdev, this::examined);
          }
        });
  }

  private void examined() {
    if (--examining == 0) {
      List<Reply> told = List.copyOf(waitForExamine);
      waitForExamine.clear();
      told.forEach(w -> w.ok(true));
    }
  }

  boolean call(String method, Params p, Reply reply) throws RpcFault {
    String name = p.text("name");
    switch (method) {
      case "bdev_set_options" -> {
        autoExamine = p.is("bdev_auto_examine", autoExamine);
        reply.ok(true);
      }
      case "bdev_examine" -> {
        if (autoExamine) {
          throw RpcFault.errno(RpcFault.EINVAL);
        }
        FakeBdev bdev = find(name);
        if (!allowed.add(name)) {
          throw RpcFault.errno(RpcFault.EEXIST);
        }
        if (bdev != null) {
          examine(bdev);
        }
        reply.ok(true);
      }
      case "bdev_wait_for_examine" -> {
        if (examining == 0) {
          reply.ok(true);
        } else {
          waitForExamine.add(reply);
        }
      }
      case "bdev_get_bdevs" -> list(name, p.number("timeout", 0), reply);
      case "bdev_get_iostat" -> iostat(p, reply);
      case "bdev_set_qos_limit" -> limit(p, name, reply);
      case "bdev_malloc_create" -> {
        long blocks = p.number("num_blocks", 0);
        String called = p.has("name") ? name : "Malloc" + bdevs.size();
        create(called, new Memory(called, id(p), (int) p.number("block_size", 512), blocks), reply);
      }
      case "bdev_null_create" -> {
        long blocks = p.number("num_blocks", 0);
        create(name, new Nothing(name, id(p), (int) p.number("block_size", 512), blocks), reply);
      }
      case "bdev_aio_create" -> aio(p, name, reply);
      case "bdev_malloc_delete" -> delete(name, Memory.class, reply);
      case "bdev_null_delete" -> delete(name, Nothing.class, reply);
      case "bdev_aio_delete" -> delete(name, Aio.class, reply);
      default -> {
        return lvols.call(method, p, reply);
      }
    }
    return true;
  }

  /** Only the first limit of a device that nobody has open is taken. */
  private void limit(Params p, String name, Reply reply) throws RpcFault {
    FakeBdev bdev = get(name);
    if (p.names().size() < 2) {
      throw new RpcFault(RpcFault.EINVAL, "No rate limits specified");
    }
    if (bdev.limited && !bdev.isOpen()) {
      throw new RpcFault(
          RpcFault.INVALID_PARAMS,
          "Failed to configure rate limit: Resource temporarily unavailable");
    }
    bdev.limited = true;
    bdev.iosPerSec = Math.ceilDiv(p.number("rw_ios_per_sec", 0), QOS_STEP) * QOS_STEP;
    reply.ok(true);
  }

  private void iostat(Params p, Reply reply) throws RpcFault {
    boolean channels = p.is("per_channel", false);
    if (channels && p.texts("names").size() != 1) {
      throw RpcFault.errno(RpcFault.EINVAL);
    }
    ObjectNode o = FakeSpdk.object().put("tick_rate", 1_000L).put("ticks", self.time.nowMs());
    if (channels) {
      o.putArray("channels");
      reply.ok(o);
      return;
    }
    ArrayNode all = o.putArray("bdevs");
    for (String name : p.texts("names")) {
      all.add(FakeSpdk.object().put("name", get(name).name));
    }
    reply.ok(o);
  }

  private UUID id(Params p) throws RpcFault {
    UUID given = p.uuid("uuid");
    return given == null ? self.fabric.newUuid() : given;
  }

  private void create(String name, FakeBdev bdev, Reply reply) throws RpcFault {
    if (find(name) != null || find(bdev.uuid.toString()) != null) {
      throw RpcFault.errno(RpcFault.EEXIST);
    }
    if (bdev.blocks <= 0) {
      throw RpcFault.errno(RpcFault.EINVAL);
    }
    register(bdev);
    reply.ok(name);
  }

  private void aio(Params p, String name, Reply reply) throws RpcFault {
    Disk disk = self.fabric.media.disk(p.text("filename"));
    if (disk == null) {
      throw new RpcFault(-2, "No such file or directory");
    }
    create(name, new Aio(name, id(p), (int) p.number("block_size", 512), disk), reply);
  }

  private void delete(String name, Class<? extends FakeBdev> kind, Reply reply) throws RpcFault {
    FakeBdev bdev = get(name);
    if (!kind.isInstance(bdev)) {
      throw RpcFault.errno(RpcFault.ENODEV);
    }
    unregister(bdev);
    reply.ok(true);
  }

  private void list(String name, long timeoutMs, Reply reply) throws RpcFault {
    if (name.isEmpty()) {
      ArrayNode all = FakeSpdk.list();
      bdevs.values().forEach(b -> all.add(json(b)));
      reply.ok(all);
      return;
    }
    FakeBdev bdev = find(name);
    if (bdev != null) {
      reply.ok(FakeSpdk.list().add(json(bdev)));
    } else if (timeoutMs == 0) {
      throw RpcFault.errno(RpcFault.ENODEV);
    } else {
      waitForBdev.put(reply, name);
      self.later(
          timeoutMs,
          () -> {
            if (waitForBdev.remove(reply) != null) {
              reply.error(RpcFault.errno(RpcFault.ETIMEDOUT));
            }
          });
    }
  }

  private static ObjectNode json(FakeBdev b) {
    ObjectNode o = FakeSpdk.object().put("name", b.name);
    ArrayNode aliases = o.putArray("aliases");
    b.aliases.forEach(aliases::add);
    o.put("product_name", b.product).put("block_size", b.blockSize).put("num_blocks", b.blocks);
    o.put("uuid", b.uuid.toString());
    o.putObject("assigned_rate_limits")
        .put("rw_ios_per_sec", b.iosPerSec)
        .put("rw_mbytes_per_sec", 0)
        .put("r_mbytes_per_sec", 0)
        .put("w_mbytes_per_sec", 0);
    o.put("claimed", b.claim != null);
    if (b.claim != null) {
      o.put("claim_type", "exclusive_write");
    }
    o.put("zoned", false);
    o.putObject("supported_io_types").put("read", true).put("write", true);
    b.describe(o.putObject("driver_specific"));
    return o;
  }

  /** bdev_malloc: forgets everything. */
  private static final class Memory extends FakeBdev {
    private final Map<Long, Object> data = new TreeMap<>();

    Memory(String name, UUID uuid, int blockSize, long blocks) {
      super(name, uuid, "Malloc disk", blockSize, blocks);
    }

    @Override
    void submit(FakeIo io) {
      if (io.isWrite()) {
        data.put(io.block(), io.stored());
      }
      io.ok(data.get(io.block()), name);
    }

    @Override
    void describe(ObjectNode specific) {}
  }

  /** bdev_null: takes everything, keeps nothing. */
  static final class Nothing extends FakeBdev {
    Nothing(String name, UUID uuid, int blockSize, long blocks) {
      super(name, uuid, "Null disk", blockSize, blocks);
    }

    @Override
    void submit(FakeIo io) {
      io.ok(FakeIo.RUBBISH, name);
    }

    @Override
    void describe(ObjectNode specific) {}
  }

  /** bdev_aio: a disk of the machine. */
  static final class Aio extends FakeBdev {
    final Disk disk;

    Aio(String name, UUID uuid, int blockSize, Disk disk) {
      super(name, uuid, "AIO disk", blockSize, disk.sizeBytes / blockSize);
      this.disk = disk;
    }

    @Override
    void submit(FakeIo io) {
      if (disk.gone) {
        io.failed();
        return;
      }
      if (io.isWrite()) {
        disk.raw.put(io.block(), io.stored());
      }
      io.ok(disk.raw.get(io.block()), name);
    }

    @Override
    void describe(ObjectNode specific) {
      specific
          .putObject("aio")
          .put("filename", disk.path)
          .put("block_size_override", true)
          .put("readonly", false)
          .put("fallocate", false);
    }
  }

  /** An lvol. */
  static final class LvolBdev extends FakeBdev {
    final Blob blob;
    final Store store;
    final Aio base;

    LvolBdev(Blob blob, Store store, Aio base) {
      super(
          blob.uuid.toString(),
          blob.uuid,
          "Logical Volume",
          base.blockSize,
          blob.sizeBytes / base.blockSize);
      this.blob = blob;
      this.store = store;
      this.base = base;
      aliases.add(store.name + "/" + blob.name);
    }

    @Override
    void submit(FakeIo io) {
      // A superblock always finds room: a creation that fails half-way is not simulated.
      boolean unwritten = io.block() > 0 && !blob.data.containsKey(io.block());
      boolean refused = io.isWrite() && base.disk.full && blob.thin && unwritten;
      if (base.disk.gone || refused) {
        io.failed();
        return;
      }
      if (io.isWrite()) {
        blob.data.put(io.block(), io.stored());
      }
      io.ok(blob.data.get(io.block()), blob.name);
    }

    @Override
    void describe(ObjectNode specific) {
      specific
          .putObject("lvol")
          .put("lvol_store_uuid", store.uuid.toString())
          .put("base_bdev", base.name)
          .put("thin_provision", blob.thin)
          .put("num_allocated_clusters", 0)
          .put("snapshot", blob.snapshot)
          .put("clone", false)
          .put("esnap_clone", false);
    }
  }
}

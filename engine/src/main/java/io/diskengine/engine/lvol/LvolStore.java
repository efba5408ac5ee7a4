package io.diskengine.engine.lvol;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevDesc;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.bdev.Done;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.nvme.NativeMemory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** An lvol store: a blobstore whose super blob has its uuid and name. Home reactor. */
public final class LvolStore {
  /** SPDK's SPDK_LVS_NAME_MAX without its NUL. */
  public static final int MAX_NAME_LENGTH = 63;

  /** The largest lvol. */
  static final int MAX_CLUSTERS = Integer.MAX_VALUE - ClusterMap.ROW;

  private static final Logger LOG = LoggerFactory.getLogger(LvolStore.class);

  private final BdevLayer layer;
  private final Blobstore blobs;
  private final ClusterAllocator clusters;
  private final ExternalDevices externals;
  private final UUID uuid;
  private final LvolOperations operations;
  private final ExternalParents externalParents;

  /** In the order in which they were made or found. */
  private final Map<Long, Lvol> lvols = new LinkedHashMap<>();

  private final Map<String, Lvol> byName = new HashMap<>();
  private final Set<String> creating = new HashSet<>();

  private final List<Done> closeWaiters = new ArrayList<>();
  private String name;
  private boolean closing;

  LvolStore(BdevLayer layer, Blobstore blobs, ExternalDevices externals, String name, UUID uuid) {
    this.layer = layer;
    this.blobs = blobs;
    this.clusters = new ClusterAllocator(blobs);
    this.externals = externals;
    this.name = name;
    this.uuid = uuid;
    this.operations = new LvolOperations(this);
    this.externalParents = new ExternalParents(this, externals);
    blobs.commits().pace(CommitPace.of(layer, blobs.device()));
  }

  // ---- opening

  /** Reads the store on a device that is open and claimed; its lvols are not registered yet. */
  static void load(
      BdevLayer layer, StoreDevice device, ExternalDevices externals, Result<LvolStore> result) {
    StoreLoader.load(
        device,
        new StoreLoader.Loaded() {
          @Override
          public void loaded(Blobstore blobs, boolean recovered, long tookNs) {
            LOG.atInfo()
                .addKeyValue("bdev", device.bdev().name())
                .addKeyValue("recovered", recovered)
                .addKeyValue("blobs", blobs.blobs().size())
                .addKeyValue("tookMs", tookNs / 1_000_000)
                .log("lvol store read");
            try {
              result.ended(0, of(layer, blobs, externals));
            } catch (BdevException bad) {
              refused(bad.errno(), String.valueOf(bad.getMessage()));
            }
          }

          @Override
          public void refused(int errno, String problem) {
            LOG.atError()
                .addKeyValue("bdev", device.bdev().name())
                .addKeyValue("reason", problem)
                .log("lvol store not loaded");
            result.ended(errno, null);
          }
        });
  }

  private static LvolStore of(BdevLayer layer, Blobstore blobs, ExternalDevices externals)
      throws BdevException {
    Blob superBlob = blobs.blob(blobs.layout().superBlobId());
    String name = superBlob == null ? null : superBlob.text(Lvol.NAME);
    UUID uuid = superBlob == null ? null : uuid(superBlob);
    if (name == null || uuid == null) {
      throw new BdevException(BdevException.EINVAL, "the lvol store has no name or uuid");
    }
    LvolStore store = new LvolStore(layer, blobs, externals, name, uuid);
    for (Blob blob : blobs.blobs()) {
      if (blob != superBlob) {
        store.adopt(blob);
      }
    }
    return store;
  }

  private void adopt(Blob blob) throws BdevException {
    byte[] stored = blob.xattrs.get(Lvol.NAME);
    String lvolName = blob.text(Lvol.NAME);
    if (lvolName == null || stored == null || stored.length > Lvol.NAME_BYTES) {
      throw new BdevException(BdevException.EINVAL, blob + " has no name");
    }
    long unknown = blob.invalidFlags & ~Blob.KNOWN_INVALID_FLAGS;
    if (unknown != 0) {
      LOG.atError()
          .addKeyValue("lvol", name + "/" + lvolName)
          .addKeyValue("unknownInvalidFlags", "0x" + Long.toHexString(unknown))
          .log("lvol not opened: its invalid_flags need what this version does not know");
      return;
    }
    UUID lvolUuid = uuid(blob);
    Lvol lvol =
        lvolUuid == null
            ? new Lvol(this, blob, lvolName, UUID.randomUUID(), uuid + "_" + blob.id)
            : new Lvol(this, blob, lvolName, lvolUuid, lvolUuid.toString());
    if (byName.containsKey(lvolName)) {
      throw new BdevException(
          BdevException.EEXIST, "two lvols of the store have the name " + lvolName);
    }
    add(lvol);
  }

  private void add(Lvol lvol) {
    lvols.put(lvol.blob().id, lvol);
    byName.put(lvol.name(), lvol);
  }

  private void remove(Lvol lvol) {
    lvols.remove(lvol.blob().id);
    byName.remove(lvol.name(), lvol);
  }

  private static @Nullable UUID uuid(Blob blob) {
    String text = blob.text(Lvol.UUID_XATTR);
    try {
      return text == null || text.length() != 36 ? null : UUID.fromString(text);
    } catch (IllegalArgumentException unreadable) {
      return null;
    }
  }

  /** Makes lvols known as bdevs, except those whose external snapshot is missing. */
  void registerLvols() {
    externalParents.attach();
    for (Lvol lvol : lvols.values()) {
      if (lvol.bdev == null && !lvol.degraded()) {
        try {
          register(lvol);
        } catch (BdevException taken) {
          LOG.atError()
              .addKeyValue("lvol", lvol)
              .addKeyValue("reason", taken.getMessage())
              .log("lvol has no bdev");
        }
      }
    }
  }

  void register(Lvol lvol) throws BdevException {
    LvolBdev bdev =
        new LvolBdev(this, lvol, lvol.uniqueId(), lvol.uuid(), lvol.sizeBytes() / blockSizeBytes());
    lvol.bdev = bdev;
    layer.register(bdev, lvol.alias());
  }

  // ---- what it is

  public String name() {
    return name;
  }

  public UUID uuid() {
    return uuid;
  }

  public Bdev base() {
    return blobs.device().bdev();
  }

  BdevDesc baseDesc() {
    return blobs.device().desc();
  }

  BdevLayer layer() {
    return layer;
  }

  Reactor home() {
    return layer.home();
  }

  ClusterAllocator clusters() {
    return clusters;
  }

  Blobstore blobs() {
    return blobs;
  }

  public long clusterSizeBytes() {
    return blobs.layout().clusterBytes();
  }

  /** SPDK's io_unit_size: the block size of its lvols. */
  public int blockSizeBytes() {
    return blobs.layout().ioUnitBytes();
  }

  public long totalDataClusters() {
    return blobs.totalDataClusters();
  }

  public long freeClusters() {
    return blobs.freeClusters();
  }

  public long maxGrowableSizeBytes() {
    return blobs.layout().maxGrowableBytes();
  }

  public Collection<Lvol> lvols() {
    return List.copyOf(lvols.values());
  }

  public @Nullable Lvol lvol(String lvolName) {
    return byName.get(lvolName);
  }

  @Nullable Lvol lvol(Blob blob) {
    return lvols.get(blob.id);
  }

  /** Those of the blobs that are open as lvols. */
  List<Lvol> lvols(List<Blob> of) {
    return of.stream().map(blob -> lvols.get(blob.id)).filter(Objects::nonNull).toList();
  }

  /** What can be done with its lvols beside making and deleting them. */
  public LvolOperations operations() {
    return operations;
  }

  ExternalParents externalParents() {
    return externalParents;
  }

  ExternalDevices externals() {
    return externals;
  }

  String nameOf(Blob blob) {
    return String.valueOf(blob.text(Lvol.NAME));
  }

  // ---- lvols

  /**
   * Makes an lvol and its bdev; the size is rounded up to whole clusters.
   *
   * @throws BdevException EINVAL for a name of 0 or more than 63 bytes, EEXIST for one that is
   *     taken, ENODEV while the store is being closed
   */
  public void createLvol(
      String lvolName, long sizeBytes, boolean thin, ClearMethod clearMethod, Result<Lvol> result)
      throws BdevException {
    checkOpen();
    checkName(lvolName);
    if (sizeBytes > Long.MAX_VALUE - clusterSizeBytes()) {
      result.ended(BdevException.ENOSPC, null);
      return;
    }
    long count = clusters(sizeBytes);
    if (count > MAX_CLUSTERS) {
      result.ended(BdevException.ENOSPC, null);
      return;
    }
    Blob blob;
    try {
      blob = blobs.newBlob((int) count);
    } catch (BdevException full) {
      result.ended(full.errno(), null);
      return;
    }
    blob.invalidFlags = Blob.EXTENT_TABLE | (thin ? Blob.THIN : 0);
    blob.mdRoFlags = clearMethod.ordinal();
    make(blob, lvolName, done -> blobs.create(blob, done), result);
  }

  /** Names a new blob, and after {@code step} has made it durable there is an lvol. */
  void make(Blob blob, String lvolName, Chain.Step step, Result<Lvol> result) {
    UUID lvolUuid = UUID.randomUUID();
    blob.text(Lvol.NAME, lvolName, Lvol.NAME_BYTES);
    blob.text(Lvol.UUID_XATTR, lvolUuid.toString());
    creating.add(lvolName);
    step.run(errno -> {
      creating.remove(lvolName);
      created(new Lvol(this, blob, lvolName, lvolUuid, lvolUuid.toString()), errno, result);
    });
  }

  /**
   * @throws BdevException EINVAL for a name of 0 or more than 63 bytes, EEXIST for one that is
   *     taken
   */
  void checkName(String lvolName) throws BdevException {
    int nameBytes = lvolName.getBytes(StandardCharsets.UTF_8).length;
    if (nameBytes == 0 || nameBytes > Lvol.MAX_NAME_LENGTH) {
      throw new BdevException(
          BdevException.EINVAL,
          "lvol name has " + nameBytes + " bytes; 1 to " + Lvol.MAX_NAME_LENGTH + " are allowed");
    }
    if (byName.containsKey(lvolName) || creating.contains(lvolName)) {
      throw new BdevException(
          BdevException.EEXIST, "an lvol has the name " + name + "/" + lvolName);
    }
  }

  /** How many clusters this many bytes take. */
  long clusters(long sizeBytes) {
    return sizeBytes / clusterSizeBytes() + (sizeBytes % clusterSizeBytes() == 0 ? 0 : 1);
  }

  private void created(Lvol lvol, int errno, Result<Lvol> result) {
    if (errno != 0) {
      result.ended(errno, null);
      return;
    }
    add(lvol);
    try {
      checkOpen();
      register(lvol);
      result.ended(0, lvol);
    } catch (BdevException refused) {
      lvol.bdev = null;
      result.ended(refused.errno(), null);
    }
  }

  void checkOpen() throws BdevException {
    if (closing) {
      throw new BdevException(BdevException.ENODEV, "lvol store " + name + " is being closed");
    }
  }

  /**
   * Removes the bdev from its users and then the lvol. A snapshot's only clone takes over what the
   * snapshot has; with more clones: EPERM. EBUSY while an operation on it or that clone is under
   * way.
   */
  public void deleteLvol(Lvol lvol, Done done) {
    Blob blob = lvol.blob();
    if (lvol.deleting || closing) {
      done.done(BdevException.ENODEV);
      return;
    }
    if (blob.clones.size() > 1) {
      done.done(BdevException.EPERM);
      return;
    }
    Blob clone = blob.clones.isEmpty() ? null : blob.clones.getFirst();
    if (blob.locked || clone != null && clone.locked) {
      done.done(BdevException.EBUSY);
      return;
    }
    lvol.deleting = true;
    blob.locked = true;
    if (clone != null) {
      clone.locked = true;
    }
    Chain.of(next -> unregister(lvol, ignored -> next.done(0)))
        .then(next -> {
          if (clone == null) {
            blobs.delete(blob, next);
          } else {
            operations.mergeIntoClone(blob, clone, next);
          }
        })
        .run(errno -> deleted(lvol, clone, errno, done));
  }

  private void deleted(Lvol lvol, @Nullable Blob clone, int errno, Done done) {
    Blob blob = lvol.blob();
    blob.locked = false;
    if (clone != null) {
      clone.locked = false;
    }
    boolean stays = errno != 0 && blobs.blob(blob.id) == blob;
    ExternalSnapshot external = stays ? null : blob.external;
    if (stays) {
      lvol.deleting = false;
      if (!closing) {
        registerLvols();
      }
    } else {
      remove(lvol);
      blob.external = null;
    }
    if (external == null) {
      done.done(errno);
    } else {
      externals.release(external, () -> done.done(errno));
    }
  }

  /** The lvol and its bdev have another name; the medium has it already. */
  void renamed(Lvol lvol, String newName) {
    byName.remove(lvol.name(), lvol);
    lvol.name(newName);
    byName.put(newName, lvol);
  }

  /** A name for something that is being made. */
  void reserve(String lvolName) {
    creating.add(lvolName);
  }

  void unreserve(String lvolName) {
    creating.remove(lvolName);
  }

  void rename(String newName, Done done) {
    Blob superBlob = blobs.blob(blobs.layout().superBlobId());
    if (superBlob == null || closing) {
      done.done(BdevException.ENODEV);
      return;
    }
    blobs
        .commits()
        .add(
            new RootChange(superBlob, done) {
              @Override
              void apply() {
                superBlob.text(Lvol.NAME, newName);
              }

              @Override
              void made() {
                renamed(newName);
              }

              @Override
              boolean patient() {
                return true;
              }
            });
  }

  /** The medium has the new name; all aliases follow. */
  private void renamed(String newName) {
    List<String> aliases = lvols.values().stream().map(Lvol::alias).toList();
    name = newName;
    int i = 0;
    for (Lvol lvol : lvols.values()) {
      realias(lvol, aliases.get(i++), lvol.alias());
    }
  }

  private void realias(Lvol lvol, String oldAlias, String newAlias) {
    LvolBdev bdev = lvol.bdev;
    if (bdev == null) {
      return;
    }
    try {
      layer.addAlias(bdev, newAlias);
      layer.removeAlias(bdev, oldAlias);
    } catch (BdevException taken) {
      LOG.atError()
          .addKeyValue("lvol", lvol)
          .addKeyValue("reason", taken.getMessage())
          .log("lvol keeps its old alias");
    }
  }

  private void unregister(Lvol lvol, Done done) {
    LvolBdev bdev = lvol.bdev;
    if (bdev == null) {
      done.done(0);
    } else {
      layer.unregister(
          bdev,
          errno -> {
            lvol.bdev = null;
            done.done(0);
          });
    }
  }

  // ---- the end

  /** Removes all bdevs, writes masks and clean flag, closes the device. */
  void unload(Done done) {
    close(blobs::unload, done);
  }

  /** Removes the store from its device: first its super block, then what it held. */
  void destroy(Done done) {
    close(
        next ->
            Chain.of(this::zeroSuperBlock)
                .then(each -> clearLvols(new ArrayList<>(lvols.values()), each))
                .then(each -> blobs.device().writeZeroes(0, blobs.layout().metadataEnd(), each))
                .run(next),
        done);
  }

  private void zeroSuperBlock(Done done) {
    StoreDevice device = blobs.device();
    long buffer = device.takePage();
    NativeMemory.zero(buffer, SuperBlock.SIZE);
    device.writeDurably(buffer, 0, SuperBlock.SIZE, done);
  }

  private void clearLvols(List<Lvol> all, Done done) {
    StoreDevice.forEach(
        all.size(),
        (i, each) -> {
          Blob blob = all.get(i).blob();
          List<ClusterRun> runs = ClusterRun.of(blob.clusters);
          StoreDevice.forEach(
              runs.size(), (r, run) -> blobs.freeRun(runs.get(r), blob.clearMethod(), run), each);
        },
        done);
  }

  private void close(Chain.Step last, Done done) {
    closeWaiters.add(done);
    if (closing) {
      return;
    }
    closing = true;
    blobs.close();
    unregister(
        List.copyOf(lvols.values()),
        () ->
            blobs.whenIdle(
                () -> last.run(errno -> externalParents.release(ignored -> closed(errno)))));
  }

  private void closed(int errno) {
    blobs.device().close();
    List<Done> waiters = List.copyOf(closeWaiters);
    closeWaiters.clear();
    waiters.forEach(w -> w.done(errno));
  }

  void unregister(List<Lvol> all, Runnable then) {
    int[] left = {all.size() + 1};
    Done one =
        errno -> {
          if (--left[0] == 0) {
            then.run();
          }
        };
    all.forEach(lvol -> unregister(lvol, one));
    one.done(0);
  }

  @Override
  public String toString() {
    return name;
  }
}

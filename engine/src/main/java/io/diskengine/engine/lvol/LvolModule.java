package io.diskengine.engine.lvol;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevDesc;
import io.diskengine.engine.bdev.BdevEvents;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.bdev.BdevModule;
import io.diskengine.engine.bdev.Done;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** All lvol stores of one engine. Home reactor. */
public final class LvolModule implements BdevModule {
  private static final Logger LOG = LoggerFactory.getLogger(LvolModule.class);
  private static final int MIN_MD_PAGE_BYTES = 4096;
  private static final int MAX_MD_PAGE_BYTES = 65536;

  private final BdevLayer layer;
  private final Map<String, LvolStore> stores = new LinkedHashMap<>();
  private final Set<String> creating = new HashSet<>();
  private final ExternalDevices externals;

  /** Adds itself to the layer's modules. */
  public LvolModule(BdevLayer layer) {
    this.layer = layer;
    externals =
        new ExternalDevices(
            layer,
            name(),
            device -> stores().forEach(store -> store.externalParents().detach(device)));
    layer.addModule(this);
  }

  @Override
  public String name() {
    return "lvol";
  }

  /** In the order in which they were made or found. */
  public Collection<LvolStore> stores() {
    return List.copyOf(stores.values());
  }

  public @Nullable LvolStore store(String storeName) {
    return stores.get(storeName);
  }

  public @Nullable LvolStore store(UUID uuid) {
    return stores.values().stream().filter(s -> s.uuid().equals(uuid)).findFirst().orElse(null);
  }

  /** By the bdev's name, uuid or alias {@code store/lvol}; null when there is none. */
  public @Nullable Lvol lvol(String bdevName) {
    if (layer.find(bdevName) instanceof LvolBdev bdev) {
      return bdev.lvol();
    }
    int slash = bdevName.indexOf('/');
    LvolStore store = slash < 0 ? null : stores.get(bdevName.substring(0, slash));
    return store == null ? null : store.lvol(bdevName.substring(slash + 1));
  }

  /** The lvol that is the bdev of this name, uuid or alias; null when there is none. */
  public @Nullable Lvol lvolOfBdev(String bdevName) {
    return layer.find(bdevName) instanceof LvolBdev bdev ? bdev.lvol() : null;
  }

  public boolean bdevExists(String bdevName) {
    return layer.find(bdevName) != null;
  }

  // ---- making and removing

  /**
   * Gives the store another name: EINVAL for one of 0 or more than 63 bytes, EEXIST for one that is
   * taken.
   */
  public void renameStore(LvolStore store, String newName, Done done) {
    int nameBytes = newName.getBytes(StandardCharsets.UTF_8).length;
    if (store.name().equals(newName)) {
      done.done(0);
    } else if (nameBytes == 0 || nameBytes > LvolStore.MAX_NAME_LENGTH) {
      done.done(BdevException.EINVAL);
    } else if (stores.containsKey(newName) || !creating.add(newName)) {
      done.done(BdevException.EEXIST);
    } else {
      store.rename(
          newName,
          errno -> {
            creating.remove(newName);
            if (errno == 0) {
              reorder();
            }
            done.done(errno);
          });
    }
  }

  /** The map's keys are the stores' names again, in the same order. */
  private void reorder() {
    List<LvolStore> all = List.copyOf(stores.values());
    stores.clear();
    all.forEach(store -> stores.put(store.name(), store));
  }

  /**
   * Makes a store on the device; the checks and their order are those of SPDK's
   * vbdev_lvs_create_ext and spdk_lvs_init.
   *
   * @throws BdevException ENODEV without such a device, EPERM for one that is claimed, EEXIST for a
   *     name that is taken, EINVAL for sizes and names that cannot be; later errors go to {@code
   *     result}
   */
  public void createStore(String bdevName, LvolStoreOptions options, Result<LvolStore> result)
      throws BdevException {
    int nameBytes = options.name().getBytes(StandardCharsets.UTF_8).length;
    check(
        nameBytes >= 1 && nameBytes <= LvolStore.MAX_NAME_LENGTH,
        "lvol store name has " + nameBytes + " bytes; 1 to 63 are allowed");
    long mdPage = options.mdPageSizeBytes();
    check(
        mdPage == 0
            || mdPage >= MIN_MD_PAGE_BYTES
                && mdPage <= MAX_MD_PAGE_BYTES
                && Long.bitCount(mdPage) == 1,
        "metadata page size " + mdPage + " is no power of two from 4096 to 65536");
    BdevDesc desc = open(bdevName);
    try {
      int block = desc.bdev().blockSizeBytes();
      check(
          options.clusterSizeBytes() >= block && options.clusterSizeBytes() % block == 0,
          "cluster size "
              + options.clusterSizeBytes()
              + " is no multiple of the block size "
              + block);
      if (stores.containsKey(options.name()) || creating.contains(options.name())) {
        throw new BdevException(
            BdevException.EEXIST, "an lvol store has the name " + options.name());
      }
      desc.claim(name());
    } catch (BdevException refused) {
      desc.close();
      throw refused;
    }
    creating.add(options.name());
    StoreDevice device = new StoreDevice(desc);
    new LvolStoreMaker(layer, device, externals, options)
        .make((errno, store) -> {
          creating.remove(options.name());
          if (store == null) {
            device.close();
          } else {
            add(store);
          }
          result.ended(errno, store);
        });
  }

  private static void check(boolean good, String problem) throws BdevException {
    if (!good) {
      throw new BdevException(BdevException.EINVAL, problem);
    }
  }

  private BdevDesc open(String bdevName) throws BdevException {
    return layer.open(bdevName, true, new BaseEvents());
  }

  private final class BaseEvents implements BdevEvents {
    @Override
    public void removed(BdevDesc desc) {
      for (LvolStore store : stores()) {
        if (store.baseDesc() == desc) {
          unload(store, errno -> {});
        }
      }
    }
  }

  private void add(LvolStore store) {
    stores.put(store.name(), store);
    LOG.atInfo()
        .addKeyValue("lvs", store.name())
        .addKeyValue("uuid", store.uuid())
        .addKeyValue("bdev", store.base().name())
        .addKeyValue("lvols", store.lvols().size())
        .addKeyValue("freeClusters", store.freeClusters())
        .log("lvol store open");
    if (!store.base().ready()) {
      unload(store, errno -> {});
    }
  }

  /** Removes the store and all its lvols from the device. */
  public void deleteStore(LvolStore store, Done done) {
    store.destroy(errno -> gone(store, errno, done));
  }

  /** Closes the store so that its next load is a clean one. */
  public void unload(LvolStore store, Done done) {
    store.unload(errno -> gone(store, errno, done));
  }

  private void gone(LvolStore store, int errno, Done done) {
    if (stores.remove(store.name(), store)) {
      LOG.atInfo()
          .addKeyValue("lvs", store.name())
          .addKeyValue("errno", errno)
          .log("lvol store closed");
    }
    done.done(errno);
  }

  /**
   * Clean shutdown: all stores are closed, those first that lie on lvols of others. {@code done}
   * gets the first failure.
   */
  public void unload(Done done) {
    List<LvolStore> all = List.copyOf(stores.values()).reversed();
    int[] first = {0};
    Chain chain = Chain.of(next -> next.done(0));
    for (LvolStore store : all) {
      chain.then(next ->
          unload(
              store,
              errno -> {
                first[0] = first[0] == 0 ? errno : first[0];
                next.done(0);
              }));
    }
    chain.run(errno -> done.done(first[0]));
  }

  // ---- import

  @Override
  public void examine(Bdev bdev, Runnable done) {
    for (LvolStore store : stores()) {
      if (store.externalParents().misses(bdev.uuid())) {
        store.registerLvols();
      }
    }
    if (bdev.claimedBy() != null) {
      done.run();
      return;
    }
    BdevDesc desc;
    try {
      desc = layer.open(bdev, false, BdevEvents.NONE);
    } catch (BdevException gone) {
      done.run();
      return;
    }
    if (bdev.sizeBytes() < SuperBlock.SIZE) {
      desc.close();
      done.run();
      return;
    }
    StoreDevice device = new StoreDevice(desc);
    long buffer = device.takePage();
    long bytes = Math.max(SuperBlock.SIZE, bdev.blockSizeBytes());
    long first = bytes > SuperBlock.SIZE ? device.allocate(bytes) : buffer;
    device.read(
        first,
        0,
        bytes,
        errno -> {
          boolean present = errno == 0 && SuperBlock.isPresent(first);
          device.close();
          if (present) {
            load(bdev, done);
          } else {
            done.run();
          }
        });
  }

  private void load(Bdev bdev, Runnable done) {
    StoreDevice device;
    try {
      BdevDesc desc = open(bdev.name());
      try {
        desc.claim(name());
      } catch (BdevException claimed) {
        desc.close();
        throw claimed;
      }
      device = new StoreDevice(desc);
    } catch (BdevException busy) {
      LOG.atInfo()
          .addKeyValue("bdev", bdev.name())
          .addKeyValue("reason", busy.getMessage())
          .log("lvol store not loaded");
      done.run();
      return;
    }
    LvolStore.load(
        layer,
        device,
        externals,
        (errno, store) -> {
          if (store == null) {
            device.close();
          } else if (stores.containsKey(store.name()) || store(store.uuid()) != null) {
            LOG.atError()
                .addKeyValue("bdev", bdev.name())
                .addKeyValue("lvs", store.name())
                .log("lvol store not loaded: its name or uuid is taken");
            device.close();
          } else if (!bdev.ready()) {
            device.close();
          } else {
            add(store);
            store.registerLvols();
          }
          done.run();
        });
  }
}

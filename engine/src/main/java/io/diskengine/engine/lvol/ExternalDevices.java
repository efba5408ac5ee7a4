package io.diskengine.engine.lvol;

import io.diskengine.engine.bdev.BdevDesc;
import io.diskengine.engine.bdev.BdevEvents;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevLayer;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;

/** The external snapshots that are open, by uuid: each is opened and claimed once. Home reactor. */
final class ExternalDevices {
  private final BdevLayer layer;
  private final String module;

  /** Told that a device goes away; everybody must {@link #release} it. */
  private final Consumer<ExternalDevice> removed;

  private final Map<UUID, ExternalDevice> open = new HashMap<>();

  ExternalDevices(BdevLayer layer, String module, Consumer<ExternalDevice> removed) {
    this.layer = layer;
    this.module = module;
    this.removed = removed;
  }

  /**
   * The device with this uuid, for a store with these sizes; each call is matched by one {@link
   * #release}.
   *
   * @param id a uuid's text, as SPDK's lvol layer has it
   * @throws BdevException EINVAL for an id that is no uuid or a device with larger blocks, ENODEV
   *     without such a device, EPERM for one that somebody else claims
   */
  ExternalSnapshot attach(String id, SuperBlock layout) throws BdevException {
    UUID uuid;
    try {
      uuid = UUID.fromString(id);
    } catch (IllegalArgumentException unreadable) {
      throw new BdevException(
          BdevException.EINVAL, "the external snapshot's id '" + id + "' is no uuid");
    }
    ExternalDevice device = open.get(uuid);
    if (device == null) {
      device =
          ExternalDevice.open(
              layer,
              uuid.toString(),
              module,
              new Events(),
              unused -> open.remove(unused.bdev().uuid(), unused));
    }
    int block = device.bdev().blockSizeBytes();
    if (layout.ioUnitBytes() % block != 0) {
      if (!open.containsKey(uuid)) {
        device.close(() -> {});
      }
      throw new BdevException(
          BdevException.EINVAL,
          "external snapshot "
              + device.bdev()
              + " has blocks of "
              + block
              + " bytes, the store I/O units of "
              + layout.ioUnitBytes());
    }
    open.put(uuid, device);
    long clusters = device.bdev().sizeBytes() / layout.clusterBytes();
    return new ExternalSnapshot(device.use(), (int) Math.min(Integer.MAX_VALUE, clusters));
  }

  void release(ExternalSnapshot snapshot) {
    release(snapshot, () -> {});
  }

  /** {@code released} is called when the device, if this was its last use, is closed. */
  void release(ExternalSnapshot snapshot, Runnable released) {
    snapshot.device().release(released);
  }

  private final class Events implements BdevEvents {
    @Override
    public void removed(BdevDesc desc) {
      for (ExternalDevice device : Map.copyOf(open).values()) {
        if (device.desc() == desc) {
          removed.accept(device);
        }
      }
    }
  }
}

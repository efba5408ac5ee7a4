package io.diskengine.engine.raid;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevDesc;
import io.diskengine.engine.bdev.BdevEvents;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevLayer;

/** Which devices may become legs, and where their data starts. */
final class Admission {
  /** {@code RAID_BDEV_MIN_DATA_OFFSET_SIZE}: where data starts behind a superblock. */
  private static final int DATA_OFFSET_BYTES = 1 << 20;

  /** What a rebuild copies at a time must hold a block. */
  private static final int MOST_BLOCK_SIZE_BYTES = 128 << 10;

  private Admission() {}

  /** The device that belongs into the slot, by its uuid or else its name. */
  static Bdev deviceFor(BdevLayer layer, Slot slot) throws BdevException {
    String key = slot.uuid != null ? slot.uuid.toString() : String.valueOf(slot.name);
    Bdev device = layer.find(key);
    if (device == null) {
      throw new BdevException(BdevException.ENODEV, "there is no " + key);
    }
    if (slot.name != null && slot.uuid != null && !device.name().equals(slot.name)) {
      throw new BdevException(BdevException.EINVAL, device + " is not " + slot.name);
    }
    return device;
  }

  /** Opens and claims. */
  static BdevDesc open(BdevLayer layer, Bdev device, BdevEvents events) throws BdevException {
    BdevDesc desc = layer.open(device, true, events);
    try {
      desc.claim(Raid.MODULE);
    } catch (BdevException e) {
      desc.close();
      throw e;
    }
    return desc;
  }

  static long dataOffsetBlocks(Slot slot, Bdev device, boolean hasSuperblock) {
    if (!hasSuperblock || slot.dataOffsetBlocks != 0) {
      return slot.dataOffsetBlocks;
    }
    long offset = DATA_OFFSET_BYTES / device.blockSizeBytes();
    long boundary = device.splitBoundaryBlocks();
    return boundary == 0 ? offset : (offset + boundary - 1) / boundary * boundary;
  }

  /** {@code blockSizeBytes} is the array's, 0 where this is its first leg. */
  static void checkGeometry(Slot slot, Bdev device, int blockSizeBytes) throws BdevException {
    long room = device.numBlocks() - slot.dataOffsetBlocks;
    if (room <= 0 || slot.dataSizeBlocks > room) {
      throw new BdevException(BdevException.EINVAL, device + " is too small");
    }
    if (device.blockSizeBytes() > MOST_BLOCK_SIZE_BYTES
        || blockSizeBytes != 0 && blockSizeBytes != device.blockSizeBytes()) {
      throw new BdevException(
          BdevException.EINVAL, device + " has blocks of " + device.blockSizeBytes());
    }
    if (slot.dataSizeBlocks == 0) {
      slot.dataSizeBlocks = room;
    }
  }
}

package io.diskengine.engine.vhost;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.IoType;
import io.diskengine.nvme.NativeMemory;

/** Numbers of virtio and of the virtio block device. Source: Virtio 1.2, clauses 2.7 and 5.2. */
final class VirtioBlk {
  static final long F_SEG_MAX = 1L << 2;
  static final long F_RO = 1L << 5;
  static final long F_BLK_SIZE = 1L << 6;
  static final long F_FLUSH = 1L << 9;
  static final long F_TOPOLOGY = 1L << 10;
  static final long F_MQ = 1L << 12;
  static final long F_DISCARD = 1L << 13;
  static final long F_WRITE_ZEROES = 1L << 14;
  static final long F_INDIRECT_DESC = 1L << 28;
  static final long F_EVENT_IDX = 1L << 29;
  static final long F_PROTOCOL_FEATURES = 1L << 30;
  static final long F_VERSION_1 = 1L << 32;

  static final int T_IN = 0;
  static final int T_OUT = 1;
  static final int T_FLUSH = 4;
  static final int T_GET_ID = 8;
  static final int T_DISCARD = 11;
  static final int T_WRITE_ZEROES = 13;

  static final int S_OK = 0;
  static final int S_IOERR = 1;
  static final int S_UNSUPP = 2;

  static final int HEADER_BYTES = 16;
  static final int ID_BYTES = 20;
  static final int RANGE_BYTES = 16;
  static final int SECTOR_BYTES = 512;
  static final int CONFIG_BYTES = 60;

  /** Data segments of one request; with header and status a chain has two more. */
  static final int MAX_SEGMENTS = 128;

  static final int MAX_QUEUES = 16;
  static final int MAX_QUEUE_SIZE = 1024;

  /** The largest discard or write zeroes: 1 GiB, in sectors. */
  static final int MAX_RANGE_SECTORS = 1 << 21;

  private VirtioBlk() {}

  static long features(Bdev bdev, boolean readOnly) {
    long features =
        F_SEG_MAX
            | F_BLK_SIZE
            | F_TOPOLOGY
            | F_MQ
            | F_INDIRECT_DESC
            | F_EVENT_IDX
            | F_PROTOCOL_FEATURES
            | F_VERSION_1;
    if (bdev.ioTypeSupported(IoType.FLUSH)) {
      features |= F_FLUSH;
    }
    if (readOnly) {
      return features | F_RO;
    }
    if (bdev.ioTypeSupported(IoType.UNMAP)) {
      features |= F_DISCARD;
    }
    if (bdev.ioTypeSupported(IoType.WRITE_ZEROES)) {
      features |= F_WRITE_ZEROES;
    }
    return features;
  }

  /** Writes struct virtio_blk_config at {@code address}. */
  static void config(Bdev bdev, long address) {
    int blockSize = bdev.blockSizeBytes();
    int blockSectors = blockSize / SECTOR_BYTES;
    NativeMemory.fill(address, CONFIG_BYTES, (byte) 0);
    NativeMemory.putLong(address, bdev.sizeBytes() / SECTOR_BYTES);
    NativeMemory.putInt(address + 12, MAX_SEGMENTS);
    NativeMemory.putInt(address + 20, blockSize);
    NativeMemory.putShort(address + 26, (short) 1);
    NativeMemory.putInt(address + 28, 1);
    NativeMemory.putShort(address + 34, (short) MAX_QUEUES);
    NativeMemory.putInt(address + 36, MAX_RANGE_SECTORS);
    NativeMemory.putInt(address + 40, 1);
    NativeMemory.putInt(address + 44, blockSectors);
    NativeMemory.putInt(address + 48, MAX_RANGE_SECTORS);
    NativeMemory.putInt(address + 52, 1);
    NativeMemory.putByte(address + 56, (byte) 1);
  }
}

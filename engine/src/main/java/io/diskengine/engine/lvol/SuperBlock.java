package io.diskengine.engine.lvol;

import static io.diskengine.nvme.NativeMemory.getInt;
import static io.diskengine.nvme.NativeMemory.getLong;
import static io.diskengine.nvme.NativeMemory.getUnsignedInt;
import static io.diskengine.nvme.NativeMemory.putInt;
import static io.diskengine.nvme.NativeMemory.putLong;

import io.diskengine.engine.bdev.BdevException;
import io.diskengine.nvme.Crc32c;
import io.diskengine.nvme.NativeMemory;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * The first 4096 bytes of a blobstore (SPDK lib/blob, struct spdk_bs_super_block), and the layout
 * they describe. {@code ...Start} and {@code ...Pages} count metadata pages of {@code pageBytes}
 * from the start of the device.
 */
record SuperBlock(
    int version,
    boolean clean,
    long superBlobId,
    long clusterBytes,
    Area pageMask,
    Area clusterMask,
    Area blobIdMask,
    Area metadata,
    String type,
    long sizeBytes,
    int ioUnitBytes,
    int pageBytes) {
  static final int SIZE = 4096;
  static final String LVOLSTORE = "LVOLSTORE";

  /** SPDK's SPDK_BLOBID_INVALID. */
  static final long NO_BLOB = -1;

  static final long FIRST_BLOB_ID = 1L << 32;
  private static final long SIGNATURE = 0x424f4c424b445053L; // "SPDKBLOB"
  private static final int VERSION = 3;
  private static final int TYPE_BYTES = 16;
  private static final int CLEAN = 16;
  private static final int CRC = 4092;
  private static final int MASK_HEADER_BYTES = 5;
  static final int EILSEQ = -84;

  /** A run of metadata pages. */
  record Area(long start, long pages) {}

  /** True when the block at {@code address} claims to be a blobstore, sound or not. */
  static boolean isPresent(long address) {
    return getLong(address) == SIGNATURE;
  }

  /** Reads and checks; EILSEQ, with the reason, for what must not be loaded. */
  static SuperBlock read(long at, long deviceBytes, Crc32c crc) throws BdevException {
    int version = getInt(at + 8);
    check(isPresent(at), "has no blobstore signature");
    check(version >= 1 && version <= VERSION, "has unknown version " + version);
    boolean intact = crc.of(at, CRC) == getInt(at + CRC);
    check(isSound(at, crc), "has a wrong checksum in its super block");
    long size = getLong(at + 80) == 0 ? deviceBytes : getLong(at + 80);
    int ioUnit = getInt(at + 88) == 0 ? 4096 : getInt(at + 88);
    int page = getInt(at + 92) == 0 ? 4096 : getInt(at + 92);
    SuperBlock read =
        new SuperBlock(
            version,
            intact && getInt(at + CLEAN) == 1,
            getLong(at + 20),
            getUnsignedInt(at + 28),
            area(at + 32),
            area(at + 40),
            area(at + 72),
            area(at + 48),
            text(at + 56),
            size,
            ioUnit,
            page);
    read.validate(deviceBytes);
    return read;
  }

  /**
   * A crash while the clean flag was being written: flag and checksum lie in different sectors, and
   * only one of them was. Which one does not matter, a recovery finds what the masks would say.
   */
  private static boolean isTorn(long at, Crc32c crc) {
    int clean = getInt(at + CLEAN);
    if (clean != 0 && clean != 1) {
      return false;
    }
    putInt(at + CLEAN, 1 - clean);
    boolean torn = crc.of(at, CRC) == getInt(at + CRC);
    putInt(at + CLEAN, clean);
    return torn;
  }

  /** {@link #read} accepts its checksum. */
  static boolean isSound(long at, Crc32c crc) {
    return crc.of(at, CRC) == getInt(at + CRC) || isTorn(at, crc);
  }

  /** Where the metadata is, whatever the checksum says, or null when that cannot be. */
  static @Nullable Area metadataHint(long at, long deviceBytes) {
    Area metadata = area(at + 48);
    long page = pageHint(at);
    return metadata.pages > 0 && (metadata.start + metadata.pages) * page <= deviceBytes
        ? metadata
        : null;
  }

  static int pageHint(long at) {
    int page = getInt(at + 92);
    return page >= 4096 && page <= 65536 ? page : 4096;
  }

  /** Both are super blocks of one store, the other one sound and larger. */
  static boolean mayReplace(long at, long other, Crc32c crc) {
    return isPresent(other)
        && crc.of(other, CRC) == getInt(other + CRC)
        && area(at + 48).equals(area(other + 48))
        && getLong(other + 80) >= getLong(at + 80);
  }

  private static Area area(long at) {
    return new Area(getUnsignedInt(at), getUnsignedInt(at + 4));
  }

  private static String text(long at) {
    byte[] bytes = NativeMemory.bytes(at, TYPE_BYTES);
    int length = 0;
    while (length < TYPE_BYTES && bytes[length] != 0) {
      length++;
    }
    return new String(bytes, 0, length, StandardCharsets.ISO_8859_1);
  }

  private void validate(long deviceBytes) throws BdevException {
    check(type.equals(LVOLSTORE), "has type '" + type + "', not " + LVOLSTORE);
    check(
        sizeBytes > 0 && sizeBytes <= deviceBytes,
        "has " + sizeBytes + " bytes on a device of " + deviceBytes);
    check(
        pageBytes >= 4096 && pageBytes <= 65536 && Integer.bitCount(pageBytes) == 1,
        "has metadata pages of " + pageBytes + " bytes");
    check(
        ioUnitBytes >= 512 && Integer.bitCount(ioUnitBytes) == 1 && ioUnitBytes <= pageBytes,
        "has I/O units of " + ioUnitBytes + " bytes");
    check(
        clusterBytes >= pageBytes && clusterBytes % pageBytes == 0 && clusterBytes <= 1L << 30,
        "has clusters of " + clusterBytes + " bytes");
    check(
        metadata.pages > 0
            && metadata.pages <= Integer.MAX_VALUE
            && metadataClusters() <= totalClusters()
            && totalClusters() < Integer.MAX_VALUE,
        "has " + metadata.pages + " metadata pages and " + totalClusters() + " clusters");
    fits(pageMask, metadata.pages);
    fits(clusterMask, totalClusters());
    if (blobIdMask.pages != 0) {
      fits(blobIdMask, metadata.pages);
    }
  }

  private void fits(Area mask, long bits) throws BdevException {
    check(
        mask.start > 0
            && mask.start + mask.pages <= metadata.start
            && mask.pages >= maskPages(bits, pageBytes),
        "has a mask of " + mask.pages + " pages at " + mask.start + " for " + bits + " bits");
  }

  private static void check(boolean good, String problem) throws BdevException {
    if (!good) {
      throw new BdevException(EILSEQ, "the lvol store " + problem);
    }
  }

  /**
   * A new store; its layout is SPDK's spdk_bs_init.
   *
   * @param mdPages number of metadata pages; 0 for one per cluster
   */
  static SuperBlock layOut(
      long deviceBytes, int blockBytes, long clusterBytes, long mdPages, int mdPageBytes)
      throws BdevException {
    int page = Math.max(Math.max(4096, blockBytes), mdPageBytes);
    if (clusterBytes % 4096 != 0 || clusterBytes < page || clusterBytes % page != 0) {
      throw new BdevException(
          BdevException.EINVAL,
          "cluster size " + clusterBytes + " is no multiple of the page size " + page);
    }
    if (deviceBytes < clusterBytes) {
      throw new BdevException(
          BdevException.ENOSPC, "the device is smaller than one cluster of " + clusterBytes);
    }
    long clusters = deviceBytes / clusterBytes;
    long md = mdPages == 0 ? clusters : mdPages;
    long mdMask = maskPages(md, page);
    long clusterMask = maskPages(clusters, page);
    long blobIdStart = 1 + mdMask + Math.max(mdMask, clusterMask);
    SuperBlock made =
        new SuperBlock(
            VERSION,
            false,
            NO_BLOB,
            clusterBytes,
            new Area(1, mdMask),
            new Area(1 + mdMask, clusterMask),
            new Area(blobIdStart, mdMask),
            new Area(blobIdStart + mdMask, md),
            LVOLSTORE,
            deviceBytes,
            blockBytes,
            page);
    if (made.metadataClusters() > clusters) {
      throw new BdevException(
          BdevException.ENOMEM,
          "the metadata needs " + made.metadataClusters() + " of " + clusters + " clusters");
    }
    return made;
  }

  private static long maskPages(long bits, int pageBytes) {
    return divideUp(MASK_HEADER_BYTES + divideUp(bits, 8), pageBytes);
  }

  private static long divideUp(long n, long by) {
    return (n + by - 1) / by;
  }

  void write(long at, Crc32c crc) {
    NativeMemory.zero(at, SIZE);
    putLong(at, SIGNATURE);
    putInt(at + 8, version);
    putInt(at + 12, SIZE);
    putInt(at + CLEAN, clean ? 1 : 0);
    putLong(at + 20, superBlobId);
    putInt(at + 28, (int) clusterBytes);
    write(at + 32, pageMask);
    write(at + 40, clusterMask);
    write(at + 48, metadata);
    byte[] text = type.getBytes(StandardCharsets.ISO_8859_1);
    NativeMemory.copy(text, 0, at + 56, text.length);
    write(at + 72, blobIdMask);
    putLong(at + 80, sizeBytes);
    putInt(at + 88, ioUnitBytes);
    putInt(at + 92, pageBytes);
    putInt(at + CRC, crc.of(at, CRC));
  }

  private static void write(long at, Area area) {
    putInt(at, (int) area.start);
    putInt(at + 4, (int) area.pages);
  }

  SuperBlock withClean(boolean isClean) {
    return with(isClean, superBlobId, clusterMask, sizeBytes);
  }

  SuperBlock withSuperBlob(long blobId) {
    return with(clean, blobId, clusterMask, sizeBytes);
  }

  /** The same store on a larger device. */
  SuperBlock grown(long bytes) {
    return with(clean, superBlobId, new Area(clusterMask.start, grownMaskPages(bytes)), bytes);
  }

  /** The cluster mask has room for a store of this size. */
  boolean mayHave(long bytes) {
    long room = blobIdMask.pages == 0 ? clusterMask.pages : blobIdMask.start - clusterMask.start;
    return bytes / clusterBytes < Integer.MAX_VALUE && grownMaskPages(bytes) <= room;
  }

  private long grownMaskPages(long bytes) {
    return maskPages(bytes / clusterBytes, pageBytes);
  }

  private SuperBlock with(boolean isClean, long superBlob, Area clusters, long bytes) {
    return new SuperBlock(
        version,
        isClean,
        superBlob,
        clusterBytes,
        pageMask,
        clusters,
        blobIdMask,
        metadata,
        type,
        bytes,
        ioUnitBytes,
        pageBytes);
  }

  int totalClusters() {
    return (int) Math.min(Integer.MAX_VALUE, sizeBytes / clusterBytes);
  }

  /** Clusters at the start of the device that hold super block, masks and metadata. */
  int metadataClusters() {
    return (int) divideUp(metadataEnd(), clusterBytes);
  }

  /** Where metadata ends, in bytes from the start of the device. */
  long metadataEnd() {
    return (metadata.start + metadata.pages) * pageBytes;
  }

  int metadataPages() {
    return (int) metadata.pages;
  }

  /** How large the store may become: the cluster mask has no more room. */
  long maxGrowableBytes() {
    return (maskPages(metadata.pages, pageBytes) * pageBytes - MASK_HEADER_BYTES)
        * 8
        * clusterBytes;
  }

  /** Where a metadata page lies on the device. */
  long pageOffset(int page) {
    return (metadata.start + page) * pageBytes;
  }
}

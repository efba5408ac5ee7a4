package io.diskengine.engine.lvol;

import static io.diskengine.nvme.NativeMemory.getInt;
import static io.diskengine.nvme.NativeMemory.getLong;
import static io.diskengine.nvme.NativeMemory.getUnsignedInt;
import static io.diskengine.nvme.NativeMemory.getUnsignedShort;
import static io.diskengine.nvme.NativeMemory.putInt;
import static io.diskengine.nvme.NativeMemory.putLong;
import static io.diskengine.nvme.NativeMemory.putShort;

import io.diskengine.engine.bdev.BdevException;
import io.diskengine.nvme.NativeMemory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Blobs as metadata pages, in the order and with the page breaks SPDK writes: flags, xattrs,
 * internal xattrs, extent table or RLE extents. Whatever is read is checked: it comes from a disk.
 */
final class BlobCodec {
  private static final int FLAGS_LENGTH = 24;
  private static final int XATTR_HEADER = 4;
  private static final int TABLE_HEADER = 8;
  private static final int PAIR = 8;
  private static final int EXTENT_PAGE_HEADER = 4;

  private BlobCodec() {}

  /** Gives the buffer of the next page of a chain. */
  interface Pages {
    long next();
  }

  /**
   * Writes the blob's chain into buffers from {@code pages}; returns how many. Their {@code next}
   * fields and checksums are the caller's.
   */
  static int encode(Blob blob, Pages pages) {
    return new Encoder(blob, pages).encode();
  }

  private static final class Encoder {
    private final Blob blob;
    private final Pages pages;
    private long page;
    private long at;
    private int count;

    Encoder(Blob blob, Pages pages) {
      this.blob = blob;
      this.pages = pages;
    }

    int encode() {
      nextPage();
      MetadataPage.header(at, MetadataPage.FLAGS, FLAGS_LENGTH);
      long flags = at + MetadataPage.DESCRIPTOR_HEADER;
      putLong(flags, blob.invalidFlags);
      putLong(flags + 8, blob.dataRoFlags);
      putLong(flags + 16, blob.mdRoFlags);
      at = flags + FLAGS_LENGTH;
      xattrs(MetadataPage.XATTR, blob.xattrs);
      xattrs(MetadataPage.INTERNAL_XATTR, blob.internalXattrs);
      if (blob.usesExtentTable()) {
        extentTable();
      } else {
        extentRuns();
      }
      return count;
    }

    private void nextPage() {
      page = pages.next();
      MetadataPage.init(page, blob.id, count++);
      at = page + MetadataPage.DESCRIPTORS;
    }

    private long room() {
      return page + MetadataPage.DESCRIPTORS_END - at;
    }

    private void xattrs(int type, Map<String, byte[]> xattrs) {
      xattrs.forEach((name, value) -> xattr(type, name, value));
    }

    private void xattr(int type, String name, byte[] value) {
      byte[] nameBytes = name.getBytes(StandardCharsets.UTF_8);
      int length = XATTR_HEADER + nameBytes.length + value.length;
      if (room() < MetadataPage.DESCRIPTOR_HEADER + length) {
        nextPage();
      }
      MetadataPage.header(at, type, length);
      long body = at + MetadataPage.DESCRIPTOR_HEADER;
      putShort(body, (short) nameBytes.length);
      putShort(body + 2, (short) value.length);
      NativeMemory.copy(nameBytes, 0, body + XATTR_HEADER, nameBytes.length);
      NativeMemory.copy(value, 0, body + XATTR_HEADER + nameBytes.length, value.length);
      at = body + length;
    }

    /** One descriptor per page, each with the cluster count; missing extent pages run-length. */
    private void extentTable() {
      int row = 0;
      while (true) {
        if (room() >= MetadataPage.DESCRIPTOR_HEADER + TABLE_HEADER) {
          long body = at + MetadataPage.DESCRIPTOR_HEADER;
          putLong(body, blob.clusters.size());
          long entry = body + TABLE_HEADER;
          long end = page + MetadataPage.DESCRIPTORS_END;
          while (row < blob.extentPages.length && entry + PAIR <= end) {
            int extentPage = blob.extentPages[row];
            int run = 1;
            while (extentPage == 0
                && row + run < blob.extentPages.length
                && blob.extentPages[row + run] == 0) {
              run++;
            }
            putInt(entry, extentPage);
            putInt(entry + 4, run);
            entry += PAIR;
            row += run;
          }
          MetadataPage.header(at, MetadataPage.EXTENT_TABLE, (int) (entry - body));
          at = entry;
        }
        if (row == blob.extentPages.length) {
          return;
        }
        nextPage();
      }
    }

    /** Runs of (first cluster, count), one descriptor per page, for blobs without extent table. */
    private void extentRuns() {
      int index = 0;
      int size = blob.clusters.size();
      while (index < size) {
        if (room() < MetadataPage.DESCRIPTOR_HEADER + PAIR) {
          nextPage();
        }
        long body = at + MetadataPage.DESCRIPTOR_HEADER;
        long entry = body;
        long end = page + MetadataPage.DESCRIPTORS_END;
        while (index < size && entry + PAIR <= end) {
          int first = blob.clusters.stored(index);
          int run = 1;
          while (index + run < size
              && blob.clusters.stored(index + run) == (first == 0 ? 0 : first + run)) {
            run++;
          }
          putInt(entry, first);
          putInt(entry + 4, run);
          entry += PAIR;
          index += run;
        }
        MetadataPage.header(at, MetadataPage.EXTENT_RLE, (int) (entry - body));
        at = entry;
      }
    }
  }

  /** Writes the extent page of one row, entries that are not published yet included. */
  static void encodeExtentPage(Blob blob, int row, long page) {
    MetadataPage.init(page, blob.id, 0);
    int entries = blob.clusters.rowSize(row);
    int first = row * ClusterMap.ROW;
    long descriptor = page + MetadataPage.DESCRIPTORS;
    MetadataPage.header(
        descriptor, MetadataPage.EXTENT_PAGE, EXTENT_PAGE_HEADER + entries * Integer.BYTES);
    long body = descriptor + MetadataPage.DESCRIPTOR_HEADER;
    putInt(body, first);
    for (int i = 0; i < entries; i++) {
      putInt(body + EXTENT_PAGE_HEADER + (long) i * Integer.BYTES, blob.clusters.stored(first + i));
    }
  }

  /** Fills one row of the map from its extent page, which was found intact. */
  static void decodeExtentPage(Blob blob, int row, long page, int totalClusters)
      throws BdevException {
    long descriptor = page + MetadataPage.DESCRIPTORS;
    long body = descriptor + MetadataPage.DESCRIPTOR_HEADER;
    int entries = blob.clusters.rowSize(row);
    int first = row * ClusterMap.ROW;
    if (MetadataPage.sequence(page) != 0
        || MetadataPage.type(descriptor) != MetadataPage.EXTENT_PAGE
        || MetadataPage.length(descriptor) != EXTENT_PAGE_HEADER + entries * Integer.BYTES
        || getInt(body) != first) {
      throw corrupt(blob.id, "a wrong extent page for its clusters from " + first);
    }
    for (int i = 0; i < entries; i++) {
      int cluster = getInt(body + EXTENT_PAGE_HEADER + (long) i * Integer.BYTES);
      if (cluster != 0) {
        place(blob, first + i, cluster, totalClusters);
      } else if (!blob.thin()) {
        throw corrupt(blob.id, "no cluster " + (first + i) + " although it is thick");
      }
    }
  }

  private static void place(Blob blob, int index, int cluster, int totalClusters)
      throws BdevException {
    if (cluster < 0 || cluster >= totalClusters) {
      throw corrupt(
          blob.id, "cluster " + Integer.toUnsignedString(cluster) + " of " + totalClusters);
    }
    blob.clusters.set(index, cluster);
    blob.allocatedClusters++;
  }

  static BdevException corrupt(long blobId, String what) {
    return new BdevException(
        SuperBlock.EILSEQ, "blob 0x" + Long.toHexString(blobId) + " has " + what);
  }

  /** Takes the pages of a chain, in order, and makes the blob. */
  static final class Decoder {
    private final int rootPage;
    private final int totalClusters;
    private final int metadataPages;
    private final Blob attributes;
    private final List<int[]> tableEntries = new ArrayList<>();
    private final List<int[]> runs = new ArrayList<>();
    private final List<Integer> chain = new ArrayList<>();
    private long numClusters = -1;

    Decoder(int rootPage, SuperBlock layout) {
      this.rootPage = rootPage;
      this.totalClusters = layout.totalClusters();
      this.metadataPages = layout.metadataPages();
      this.attributes = new Blob(rootPage, 0);
    }

    /** Reads one intact page; returns the next page's number, or {@code END_OF_CHAIN}. */
    int page(int number, long page) throws BdevException {
      if (MetadataPage.id(page) != attributes.id || MetadataPage.sequence(page) != chain.size()) {
        throw bad("a page " + number + " of another chain as number " + chain.size());
      }
      chain.add(number);
      long at = page + MetadataPage.DESCRIPTORS;
      long end = page + MetadataPage.DESCRIPTORS_END;
      while (end - at >= MetadataPage.DESCRIPTOR_HEADER) {
        int type = MetadataPage.type(at);
        int length = MetadataPage.length(at);
        if (type == MetadataPage.PADDING && length == 0) {
          break;
        }
        long body = at + MetadataPage.DESCRIPTOR_HEADER;
        if (length < 0 || length > end - body) {
          throw bad("a descriptor of " + Integer.toUnsignedString(length) + " bytes");
        }
        descriptor(type, body, length);
        at = body + length;
      }
      int next = MetadataPage.next(page);
      if (next != MetadataPage.END_OF_CHAIN
          && (next < 0 || next >= metadataPages || chain.size() >= metadataPages)) {
        throw bad("a chain that goes on at page " + Integer.toUnsignedString(next));
      }
      return next;
    }

    private void descriptor(int type, long body, int length) throws BdevException {
      switch (type) {
        case MetadataPage.FLAGS -> flags(body, length);
        case MetadataPage.XATTR -> xattr(attributes.xattrs, body, length);
        case MetadataPage.INTERNAL_XATTR -> xattr(attributes.internalXattrs, body, length);
        case MetadataPage.EXTENT_TABLE -> extentTable(body, length);
        case MetadataPage.EXTENT_RLE -> pairs(runs, body, length);
        case MetadataPage.EXTENT_PAGE -> throw bad("an extent page in its chain");
        default -> {
          // A type of a newer version; SPDK announces what must not be ignored in the flags.
        }
      }
    }

    private void flags(long body, int length) throws BdevException {
      if (length != FLAGS_LENGTH) {
        throw bad("flags of " + length + " bytes");
      }
      attributes.invalidFlags = getLong(body);
      attributes.dataRoFlags = getLong(body + 8);
      attributes.mdRoFlags = getLong(body + 16);
    }

    private void xattr(Map<String, byte[]> into, long body, int length) throws BdevException {
      int nameLength = length < XATTR_HEADER ? -1 : getUnsignedShort(body);
      int valueLength = length < XATTR_HEADER ? -1 : getUnsignedShort(body + 2);
      if (nameLength <= 0 || length != XATTR_HEADER + nameLength + valueLength) {
        throw bad("an xattr of " + length + " bytes");
      }
      long name = body + XATTR_HEADER;
      into.put(
          new String(NativeMemory.bytes(name, nameLength), StandardCharsets.UTF_8),
          NativeMemory.bytes(name + nameLength, valueLength));
    }

    private void extentTable(long body, int length) throws BdevException {
      long clusters = length < TABLE_HEADER ? -1 : getLong(body);
      if (clusters < 0
          || clusters > Integer.MAX_VALUE - ClusterMap.ROW
          || numClusters >= 0 && numClusters != clusters) {
        throw bad("an extent table for " + Long.toUnsignedString(clusters) + " clusters");
      }
      numClusters = clusters;
      pairs(tableEntries, body + TABLE_HEADER, length - TABLE_HEADER);
    }

    private void pairs(List<int[]> into, long body, int length) throws BdevException {
      if (length % PAIR != 0) {
        throw bad("extents of " + length + " bytes");
      }
      for (int i = 0; i < length; i += PAIR) {
        long count = getUnsignedInt(body + i + 4);
        if (count == 0 || count > Integer.MAX_VALUE) {
          throw bad("an extent of length " + count);
        }
        into.add(new int[] {getInt(body + i), (int) count});
      }
    }

    /** After the chain's last page. Extent pages are still to be read. */
    Blob blob() throws BdevException {
      if (numClusters >= 0 && !runs.isEmpty()) {
        throw bad("both an extent table and RLE extents");
      }
      long size = Math.max(0, numClusters);
      for (int[] run : runs) {
        size += run[1];
      }
      if (size > Integer.MAX_VALUE - ClusterMap.ROW) {
        throw bad(size + " clusters");
      }
      Blob blob = new Blob(rootPage, (int) size);
      blob.invalidFlags = attributes.invalidFlags;
      blob.dataRoFlags = attributes.dataRoFlags;
      blob.mdRoFlags = attributes.mdRoFlags;
      blob.xattrs.putAll(attributes.xattrs);
      blob.internalXattrs.putAll(attributes.internalXattrs);
      blob.chain = chain.stream().mapToInt(Integer::intValue).toArray();
      if (runs.isEmpty()) {
        placeExtentPages(blob);
      } else {
        blob.extentPages = new int[0];
        placeRuns(blob);
      }
      return blob;
    }

    private void placeExtentPages(Blob blob) throws BdevException {
      int row = 0;
      for (int[] entry : tableEntries) {
        if (entry[0] < 0 || entry[0] >= metadataPages || entry[0] != 0 && entry[1] != 1) {
          throw bad("an extent page " + Integer.toUnsignedString(entry[0]) + " x " + entry[1]);
        }
        if (entry[1] > blob.extentPages.length - row || entry[0] == 0 && !blob.thin()) {
          throw bad("an extent table that does not fit its " + blob.clusters.size() + " clusters");
        }
        blob.extentPages[row] = entry[0];
        row += entry[1];
      }
      if (row != blob.extentPages.length) {
        throw bad("an extent table for " + row + " of " + blob.extentPages.length + " rows");
      }
    }

    private void placeRuns(Blob blob) throws BdevException {
      int index = 0;
      for (int[] run : runs) {
        for (int i = 0; i < run[1]; i++) {
          if (run[0] != 0) {
            place(blob, index + i, run[0] + i, totalClusters);
          } else if (!blob.thin()) {
            throw bad("no cluster " + (index + i) + " although it is thick");
          }
        }
        index += run[1];
      }
    }

    private BdevException bad(String what) {
      return corrupt(attributes.id, what);
    }
  }
}

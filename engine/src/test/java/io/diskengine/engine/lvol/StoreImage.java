package io.diskengine.engine.lvol;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32C;

/**
 * Reads a store from the bytes of its disk, apart from the engine's own code, and finds what is
 * wrong with it. Pages are those a crash left: shadows are not considered.
 */
final class StoreImage {
  private static final long FIRST_ID = 1L << 32;

  private final DiskImage disk;
  final List<String> problems = new ArrayList<>();
  final Map<Long, BlobFound> blobs = new TreeMap<>();
  final BitSet usedPages = new BitSet();
  final BitSet usedClusters = new BitSet();

  /** Free metadata pages of a clean store that are not zero: left by a crash, and harmless. */
  final BitSet leftoverPages = new BitSet();

  boolean clean;
  long superBlob;
  long clusterBytes;
  int clusters;
  int mdStart;
  int mdPages;
  int pageBytes;

  static final class BlobFound {
    long id;
    long invalidFlags;
    long dataRo;
    long mdRo;
    int numClusters;
    final Map<String, byte[]> xattrs = new LinkedHashMap<>();
    final Map<String, byte[]> internal = new LinkedHashMap<>();
    final List<Integer> chain = new ArrayList<>();
    final List<Integer> extentPages = new ArrayList<>();
    final Map<Integer, Integer> map = new TreeMap<>();

    String text(String name) {
      byte[] value = xattrs.getOrDefault(name, new byte[0]);
      int n = 0;
      while (n < value.length && value[n] != 0) {
        n++;
      }
      return new String(value, 0, n, StandardCharsets.UTF_8);
    }
  }

  StoreImage(DiskImage disk) {
    this.disk = disk;
    readSuper();
    if (problems.isEmpty()) {
      for (int page = 0; page < mdPages; page++) {
        readBlob(page);
      }
      for (int i = 0; i * clusterBytes < (long) (mdStart + mdPages) * pageBytes; i++) {
        usedClusters.set(i);
      }
      if (clean) {
        checkMasks();
      }
    }
  }

  /** The blob of the lvol with this name. */
  BlobFound lvol(String name) {
    return blobs.values().stream()
        .filter(b -> b.id != superBlob && b.text("name").equals(name))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no lvol " + name));
  }

  private ByteBuffer at(long offset, int length) {
    return ByteBuffer.wrap(disk.read(offset, length)).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static boolean crcGood(ByteBuffer page) {
    CRC32C crc = new CRC32C();
    crc.update(page.array(), 0, 4092);
    return (int) crc.getValue() == page.getInt(4092);
  }

  private int blobMaskStart;
  private int blobMaskPages;
  private int pageMaskStart;
  private int pageMaskPages;
  private int clusterMaskStart;
  private int clusterMaskPages;

  private void readSuper() {
    ByteBuffer s = at(0, 4096);
    byte[] signature = new byte[8];
    s.get(0, signature);
    if (!new String(signature, StandardCharsets.US_ASCII).equals("SPDKBLOB")) {
      problems.add("no signature");
      return;
    }
    if (!crcGood(s)) {
      problems.add("super block checksum");
    }
    if (s.getInt(8) != 3 || s.getInt(12) != 4096) {
      problems.add("version or length");
    }
    clean = s.getInt(16) == 1;
    superBlob = s.getLong(20);
    clusterBytes = s.getInt(28);
    pageMaskStart = s.getInt(32);
    pageMaskPages = s.getInt(36);
    clusterMaskStart = s.getInt(40);
    clusterMaskPages = s.getInt(44);
    mdStart = s.getInt(48);
    mdPages = s.getInt(52);
    blobMaskStart = s.getInt(72);
    blobMaskPages = s.getInt(76);
    clusters = (int) (s.getLong(80) / clusterBytes);
    pageBytes = s.getInt(92);
    for (int i = 96; i < 4092; i++) {
      if (s.get(i) != 0) {
        problems.add("super block is not zero at " + i);
        return;
      }
    }
  }

  private ByteBuffer page(int number) {
    return at((long) (mdStart + number) * pageBytes, 4096);
  }

  private void readBlob(int root) {
    ByteBuffer page = page(root);
    if (page.getLong(0) != FIRST_ID + root || page.getInt(8) != 0 || !crcGood(page)) {
      return;
    }
    BlobFound blob = new BlobFound();
    blob.id = FIRST_ID + root;
    blobs.put(blob.id, blob);
    int number = root;
    for (int sequence = 0; number != -1; sequence++) {
      page = page(number);
      if (page.getLong(0) != blob.id || page.getInt(8) != sequence || !crcGood(page)) {
        problems.add("blob " + root + ": page " + number + " is not number " + sequence);
        return;
      }
      if (page.getInt(12) != 0) {
        problems.add("blob " + root + ": reserved field of page " + number);
      }
      mark(usedPages, number, "page", blob);
      blob.chain.add(number);
      descriptors(blob, page);
      number = page.getInt(4088);
    }
    for (int row = 0; row < blob.extentPages.size(); row++) {
      if (blob.extentPages.get(row) != 0) {
        extents(blob, row, blob.extentPages.get(row));
      }
    }
    if (blob.extentPages.size() != (blob.numClusters + 511) / 512) {
      problems.add("blob " + root + ": " + blob.extentPages.size() + " rows");
    }
  }

  private void descriptors(BlobFound blob, ByteBuffer page) {
    int at = 16;
    while (at + 5 <= 4088) {
      int type = page.get(at);
      int length = page.getInt(at + 1);
      if (type == 0 && length == 0) {
        return;
      }
      int body = at + 5;
      switch (type) {
        case 3 -> {
          blob.invalidFlags = page.getLong(body);
          blob.dataRo = page.getLong(body + 8);
          blob.mdRo = page.getLong(body + 16);
        }
        case 2, 4 -> {
          byte[] name = new byte[page.getShort(body)];
          byte[] value = new byte[page.getShort(body + 2)];
          page.get(body + 4, name);
          page.get(body + 4 + name.length, value);
          (type == 2 ? blob.xattrs : blob.internal)
              .put(new String(name, StandardCharsets.UTF_8), value);
        }
        case 5 -> {
          blob.numClusters = (int) page.getLong(body);
          for (int i = 8; i < length; i += 8) {
            for (int n = 0; n < page.getInt(body + i + 4); n++) {
              blob.extentPages.add(page.getInt(body + i));
            }
          }
        }
        case 1 -> {
          for (int i = 0; i < length; i += 8) {
            for (int n = 0; n < page.getInt(body + i + 4); n++) {
              int first = page.getInt(body + i);
              if (first != 0) {
                blob.map.put(blob.numClusters, first + n);
                mark(usedClusters, first + n, "cluster", blob);
              }
              blob.numClusters++;
              if (blob.numClusters > 512L * blob.extentPages.size()) {
                blob.extentPages.add(0);
              }
            }
          }
        }
        default -> problems.add("blob " + blob.id + ": descriptor of type " + type);
      }
      at = body + length;
    }
  }

  private void extents(BlobFound blob, int row, int number) {
    ByteBuffer page = page(number);
    mark(usedPages, number, "page", blob);
    int entries = (page.getInt(17) - 4) / 4;
    if (!crcGood(page)
        || page.getInt(8) != 0
        || page.getInt(12) != 0
        || page.getInt(4088) != -1
        || page.get(16) != 6
        || page.getInt(21) != row * 512
        || entries != Math.min(512, blob.numClusters - row * 512)) {
      problems.add("blob " + blob.id + ": extent page " + number + " of row " + row);
      return;
    }
    for (int i = 0; i < entries; i++) {
      int cluster = page.getInt(25 + 4 * i);
      if (cluster != 0) {
        blob.map.put(row * 512 + i, cluster);
        mark(usedClusters, cluster, "cluster", blob);
        if (cluster >= clusters) {
          problems.add("blob " + blob.id + ": cluster " + cluster + " of " + clusters);
        }
      } else if ((blob.invalidFlags & 1) == 0) {
        problems.add("blob " + blob.id + " is thick and has no cluster " + (row * 512 + i));
      }
    }
  }

  private void mark(BitSet used, int bit, String what, BlobFound blob) {
    if (used.get(bit)) {
      problems.add(what + " " + bit + " is used twice, by blob " + Long.toHexString(blob.id));
    }
    used.set(bit);
  }

  private void checkMasks() {
    BitSet ids = new BitSet();
    blobs.keySet().forEach(id -> ids.set((int) (id - FIRST_ID)));
    checkMask(0, pageMaskStart, pageMaskPages, usedPages, mdPages);
    checkMask(1, clusterMaskStart, clusterMaskPages, usedClusters, clusters);
    checkMask(2, blobMaskStart, blobMaskPages, ids, mdPages);
    BitSet nonZero = new BitSet();
    for (int i = 0; i < mdPages; i++) {
      for (byte b : disk.read((long) (mdStart + i) * pageBytes, 4096)) {
        if (b != 0) {
          nonZero.set(i);
          break;
        }
      }
    }
    leftoverPages.or(nonZero);
    leftoverPages.andNot(usedPages);
  }

  private void checkMask(int type, int start, int pages, BitSet expected, int length) {
    byte[] mask = disk.read((long) start * pageBytes, pages * pageBytes);
    ByteBuffer buffer = ByteBuffer.wrap(mask).order(ByteOrder.LITTLE_ENDIAN);
    BitSet bits = BitSet.valueOf(buffer.slice(5, mask.length - 5));
    if (mask[0] != type || buffer.getInt(1) != length || !bits.equals(expected)) {
      problems.add("mask " + type + " of " + length + ": " + bits + ", expected " + expected);
    }
  }

  /** What differs between two stores in names, sizes, flags and maps; for messages of tests. */
  Map<String, String> summary() {
    Map<String, String> lvols = new HashMap<>();
    for (BlobFound blob : blobs.values()) {
      if (blob.id != superBlob) {
        lvols.put(blob.text("name"), blob.numClusters + " " + blob.invalidFlags + " " + blob.map);
      }
    }
    return lvols;
  }
}

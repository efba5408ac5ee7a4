package io.diskengine.engine.lvcheck;

import io.diskengine.engine.lvcheck.Finding.Place;
import io.diskengine.engine.lvcheck.Layout.Area;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** The first 4096 bytes. */
final class SuperBlockReader {
  static final int SIZE = 4096;
  static final int CLEAN = 16;
  static final int CRC = 4092;
  private static final String SIGNATURE = "SPDKBLOB";
  private static final int MAX_VERSION = 3;
  private static final int DEFAULT_UNIT = 4096;
  private static final int MAX_PAGE_BYTES = 65536;
  private static final int MASK_HEADER = 5;

  /** Metadata pages that are looked at, at most: 64 GiB of them. */
  static final long MAX_PAGES = 1L << 24;

  /** Clusters that are accounted for, at most. */
  static final long MAX_CLUSTERS = 1L << 28;

  /** Of the heap so much must be there for each: four times what is used in the worst case. */
  private static final int HEAP_PER_PAGE = 32;

  private static final int HEAP_PER_CLUSTER = 16;

  private final byte[] bytes;
  private final boolean fromShadow;
  private final long mediumBytes;
  private final Findings findings;
  private boolean usable = true;

  private SuperBlockReader(Medium medium, Findings findings) throws IOException {
    this.mediumBytes = medium.sizeBytes();
    this.findings = findings;
    byte[] found = medium.read(0, SIZE);
    this.bytes = effective(medium, found);
    this.fromShadow = bytes != found;
  }

  static boolean isPresent(byte[] bytes) {
    return new String(bytes, 0, 8, StandardCharsets.ISO_8859_1).equals(SIGNATURE);
  }

  private static boolean isIntact(byte[] bytes) {
    return Bytes.crc(bytes, 0, CRC) == Bytes.i32(bytes, CRC);
  }

  /** The super block as a load takes it. */
  static byte[] effective(Medium medium) throws IOException {
    return effective(medium, medium.read(0, SIZE));
  }

  /**
   * Instead of a damaged one that of the same store that our engine leaves in a shadow slot before
   * it makes the store larger.
   */
  private static byte[] effective(Medium medium, byte[] found) throws IOException {
    long start = Bytes.u32(found, 48);
    long pages = Bytes.u32(found, 52);
    int page = Bytes.i32(found, 92) == 0 ? DEFAULT_UNIT : Bytes.i32(found, 92);
    if (isIntact(found)
        || torn(found)
        || !powerOfTwo(page, DEFAULT_UNIT, MAX_PAGE_BYTES)
        || (start + pages) * page > medium.sizeBytes()) {
      return found;
    }
    byte[] best = found;
    for (long slot = pages - Layout.shadowSlots(pages); slot < pages; slot++) {
      byte[] other = medium.read((start + slot) * page, SIZE);
      if (isPresent(other)
          && isIntact(other)
          && Bytes.u32(other, 48) == start
          && Bytes.u32(other, 52) == pages
          && Bytes.i64(other, 80) >= Bytes.i64(best, 80)) {
        best = other;
      }
    }
    return best;
  }

  /** Why no store can be there at all; empty when there seems to be one. */
  static Optional<String> absent(Medium medium) throws IOException {
    if (medium.sizeBytes() < SIZE) {
      return Optional.of(medium.sizeBytes() + " bytes are fewer than a super block has");
    }
    return isPresent(medium.read(0, SIZE))
        ? Optional.empty()
        : Optional.of("no blobstore: byte 0 is not " + SIGNATURE);
  }

  /** Checks every field; empty when nothing behind the super block can be found with it. */
  static Optional<Layout> read(Medium medium, Findings findings) throws IOException {
    return new SuperBlockReader(medium, findings).read();
  }

  private Optional<Layout> read() {
    long version = u32(8);
    long clean = u32(CLEAN);
    int ioUnit = unit(88);
    int page = unit(92);
    require(version >= 1 && version <= MAX_VERSION, 8, "version " + version, "1 to 3");
    want(u32(12) == SIZE, 12, "length " + u32(12), "4096");
    want(clean <= 1, CLEAN, "clean flag " + clean, "0 or 1");
    want(Bytes.isZero(bytes, 96, CRC), 96, "bytes that are not zero", "zero up to byte 4091");
    require(
        powerOfTwo(page, DEFAULT_UNIT, MAX_PAGE_BYTES),
        92,
        "metadata pages of " + page + " bytes",
        "a power of two from 4096 to 65536");
    want(
        powerOfTwo(ioUnit, 512, Math.max(page, 512)),
        88,
        "I/O units of " + ioUnit + " bytes",
        "a power of two from 512 to the page size");
    boolean intact = isIntact(bytes) && !fromShadow;
    boolean torn = fromShadow || !intact && torn(bytes);
    if (!intact && !torn) {
      want(
          false,
          CRC,
          "checksum " + Bytes.hex(u32(CRC)),
          Bytes.hex(Bytes.crc(bytes, 0, CRC) & 0xffff_ffffL));
    }
    long size = Bytes.i64(bytes, 80) == 0 ? mediumBytes : Bytes.i64(bytes, 80);
    Layout layout =
        new Layout(
            (int) version,
            clean == 1 && intact,
            torn,
            Bytes.i64(bytes, 20),
            u32(28),
            area(32),
            area(40),
            area(72),
            area(48),
            text(),
            size,
            ioUnit,
            page);
    if (usable) {
      geometry(layout);
    }
    return usable ? Optional.of(layout) : Optional.empty();
  }

  private void geometry(Layout layout) {
    long cluster = layout.clusterBytes();
    Area metadata = layout.metadata();
    require(
        layout.sizeBytes() > 0 && layout.sizeBytes() <= mediumBytes,
        80,
        "a store of " + Long.toUnsignedString(layout.sizeBytes()) + " bytes",
        "at most the " + mediumBytes + " bytes of the medium");
    require(
        cluster >= layout.pageBytes() && cluster % layout.pageBytes() == 0,
        28,
        "clusters of " + cluster + " bytes",
        "a multiple of the page size " + layout.pageBytes());
    if (!usable) {
      return;
    }
    long clusters = layout.sizeBytes() / cluster;
    require(metadata.pages() > 0, 52, "no metadata pages", "at least 1");
    require(
        metadata.end() * layout.pageBytes() <= layout.sizeBytes(),
        48,
        "metadata from page " + metadata.start() + " to " + metadata.end(),
        "within the " + layout.sizeBytes() + " bytes of the store");
    long heap = Runtime.getRuntime().maxMemory();
    limit(metadata.pages(), Math.min(MAX_PAGES, heap / HEAP_PER_PAGE), "metadata pages", 52);
    limit(clusters, Math.min(MAX_CLUSTERS, heap / HEAP_PER_CLUSTER), "clusters", 28);
    if (!usable) {
      return;
    }
    long maskEnd = mask("used-page mask", layout, layout.pageMask(), 1, metadata.pages(), 32);
    maskEnd = mask("used-cluster mask", layout, layout.clusterMask(), maskEnd, clusters, 40);
    if (layout.blobIdMask().pages() > 0) {
      maskEnd =
          mask("used-blobid mask", layout, layout.blobIdMask(), maskEnd, metadata.pages(), 72);
    }
    require(
        maskEnd <= metadata.start(),
        48,
        "metadata from page " + metadata.start(),
        "behind the masks, from page " + maskEnd + " on");
    want(
        layout.superBlobId() >= Layout.FIRST_BLOB_ID
            && layout.superBlobId() < Layout.FIRST_BLOB_ID + metadata.pages(),
        20,
        "super blob " + Bytes.hex(layout.superBlobId()),
        "the id of a blob");
    if (!layout.isLvolStore()) {
      findings.note(
          Rule.SUPER_BLOCK,
          "super block",
          Place.superBlock(56),
          "type \"" + layout.type() + "\": not an lvol store, names and uuids are not looked at",
          "");
    }
  }

  private long mask(String name, Layout layout, Area area, long from, long bits, int offset) {
    long needed = (MASK_HEADER + (bits + 7) / 8 + layout.pageBytes() - 1) / layout.pageBytes();
    require(
        area.start() >= from && area.pages() >= needed,
        offset,
        name + " of " + area.pages() + " pages from page " + area.start(),
        "at least " + needed + " pages from page " + from + " on, for " + bits + " bits");
    return Math.max(from, area.end());
  }

  private void limit(long value, long most, String what, int offset) {
    if (value > most) {
      usable = false;
      findings.wrong(
          Rule.LIMIT,
          "super block",
          Place.superBlock(offset),
          value + " " + what,
          "at most " + most + ", which is what this check can hold with its heap");
    }
  }

  /** A crash wrote one of the two sectors that hold clean flag and checksum. */
  private static boolean torn(byte[] bytes) {
    long clean = Bytes.u32(bytes, CLEAN);
    if (clean > 1) {
      return false;
    }
    byte[] other = bytes.clone();
    Bytes.put32(other, CLEAN, (int) (1 - clean));
    return Bytes.crc(other, 0, CRC) == Bytes.i32(other, CRC);
  }

  private static boolean powerOfTwo(int value, int least, int most) {
    return Integer.bitCount(value) == 1 && value >= least && value <= most;
  }

  private long u32(int at) {
    return Bytes.u32(bytes, at);
  }

  private int unit(int at) {
    int value = Bytes.i32(bytes, at);
    return value == 0 ? DEFAULT_UNIT : value;
  }

  private Area area(int at) {
    return new Area(u32(at), u32(at + 4));
  }

  private String text() {
    int length = 0;
    while (length < 16 && bytes[56 + length] != 0) {
      length++;
    }
    return Findings.clean(new String(bytes, 56, length, StandardCharsets.ISO_8859_1));
  }

  private void want(boolean good, int offset, String found, String expected) {
    if (!good) {
      findings.wrong(Rule.SUPER_BLOCK, "super block", Place.superBlock(offset), found, expected);
    }
  }

  /** Without this nothing else can be looked at. */
  private void require(boolean good, int offset, String found, String expected) {
    want(good, offset, found, expected);
    usable &= good;
  }
}

package io.diskengine.engine.lvcheck;

import io.diskengine.engine.lvcheck.Finding.Place;
import java.io.IOException;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The metadata pages of a store, each looked at once and sorted: zeros, intact, first of a chain,
 * one of our shadows, or torn. In a store that is recovered a torn page that has a shadow reads as
 * the shadow says.
 *
 * <pre>
 *    0 u64 blob id     8 u32 sequence in the chain     12 u32 zero, in shadows their generation
 *   16 descriptors     4088 u32 next page, ffffffff for none     4092 u32 checksum
 * </pre>
 */
final class MetadataPages {
  static final int SIZE = 4096;
  static final int DESCRIPTORS = 16;
  static final int DESCRIPTORS_END = 4088;
  static final int SEQUENCE = 8;
  static final int GENERATION = 12;
  static final int NEXT = 4088;
  static final int CRC = 4092;
  static final int NO_NEXT = -1;
  private static final int SCAN_BYTES = 1 << 20;

  static final byte ZERO = 0;
  static final byte INTACT = 1;
  static final byte ROOT = 2;
  static final byte SHADOW = 3;
  static final byte TORN = 4;

  private final Medium medium;
  private final Layout layout;
  private final byte[] kinds;
  private final int[] owners;
  private final Map<Integer, Shadow> shadows = new HashMap<>();

  /** Pages that are read from their shadows. */
  private final BitSet restored = new BitSet();

  /** The newest copy of a page that was about to be overwritten. */
  record Shadow(int slot, int target, int generation) {}

  private MetadataPages(Medium medium, Layout layout) {
    this.medium = medium;
    this.layout = layout;
    this.kinds = new byte[layout.pages()];
    this.owners = new int[layout.pages()];
  }

  static MetadataPages scan(Medium medium, Layout layout) throws IOException {
    MetadataPages pages = new MetadataPages(medium, layout);
    int perRead = Math.max(1, SCAN_BYTES / layout.pageBytes());
    for (int first = 0; first < layout.pages(); first += perRead) {
      int count = Math.min(perRead, layout.pages() - first);
      byte[] bytes = new byte[count * layout.pageBytes()];
      medium.read(layout.pageOffset(first), bytes);
      for (int i = 0; i < count; i++) {
        int from = i * layout.pageBytes();
        pages.sort(first + i, Arrays.copyOfRange(bytes, from, from + SIZE));
      }
    }
    if (!layout.masksCount()) {
      pages.shadows.keySet().stream()
          .filter(p -> pages.kinds[p] == TORN)
          .forEach(pages.restored::set);
    }
    return pages;
  }

  private void sort(int number, byte[] page) {
    if (Bytes.isZero(page, 0, SIZE)) {
      kinds[number] = ZERO;
    } else if (Bytes.crc(page, 0, CRC) != Bytes.i32(page, CRC)) {
      kinds[number] = TORN;
    } else if (number >= layout.firstShadowSlot() && SuperBlockReader.isPresent(page)) {
      kinds[number] = SHADOW;
    } else if (isShadow(number, page)) {
      kinds[number] = SHADOW;
      int target = (int) shadowed(page);
      Shadow shadow = new Shadow(number, target, Bytes.i32(page, GENERATION));
      shadows.merge(target, shadow, (a, b) -> a.generation() >= b.generation() ? a : b);
    } else {
      kinds[number] = isRoot(number, page) ? ROOT : INTACT;
    }
  }

  private boolean isShadow(int number, byte[] page) {
    return number >= layout.firstShadowSlot()
        && Bytes.i32(page, GENERATION) > 0
        && Bytes.i32(page, SEQUENCE) == 0
        && shadowed(page) < layout.pages();
  }

  /** The page that a shadow is of: of an extent page it stands in next, of a root in the id. */
  private static long shadowed(byte[] page) {
    return Bytes.u8(page, DESCRIPTORS) == Descriptors.EXTENT_PAGE
        ? Bytes.u32(page, NEXT)
        : Bytes.u32(page, 0);
  }

  static boolean isRoot(int number, byte[] page) {
    return Bytes.i64(page, 0) == Layout.FIRST_BLOB_ID + number && Bytes.i32(page, SEQUENCE) == 0;
  }

  int count() {
    return kinds.length;
  }

  byte kind(int page) {
    return kinds[page];
  }

  Map<Integer, Shadow> shadows() {
    return shadows;
  }

  BitSet restored() {
    return restored;
  }

  /** First pages of chains, those that their shadows restore included. */
  BitSet roots() throws IOException {
    BitSet roots = new BitSet();
    for (int page = 0; page < kinds.length; page++) {
      if (kinds[page] == ROOT) {
        roots.set(page);
      }
    }
    for (int page : restored.stream().toArray()) {
      byte[] bytes = read(page);
      if (bytes != null && isRoot(page, bytes)) {
        roots.set(page);
      }
    }
    return roots;
  }

  /** The page as a load finds it, or null when it is torn or zero. */
  byte @Nullable [] read(int page) throws IOException {
    Shadow shadow = restored.get(page) ? shadows.get(page) : null;
    if (shadow != null) {
      return unshadowed(raw(shadow.slot()));
    }
    return kinds[page] == TORN || kinds[page] == ZERO ? null : raw(page);
  }

  byte[] raw(int page) throws IOException {
    byte[] bytes = new byte[SIZE];
    medium.read(layout.pageOffset(page), bytes);
    return bytes;
  }

  /** What a shadow says its page should be; null for zeros. */
  private static byte @Nullable [] unshadowed(byte[] page) {
    if (Bytes.u8(page, DESCRIPTORS) == Descriptors.PADDING) {
      return null;
    }
    Bytes.put32(page, GENERATION, 0);
    if (Bytes.u8(page, DESCRIPTORS) == Descriptors.EXTENT_PAGE) {
      Bytes.put32(page, NEXT, NO_NEXT);
    }
    seal(page);
    return page;
  }

  static void seal(byte[] page) {
    Bytes.put32(page, CRC, Bytes.crc(page, 0, CRC));
  }

  // ---- who has a page

  /** Takes the page for the blob with this number; the number of who had it before, or -1. */
  int claim(int page, int blob) {
    int before = owners[page] - 1;
    if (before < 0) {
      owners[page] = blob + 1;
    }
    return before;
  }

  /** The number of the blob that has the page, or -1. */
  int owner(int page) {
    return owners[page] - 1;
  }

  Place place(int page, int offset) {
    return new Place("metadata page", page, layout.pageOffset(page) + offset);
  }
}

package io.diskengine.engine.lvcheck;

import io.diskengine.engine.lvcheck.Finding.Place;
import io.diskengine.engine.lvcheck.Layout.Area;
import java.io.IOException;
import java.util.BitSet;

/**
 * The three masks of a store that was closed cleanly, against what its metadata says: u8 type, u32
 * length in bits, the bits from the least significant on, zeros to the end of the area.
 */
final class MaskCheck {
  static final int HEADER = 5;
  static final int PAGES = 0;
  static final int CLUSTERS = 1;
  static final int BLOB_IDS = 2;
  private static final int READ_BYTES = 1 << 20;

  private final Medium medium;
  private final Layout layout;
  private final Findings findings;

  MaskCheck(Medium medium, Layout layout, Findings findings) {
    this.medium = medium;
    this.layout = layout;
    this.findings = findings;
  }

  /** What one mask must say. */
  record Mask(String name, int type, Area area, int bits, BitSet set, String unit) {
    /** What it has to say, as it lies on the medium; zeros follow to the end of the area. */
    byte[] bytes(int pageBytes) {
      int needed = HEADER + (bits + 7) / 8;
      byte[] bytes = new byte[(needed + pageBytes - 1) / pageBytes * pageBytes];
      bytes[0] = (byte) type;
      Bytes.put32(bytes, 1, bits);
      byte[] content = set.toByteArray();
      System.arraycopy(content, 0, bytes, HEADER, content.length);
      return bytes;
    }
  }

  /** Compares; returns what the mask on the medium says. */
  BitSet check(Mask mask) throws IOException {
    long start = mask.area.start() * layout.pageBytes();
    long left = mask.area.pages() * layout.pageBytes();
    BitSet found = new BitSet();
    boolean rest = false;
    int bitsBytes = (mask.bits + 7) / 8;
    for (long done = 0; done < left; ) {
      byte[] bytes = new byte[(int) Math.min(READ_BYTES, left - done)];
      medium.read(start + done, bytes);
      if (done == 0) {
        header(mask, start, bytes);
      }
      for (int i = done == 0 ? HEADER : 0; i < bytes.length; i++) {
        long at = done + i - HEADER;
        if (bytes[i] != 0 && at >= bitsBytes) {
          rest = true;
        } else if (bytes[i] != 0) {
          for (int bit = 0; bit < 8; bit++) {
            if ((bytes[i] & 1 << bit) != 0) {
              found.set((int) at * 8 + bit);
            }
          }
        }
      }
      done += bytes.length;
    }
    if (rest || found.length() > mask.bits) {
      wrong(mask, start + HEADER + mask.bits / 8, "bits behind the last", "zeros");
      found.clear(mask.bits, Math.max(mask.bits, found.length()));
    }
    compare(mask, start, found);
    return found;
  }

  private void header(Mask mask, long start, byte[] bytes) {
    if (Bytes.u8(bytes, 0) != mask.type) {
      wrong(mask, start, "type " + Bytes.u8(bytes, 0), String.valueOf(mask.type));
    }
    if (Bytes.u32(bytes, 1) != mask.bits) {
      wrong(mask, start + 1, "a length of " + Bytes.u32(bytes, 1) + " bits", mask.bits + " bits");
    }
  }

  /** One finding for each run of bits that differ in the same way. */
  private void compare(Mask mask, long start, BitSet found) {
    BitSet differ = (BitSet) found.clone();
    differ.xor(mask.set);
    for (int bit = differ.nextSetBit(0); bit >= 0; ) {
      boolean set = found.get(bit);
      int end = bit + 1;
      while (differ.get(end) && found.get(end) == set) {
        end++;
      }
      boolean lost = set && mask.type == BLOB_IDS;
      findings.wrong(
          lost ? Rule.LOST_BLOB : Rule.MASK,
          mask.name,
          new Place(mask.name, -1, start + HEADER + bit / 8),
          mask.unit
              + " "
              + (end - bit == 1 ? String.valueOf(bit) : bit + "-" + (end - 1))
              + (set ? " in use" : " free"),
          lost
              ? "a blob whose first page is that one"
              : set ? "free: nothing refers to it" : "in use: the metadata refers to it");
      bit = differ.nextSetBit(end);
    }
  }

  private void wrong(Mask mask, long offset, String found, String expected) {
    findings.wrong(Rule.MASK, mask.name, new Place(mask.name, -1, offset), found, expected);
  }
}

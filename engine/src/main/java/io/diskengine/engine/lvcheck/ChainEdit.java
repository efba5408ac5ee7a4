package io.diskengine.engine.lvcheck;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Changes of one page of a chain, in place; the checksum is left to the caller. */
final class ChainEdit {
  private static final int DATA_RO = 8;
  private static final int NAME = 4;

  private ChainEdit() {}

  /** The shadow of a first page that is to be zeros: no descriptors. */
  static byte[] zeroed(int root) {
    byte[] shadow = new byte[MetadataPages.SIZE];
    Bytes.put64(shadow, 0, Layout.FIRST_BLOB_ID + root);
    Bytes.put32(shadow, MetadataPages.NEXT, MetadataPages.NO_NEXT);
    return shadow;
  }

  /** Sets the read-only flag, if the page has the flags and it is not set. */
  static boolean setReadOnly(byte[] page) {
    Descriptors each = new Descriptors(page);
    while (each.next() && !each.overflows()) {
      int at = each.body() + DATA_RO;
      if (each.type() == Descriptors.FLAGS && (Bytes.i64(page, at) & Blob.READ_ONLY) == 0) {
        Bytes.put64(page, at, Bytes.i64(page, at) | Blob.READ_ONLY);
        return true;
      }
    }
    return false;
  }

  /** Takes the marks of an unfinished snapshot out and moves what follows up. */
  static boolean removeMark(byte[] page) {
    Descriptors each = new Descriptors(page);
    while (each.next() && !each.overflows()) {
      if (each.type() == Descriptors.INTERNAL_XATTR && isMark(page, each)) {
        int end = each.body() + (int) each.length();
        int gone = end - each.at();
        System.arraycopy(page, end, page, each.at(), MetadataPages.DESCRIPTORS_END - end);
        Arrays.fill(
            page, MetadataPages.DESCRIPTORS_END - gone, MetadataPages.DESCRIPTORS_END, (byte) 0);
        removeMark(page);
        return true;
      }
    }
    return false;
  }

  private static boolean isMark(byte[] page, Descriptors each) {
    int length = Bytes.u16(page, each.body());
    String name = new String(page, each.body() + NAME, length, StandardCharsets.UTF_8);
    return name.equals(Blob.IN_CREATION) || name.equals(Blob.IN_REMOVAL);
  }
}

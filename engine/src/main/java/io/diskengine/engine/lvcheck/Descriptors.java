package io.diskengine.engine.lvcheck;

/**
 * Steps through the descriptors of one metadata page: u8 type, u32 length of what follows. They end
 * with a zero header or where no further header fits.
 */
final class Descriptors {
  static final int PADDING = 0;
  static final int EXTENT_RLE = 1;
  static final int XATTR = 2;
  static final int FLAGS = 3;
  static final int INTERNAL_XATTR = 4;
  static final int EXTENT_TABLE = 5;
  static final int EXTENT_PAGE = 6;
  static final int HEADER = 5;

  private final byte[] page;
  private int at = MetadataPages.DESCRIPTORS;
  private int type;
  private long length;
  private boolean started;

  Descriptors(byte[] page) {
    this.page = page;
  }

  /** Goes to the next descriptor; false at the end and behind one that {@link #overflows}. */
  boolean next() {
    if (started) {
      if (overflows()) {
        return false;
      }
      at += HEADER + (int) length;
    }
    started = true;
    if (at + HEADER > MetadataPages.DESCRIPTORS_END) {
      return false;
    }
    type = Bytes.u8(page, at);
    length = Bytes.u32(page, at + 1);
    return type != PADDING || length != 0;
  }

  /** The descriptor claims more than its page has. */
  boolean overflows() {
    return at + HEADER + length > MetadataPages.DESCRIPTORS_END;
  }

  /** Nothing follows the last descriptor, as far as {@link #next} went. */
  boolean restIsZero() {
    return Bytes.isZero(page, at, MetadataPages.DESCRIPTORS_END);
  }

  int type() {
    return type;
  }

  /** Of what follows the header. */
  long length() {
    return length;
  }

  /** Where the descriptor begins. */
  int at() {
    return at;
  }

  int body() {
    return at + HEADER;
  }
}

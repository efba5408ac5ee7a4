package io.diskengine.engine.lvcheck;

import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/** Changes a store in one place, with checksums right again unless they are what is damaged. */
final class Damage {
  final MemoryMedium medium;
  private final int mdStart;
  private final int pageBytes;

  Damage(MemoryMedium medium) {
    this.medium = medium;
    byte[] superBlock = medium.read(0, 4096);
    mdStart = Bytes.i32(superBlock, 48);
    pageBytes = Bytes.i32(superBlock, 92);
  }

  static Damage of(String fixture) {
    return new Damage(MemoryMedium.fixture(fixture));
  }

  long offset(int page) {
    return (long) (mdStart + page) * pageBytes;
  }

  byte[] page(int number) {
    return medium.read(offset(number), 4096);
  }

  /** Changes the page and makes its checksum right. */
  void page(int number, Consumer<byte[]> change) {
    byte[] page = page(number);
    change.accept(page);
    put(number, page);
  }

  void put(int number, byte[] page) {
    MetadataPages.seal(page);
    medium.write(offset(number), page);
  }

  void superBlock(Consumer<byte[]> change) {
    byte[] bytes = medium.read(0, 4096);
    change.accept(bytes);
    MetadataPages.seal(bytes);
    medium.write(0, bytes);
  }

  void flip(long offset) {
    byte[] one = medium.read(offset, 1);
    one[0] ^= 1;
    medium.write(offset, one);
  }

  /** The store was not closed. */
  Damage dirty() {
    superBlock(s -> Bytes.put32(s, 16, 0));
    return this;
  }

  /** Where the descriptor of this type is in the page. */
  int descriptor(int number, int type) {
    Descriptors each = new Descriptors(page(number));
    while (each.next()) {
      if (each.type() == type) {
        return each.at();
      }
    }
    throw new AssertionError("no descriptor of type " + type + " in page " + number);
  }

  /** Where the descriptor of this xattr is in the page. */
  int xattr(int number, String name) {
    byte[] page = page(number);
    Descriptors each = new Descriptors(page);
    while (each.next()) {
      boolean xattr = each.type() == Descriptors.XATTR || each.type() == Descriptors.INTERNAL_XATTR;
      if (xattr
          && new String(page, each.body() + 4, Bytes.u16(page, each.body()), StandardCharsets.UTF_8)
              .equals(name)) {
        return each.at();
      }
    }
    throw new AssertionError("no xattr " + name + " in page " + number);
  }

  /** Where the value of this xattr is in the page. */
  int value(int number, String name) {
    int at = xattr(number, name);
    return at + 9 + name.length();
  }

  /** Where the descriptors of the page end. */
  int end(int number) {
    Descriptors each = new Descriptors(page(number));
    int end = MetadataPages.DESCRIPTORS;
    while (each.next()) {
      end = each.body() + (int) each.length();
    }
    return end;
  }

  /** Adds an internal xattr with a number as its value behind all descriptors. */
  void mark(int number, String name, long value) {
    int at = end(number);
    page(
        number,
        p -> {
          p[at] = Descriptors.INTERNAL_XATTR;
          Bytes.put32(p, at + 1, 4 + name.length() + 8);
          p[at + 5] = (byte) name.length();
          p[at + 7] = 8;
          System.arraycopy(name.getBytes(StandardCharsets.UTF_8), 0, p, at + 9, name.length());
          Bytes.put64(p, at + 9 + name.length(), value);
        });
  }

  /** Puts a shadow of what page {@code target} shall be into the last page. */
  void shadow(int pages, int target, byte[] content) {
    byte[] shadow = content.clone();
    Bytes.put32(shadow, MetadataPages.GENERATION, 7);
    if (shadow[16] == Descriptors.EXTENT_PAGE) {
      Bytes.put32(shadow, MetadataPages.NEXT, target);
    }
    put(pages - 1, shadow);
  }
}

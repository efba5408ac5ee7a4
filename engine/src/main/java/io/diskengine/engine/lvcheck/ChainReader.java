package io.diskengine.engine.lvcheck;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

/** Follows a blob's chain and reads what is not extents: flags, xattrs, size. */
final class ChainReader {
  private static final int FLAGS_LENGTH = 24;
  private static final int XATTR_HEADER = 4;
  static final int TABLE_HEADER = 8;
  static final int PAIR = 8;

  /** Of values that the store uses, none is longer; of a longer one so much is kept. */
  private static final int MAX_VALUE_KEPT = 128;

  /** Names of one blob that are compared with each other. */
  static final int MAX_XATTRS = 16_384;

  private static final Set<String> OWN_XATTRS = Set.of(Blob.NAME, Blob.UUID);
  private static final Set<String> OWN_INTERNAL =
      Set.of(Blob.PARENT, Blob.EXTERNAL_PARENT, Blob.IN_CREATION, Blob.IN_REMOVAL);

  private final MetadataPages pages;
  private final Findings findings;
  private final Blob blob;
  private final Set<String> names = new HashSet<>();
  private boolean hasFlags;
  private byte[] page = {};
  private int number;

  private ChainReader(MetadataPages pages, Findings findings, Blob blob) {
    this.pages = pages;
    this.findings = findings;
    this.blob = blob;
  }

  static void read(MetadataPages pages, Findings findings, Blob blob) throws IOException {
    new ChainReader(pages, findings, blob).read();
  }

  private void read() throws IOException {
    int[] chain = new int[4];
    int length = 0;
    for (int next = blob.root; next != MetadataPages.NO_NEXT; ) {
      if (!follow(next, length)) {
        blob.broken = true;
        break;
      }
      chain = length == chain.length ? Arrays.copyOf(chain, 2 * length) : chain;
      chain[length++] = next;
      descriptors();
      next = Bytes.i32(page, MetadataPages.NEXT);
    }
    blob.chain = Arrays.copyOf(chain, length);
    if (!hasFlags && length > 0) {
      number = blob.root;
      wrong(Rule.FLAGS, MetadataPages.DESCRIPTORS, "no flags", "one descriptor of type 3");
    }
  }

  /** Takes the next page of the chain, if it is one. */
  private boolean follow(int next, int sequence) throws IOException {
    if (next < 0 || next >= pages.count()) {
      wrong(
          Rule.CHAIN,
          MetadataPages.NEXT,
          "the chain goes on at page " + Integer.toUnsignedString(next),
          "a page below " + pages.count() + " or ffffffff");
      return false;
    }
    int from = number;
    number = next;
    byte[] bytes = pages.read(next);
    if (bytes == null) {
      boolean torn = pages.kind(next) == MetadataPages.TORN;
      wrong(
          torn ? Rule.PAGE_CHECKSUM : Rule.CHAIN,
          torn ? MetadataPages.CRC : 0,
          torn ? "a wrong checksum in page " + sequence + " of the chain" : "zeros",
          "page " + sequence + " of the chain, as page " + from + " says");
      return false;
    }
    page = bytes;
    int owner = pages.claim(next, blob.number);
    if (owner >= 0) {
      wrong(
          owner == blob.number ? Rule.CHAIN : Rule.PAGE_OWNER,
          0,
          owner == blob.number ? "the chain comes back to this page" : "a page of two chains",
          "each page once in one chain");
      return false;
    }
    if (Bytes.i64(page, 0) != blob.id() || Bytes.u32(page, MetadataPages.SEQUENCE) != sequence) {
      wrong(
          Rule.CHAIN,
          0,
          "id "
              + Bytes.hex(Bytes.i64(page, 0))
              + ", sequence "
              + Bytes.u32(page, MetadataPages.SEQUENCE),
          "id " + Bytes.hex(blob.id()) + ", sequence " + sequence);
      return false;
    }
    if (Bytes.i32(page, MetadataPages.GENERATION) != 0) {
      wrong(
          Rule.CHAIN,
          MetadataPages.GENERATION,
          "reserved field " + Bytes.hex(Bytes.u32(page, MetadataPages.GENERATION)),
          "0");
    }
    return true;
  }

  private void descriptors() {
    Descriptors each = new Descriptors(page);
    while (each.next()) {
      if (each.overflows()) {
        bad(
            each,
            Rule.DESCRIPTOR,
            "a descriptor of " + each.length() + " bytes",
            "within its page");
        return;
      }
      switch (each.type()) {
        case Descriptors.FLAGS -> flags(each);
        case Descriptors.XATTR -> xattr(each, OWN_XATTRS, "");
        case Descriptors.INTERNAL_XATTR -> xattr(each, OWN_INTERNAL, "internal ");
        case Descriptors.EXTENT_TABLE -> table(each);
        case Descriptors.EXTENT_RLE -> runs(each);
        case Descriptors.EXTENT_PAGE ->
            bad(each, Rule.EXTENTS, "an extent page within a chain", "extents behind a table");
        default ->
            bad(
                each,
                Rule.DESCRIPTOR,
                "a descriptor of unknown type " + each.type() + ", on which a recovery fails",
                "type 1 to 6");
      }
    }
    if (!each.restIsZero()) {
      findings.note(
          Rule.DESCRIPTOR,
          blob.toString(),
          pages.place(number, each.at()),
          "bytes behind the last descriptor",
          "zeros");
    }
  }

  private void flags(Descriptors each) {
    if (each.length() != FLAGS_LENGTH) {
      bad(each, Rule.FLAGS, "flags of " + each.length() + " bytes", "24");
      return;
    }
    if (hasFlags) {
      wrong(Rule.FLAGS, each.at(), "flags once more", "one descriptor of type 3");
      return;
    }
    hasFlags = true;
    int body = each.body();
    blob.invalidFlags = Bytes.i64(page, body);
    blob.dataRoFlags = Bytes.i64(page, body + 8);
    blob.mdRoFlags = Bytes.i64(page, body + 16);
    unknown(body, "invalid", blob.invalidFlags & ~Blob.KNOWN_INVALID, "the blob cannot be opened");
    unknown(body + 8, "data_ro", blob.dataRoFlags & ~Blob.READ_ONLY, "the blob opens read-only");
    unknown(
        body + 16, "md_ro", blob.mdRoFlags & ~Blob.CLEAR_METHOD, "its metadata opens read-only");
  }

  private void unknown(int at, String field, long bits, String so) {
    if (bits != 0) {
      wrong(Rule.FLAGS, at, "unknown " + field + " flags " + Bytes.hex(bits) + ": " + so, "none");
    }
  }

  private void xattr(Descriptors each, Set<String> own, String kind) {
    int body = each.body();
    long nameLength = each.length() < XATTR_HEADER ? 0 : Bytes.u16(page, body);
    long valueLength = each.length() < XATTR_HEADER ? 0 : Bytes.u16(page, body + 2);
    if (nameLength == 0 || each.length() != XATTR_HEADER + nameLength + valueLength) {
      bad(
          each,
          Rule.XATTR,
          "an xattr of " + each.length() + " bytes: name " + nameLength + ", value " + valueLength,
          "4 + name + value, and a name");
      return;
    }
    int valueAt = body + XATTR_HEADER + (int) nameLength;
    String name = new String(page, body + XATTR_HEADER, (int) nameLength, StandardCharsets.UTF_8);
    if (++blob.xattrs > MAX_XATTRS) {
      if (blob.xattrs == MAX_XATTRS + 1) {
        wrong(Rule.LIMIT, each.at(), "more xattrs", "at most " + MAX_XATTRS + " in a blob");
      }
      return;
    }
    if (!names.add(kind + name)) {
      wrong(Rule.XATTR, each.at(), kind + "xattr \"" + name + "\" once more", "each name once");
    } else if (own.contains(name)) {
      int kept = (int) Math.min(valueLength, MAX_VALUE_KEPT);
      blob.values.put(name, Arrays.copyOfRange(page, valueAt, valueAt + kept));
      boolean isId = !name.equals(Blob.EXTERNAL_PARENT) && own == OWN_INTERNAL;
      if (isId && valueLength != Long.BYTES) {
        wrong(Rule.XATTR, each.at(), name + " of " + valueLength + " bytes", "a blob id of 8");
      }
    }
  }

  private void table(Descriptors each) {
    if (each.length() < TABLE_HEADER || (each.length() - TABLE_HEADER) % PAIR != 0) {
      bad(each, Rule.EXTENTS, "an extent table of " + each.length() + " bytes", "8 + 8n");
      return;
    }
    long count = Bytes.i64(page, each.body());
    if (blob.hasRuns) {
      bad(each, Rule.EXTENTS, "an extent table beside RLE extents", "one kind of extents");
    } else if (count < 0 || blob.hasTable && count != blob.clusters) {
      bad(
          each,
          Rule.EXTENTS,
          Long.toUnsignedString(count) + " clusters",
          blob.hasTable ? blob.clusters + " as the page before" : "fewer than 2^63");
    } else {
      blob.hasTable = true;
      blob.clusters = count;
    }
  }

  private void runs(Descriptors each) {
    if (each.length() % PAIR != 0) {
      bad(each, Rule.EXTENTS, "RLE extents of " + each.length() + " bytes", "8n");
      return;
    }
    if (blob.hasTable) {
      bad(each, Rule.EXTENTS, "RLE extents beside an extent table", "one kind of extents");
      return;
    }
    blob.hasRuns = true;
    for (int at = 0; at < each.length(); at += PAIR) {
      blob.clusters += Bytes.u32(page, each.body() + at + 4);
    }
  }

  /** Wrong, and what follows from it is not known. */
  private void bad(Descriptors each, Rule rule, String found, String expected) {
    blob.broken = true;
    wrong(rule, each.at(), found, expected);
  }

  private void wrong(Rule rule, int at, String found, String expected) {
    findings.wrong(rule, blob.toString(), pages.place(number, at), found, expected);
  }
}

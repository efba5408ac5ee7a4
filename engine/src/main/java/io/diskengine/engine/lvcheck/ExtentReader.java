package io.diskengine.engine.lvcheck;

import io.diskengine.engine.lvcheck.Finding.Place;
import java.io.IOException;
import java.util.List;

/**
 * Reads the cluster maps of blobs whose chains were read, and gives extent pages and clusters to
 * their owners.
 */
final class ExtentReader {
  /** Clusters per extent page. */
  static final int ROW = 512;

  private static final int ENTRY = 4;
  private static final int FIRST_INDEX = Descriptors.HEADER;

  private final MetadataPages pages;
  private final Layout layout;
  private final Clusters clusters;
  private final List<Blob> blobs;
  private final Findings findings;

  /** Clusters still looked at: maps that overlap again and again are not followed for ever. */
  private long budget;

  private Blob blob = new Blob(-1, 0);
  private long index;

  ExtentReader(
      MetadataPages pages, Layout layout, Clusters clusters, List<Blob> blobs, Findings findings) {
    this.pages = pages;
    this.layout = layout;
    this.clusters = clusters;
    this.blobs = blobs;
    this.findings = findings;
    this.budget = 2L * clusters.count() + 1024L * pages.count();
  }

  void read(Blob each) throws IOException {
    blob = each;
    index = 0;
    for (int number : blob.chain) {
      byte[] page = pages.read(number);
      if (page == null) {
        return;
      }
      Descriptors descriptors = new Descriptors(page);
      while (descriptors.next() && !descriptors.overflows()) {
        extents(descriptors, number, page);
      }
    }
    if (!blob.broken && index != rounded(blob.clusters)) {
      findings.wrong(
          Rule.EXTENTS,
          blob.toString(),
          pages.place(blob.root, MetadataPages.DESCRIPTORS),
          "extents for " + index + " clusters",
          "for the " + blob.clusters + " clusters of the blob");
    }
  }

  /** A table covers whole rows. */
  private long rounded(long count) {
    return blob.hasTable ? (count / ROW + (count % ROW == 0 ? 0 : 1)) * ROW : count;
  }

  private void extents(Descriptors each, int number, byte[] page) throws IOException {
    boolean table = each.type() == Descriptors.EXTENT_TABLE;
    if (!table && each.type() != Descriptors.EXTENT_RLE) {
      return;
    }
    int skip = table ? ChainReader.TABLE_HEADER : 0;
    if (each.length() < skip || (each.length() - skip) % ChainReader.PAIR != 0) {
      return;
    }
    for (int at = skip; at < each.length(); at += ChainReader.PAIR) {
      int offset = each.body() + at;
      long first = Bytes.u32(page, offset);
      long count = Bytes.u32(page, offset + 4);
      Place place = pages.place(number, offset);
      if (count == 0) {
        wrong(Rule.EXTENTS, place, "an extent of length 0", "at least 1");
      } else if (first == 0) {
        missing(count, table, place);
      } else if (table) {
        row(first, count, place);
      } else {
        run(first, count, place);
      }
    }
  }

  /** Clusters without an allocation: right in thin blobs only. */
  private void missing(long count, boolean rows, Place place) {
    long missing = rows ? Math.min(count * ROW, Math.max(0, blob.clusters - index)) : count;
    if (!blob.thin() && missing > 0) {
      wrong(
          Rule.ALLOCATION,
          place,
          missing + " clusters from " + index + " on are not allocated",
          "all, the blob is not thin");
    }
    index += rows ? count * ROW : count;
  }

  private void run(long first, long count, Place place) {
    for (long i = 0; i < count; i++) {
      if (first + i >= clusters.count() || !cluster((int) (first + i), index + i, place)) {
        if (first + i >= clusters.count()) {
          outOfRange(first + i, index + i, place);
        }
        break;
      }
    }
    index += count;
  }

  // ---- extent pages

  private void row(long number, long count, Place place) throws IOException {
    long firstIndex = index;
    index += ROW * count;
    if (count != 1) {
      wrong(Rule.EXTENTS, place, "extent page " + number + " x " + count, "one page at a time");
      return;
    }
    if (number >= pages.count()) {
      wrong(Rule.EXTENTS, place, "extent page " + number, "a page below " + pages.count());
      return;
    }
    long entries = Math.min(ROW, blob.clusters - firstIndex);
    if (entries <= 0) {
      wrong(
          Rule.EXTENTS,
          place,
          "extent page " + number + " for clusters from " + firstIndex + " on",
          "no more than the " + blob.clusters + " clusters of the blob");
      return;
    }
    int page = (int) number;
    int owner = pages.claim(page, blob.number);
    if (owner >= 0) {
      if (!mayShare(owner)) {
        findings.wrong(
            Rule.PAGE_OWNER,
            blob.toString(),
            pages.place(page, 0),
            "extent page of " + blobs.get(owner) + " as well, named at byte " + place.offsetBytes(),
            "each page with one owner");
      }
      return;
    }
    extentPage(page, firstIndex, (int) entries, place);
  }

  private void extentPage(int number, long firstIndex, int entries, Place from) throws IOException {
    byte[] page = pages.read(number);
    if (page == null) {
      boolean torn = pages.kind(number) == MetadataPages.TORN;
      findings.wrong(
          torn ? Rule.PAGE_CHECKSUM : Rule.EXTENT_PAGE,
          blob.toString(),
          pages.place(number, torn ? MetadataPages.CRC : 0),
          torn ? "a wrong checksum in an extent page" : "zeros",
          "the extent page named at byte " + from.offsetBytes());
      return;
    }
    Descriptors each = new Descriptors(page);
    boolean any = each.next();
    int body = each.body();
    page(number, MetadataPages.SEQUENCE, "sequence", Bytes.u32(page, MetadataPages.SEQUENCE), 0);
    page(number, MetadataPages.GENERATION, "field", Bytes.u32(page, MetadataPages.GENERATION), 0);
    page(
        number, MetadataPages.NEXT, "next page", Bytes.u32(page, MetadataPages.NEXT), 0xffff_ffffL);
    if (!any || each.type() != Descriptors.EXTENT_PAGE || each.overflows()) {
      page(number, each.at(), "descriptor type", each.type(), Descriptors.EXTENT_PAGE);
      return;
    }
    long length = ENTRY + (long) ENTRY * entries;
    page(number, each.at() + 1, "descriptor length", each.length(), length);
    page(number, body, "first cluster index", Bytes.u32(page, body), firstIndex);
    if (each.length() != length || Bytes.u32(page, body) != firstIndex) {
      return;
    }
    for (int i = 0; i < entries; i++) {
      int at = body + ENTRY + ENTRY * i;
      long cluster = Bytes.u32(page, at);
      Place place = pages.place(number, at);
      if (cluster >= clusters.count()) {
        outOfRange(cluster, firstIndex + i, place);
      } else if (cluster != 0) {
        if (!cluster((int) cluster, firstIndex + i, place)) {
          return;
        }
      } else if (!blob.thin() && findings.full()) {
        findings.more();
      } else if (!blob.thin()) {
        wrong(
            Rule.ALLOCATION,
            place,
            "cluster " + (firstIndex + i) + " is not allocated",
            "all are, the blob is not thin");
      }
    }
    if (each.next()) {
      page(number, each.at(), "second descriptor of type", each.type(), 0);
    }
  }

  private void page(int number, int at, String what, long found, long expected) {
    if (found != expected) {
      findings.wrong(
          Rule.EXTENT_PAGE,
          blob.toString(),
          pages.place(number, at),
          "extent page with " + what + " " + found,
          String.valueOf(expected));
    }
  }

  // ---- clusters

  /** Gives the cluster to the blob; false when too much was looked at. */
  private boolean cluster(int cluster, long at, Place place) {
    if (--budget < 0) {
      if (budget == -1) {
        wrong(Rule.LIMIT, place, "maps that overlap too often", "the rest is not looked at");
      }
      return false;
    }
    boolean metadata = cluster < layout.metadataClusters();
    blob.allocatedClusters += metadata ? 0 : 1;
    int owner = metadata ? -1 : clusters.claim(cluster, blob.number);
    if (!metadata && (owner < 0 || mayShare(owner))) {
      return true;
    }
    if (findings.full()) {
      findings.more();
    } else if (metadata) {
      wrong(
          Rule.CLUSTER_RANGE,
          place,
          "cluster " + cluster + " at index " + at + " holds the store's metadata",
          "cluster " + layout.metadataClusters() + " to " + (clusters.count() - 1));
    } else {
      wrong(
          Rule.CLUSTER_OWNER,
          place,
          "cluster " + cluster + " at index " + at + " belongs to " + blobs.get(owner) + " as well",
          "each cluster with one owner");
    }
    return true;
  }

  private void outOfRange(long cluster, long at, Place place) {
    if (findings.full()) {
      findings.more();
      return;
    }
    wrong(
        Rule.CLUSTER_RANGE,
        place,
        "cluster " + cluster + " at index " + at,
        "cluster " + layout.metadataClusters() + " to " + (clusters.count() - 1));
  }

  /** An unfinished snapshot may have what its original or clone has: a recovery sorts it out. */
  private boolean mayShare(int owner) {
    Blob other = blobs.get(owner);
    boolean shares = other != blob && (blob.partner == other || other.partner == blob);
    other.shares |= shares;
    blob.shares |= shares;
    return shares;
  }

  private void wrong(Rule rule, Place place, String found, String expected) {
    findings.wrong(rule, blob.toString(), place, found, expected);
  }
}

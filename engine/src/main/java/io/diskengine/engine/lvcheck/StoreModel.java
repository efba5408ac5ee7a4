package io.diskengine.engine.lvcheck;

import io.diskengine.engine.lvcheck.Blob.Fate;
import io.diskengine.engine.lvcheck.Finding.Place;
import io.diskengine.engine.lvcheck.MaskCheck.Mask;
import io.diskengine.engine.lvcheck.MetadataPages.Shadow;
import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Everything that was read of a store, with the findings on the way. */
final class StoreModel {
  /** Blobs of a store, at most. */
  static final int MAX_BLOBS = 1 << 18;

  private final Medium medium;
  final Findings findings = new Findings();
  final List<Blob> blobs = new ArrayList<>();
  @Nullable Layout layout;
  @Nullable MetadataPages pages;
  @Nullable Clusters clusters;
  @Nullable Blob superBlob;

  private StoreModel(Medium medium) {
    this.medium = medium;
  }

  static StoreModel read(Medium medium) throws IOException {
    StoreModel model = new StoreModel(medium);
    Optional<Layout> layout = SuperBlockReader.read(medium, model.findings);
    if (layout.isPresent()) {
      model.read(layout.get());
    }
    return model;
  }

  private void read(Layout found) throws IOException {
    layout = found;
    MetadataPages scanned = MetadataPages.scan(medium, found);
    pages = scanned;
    chains(scanned);
    SnapshotRules snapshots = new SnapshotRules(scanned, blobs, findings);
    snapshots.decideFates();
    Clusters owned = new Clusters(found.clusters());
    clusters = owned;
    ExtentReader extents = new ExtentReader(scanned, found, owned, blobs, findings);
    for (Blob blob : blobs) {
      if (blob.fate == Fate.NONE) {
        extents.read(blob);
      }
    }
    for (Blob blob : blobs) {
      if (blob.fate != Fate.NONE) {
        extents.read(blob);
      }
    }
    snapshots.check();
    superBlob = blobs.stream().filter(b -> b.id() == found.superBlobId()).findFirst().orElse(null);
    if (found.isLvolStore()) {
      new LvolRules(scanned, findings).check(found, blobs, superBlob);
    }
    if (found.masksCount()) {
      MaskCheck check = new MaskCheck(medium, found, findings);
      for (Mask mask : masks(found, scanned, owned)) {
        BitSet inUse = check.check(mask);
        if (mask.type() == MaskCheck.PAGES) {
          tornInUse(scanned, inUse);
        }
      }
    } else {
      tornRoots(scanned);
    }
    remarks(found, scanned);
  }

  private void chains(MetadataPages scanned) throws IOException {
    BitSet roots = scanned.roots();
    for (int root = roots.nextSetBit(0); root >= 0; root = roots.nextSetBit(root + 1)) {
      if (blobs.size() == MAX_BLOBS) {
        findings.wrong(
            Rule.LIMIT,
            "store",
            scanned.place(root, 0),
            roots.cardinality() + " blobs",
            "at most " + MAX_BLOBS + ", which is what this check can hold");
        return;
      }
      Blob blob = new Blob(blobs.size(), root);
      blobs.add(blob);
      ChainReader.read(scanned, findings, blob);
    }
  }

  /** Pages that no blob found refers to, though they held something. */
  private void tornInUse(MetadataPages scanned, BitSet inUse) {
    for (int page = inUse.nextSetBit(0); page >= 0; page = inUse.nextSetBit(page + 1)) {
      if (scanned.kind(page) == MetadataPages.TORN && scanned.owner(page) < 0) {
        findings.wrong(
            Rule.PAGE_CHECKSUM,
            "store",
            scanned.place(page, MetadataPages.CRC),
            "a wrong checksum in a page that is in use",
            "pages in use are intact");
      }
    }
  }

  /** A recovery takes such a page for a free one; what was in it is lost then. */
  private void tornRoots(MetadataPages scanned) throws IOException {
    for (int page = 0; page < scanned.count(); page++) {
      if (scanned.kind(page) == MetadataPages.TORN
          && scanned.owner(page) < 0
          && !scanned.restored().get(page)
          && MetadataPages.isRoot(page, scanned.raw(page))) {
        findings.wrong(
            Rule.PAGE_CHECKSUM,
            "blob " + Bytes.hex(Layout.FIRST_BLOB_ID + page),
            scanned.place(page, MetadataPages.CRC),
            "a wrong checksum in what seems to be its first page: a recovery loses the blob",
            "an intact page, or a shadow of it");
      }
    }
  }

  /** What the masks of a clean store with these blobs must say. */
  List<Mask> masks(Layout found, MetadataPages scanned, Clusters owned) {
    BitSet usedPages = usedPages(scanned);
    BitSet blobIds = new BitSet();
    blobs.forEach(b -> blobIds.set(b.root));
    BitSet usedClusters = owned.used();
    usedClusters.set(0, found.metadataClusters());
    return List.of(
        new Mask(
            "used-page mask", MaskCheck.PAGES, found.pageMask(), found.pages(), usedPages, "page"),
        new Mask(
            "used-blobid mask",
            MaskCheck.BLOB_IDS,
            found.blobIdMask(),
            found.pages(),
            blobIds,
            "blob id"),
        new Mask(
            "used-cluster mask",
            MaskCheck.CLUSTERS,
            found.clusterMask(),
            found.clusters(),
            usedClusters,
            "cluster"));
  }

  private static BitSet usedPages(MetadataPages scanned) {
    BitSet used = new BitSet();
    for (int page = 0; page < scanned.count(); page++) {
      if (scanned.owner(page) >= 0) {
        used.set(page);
      }
    }
    return used;
  }

  /** Free metadata pages that are not zero, shadows aside. */
  BitSet leftovers() {
    BitSet left = new BitSet();
    for (int page = 0; pages != null && page < pages.count(); page++) {
      byte kind = pages.kind(page);
      if (pages.owner(page) < 0 && kind != MetadataPages.ZERO && kind != MetadataPages.SHADOW) {
        left.set(page);
      }
    }
    return left;
  }

  BitSet shadowSlots() {
    BitSet slots = new BitSet();
    for (int page = 0; pages != null && page < pages.count(); page++) {
      if (pages.kind(page) == MetadataPages.SHADOW) {
        slots.set(page);
      }
    }
    return slots;
  }

  private void remarks(Layout found, MetadataPages scanned) {
    if (!found.masksCount()) {
      findings.note(
          Rule.RECOVERY,
          "store",
          Place.superBlock(SuperBlockReader.CLEAN),
          found.torn()
              ? "the super block was being written when power failed"
              : found.clean() ? "a store without blob id mask" : "not closed in order",
          "the next load recovers it: masks are made anew from "
              + blobs.size()
              + " blobs and their clusters");
    }
    for (Shadow shadow : scanned.shadows().values()) {
      if (scanned.restored().get(shadow.target())) {
        findings.note(
            Rule.SHADOW,
            "store",
            scanned.place(shadow.target(), 0),
            "a page torn by a crash",
            "the next load takes it from its shadow in page " + shadow.slot());
      }
    }
    BitSet shadows = shadowSlots();
    if (!shadows.isEmpty()) {
      findings.note(
          Rule.SHADOW,
          "store",
          scanned.place(shadows.nextSetBit(0), 0),
          shadows.cardinality() + " shadows in pages " + Ranges.of(shadows),
          "harmless: free pages to everybody else");
    }
    BitSet left = leftovers();
    if (!left.isEmpty()) {
      findings.note(
          Rule.LEFTOVER,
          "store",
          scanned.place(left.nextSetBit(0), 0),
          left.cardinality() + " free pages that are not zero: " + Ranges.of(left),
          "harmless: nothing refers to them");
    }
  }

  // ---- the report

  Report report() {
    return new Report(
        summary(), lvols(), findings.all(), findings.inconsistencies(), findings.notes());
  }

  private Report.@Nullable Store summary() {
    Layout found = layout;
    if (found == null || pages == null || clusters == null) {
      return null;
    }
    BitSet used = clusters.used();
    used.set(0, found.metadataClusters());
    return new Report.Store(
        superBlob == null ? "" : Findings.clean(superBlob.text(Blob.NAME)),
        superBlob == null ? "" : Findings.clean(superBlob.text(Blob.UUID)),
        found.version(),
        found.clean(),
        found.sizeBytes(),
        found.clusterBytes(),
        found.clusters(),
        found.clusters() - used.cardinality(),
        found.pages(),
        usedPages(pages).cardinality(),
        found.pageBytes(),
        found.ioUnitBytes());
  }

  private List<Report.Lvol> lvols() {
    return blobs.stream()
        .filter(b -> b != superBlob && b.fate != Fate.REMOVED)
        .map(b ->
            new Report.Lvol(
                Findings.clean(b.text(Blob.NAME)),
                Findings.clean(b.text(Blob.UUID)),
                b.id(),
                b.clusters,
                b.allocatedClusters,
                b.thin(),
                b.readOnly(),
                b.parent == null ? "" : Findings.clean(b.parent.text(Blob.NAME)),
                Findings.clean(b.text(Blob.EXTERNAL_PARENT))))
        .toList();
  }
}

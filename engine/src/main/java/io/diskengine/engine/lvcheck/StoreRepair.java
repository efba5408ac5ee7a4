package io.diskengine.engine.lvcheck;

import io.diskengine.engine.lvcheck.Blob.Fate;
import io.diskengine.engine.lvcheck.MaskCheck.Mask;
import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Does what a recovery would do, and closes the store: pages torn by a crash come back from their
 * shadows, unfinished snapshots are finished or removed, masks are made anew, the store is clean.
 *
 * <p>Nothing is guessed: as long as anything is wrong that these steps do not mend, nothing is
 * changed. At every moment, whatever a power failure does to sectors under way, the store can be
 * recovered, by a load or by another repair: the clean flag goes first and comes back last, what is
 * overwritten has a shadow, and each step is flushed before the next.
 */
public final class StoreRepair {
  private final Medium.Writable medium;
  private final Consumer<String> says;
  private int generation;

  private StoreRepair(Medium.Writable medium, Consumer<String> says) {
    this.medium = medium;
    this.says = says;
  }

  /**
   * What a repair would do.
   *
   * @param report of the store as it is
   * @param changes in their order; empty when there is nothing to do
   * @param obstacles what needs a decision; a repair changes nothing while there is one
   */
  public record Plan(Report report, List<String> changes, List<String> obstacles) {}

  /** A plan, or why there is no store. */
  public sealed interface Looked {
    record NoStore(String reason) implements Looked {}

    record Planned(Plan plan) implements Looked {}
  }

  /** Reads only. */
  public static Looked plan(Medium medium) throws IOException {
    Optional<String> absent = SuperBlockReader.absent(medium);
    return absent.isPresent()
        ? new Looked.NoStore(absent.get())
        : new Looked.Planned(plan(StoreModel.read(medium)));
  }

  private static Plan plan(StoreModel model) {
    List<String> obstacles = obstacles(model);
    return new Plan(model.report(), obstacles.isEmpty() ? changes(model) : List.of(), obstacles);
  }

  private static List<String> obstacles(StoreModel model) {
    List<String> obstacles = new ArrayList<>();
    for (Finding finding : model.findings.all()) {
      if (finding.severity() == Finding.Severity.INCONSISTENT && finding.rule() != Rule.MASK) {
        obstacles.add("needs a decision: " + finding);
      }
    }
    for (Blob blob : model.blobs) {
      if (blob.fate == Fate.KEPT && blob.shares) {
        obstacles.add(blob + " has clusters that its clone has too: let a load finish it");
      } else if (blob.fate != Fate.NONE && shadowSlot(model).isEmpty()) {
        obstacles.add(
            blob + " cannot be finished safely without room for a shadow: load the store");
      }
    }
    return obstacles;
  }

  private static List<String> changes(StoreModel model) {
    List<String> changes = new ArrayList<>();
    Layout layout = model.layout;
    if (layout == null || model.pages == null) {
      return changes;
    }
    boolean asItIs =
        model.findings.inconsistencies() == 0
            && model.blobs.stream().noneMatch(Blob::marked)
            && model.pages.restored().isEmpty()
            && !layout.torn();
    // A store without blob id mask is recovered by every load: it cannot be closed for good.
    if (asItIs && (layout.masksCount() || layout.blobIdMask().pages() == 0)) {
      return changes;
    }
    changes.add("write the super block with clean = 0");
    model.pages.restored().stream()
        .forEach(page -> changes.add("write metadata page " + page + " from its shadow"));
    for (Blob blob : model.blobs) {
      if (blob.fate == Fate.KEPT) {
        changes.add("finish " + blob + ": a read-only snapshot, mark removed");
      } else if (blob.fate == Fate.REMOVED) {
        changes.add("remove " + blob + ", a snapshot that was never finished or is merged");
      }
    }
    BitSet clear = model.leftovers();
    clear.or(model.shadowSlots());
    if (!clear.isEmpty()) {
      changes.add("zero " + clear.cardinality() + " free metadata pages: " + Ranges.of(clear));
    }
    if (layout.blobIdMask().pages() > 0) {
      changes.add("write the masks of used pages, blob ids and clusters");
      changes.add("write the super block with clean = 1");
    }
    return changes;
  }

  /** How a repair ended. */
  public sealed interface Result {
    record NoStore(String reason) implements Result {}

    /** The store was not changed: there was no need, or {@code plan} names what is in the way. */
    record Unchanged(Plan plan) implements Result {}

    record Repaired(Plan plan, Report after) implements Result {}
  }

  /** Says each change, then does it. */
  public static Result repair(Medium.Writable medium, Consumer<String> says) throws IOException {
    Optional<String> absent = SuperBlockReader.absent(medium);
    if (absent.isPresent()) {
      return new Result.NoStore(absent.get());
    }
    StoreModel model = StoreModel.read(medium);
    Plan plan = plan(model);
    if (plan.changes().isEmpty()) {
      return new Result.Unchanged(plan);
    }
    new StoreRepair(medium, says).run(model);
    return new Result.Repaired(plan, StoreModel.read(medium).report());
  }

  private void run(StoreModel model) throws IOException {
    clean(false);
    restore(model);
    for (Blob blob : model.blobs) {
      if (blob.fate == Fate.KEPT) {
        finish(model, blob);
      } else if (blob.fate == Fate.REMOVED) {
        remove(model, blob);
      }
    }
    StoreModel mended = StoreModel.read(medium);
    if (mended.findings.inconsistencies() > 0
        || mended.layout == null
        || mended.pages == null
        || mended.clusters == null) {
      throw new IOException("the store is not as expected after its first changes: it stays dirty");
    }
    BitSet clear = mended.leftovers();
    clear.or(mended.shadowSlots());
    zero(mended.layout, clear);
    if (mended.layout.blobIdMask().pages() > 0) {
      says.accept("write the masks of used pages, blob ids and clusters");
      for (Mask mask : mended.masks(mended.layout, mended.pages, mended.clusters)) {
        write(mask, mended.layout);
      }
      medium.flush();
      clean(true);
    }
  }

  private void clean(boolean clean) throws IOException {
    says.accept("write the super block with clean = " + (clean ? 1 : 0));
    byte[] bytes = SuperBlockReader.effective(medium);
    Bytes.put32(bytes, SuperBlockReader.CLEAN, clean ? 1 : 0);
    Bytes.put32(bytes, SuperBlockReader.CRC, Bytes.crc(bytes, 0, SuperBlockReader.CRC));
    medium.write(0, bytes);
    medium.flush();
  }

  private void restore(StoreModel model) throws IOException {
    MetadataPages pages = pages(model);
    for (int page : pages.restored().stream().toArray()) {
      says.accept("write metadata page " + page + " from its shadow");
      byte[] content = pages.read(page);
      write(model, page, content == null ? new byte[MetadataPages.SIZE] : content);
      medium.flush();
    }
  }

  /** Read-only first, then without its mark: each for itself is a state that a load understands. */
  private void finish(StoreModel model, Blob blob) throws IOException {
    says.accept("finish " + blob + ": a read-only snapshot, mark removed");
    MetadataPages pages = pages(model);
    for (int number : blob.chain) {
      byte[] page = pages.raw(number);
      if (ChainEdit.setReadOnly(page)) {
        overwrite(model, number, page);
      }
    }
    for (int number : blob.chain) {
      byte[] page = pages.raw(number);
      if (ChainEdit.removeMark(page)) {
        overwrite(model, number, page);
      }
    }
  }

  /** Once its first page is gone there is no such blob; what it had alone is free. */
  private void remove(StoreModel model, Blob blob) throws IOException {
    says.accept("remove " + blob + ", a snapshot that was never finished or is merged");
    overwrite(model, blob.root, new byte[MetadataPages.SIZE], ChainEdit.zeroed(blob.root));
    BitSet rest = new BitSet();
    MetadataPages pages = pages(model);
    for (int page = 0; page < pages.count(); page++) {
      if (pages.owner(page) == blob.number) {
        rest.set(page);
      }
    }
    for (int page = rest.nextSetBit(0); page >= 0; page = rest.nextSetBit(page + 1)) {
      write(model, page, new byte[MetadataPages.SIZE]);
    }
    medium.flush();
  }

  private void overwrite(StoreModel model, int number, byte[] page) throws IOException {
    MetadataPages.seal(page);
    overwrite(model, number, page, page.clone());
  }

  /** Through a shadow, so that a torn page is made whole by the next load. */
  private void overwrite(StoreModel model, int number, byte[] page, byte[] shadow)
      throws IOException {
    int slot = shadowSlot(model).orElseThrow(() -> new IOException("no room for a shadow"));
    int newest =
        pages(model).shadows().values().stream()
            .mapToInt(MetadataPages.Shadow::generation)
            .max()
            .orElse(0);
    Bytes.put32(shadow, MetadataPages.GENERATION, newest + ++generation);
    MetadataPages.seal(shadow);
    write(model, slot, shadow);
    medium.flush();
    write(model, number, page);
    medium.flush();
  }

  /** The last metadata page, when no blob has any of the pages that may hold shadows. */
  private static Optional<Integer> shadowSlot(StoreModel model) {
    Layout layout = model.layout;
    MetadataPages pages = model.pages;
    if (layout == null || pages == null || layout.firstShadowSlot() == layout.pages()) {
      return Optional.empty();
    }
    for (int page = layout.firstShadowSlot(); page < layout.pages(); page++) {
      if (pages.owner(page) >= 0) {
        return Optional.empty();
      }
    }
    return Optional.of(layout.pages() - 1);
  }

  private void zero(Layout layout, BitSet pages) throws IOException {
    if (pages.isEmpty()) {
      return;
    }
    says.accept("zero " + pages.cardinality() + " free metadata pages: " + Ranges.of(pages));
    for (int page = pages.nextSetBit(0); page >= 0; page = pages.nextSetBit(page + 1)) {
      medium.write(layout.pageOffset(page), new byte[MetadataPages.SIZE]);
    }
    medium.flush();
  }

  private void write(StoreModel model, int page, byte[] bytes) throws IOException {
    if (model.layout != null) {
      medium.write(model.layout.pageOffset(page), bytes);
    }
  }

  private void write(Mask mask, Layout layout) throws IOException {
    byte[] bytes = mask.bytes(layout.pageBytes());
    long start = mask.area().start() * layout.pageBytes();
    medium.write(start, bytes);
    byte[] zeros = new byte[layout.pageBytes()];
    for (long page = bytes.length / layout.pageBytes(); page < mask.area().pages(); page++) {
      medium.write(start + page * layout.pageBytes(), zeros);
    }
  }

  private static MetadataPages pages(StoreModel model) throws IOException {
    if (model.pages == null) {
      throw new IOException("the store has no metadata");
    }
    return model.pages;
  }
}

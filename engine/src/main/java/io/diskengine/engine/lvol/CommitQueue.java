package io.diskengine.engine.lvol;

import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.reactor.Timer;
import io.diskengine.nvme.NativeMemory;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Makes changes of metadata durable, many at a time. While one batch is being written, further
 * changes gather for the next; a page that several of them touch is written once.
 *
 * <p>Goals: after a crash at any byte the store opens, with every change that was acknowledged and
 * none in part. A page that nothing on the medium refers to yet (<i>fresh</i>) may be torn by a
 * crash. A page in use must not: SPDK's format has no log, a torn root loses its blob and a torn
 * extent page the whole store. So a batch is written in this order:
 *
 * <ol>
 *   <li>fresh pages, and a {@linkplain ShadowPages shadow} of each page that is overwritten
 *   <li>flush: also covers the content of new clusters, which was written before
 *   <li>the pages that are overwritten: roots and extent pages; one durably, several with one flush
 * </ol>
 *
 * Every change hangs on one overwritten page, so the last step needs no order. The page of a new
 * root may hold the rest of anything, torn already: its shadow says that nothing is there, and does
 * not make a blob of it before what that refers to has reached the medium.
 *
 * <p>A change that somebody's I/O waits for is written at once. {@linkplain Change#patient Patient}
 * ones gather until the {@link CommitPace} lets a batch of them go, or go along with such a change.
 * Home reactor.
 */
final class CommitQueue {
  private final Blobstore store;
  private final List<Change> urgent = new ArrayList<>();
  private final List<Change> patient = new ArrayList<>();
  private final Timer paceTimer = Timer.of(this::go);
  private @Nullable CommitPace pace;
  private boolean running;

  /** Something that becomes true on the medium with one batch. */
  abstract static class Change {
    /**
     * Changes the blobs in memory and names the pages this touches. When it throws it has changed
     * nothing.
     */
    abstract void join(Batch batch) throws BdevException;

    /**
     * The batch is on the medium (0), or not.
     *
     * @param uncertain after a failure: the pages may have been written all the same, so what they
     *     refer to must not be used for anything else
     */
    abstract void ended(int errno, boolean uncertain);

    /** Nobody's I/O waits for it: it may give way to I/O. */
    boolean patient() {
      return false;
    }
  }

  /** Nothing by itself: {@code begin} runs when a patient change may be made. */
  static final class Turn extends Change {
    private final Runnable begin;

    Turn(Runnable begin) {
      this.begin = begin;
    }

    @Override
    void join(Batch batch) {}

    @Override
    void ended(int errno, boolean uncertain) {
      begin.run();
    }

    @Override
    boolean patient() {
      return true;
    }
  }

  CommitQueue(Blobstore store) {
    this.store = store;
  }

  /** From now on patient changes are made at this pace; at once when null. */
  void pace(@Nullable CommitPace newPace) {
    pace = newPace;
    go();
  }

  void add(Change change) {
    (change.patient() ? patient : urgent).add(change);
    go();
  }

  boolean idle() {
    return !running && urgent.isEmpty() && patient.isEmpty();
  }

  /** Starts a batch, if none is under way and something may be made now. */
  private void go() {
    if (running || idle()) {
      return;
    }
    int most = mostPatient();
    if (urgent.isEmpty() && most == 0) {
      return;
    }
    running = true;
    List<Change> changes = taken(most);
    store.leaveCleanState(errno -> {
      if (errno != 0) {
        end(changes, errno, false);
      } else {
        new Batch(changes).start();
      }
    });
  }

  /** How many patient changes the next batch may have; if none, this is looked at again in time. */
  private int mostPatient() {
    if (pace == null) {
      return Integer.MAX_VALUE;
    }
    if (!urgent.isEmpty()) {
      return pace.along();
    }
    long delayNs = pace.delayNs();
    if (delayNs > 0) {
      store.device().home().schedule(paceTimer, delayNs);
      return 0;
    }
    return pace.go();
  }

  private List<Change> taken(int mostPatient) {
    List<Change> changes = new ArrayList<>(urgent);
    List<Change> along = patient.subList(0, Math.min(patient.size(), mostPatient));
    changes.addAll(along);
    along.clear();
    urgent.clear();
    return changes;
  }

  /** For the next batch, in front of what came later. */
  private void putBack(List<Change> changes) {
    urgent.addAll(0, changes.stream().filter(c -> !c.patient()).toList());
    patient.addAll(0, changes.stream().filter(Change::patient).toList());
  }

  private void end(List<Change> changes, int errno, boolean uncertain) {
    changes.forEach(c -> c.ended(errno, uncertain));
    running = false;
    go();
    if (idle()) {
      store.commitsEnded();
    }
  }

  /** A page's new content and where it goes. */
  record PageWrite(int page, long buffer) {}

  /** The changes that are written together. */
  final class Batch {
    private List<Change> changes;
    private final Set<Blob> roots = new LinkedHashSet<>();
    private final Set<Integer> newRoots = new HashSet<>();
    private final Map<Blob, Set<Integer>> freshRows = new LinkedHashMap<>();
    private final Map<Blob, Set<Integer>> rows = new LinkedHashMap<>();
    private final List<PageWrite> fresh = new ArrayList<>();
    private final List<PageWrite> inPlace = new ArrayList<>();
    private final List<Integer> replaced = new ArrayList<>();
    private int reservedPages;
    private int overwritten;

    private Batch(List<Change> changes) {
      this.changes = changes;
    }

    /** Takes care that {@code pages} can be claimed when the batch is written. */
    void reserve(int pages) throws BdevException {
      if (store.freePages() < reservedPages + pages) {
        throw new BdevException(BdevException.ENOSPC, "no free metadata pages");
      }
      reservedPages += pages;
    }

    /** A metadata page for a fresh extent page. */
    int claimPage() throws BdevException {
      reserve(1);
      return store.claimPage();
    }

    /** The blob's chain is written anew; its root page exists on the medium. */
    void chain(Blob blob) throws BdevException {
      if (!roots.contains(blob)) {
        reserve(blob.chain.length + 1);
        roots.add(blob);
        overwritten++;
      }
    }

    /**
     * The blob's chain is written anew as it is now in memory, however many pages it takes. When
     * this throws the caller takes its change of the blob back.
     */
    void rewrittenChain(Blob blob) throws BdevException {
      reserve(store.pageCount(blob));
      if (roots.add(blob)) {
        overwritten++;
      }
    }

    /** A blob that is not on the medium yet: all its extent pages and its chain. */
    void newBlob(Blob blob) throws BdevException {
      newRoot(blob);
      for (int row = 0; row < blob.extentPages.length; row++) {
        if (blob.extentPages[row] != 0) {
          freshRow(blob, row);
        }
      }
    }

    /** The chain of a blob that is not on the medium yet; its extent pages are. */
    void newRoot(Blob blob) throws BdevException {
      reserve(store.pageCount(blob));
      roots.add(blob);
      newRoots.add(blob.rootPage());
      overwritten++;
    }

    /** An extent page that the medium does not refer to yet. */
    void freshRow(Blob blob, int row) {
      freshRows.computeIfAbsent(blob, b -> new LinkedHashSet<>()).add(row);
    }

    /** The row's extent page is overwritten, unless it is a fresh one of this batch. */
    void row(Blob blob, int row) {
      Set<Integer> freshOnes = freshRows.get(blob);
      if (freshOnes == null || !freshOnes.contains(row)) {
        rows.computeIfAbsent(blob, b -> new LinkedHashSet<>()).add(row);
        overwritten++;
      }
    }

    /** The blob is gone: zeros where its root was. */
    void zeroRoot(Blob blob) {
      roots.remove(blob);
      freshRows.remove(blob);
      rows.remove(blob);
      long buffer = store.device().takePage();
      NativeMemory.zero(buffer, MetadataPage.SIZE);
      inPlace.add(new PageWrite(blob.rootPage(), buffer));
      overwritten++;
    }

    private void start() {
      joinChanges();
      render();
      if (fresh.isEmpty() && inPlace.isEmpty()) {
        ended(0, false); // turns only, or nothing that could be made
        return;
      }
      StoreDevice device = store.device();
      long nothing = device.takePage();
      NativeMemory.zero(nothing, MetadataPage.SIZE);
      List<PageWrite> shadowed =
          inPlace.stream()
              .map(w -> newRoots.contains(w.page()) ? new PageWrite(w.page(), nothing) : w)
              .toList();
      fresh.addAll(store.shadows().of(shadowed));
      device.givePage(nothing);
      StoreDevice.forEach(
          fresh.size(),
          (i, done) -> store.writePage(fresh.get(i), false, done),
          errno -> {
            if (errno != 0) {
              ended(errno, false);
            } else {
              device.flush(this::overwrite);
            }
          });
    }

    /** What would overwrite more pages than one batch may waits for the next. */
    private void joinChanges() {
      List<Change> joined = new ArrayList<>();
      int next = 0;
      for (; next < changes.size() && overwritten < store.shadows().batchLimit(); next++) {
        Change change = changes.get(next);
        try {
          change.join(this);
          joined.add(change);
        } catch (BdevException refused) {
          change.ended(refused.errno(), false);
        }
      }
      putBack(changes.subList(next, changes.size()));
      changes = joined;
    }

    private void overwrite(int flushErrno) {
      if (flushErrno != 0) {
        ended(flushErrno, false);
        return;
      }
      boolean alone = inPlace.size() == 1;
      StoreDevice.forEach(
          inPlace.size(),
          (i, done) -> store.writePage(inPlace.get(i), alone, done),
          errno -> {
            if (errno != 0 || alone) {
              ended(errno, errno != 0);
            } else {
              store.device().flush(last -> ended(last, last != 0));
            }
          });
    }

    private void ended(int errno, boolean uncertain) {
      fresh.forEach(w -> store.device().givePage(w.buffer()));
      inPlace.forEach(w -> store.device().givePage(w.buffer()));
      if (errno == 0) {
        store.retirePages(replaced);
      }
      end(changes, errno, uncertain);
    }

    // ---- from memory to pages

    private void render() {
      freshRows.forEach((blob, set) -> set.forEach(row -> extentPage(blob, row, fresh)));
      rows.forEach((blob, set) -> set.forEach(row -> extentPage(blob, row, inPlace)));
      roots.forEach(this::renderChain);
    }

    private void extentPage(Blob blob, int row, List<PageWrite> into) {
      long buffer = store.device().takePage();
      BlobCodec.encodeExtentPage(blob, row, buffer);
      MetadataPage.seal(buffer, store.crc());
      into.add(new PageWrite(blob.extentPages[row], buffer));
    }

    /** The pages after the root go to new places, so that the old chain stays whole. */
    private void renderChain(Blob blob) {
      List<Long> buffers = new ArrayList<>();
      BlobCodec.encode(
          blob,
          () -> {
            buffers.add(store.device().takePage());
            return buffers.getLast();
          });
      int[] chain = new int[buffers.size()];
      chain[0] = blob.rootPage();
      for (int i = 1; i < chain.length; i++) {
        chain[i] = store.claimPage();
      }
      for (int i = 0; i < chain.length; i++) {
        long buffer = buffers.get(i);
        MetadataPage.next(buffer, i + 1 < chain.length ? chain[i + 1] : MetadataPage.END_OF_CHAIN);
        MetadataPage.seal(buffer, store.crc());
        (i == 0 ? inPlace : fresh).add(new PageWrite(chain[i], buffer));
      }
      for (int i = 1; i < blob.chain.length; i++) {
        replaced.add(blob.chain[i]);
      }
      blob.chain = chain;
    }
  }
}

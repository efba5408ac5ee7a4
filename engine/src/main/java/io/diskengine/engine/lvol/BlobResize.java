package io.diskengine.engine.lvol;

import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.Done;
import java.util.ArrayList;
import java.util.List;

/**
 * Another size for a blob that nobody reads or writes meanwhile: one commit of its root. The last
 * extent page of the smaller size, whose number of entries changes, moves to a new page, so that
 * the root alone decides. Home reactor.
 *
 * <p>New clusters of a thick blob are zeroed. So are those of a thin one where its parent has
 * something: the blob was smaller before, and what it cut off must not come back.
 */
final class BlobResize extends CommitQueue.Change {
  private final Blobstore store;
  private final Blob blob;
  private final ClusterMap before;
  private final int[] pagesBefore;
  private final int allocatedBefore;
  private final ClusterMap after;
  private final List<Integer> newClusters = new ArrayList<>();
  private final List<Integer> claimedPages = new ArrayList<>();
  private final Done done;

  private BlobResize(Blobstore store, Blob blob, int newSize, Done done) {
    this.store = store;
    this.blob = blob;
    this.before = blob.clusters;
    this.pagesBefore = blob.extentPages;
    this.allocatedBefore = blob.allocatedClusters;
    this.after = before.resized(newSize);
    this.done = done;
  }

  static void run(Blobstore store, Blob blob, int newSize, Done done) {
    store.begin();
    new BlobResize(
            store,
            blob,
            newSize,
            errno -> {
              store.end();
              done.done(errno);
            })
        .start();
  }

  private void start() {
    List<Integer> indexes = new ArrayList<>();
    for (int i = before.size(); i < after.size(); i++) {
      if (!blob.thin() || shownByParent(i)) {
        indexes.add(i);
      }
    }
    if (indexes.size() > store.freeClusters()) {
      done.done(BdevException.ENOSPC);
      return;
    }
    for (int index : indexes) {
      int cluster = store.claimCluster();
      newClusters.add(cluster);
      after.set(index, cluster);
    }
    List<ClusterRun> runs = ClusterRun.of(newClusters);
    store.zeroRuns(
        runs,
        errno -> {
          if (errno == 0) {
            store.commits().add(this);
          } else {
            ended(errno, false);
          }
        });
  }

  private boolean shownByParent(int index) {
    Blob parent = blob.parent;
    ExternalSnapshot external = blob.external;
    return parent != null && !parent.readsAsZeros(index)
        || external != null && index < external.clusters();
  }

  @Override
  void join(CommitQueue.Batch batch) throws BdevException {
    blob.clusters = after;
    blob.allocatedClusters = allocated();
    try {
      blob.extentPages = blob.usesExtentTable() ? place(batch) : pagesBefore;
      batch.rewrittenChain(blob);
    } catch (BdevException full) {
      takeBack();
      claimedPages.forEach(store::releasePage);
      claimedPages.clear();
      throw full;
    }
  }

  private int allocated() {
    int count = allocatedBefore + newClusters.size();
    for (int i = after.size(); i < before.size(); i++) {
      count -= before.get(i) == 0 ? 0 : 1;
    }
    return count;
  }

  /** The extent pages of the new size: those of before where they say the same. */
  private int[] place(CommitQueue.Batch batch) throws BdevException {
    int[] pages = new int[after.rows()];
    blob.extentPages = pages;
    for (int row = 0; row < pages.length; row++) {
      boolean known = row < pagesBefore.length;
      boolean asBefore = known && before.rowSize(row) == after.rowSize(row);
      if (asBefore) {
        pages[row] = pagesBefore[row];
      } else if (known ? pagesBefore[row] != 0 || !after.rowMissing(row) : !after.rowMissing(row)) {
        int page = batch.claimPage();
        claimedPages.add(page);
        pages[row] = page;
        batch.freshRow(blob, row);
      }
    }
    return pages;
  }

  @Override
  void ended(int errno, boolean uncertain) {
    if (errno == 0) {
      free();
      return;
    }
    takeBack();
    if (!uncertain) {
      newClusters.forEach(store::releaseCluster);
      claimedPages.forEach(store::releasePage);
    }
    done.done(errno);
  }

  private void takeBack() {
    blob.clusters = before;
    blob.extentPages = pagesBefore;
    blob.allocatedClusters = allocatedBefore;
  }

  private void free() {
    List<Integer> pages = new ArrayList<>();
    for (int row = 0; row < pagesBefore.length; row++) {
      if (pagesBefore[row] != 0
          && (row >= blob.extentPages.length || blob.extentPages[row] != pagesBefore[row])) {
        pages.add(pagesBefore[row]);
      }
    }
    List<Integer> clusters = new ArrayList<>();
    for (int i = after.size(); i < before.size(); i++) {
      if (before.get(i) != 0) {
        clusters.add(before.get(i));
      }
    }
    store.retirePages(
        pages, () -> store.freeRuns(ClusterRun.of(clusters), blob.clearMethod(), done));
  }
}

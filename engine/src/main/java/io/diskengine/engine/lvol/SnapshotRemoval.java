package io.diskengine.engine.lvol;

import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.Done;
import java.util.ArrayList;
import java.util.List;

/**
 * A snapshot with one clone is removed: the clone takes over what it does not have itself. Three
 * commits, each of one root, with the xattrs of SPDK:
 *
 * <ol>
 *   <li>the snapshot, naming the clone in SNAPRM: a load takes that back
 *   <li>the clone with the merged map and the snapshot's parent: from here a load discards the
 *       snapshot
 *   <li>the snapshot's root, zeroed
 * </ol>
 *
 * <p>Extent pages that both have are merged into new ones, so that the second commit is the root
 * alone. Nobody reads or writes the clone until its end. Home reactor.
 */
final class SnapshotRemoval {
  private final Blobstore store;
  private final Blob snapshot;
  private final Blob clone;

  /** Waits until no I/O is in flight on clusters that are about to be free. */
  private final Barrier barrier;

  private final Done handedOver;
  private final Done done;
  private final List<Integer> newClusters = new ArrayList<>();
  private final List<Integer> leftPages = new ArrayList<>();
  private List<ClusterRun> leftClusters = List.of();

  /** See the field. */
  interface Barrier {
    void pass(List<ClusterRun> clusters, Runnable passed);
  }

  private SnapshotRemoval(
      Blobstore store, Blob snapshot, Blob clone, Barrier barrier, Done handedOver, Done done) {
    this.store = store;
    this.snapshot = snapshot;
    this.clone = clone;
    this.barrier = barrier;
    this.handedOver = handedOver;
    this.done = done;
  }

  /**
   * @param handedOver the clone may be used again: 0, or the errno with which all ends
   * @param done called once, last
   */
  static void run(
      Blobstore store, Blob snapshot, Blob clone, Barrier barrier, Done handedOver, Done done) {
    store.begin();
    new SnapshotRemoval(
            store,
            snapshot,
            clone,
            barrier,
            handedOver,
            errno -> {
              store.end();
              done.done(errno);
            })
        .start();
  }

  private void start() {
    int needed = 0;
    for (int i = snapshot.clusters.size(); i < clone.clusters.size(); i++) {
      needed += hidden(i) ? 1 : 0;
    }
    if (needed > store.freeClusters()) {
      failed(BdevException.ENOSPC);
      return;
    }
    for (int i = 0; i < needed; i++) {
      newClusters.add(store.claimCluster());
    }
    store.zeroRuns(
        ClusterRun.of(newClusters),
        errno -> {
          if (errno != 0) {
            failed(errno);
          } else {
            store
                .commits()
                .add(
                    new RootChange(snapshot, this::announced) {
                      @Override
                      void apply() {
                        snapshot.putBlobId(Blob.SNAPSHOT_IN_REMOVAL, clone.id);
                      }
                    });
          }
        });
  }

  /** The snapshot ends before this cluster, but its parent has something there: zeros must stay. */
  private boolean hidden(int index) {
    Blob parent = snapshot.parent;
    ExternalSnapshot external = snapshot.external;
    boolean above =
        parent != null && !parent.readsAsZeros(index)
            || external != null && index < external.clusters();
    return clone.clusters.get(index) == 0 && above;
  }

  private void announced(int errno) {
    if (errno == 0) {
      store.commits().add(new Merge());
    } else {
      failed(errno);
    }
  }

  private void failed(int errno) {
    newClusters.forEach(store::releaseCluster);
    handedOver.done(errno);
    done.done(errno);
  }

  private final class Merge extends CommitQueue.Change {
    private Blob.Attributes attributes = clone.attributes();
    private final ClusterMap clusters = clone.clusters;
    private final int[] extentPages = clone.extentPages;
    private final int allocatedClusters = clone.allocatedClusters;
    private final List<Integer> claimedPages = new ArrayList<>();

    @Override
    void join(CommitQueue.Batch batch) throws BdevException {
      attributes = clone.attributes();
      ClusterMap merged = clusters.resized(clusters.size());
      clone.clusters = merged;
      clone.extentPages = extentPages.clone();
      List<Integer> zeroed = new ArrayList<>(newClusters);
      try {
        for (int row = 0; row < merged.rows(); row++) {
          if (mergeRow(merged, row, zeroed) && clone.usesExtentTable()) {
            placeRow(batch, row);
          }
        }
        takeParent();
        batch.rewrittenChain(clone);
      } catch (BdevException full) {
        takeBack();
        claimedPages.forEach(store::releasePage);
        throw full;
      }
    }

    /** True when the clone has more in this row than before. */
    private boolean mergeRow(ClusterMap merged, int row, List<Integer> zeroed) {
      int first = row * ClusterMap.ROW;
      boolean more = false;
      for (int i = first; i < first + merged.rowSize(row); i++) {
        int cluster = 0;
        if (merged.get(i) != 0) {
          continue;
        } else if (i < snapshot.clusters.size()) {
          cluster = snapshot.clusters.get(i);
        } else if (hidden(i)) {
          cluster = zeroed.removeLast();
        }
        if (cluster != 0) {
          merged.set(i, cluster);
          clone.allocatedClusters++;
          more = true;
        }
      }
      return more;
    }

    /** The snapshot's extent page where it says just what is wanted, else a new one. */
    private void placeRow(CommitQueue.Batch batch, int row) throws BdevException {
      boolean sameSize =
          row < snapshot.clusters.rows()
              && snapshot.clusters.rowSize(row) == clone.clusters.rowSize(row);
      if (extentPages[row] == 0 && sameSize && snapshot.extentPages[row] != 0) {
        clone.extentPages[row] = snapshot.extentPages[row];
        return;
      }
      int page = batch.claimPage();
      claimedPages.add(page);
      clone.extentPages[row] = page;
      batch.freshRow(clone, row);
    }

    private void takeParent() {
      byte[] external = snapshot.internalXattrs.get(Blob.EXTERNAL_PARENT);
      long parent = snapshot.parentId();
      if (snapshot.hasExternalParent() && external != null) {
        clone.removeInternal(Blob.PARENT);
        clone.putInternal(Blob.EXTERNAL_PARENT, external);
        clone.invalidFlags |= Blob.EXTERNAL_SNAPSHOT;
      } else if (parent != SuperBlock.NO_BLOB) {
        clone.putBlobId(Blob.PARENT, parent);
      } else {
        clone.removeInternal(Blob.PARENT);
      }
    }

    private void takeBack() {
      clone.attributes(attributes);
      clone.clusters = clusters;
      clone.extentPages = extentPages;
      clone.allocatedClusters = allocatedClusters;
    }

    @Override
    void ended(int errno, boolean uncertain) {
      if (errno == 0) {
        merged();
        return;
      }
      takeBack();
      if (!uncertain) {
        claimedPages.forEach(store::releasePage);
        revoke();
      }
      failed(errno);
    }

    private void merged() {
      for (int row = 0; row < extentPages.length; row++) {
        if (extentPages[row] != 0 && extentPages[row] != clone.extentPages[row]) {
          leftPages.add(extentPages[row]);
        }
      }
      findTheRest();
      clone.external = snapshot.external;
      snapshot.external = null;
      clone.moveTo(snapshot.parent);
      handedOver.done(0);
      removeRoot();
    }
  }

  /** The clone could not be changed: the snapshot stays. */
  private void revoke() {
    store
        .commits()
        .add(
            new RootChange(snapshot, errno -> {}) {
              @Override
              void apply() {
                snapshot.removeInternal(Blob.SNAPSHOT_IN_REMOVAL);
              }
            });
  }

  private void removeRoot() {
    store
        .commits()
        .add(
            new CommitQueue.Change() {
              @Override
              void join(CommitQueue.Batch batch) {
                batch.zeroRoot(snapshot);
              }

              @Override
              boolean patient() {
                return true;
              }

              @Override
              void ended(int errno, boolean uncertain) {
                store.forget(snapshot);
                snapshot.moveTo(null);
                if (errno != 0) {
                  done.done(errno);
                } else {
                  freeTheRest();
                }
              }
            });
  }

  /** What neither of them will have: pages, and clusters of which the clone had its own. */
  private void findTheRest() {
    for (int page : snapshot.chain) {
      leftPages.add(page);
    }
    for (int row = 0; row < snapshot.extentPages.length; row++) {
      int page = snapshot.extentPages[row];
      if (page != 0 && (row >= clone.extentPages.length || clone.extentPages[row] != page)) {
        leftPages.add(page);
      }
    }
    ClusterMap all = snapshot.clusters;
    ClusterMap left = new ClusterMap(all.size());
    for (int i = 0; i < all.size(); i++) {
      if (all.rowMissing(i / ClusterMap.ROW)) {
        i += ClusterMap.ROW - 1;
        continue;
      }
      int cluster = all.get(i);
      if (cluster != 0 && (i >= clone.clusters.size() || clone.clusters.get(i) != cluster)) {
        left.set(i, cluster);
      }
    }
    leftClusters = ClusterRun.of(left);
  }

  private void freeTheRest() {
    store.retirePages(
        leftPages,
        () ->
            barrier.pass(
                leftClusters, () -> store.freeRuns(leftClusters, snapshot.clearMethod(), done)));
  }
}

package io.diskengine.engine.lvol;

import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.Done;
import java.util.ArrayList;
import java.util.List;

/**
 * A snapshot takes over what a blob has; the blob goes on as its clone, empty. Three commits, each
 * of one root, with the xattrs of SPDK:
 *
 * <ol>
 *   <li>the snapshot, naming the original in SNAPTMP: a load discards it, nothing has happened
 *   <li>the original, empty, naming the snapshot as its parent: from here a load keeps the
 *       snapshot, and the snapshot is acknowledged
 *   <li>the snapshot without SNAPTMP, read-only
 * </ol>
 *
 * <p>Nobody reads or writes the original until the end of the second. Home reactor.
 */
final class SnapshotCreation {
  private final Blobstore store;
  private final Blob original;
  private final Blob snapshot;
  private final Done done;

  private SnapshotCreation(Blobstore store, Blob original, Blob snapshot, Done done) {
    this.store = store;
    this.original = original;
    this.snapshot = snapshot;
    this.done = done;
  }

  /**
   * @param snapshot a new blob with the name and uuid of the snapshot as its xattrs
   */
  static void run(Blobstore store, Blob original, Blob snapshot, Done done) {
    snapshot.putBlobId(Blob.SNAPSHOT_IN_CREATION, original.id);
    long parent = original.parentId();
    byte[] external = original.internalXattrs.get(Blob.EXTERNAL_PARENT);
    if (external != null) {
      snapshot.putInternal(Blob.EXTERNAL_PARENT, external);
    } else if (parent != SuperBlock.NO_BLOB) {
      snapshot.putBlobId(Blob.PARENT, parent);
    }
    snapshot.invalidFlags = original.invalidFlags;
    snapshot.mdRoFlags = original.mdRoFlags;
    snapshot.clusters = original.clusters;
    snapshot.extentPages = original.extentPages;
    snapshot.allocatedClusters = original.allocatedClusters;
    SnapshotCreation creation =
        new SnapshotCreation(
            store,
            original,
            snapshot,
            errno -> {
              store.end();
              done.done(errno);
            });
    store.begin();
    store.commits().add(creation.new Announcement());
  }

  private final class Announcement extends CommitQueue.Change {
    @Override
    void join(CommitQueue.Batch batch) throws BdevException {
      batch.newRoot(snapshot);
    }

    @Override
    void ended(int errno, boolean uncertain) {
      if (errno == 0) {
        store.commits().add(new Handover());
      } else {
        if (!uncertain) {
          releaseChain();
        }
        done.done(errno);
      }
    }
  }

  private final class Handover extends CommitQueue.Change {
    private Blob.Attributes before = original.attributes();

    @Override
    void join(CommitQueue.Batch batch) throws BdevException {
      before = original.attributes();
      original.putBlobId(Blob.PARENT, snapshot.id);
      original.removeInternal(Blob.EXTERNAL_PARENT);
      original.invalidFlags &= ~Blob.EXTERNAL_SNAPSHOT;
      original.invalidFlags |= Blob.THIN;
      original.clusters = new ClusterMap(snapshot.clusters.size());
      original.extentPages = new int[snapshot.extentPages.length];
      original.allocatedClusters = 0;
      try {
        batch.rewrittenChain(original);
      } catch (BdevException full) {
        takeBack();
        throw full;
      }
    }

    @Override
    void ended(int errno, boolean uncertain) {
      if (errno == 0) {
        established();
        done.done(0);
      } else {
        takeBack();
        if (!uncertain) {
          discard();
        }
        done.done(errno);
      }
    }

    private void takeBack() {
      original.attributes(before);
      original.clusters = snapshot.clusters;
      original.extentPages = snapshot.extentPages;
      original.allocatedClusters = snapshot.allocatedClusters;
    }
  }

  private void established() {
    Blob parent = original.parent;
    original.moveTo(null);
    snapshot.moveTo(parent);
    snapshot.external = original.external;
    original.external = null;
    original.moveTo(snapshot);
    snapshot.removeInternal(Blob.SNAPSHOT_IN_CREATION);
    snapshot.dataRoFlags |= Blob.READ_ONLY;
    store.adopt(snapshot);
    store
        .commits()
        .add(
            new RootChange(snapshot, errno -> {}) {
              @Override
              void apply() {}

              @Override
              boolean patient() {
                return true;
              }
            });
  }

  /** The original cannot name the snapshot: the medium must not have it either. */
  private void discard() {
    store
        .commits()
        .add(
            new CommitQueue.Change() {
              @Override
              void join(CommitQueue.Batch batch) {
                batch.zeroRoot(snapshot);
              }

              @Override
              void ended(int errno, boolean uncertain) {
                if (errno == 0) {
                  store.retirePages(chainPages());
                }
              }
            });
  }

  private void releaseChain() {
    chainPages().forEach(store::releasePage);
  }

  private List<Integer> chainPages() {
    List<Integer> pages = new ArrayList<>();
    for (int page : snapshot.chain) {
      pages.add(page);
    }
    return pages;
  }
}

package io.diskengine.engine.lvol;

import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.Done;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * From the blobs that were read to a store: who is whose parent, what belongs to whom, and what
 * becomes of snapshots whose creation or removal was cut short.
 *
 * <p>Such a snapshot names the blob it was made from or is merged into. It is kept when that blob
 * has it as its parent, else discarded: then the other has its clusters. One rule serves both, as
 * in SPDK; where a removal had begun to merge (SPDK overwrites the clone's extent pages before its
 * root), the clone's entries that are the snapshot's are taken out again.
 */
final class StoreRecovery {
  private final SuperBlock layout;
  private final Map<Long, Blob> blobs;
  private final List<Blob> kept = new ArrayList<>();
  private final List<Blob> discarded = new ArrayList<>();
  private final Map<Blob, Set<Integer>> unmerged = new LinkedHashMap<>();
  private final BitSet pages = new BitSet();
  private final BitSet clusters = new BitSet();

  StoreRecovery(SuperBlock layout, Map<Long, Blob> blobs) {
    this.layout = layout;
    this.blobs = new TreeMap<>(blobs);
  }

  /**
   * @throws BdevException EILSEQ, with the reason, for blobs that contradict one another
   */
  void resolve() throws BdevException {
    for (Blob blob : List.copyOf(blobs.values())) {
      long other = blob.blobId(Blob.SNAPSHOT_IN_REMOVAL);
      other = other == SuperBlock.NO_BLOB ? blob.blobId(Blob.SNAPSHOT_IN_CREATION) : other;
      if (other != SuperBlock.NO_BLOB) {
        decide(blob, other);
      }
    }
    relate();
    for (Blob blob : blobs.values()) {
      own(blob);
    }
    clusters.set(0, layout.metadataClusters());
    for (Blob blob : discarded) {
      leaveToDiscarded(blob);
    }
  }

  private void decide(Blob snapshot, long otherId) {
    Blob other = blobs.get(otherId);
    if (other != null && other.parentId() != snapshot.id) {
      blobs.remove(snapshot.id);
      discarded.add(snapshot);
      return;
    }
    snapshot.removeInternal(Blob.SNAPSHOT_IN_REMOVAL);
    snapshot.removeInternal(Blob.SNAPSHOT_IN_CREATION);
    snapshot.dataRoFlags |= Blob.READ_ONLY;
    kept.add(snapshot);
    if (other != null) {
      takeOut(snapshot, other);
    }
  }

  private void takeOut(Blob snapshot, Blob clone) {
    int size = Math.min(snapshot.clusters.size(), clone.clusters.size());
    for (int i = 0; i < size; i++) {
      int row = i / ClusterMap.ROW;
      if (clone.clusters.rowMissing(row) || snapshot.clusters.rowMissing(row)) {
        i = (row + 1) * ClusterMap.ROW - 1;
        continue;
      }
      int cluster = clone.clusters.get(i);
      if (cluster != 0 && cluster == snapshot.clusters.get(i)) {
        clone.clusters.set(i, 0);
        clone.allocatedClusters--;
        unmerged.computeIfAbsent(clone, b -> new LinkedHashSet<>()).add(row);
      }
    }
  }

  private void relate() throws BdevException {
    for (Blob blob : blobs.values()) {
      long parentId = blob.hasExternalParent() ? SuperBlock.NO_BLOB : blob.parentId();
      if (parentId != SuperBlock.NO_BLOB) {
        Blob parent = blobs.get(parentId);
        if (parent == null) {
          throw BlobCodec.corrupt(blob.id, "an unknown parent 0x" + Long.toHexString(parentId));
        }
        blob.moveTo(parent);
      }
    }
    for (Blob blob : blobs.values()) {
      int generations = 0;
      for (Blob above = blob.parent; above != null; above = above.parent) {
        if (++generations > blobs.size()) {
          throw BlobCodec.corrupt(blob.id, "itself as an ancestor");
        }
      }
    }
  }

  private void own(Blob blob) throws BdevException {
    for (int page : blob.chain) {
      own(pages, page, blob, "metadata page");
    }
    for (int page : blob.extentPages) {
      if (page != 0) {
        own(pages, page, blob, "metadata page");
      }
    }
    for (ClusterRun run : ClusterRun.of(blob.clusters)) {
      for (int cluster = run.first(); cluster < run.first() + run.count(); cluster++) {
        if (cluster < layout.metadataClusters()) {
          throw BlobCodec.corrupt(blob.id, "cluster " + cluster + ", which is metadata");
        }
        own(clusters, cluster, blob, "cluster");
      }
    }
  }

  private static void own(BitSet owned, int bit, Blob blob, String what) throws BdevException {
    if (owned.get(bit)) {
      throw BlobCodec.corrupt(blob.id, what + " " + bit + " of another blob");
    }
    owned.set(bit);
  }

  /** Until its root is zeroed, what only a discarded blob has is not free. */
  private void leaveToDiscarded(Blob blob) throws BdevException {
    for (int row = 0; row < blob.extentPages.length; row++) {
      int page = blob.extentPages[row];
      if (page != 0 && pages.get(page)) {
        blob.extentPages[row] = 0;
      }
    }
    for (int page : blob.chain) {
      own(pages, page, blob, "metadata page");
    }
    for (int page : blob.extentPages) {
      if (page != 0) {
        pages.set(page);
      }
    }
    for (int i = 0; i < blob.clusters.size(); i++) {
      if (blob.clusters.rowMissing(i / ClusterMap.ROW)) {
        i += ClusterMap.ROW - 1;
        continue;
      }
      int cluster = blob.clusters.get(i);
      if (cluster != 0 && clusters.get(cluster)) {
        blob.clusters.set(i, 0);
      } else if (cluster != 0) {
        clusters.set(cluster);
      }
    }
  }

  /** The store's blobs. */
  Collection<Blob> blobs() {
    return blobs.values();
  }

  /** The medium is not yet as {@link #blobs} says. */
  boolean needed() {
    return !kept.isEmpty() || !discarded.isEmpty();
  }

  BitSet usedPages() {
    return pages;
  }

  BitSet usedClusters() {
    return clusters;
  }

  /** Makes the medium say what was decided, in an order that may be cut short again. */
  void write(Blobstore store, Done done) {
    Chain chain = Chain.of(next -> next.done(0));
    unmerged.forEach((blob, rows) ->
        rows.forEach(row -> chain.then(next -> store.commits().add(extents(blob, row, next)))));
    for (Blob blob : kept) {
      chain.then(next ->
          store
              .commits()
              .add(
                  new RootChange(blob, next) {
                    @Override
                    void apply() {}
                  }));
    }
    for (Blob blob : discarded) {
      chain.then(next -> store.delete(blob, next));
    }
    chain.run(done);
  }

  private static CommitQueue.Change extents(Blob blob, int row, Done done) {
    return new CommitQueue.Change() {
      @Override
      void join(CommitQueue.Batch batch) throws BdevException {
        if (blob.usesExtentTable()) {
          batch.row(blob, row);
        } else {
          batch.chain(blob);
        }
      }

      @Override
      void ended(int errno, boolean uncertain) {
        done.done(errno);
      }
    };
  }
}

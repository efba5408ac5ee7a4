package io.diskengine.engine.lvol;

import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.Done;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A thin blob gets clusters of its own: all (it is thick and without parent afterwards), or those
 * that its direct parent has (it is a clone of the grandparent afterwards). Users go on meanwhile;
 * only the last look for clusters and the commit of the root are made while they wait. Home
 * reactor.
 */
final class Inflation {
  private final Blobstore store;
  private final ClusterAllocator clusters;
  private final Blob blob;
  private final boolean all;
  private final Freeze freeze;
  private final Done done;

  /** Runs something while nobody reads or writes the blob or what is read through it. */
  interface Freeze {
    void run(Chain.Step body, Done done);
  }

  private Inflation(
      Blobstore store,
      ClusterAllocator clusters,
      Blob blob,
      boolean all,
      Freeze freeze,
      Done done) {
    this.store = store;
    this.clusters = clusters;
    this.blob = blob;
    this.all = all;
    this.freeze = freeze;
    this.done = done;
  }

  static void run(
      Blobstore store,
      ClusterAllocator clusters,
      Blob blob,
      boolean all,
      Freeze freeze,
      Done done) {
    store.begin();
    new Inflation(
            store,
            clusters,
            blob,
            all || blob.hasExternalParent(),
            freeze,
            errno -> {
              store.end();
              done.done(errno);
            })
        .start();
  }

  private void start() {
    List<Integer> needed = needed();
    if (needed.size() > store.freeClusters()) {
      done.done(BdevException.ENOSPC);
      return;
    }
    Chain.of(next -> allocate(needed, next))
        .then(next ->
            freeze.run(Chain.of(each -> allocate(needed(), each)).then(this::commit)::run, next))
        .run(done);
  }

  private List<Integer> needed() {
    List<Integer> indexes = new ArrayList<>();
    Blob parent = blob.parent;
    for (int i = 0; i < blob.clusters.size(); i++) {
      if (blob.clusters.get(i) == 0 && (all || parent != null && comesFrom(parent, i))) {
        indexes.add(i);
      }
    }
    return indexes;
  }

  /** Also where the parent ends and the grandparent, read in its place, would show something. */
  private static boolean comesFrom(Blob parent, int index) {
    if (index < parent.clusters.size()) {
      return parent.clusters.get(index) != 0;
    }
    Blob above = parent.parent;
    return above != null && !above.readsAsZeros(index);
  }

  private void allocate(List<Integer> indexes, Done allocated) {
    StoreDevice.forEach(
        indexes.size(),
        (i, each) -> {
          if (store.closing()) {
            each.done(BdevException.ENODEV);
            return;
          }
          clusters.allocate(
              new ClusterAllocator.Waiter() {
                @Override
                public Blob blob() {
                  return blob;
                }

                @Override
                public int index() {
                  return indexes.get(i);
                }

                @Override
                public void answer(int errno, boolean written) {
                  each.done(errno);
                }
              });
        },
        allocated);
  }

  private void commit(Done committed) {
    if (blob.degraded()) {
      committed.done(BdevException.ENODEV);
      return;
    }
    Blob parent = blob.parent;
    Blob newParent = all || parent == null ? null : parent.parent;
    store
        .commits()
        .add(
            new RootChange(blob, committed) {
              @Override
              void apply() {
                separate(newParent);
              }

              @Override
              void made() {
                blob.moveTo(newParent);
              }
            });
  }

  private void separate(@Nullable Blob newParent) {
    blob.removeInternal(Blob.EXTERNAL_PARENT);
    blob.invalidFlags &= ~Blob.EXTERNAL_SNAPSHOT;
    if (newParent == null) {
      blob.removeInternal(Blob.PARENT);
    } else {
      blob.putBlobId(Blob.PARENT, newParent.id);
    }
    if (all) {
      blob.invalidFlags &= ~Blob.THIN;
    }
  }
}

package io.diskengine.engine.lvol;

import io.diskengine.engine.bdev.BdevDesc;
import io.diskengine.engine.bdev.BdevEvents;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.Done;
import io.diskengine.engine.bdev.LbaRange;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What can be done with lvols, in the terms and with the refusals of SPDK (lib/lvol, lib/blob). An
 * operation of several steps locks its blobs; another one on them is refused with EBUSY. Home
 * reactor.
 */
public final class LvolOperations {
  private static final LbaRange EVERYTHING = new LbaRange(0, Long.MAX_VALUE);

  private final LvolStore store;

  LvolOperations(LvolStore store) {
    this.store = store;
  }

  private Blobstore blobs() {
    return store.blobs();
  }

  // ---- what all of them need

  private void checkUsable(Lvol lvol) throws BdevException {
    store.checkOpen();
    if (lvol.deleting) {
      throw new BdevException(BdevException.ENODEV, lvol + " is being deleted");
    }
  }

  private static void check(boolean good, int errno, String problem) throws BdevException {
    if (!good) {
      throw new BdevException(errno, problem);
    }
  }

  private static void lock(Blob blob) throws BdevException {
    check(!blob.locked, BdevException.EBUSY, blob + " has an operation under way");
    blob.locked = true;
  }

  /** For a change of its parent: also what reads through it must not be copying from there. */
  private static void lockWithReaders(Blob blob) throws BdevException {
    for (Blob reader : blob.withDescendants()) {
      check(!reader.locked, BdevException.EBUSY, reader + " has an operation under way");
    }
    blob.locked = true;
  }

  private static Done unlocking(Blob blob, Done done) {
    return errno -> {
      blob.locked = false;
      done.done(errno);
    };
  }

  /**
   * Runs the body while nobody reads or writes the blobs through their bdevs. What it writes is
   * waited for by those who would like to, so it is the beginning that is patient.
   */
  private void frozen(List<Blob> all, Chain.Step body, Done done) {
    blobs().begin();
    blobs()
        .commits()
        .add(
            new CommitQueue.Turn(() ->
                frozen(
                    bdevs(all),
                    0,
                    body,
                    errno -> {
                      done.done(errno);
                      blobs().end();
                    })));
  }

  private List<LvolBdev> bdevs(List<Blob> all) {
    List<LvolBdev> bdevs = new ArrayList<>();
    for (Blob blob : all) {
      Lvol lvol = store.lvol(blob);
      if (lvol != null && lvol.bdev != null) {
        bdevs.add(lvol.bdev);
      }
    }
    return bdevs;
  }

  private void frozen(List<LvolBdev> bdevs, int index, Chain.Step body, Done done) {
    if (index == bdevs.size()) {
      body.run(done);
      return;
    }
    LvolBdev bdev = bdevs.get(index);
    store
        .layer()
        .quiesce(
            bdev,
            EVERYTHING,
            () ->
                frozen(
                    bdevs,
                    index + 1,
                    body,
                    errno -> store.layer().unquiesce(bdev, EVERYTHING, () -> done.done(errno))));
  }

  // ---- snapshots and clones

  /** A snapshot of the lvol as it is now; the lvol is its clone afterwards, and thin. */
  public void snapshot(Lvol origin, String name, Result<Lvol> result) {
    Blob original = origin.blob();
    try {
      checkUsable(origin);
      store.checkName(name);
      check(!origin.readOnly(), BdevException.EINVAL, origin + " is read-only");
      lock(original);
      Blob snapshot;
      try {
        snapshot = blobs().newBlob(0);
      } catch (BdevException full) {
        original.locked = false;
        throw full;
      }
      store.make(
          snapshot,
          name,
          done ->
              frozen(
                  List.of(original),
                  next -> SnapshotCreation.run(blobs(), original, snapshot, next),
                  unlocking(original, done)),
          result);
    } catch (BdevException refused) {
      result.ended(refused.errno(), null);
    }
  }

  /** A thin lvol that reads as the snapshot does. */
  public void clone(Lvol snapshot, String name, Result<Lvol> result) {
    Blob parent = snapshot.blob();
    try {
      checkUsable(snapshot);
      store.checkName(name);
      check(snapshot.readOnly(), BdevException.EINVAL, snapshot + " is not read-only");
      check(!parent.locked, BdevException.EBUSY, snapshot + " has an operation under way");
      Blob clone = blobs().newBlob(parent.clusters.size());
      clone.invalidFlags = Blob.THIN | parent.invalidFlags & Blob.EXTENT_TABLE;
      clone.putBlobId(Blob.PARENT, parent.id);
      if (!clone.usesExtentTable()) {
        clone.extentPages = new int[0];
      }
      create(clone, parent, name, result);
    } catch (BdevException refused) {
      result.ended(refused.errno(), null);
    }
  }

  private void create(Blob clone, Blob parent, String name, Result<Lvol> result) {
    parent.locked = true;
    store.make(
        clone,
        name,
        done ->
            blobs()
                .create(
                    clone,
                    errno -> {
                      parent.locked = false;
                      if (errno == 0) {
                        clone.moveTo(parent);
                      }
                      done.done(errno);
                    }),
        result);
  }

  /** A thin lvol of the bdev's size that reads as the bdev does. */
  public void cloneBdev(String bdevName, String name, Result<Lvol> result) {
    try {
      store.checkOpen();
      store.checkName(name);
      ExternalSnapshot external =
          store.externals().attach(wholeClusters(bdevName), blobs().layout());
      try {
        Blob clone = blobs().newBlob(external.clusters());
        clone.invalidFlags = Blob.THIN | Blob.EXTENT_TABLE | Blob.EXTERNAL_SNAPSHOT;
        clone.putInternal(Blob.EXTERNAL_PARENT, externalId(external));
        clone.external = external;
        store.make(
            clone,
            name,
            done ->
                blobs()
                    .create(
                        clone,
                        errno -> {
                          if (errno != 0) {
                            store.externals().release(external);
                          }
                          done.done(errno);
                        }),
            result);
      } catch (BdevException full) {
        store.externals().release(external);
        throw full;
      }
    } catch (BdevException refused) {
      result.ended(refused.errno(), null);
    }
  }

  /** The bdev's uuid; EINVAL for one that is not of whole clusters. */
  private String wholeClusters(String bdevName) throws BdevException {
    BdevDesc desc = store.layer().open(bdevName, false, BdevEvents.NONE);
    String id = desc.bdev().uuid().toString();
    long bytes = desc.bdev().sizeBytes();
    desc.close();
    check(
        bytes % store.clusterSizeBytes() == 0,
        BdevException.EINVAL,
        bdevName + " has " + bytes + " bytes, no whole clusters of " + store.clusterSizeBytes());
    return id;
  }

  private static byte[] externalId(ExternalSnapshot external) {
    return (external.device().bdev().uuid() + "\0").getBytes(StandardCharsets.UTF_8);
  }

  /** Both blobs are locked; the snapshot has no bdev any more. */
  void mergeIntoClone(Blob snapshot, Blob clone, Done done) {
    List<Blob> readers = clone.withDescendants();
    // The clone goes on when it has the map; clearing what is left over may take long.
    frozen(
        List.of(clone),
        next ->
            SnapshotRemoval.run(
                blobs(),
                snapshot,
                clone,
                (clusters, passed) -> drain(readers, clusters, passed),
                next,
                done),
        frozenEnded -> {});
  }

  private void drain(List<Blob> readers, List<ClusterRun> clusters, Runnable drained) {
    BitSet set = new BitSet();
    clusters.forEach(run -> set.set(run.first(), run.first() + run.count()));
    drain(readers, 0, set, drained);
  }

  private void drain(List<Blob> readers, int from, BitSet clusters, Runnable drained) {
    for (int i = from; i < readers.size() && !clusters.isEmpty(); i++) {
      Lvol lvol = store.lvol(readers.get(i));
      if (lvol != null && lvol.bdev != null) {
        int next = i + 1;
        lvol.bdev.drain(clusters, () -> drain(readers, next, clusters, drained));
        return;
      }
    }
    drained.run();
  }

  // ---- size and mode

  /**
   * Another size, rounded up to whole clusters. EPERM for a read-only lvol, ENOSPC for a thick one
   * that does not fit, EBUSY for a smaller size while somebody has it open.
   */
  public void resize(Lvol lvol, long sizeBytes, Done done) {
    Blob blob = lvol.blob();
    try {
      checkUsable(lvol);
      long count = store.clusters(sizeBytes);
      check(!lvol.readOnly(), BdevException.EPERM, lvol + " is read-only");
      if (count == blob.clusters.size()) {
        done.done(0);
        return;
      }
      check(count <= LvolStore.MAX_CLUSTERS, BdevException.ENOSPC, count + " clusters");
      check(!blob.locked, BdevException.EBUSY, lvol + " has an operation under way");
      LvolBdev bdev = lvol.bdev;
      boolean shrinks = count < blob.clusters.size();
      check(
          !shrinks || bdev == null || !bdev.open(),
          BdevException.EBUSY,
          lvol + " is in use and cannot become smaller");
      lock(blob);
      if (shrinks) {
        // Whoever opens it from now on finds the new size.
        resizeBdev(lvol, (int) count);
      }
      frozen(
          List.of(blob),
          next -> BlobResize.run(blobs(), blob, (int) count, next),
          unlocking(
              blob,
              errno -> {
                resizeBdev(lvol, blob.clusters.size());
                done.done(errno);
              }));
    } catch (BdevException refused) {
      done.done(refused.errno());
    }
  }

  private void resizeBdev(Lvol lvol, int clusters) {
    LvolBdev bdev = lvol.bdev;
    if (bdev != null) {
      store.layer().resize(bdev, clusters * (store.clusterSizeBytes() / store.blockSizeBytes()));
    }
  }

  /** From now on and for good the lvol cannot be written. */
  public void setReadOnly(Lvol lvol, Done done) {
    Blob blob = lvol.blob();
    try {
      checkUsable(lvol);
    } catch (BdevException refused) {
      done.done(refused.errno());
      return;
    }
    changeRoot(List.of(blob), blob, () -> blob.dataRoFlags |= Blob.READ_ONLY, () -> {}, done);
  }

  /** Another name; EEXIST for one that is taken, also by the lvol itself. */
  public void rename(Lvol lvol, String newName, Done done) {
    String oldName = lvol.name();
    LvolBdev bdev = lvol.bdev;
    try {
      checkUsable(lvol);
      store.checkName(newName);
      if (bdev != null) {
        store.layer().addAlias(bdev, store.name() + "/" + newName);
      }
    } catch (BdevException refused) {
      done.done(refused.errno());
      return;
    }
    store.reserve(newName);
    blobs()
        .commits()
        .add(
            new RootChange(
                lvol.blob(),
                errno -> {
                  store.unreserve(newName);
                  String gone = errno == 0 ? oldName : newName;
                  if (bdev != null) {
                    store.layer().removeAlias(bdev, store.name() + "/" + gone);
                  }
                  done.done(errno);
                }) {
              @Override
              void apply() {
                lvol.blob().text(Lvol.NAME, newName);
              }

              @Override
              void made() {
                store.renamed(lvol, newName);
              }

              @Override
              boolean patient() {
                return true;
              }
            });
  }

  // ---- parents

  /** Every cluster its own: thick and without parent afterwards. */
  public void inflate(Lvol lvol, Done done) {
    separate(lvol, true, done);
  }

  /** What its parent has becomes its own; the grandparent is its parent afterwards. */
  public void decoupleParent(Lvol lvol, Done done) {
    separate(lvol, false, done);
  }

  private void separate(Lvol lvol, boolean all, Done done) {
    Blob blob = lvol.blob();
    try {
      checkUsable(lvol);
      lockWithReaders(blob);
      if (!all && blob.parent == null && !blob.hasExternalParent()) {
        blob.locked = false;
        throw new BdevException(BdevException.EINVAL, lvol + " has no parent");
      }
    } catch (BdevException refused) {
      done.done(refused.errno());
      return;
    }
    if (!blob.thin()) {
      blob.locked = false;
      done.done(0);
      return;
    }
    ExternalSnapshot external = blob.external;
    Inflation.run(
        blobs(),
        store.clusters(),
        blob,
        all,
        (body, after) -> frozen(blob.withDescendants(), body, after),
        unlocking(
            blob,
            errno -> {
              if (errno == 0) {
                releaseExternal(blob, external);
              }
              done.done(errno);
            }));
  }

  private void releaseExternal(Blob blob, @Nullable ExternalSnapshot old) {
    if (old != null) {
      if (blob.external == old) {
        blob.external = null;
      }
      store.externals().release(old);
    }
  }

  /** The lvol reads from another snapshot where it has nothing itself. */
  public void setParent(Lvol lvol, Lvol snapshot, Done done) {
    Blob blob = lvol.blob();
    Blob parent = snapshot.blob();
    try {
      checkUsable(lvol);
      check(
          lvol != snapshot && snapshot.store() == store && !blob.withDescendants().contains(parent),
          BdevException.EINVAL,
          snapshot + " cannot be the parent of " + lvol);
      check(blob.parent != parent, BdevException.EEXIST, snapshot + " is the parent already");
      check(lvol.thin(), BdevException.EINVAL, lvol + " is not thin");
      check(snapshot.isSnapshot(), BdevException.EINVAL, snapshot + " is no snapshot");
      check(
          blob.clusters.size() == parent.clusters.size(),
          BdevException.EINVAL,
          snapshot + " has another size than " + lvol);
      check(!parent.locked, BdevException.EBUSY, snapshot + " has an operation under way");
      lockWithReaders(blob);
      parent.locked = true;
    } catch (BdevException refused) {
      done.done(refused.errno());
      return;
    }
    ExternalSnapshot old = blob.external;
    changeParent(
        blob,
        () -> {
          blob.removeInternal(Blob.EXTERNAL_PARENT);
          blob.invalidFlags &= ~Blob.EXTERNAL_SNAPSHOT;
          blob.putBlobId(Blob.PARENT, parent.id);
        },
        () -> blob.moveTo(parent),
        errno -> {
          parent.locked = false;
          if (errno == 0) {
            releaseExternal(blob, old);
          }
          done.done(errno);
        });
  }

  /** The lvol reads from a bdev outside its store where it has nothing itself. */
  public void setParentBdev(Lvol lvol, String bdevName, Done done) {
    Blob blob = lvol.blob();
    ExternalSnapshot external;
    try {
      checkUsable(lvol);
      LvolBdev own = lvol.bdev;
      check(
          own == null || store.layer().find(bdevName) != own,
          BdevException.EINVAL,
          lvol + " cannot be its own parent");
      String id = wholeClusters(bdevName);
      check(
          !Objects.equals(id, blob.externalParentId()),
          BdevException.EEXIST,
          bdevName + " is the parent already");
      check(lvol.thin(), BdevException.EINVAL, lvol + " is not thin");
      lockWithReaders(blob);
      try {
        external = store.externals().attach(id, blobs().layout());
      } catch (BdevException missing) {
        blob.locked = false;
        throw missing;
      }
    } catch (BdevException refused) {
      done.done(refused.errno());
      return;
    }
    ExternalSnapshot old = blob.external;
    changeParent(
        blob,
        () -> {
          blob.removeInternal(Blob.PARENT);
          blob.putInternal(Blob.EXTERNAL_PARENT, externalId(external));
          blob.invalidFlags |= Blob.EXTERNAL_SNAPSHOT;
        },
        () -> {
          blob.moveTo(null);
          blob.external = external;
        },
        errno -> {
          if (errno == 0) {
            releaseExternal(blob, old);
          } else {
            store.externals().release(external);
          }
          done.done(errno);
        });
  }

  private void changeParent(Blob blob, Runnable apply, Runnable made, Done done) {
    changeRoot(blob.withDescendants(), blob, apply, made, unlocking(blob, done));
  }

  private void changeRoot(List<Blob> users, Blob blob, Runnable apply, Runnable made, Done done) {
    frozen(
        users,
        next ->
            blobs()
                .commits()
                .add(
                    new RootChange(blob, next) {
                      @Override
                      void apply() {
                        apply.run();
                      }

                      @Override
                      void made() {
                        made.run();
                      }
                    }),
        done);
  }

  // ---- the store

  /** Uses what the device has grown by. */
  public void grow(Done done) {
    try {
      store.checkOpen();
      blobs().grow(done);
    } catch (BdevException refused) {
      done.done(refused.errno());
    }
  }

  // ---- copies

  /**
   * Starts to copy what the lvol has itself. What is wrong with the lvol shows in the copy; with
   * the target it is thrown.
   */
  public ShallowCopy shallowCopy(Lvol lvol, String bdevName) throws BdevException {
    checkUsable(lvol);
    ShallowCopy[] copy = new ShallowCopy[1];
    BdevDesc target =
        store
            .layer()
            .open(
                bdevName,
                true,
                removed -> {
                  ShallowCopy running = copy[0];
                  if (running != null) {
                    running.cancel();
                  }
                });
    try {
      target.claim("lvol");
    } catch (BdevException claimed) {
      target.close();
      throw claimed;
    }
    copy[0] = new ShallowCopy(blobs(), lvol.blob(), target, () -> {});
    copy[0].start();
    return copy[0];
  }
}

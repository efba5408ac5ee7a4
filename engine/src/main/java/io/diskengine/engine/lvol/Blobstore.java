package io.diskengine.engine.lvol;

import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.Done;
import io.diskengine.engine.lvol.CommitQueue.PageWrite;
import io.diskengine.nvme.Crc32c;
import io.diskengine.nvme.NativeMemory;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * An open blobstore: layout, what is in use, blobs, and the changes of them. Everything here runs
 * on the home reactor.
 *
 * <p>A cluster or metadata page is free for others only when the medium refers to it no more.
 */
final class Blobstore {
  private final StoreDevice device;
  private final Crc32c crc;
  private final CommitQueue commits;
  private final ShadowPages shadows;
  private final BitSet usedPages;
  private final BitSet usedClusters;
  private final Map<Long, Blob> blobs = new TreeMap<>();
  private final List<Runnable> idleWaiters = new ArrayList<>();
  private SuperBlock layout;
  private int freePages;
  private int freeClusters;
  private int firstFreeCluster;

  /** Operations that are more than a commit: creations, and what follows a removal. */
  private int underway;

  private boolean closing;

  /** The medium says that the store is in use, and the shadow slots are clear. */
  private boolean markedInUse;

  /** As loaded or laid out; both sets become the store's own. */
  Blobstore(
      StoreDevice device, SuperBlock layout, BitSet usedPages, BitSet usedClusters, Crc32c crc) {
    this.device = device;
    this.layout = layout;
    this.usedPages = usedPages;
    this.usedClusters = usedClusters;
    this.crc = crc;
    this.commits = new CommitQueue(this);
    this.shadows = new ShadowPages(layout, device, crc);
    this.freeClusters = layout.totalClusters() - usedClusters.cardinality();
    reserveShadows();
    this.freePages = layout.metadataPages() - usedPages.cardinality();
  }

  /** A store that is just being laid out: zeros where its metadata goes, super block last. */
  static Blobstore laidOut(StoreDevice device, SuperBlock layout) {
    BitSet clusters = new BitSet();
    clusters.set(0, layout.metadataClusters());
    Blobstore store = new Blobstore(device, layout, new BitSet(), clusters, new Crc32c());
    store.markedInUse = true;
    return store;
  }

  private void reserveShadows() {
    int pages = layout.metadataPages();
    int first = pages - ShadowPages.slots(layout);
    if (first < pages && usedPages.nextSetBit(first) < 0) {
      usedPages.set(first, pages);
      shadows.enable();
    }
  }

  StoreDevice device() {
    return device;
  }

  SuperBlock layout() {
    return layout;
  }

  Crc32c crc() {
    return crc;
  }

  CommitQueue commits() {
    return commits;
  }

  ShadowPages shadows() {
    return shadows;
  }

  Collection<Blob> blobs() {
    return blobs.values();
  }

  @Nullable Blob blob(long id) {
    return blobs.get(id);
  }

  void adopt(Blob blob) {
    blobs.put(blob.id, blob);
  }

  /** The store is being closed: what takes long ends early, what is patient waits no more. */
  void close() {
    closing = true;
    commits.pace(null);
  }

  boolean closing() {
    return closing;
  }

  void forget(Blob blob) {
    blobs.remove(blob.id);
  }

  /** An operation of several commits begins: until its {@link #end} the store is not idle. */
  void begin() {
    underway++;
  }

  void end() {
    underway--;
    checkIdle();
  }

  int freePages() {
    return freePages;
  }

  int freeClusters() {
    return freeClusters;
  }

  int totalDataClusters() {
    return layout.totalClusters() - layout.metadataClusters();
  }

  long clusterOffset(int cluster) {
    return cluster * layout.clusterBytes();
  }

  // ---- pages and clusters

  /** The lowest free metadata page; the caller knows that there is one. */
  int claimPage() {
    int page = usedPages.nextClearBit(0);
    if (page >= layout.metadataPages()) {
      throw new IllegalStateException("no free metadata page was reserved");
    }
    usedPages.set(page);
    freePages--;
    return page;
  }

  void releasePage(int page) {
    usedPages.clear(page);
    freePages++;
  }

  /** The lowest free cluster, or 0 when there is none. */
  int claimCluster() {
    if (freeClusters == 0) {
      return 0;
    }
    int cluster = usedClusters.nextClearBit(firstFreeCluster);
    usedClusters.set(cluster);
    firstFreeCluster = cluster + 1;
    freeClusters--;
    return cluster;
  }

  void releaseCluster(int cluster) {
    usedClusters.clear(cluster);
    firstFreeCluster = Math.min(firstFreeCluster, cluster);
    freeClusters++;
  }

  /** How many pages the blob's chain takes. */
  int pageCount(Blob blob) {
    long scratch = device.takePage();
    int count = BlobCodec.encode(blob, () -> scratch);
    device.givePage(scratch);
    return count;
  }

  void writePage(PageWrite write, boolean durably, Done done) {
    long offset = layout.pageOffset(write.page());
    if (durably) {
      device.writeDurably(write.buffer(), offset, MetadataPage.SIZE, done);
    } else {
      device.write(write.buffer(), offset, MetadataPage.SIZE, done);
    }
  }

  /** The medium refers to these pages no more: zeros, then they are free. */
  void retirePages(List<Integer> pages) {
    retirePages(List.copyOf(pages), () -> {});
  }

  void retirePages(List<Integer> pages, Runnable then) {
    underway++;
    StoreDevice.forEach(
        pages.size(),
        (i, done) ->
            device.writeZeroes(
                layout.pageOffset(pages.get(i)),
                MetadataPage.SIZE,
                errno -> {
                  releasePage(pages.get(i));
                  done.done(0);
                }),
        errno -> {
          underway--;
          then.run();
          checkIdle();
        });
  }

  // ---- blobs

  /**
   * Makes the blob durable; its flags, xattrs and size are set. A thick one gets its clusters,
   * zeroed. ENOSPC without change when there is no room.
   */
  void create(Blob blob, Done done) {
    int rows = blob.thin() ? 0 : blob.clusters.rows();
    int needed = blob.thin() ? 0 : blob.clusters.size();
    if (freeClusters < needed || freePages < rows + pageCount(blob)) {
      releasePage(blob.rootPage());
      done.done(BdevException.ENOSPC);
      return;
    }
    for (int i = 0; i < needed; i++) {
      blob.clusters.set(i, -claimCluster());
    }
    for (int row = 0; row < rows; row++) {
      blob.extentPages[row] = claimPage();
    }
    blobs.put(blob.id, blob);
    underway++;
    Creation creation =
        new Creation(
            blob,
            errno -> {
              underway--;
              done.done(errno);
              checkIdle();
            });
    zeroClusters(
        blob,
        errno -> {
          if (errno == 0) {
            commits.add(creation);
          } else {
            creation.ended(errno, false);
          }
        });
  }

  /** An empty blob in a free metadata page; ENOMEM, as SPDK says, without one. */
  Blob newBlob(int numClusters) throws BdevException {
    if (freePages == 0) {
      throw new BdevException(BdevException.ENOMEM, "no free metadata pages");
    }
    return new Blob(claimPage(), numClusters);
  }

  /** Zeros on the clusters of a blob that nobody uses, contiguous ones in one operation. */
  private void zeroClusters(Blob blob, Done done) {
    zeroRuns(ClusterRun.of(blob.clusters), done);
  }

  void zeroRuns(List<ClusterRun> runs, Done done) {
    StoreDevice.forEach(
        runs.size(),
        (i, each) ->
            device.writeZeroes(
                clusterOffset(runs.get(i).first()),
                runs.get(i).count() * layout.clusterBytes(),
                each),
        done);
  }

  private final class Creation extends CommitQueue.Change {
    private final Blob blob;
    private final Done done;

    Creation(Blob blob, Done done) {
      this.blob = blob;
      this.done = done;
    }

    @Override
    void join(CommitQueue.Batch batch) throws BdevException {
      batch.newBlob(blob);
    }

    @Override
    boolean patient() {
      return true;
    }

    @Override
    void ended(int errno, boolean uncertain) {
      for (int i = 0; i < blob.clusters.size(); i++) {
        int cluster = -blob.clusters.reserved(i);
        if (cluster > 0 && errno == 0) {
          blob.clusters.set(i, cluster);
          blob.allocatedClusters++;
        } else if (cluster > 0 && !uncertain) {
          releaseCluster(cluster);
        }
      }
      if (errno != 0) {
        blobs.remove(blob.id);
        if (!uncertain) {
          releaseBlobPages(blob);
        }
      }
      done.done(errno);
    }
  }

  private void releaseBlobPages(Blob blob) {
    blobPages(blob).forEach(this::releasePage);
  }

  private static List<Integer> blobPages(Blob blob) {
    List<Integer> pages = new ArrayList<>();
    for (int page : blob.chain) {
      pages.add(page);
    }
    for (int page : blob.extentPages) {
      if (page != 0) {
        pages.add(page);
      }
    }
    return pages;
  }

  /** Removes a blob that nobody uses and that has no clones. */
  void delete(Blob blob, Done done) {
    commits.add(
        new CommitQueue.Change() {
          @Override
          void join(CommitQueue.Batch batch) {
            batch.zeroRoot(blob);
          }

          @Override
          boolean patient() {
            return true;
          }

          @Override
          void ended(int errno, boolean uncertain) {
            if (errno != 0) {
              done.done(errno);
              return;
            }
            blobs.remove(blob.id);
            blob.moveTo(null);
            retirePages(
                blobPages(blob),
                () -> freeRuns(ClusterRun.of(blob.clusters), blob.clearMethod(), done));
          }
        });
  }

  /** The medium refers to these clusters no more: clears them as asked, then they are free. */
  void freeRuns(List<ClusterRun> runs, ClearMethod method, Done done) {
    underway++;
    StoreDevice.forEach(
        runs.size(),
        (i, each) -> freeRun(runs.get(i), method, each),
        errno -> {
          underway--;
          done.done(0);
          checkIdle();
        });
  }

  /** Clearing is a wish: what it says about a cluster does not matter, new ones are zeroed. */
  void freeRun(ClusterRun run, ClearMethod method, Done done) {
    long offset = clusterOffset(run.first());
    long bytes = run.count() * layout.clusterBytes();
    Done freed =
        errno -> {
          for (int i = 0; i < run.count(); i++) {
            releaseCluster(run.first() + i);
          }
          done.done(0);
        };
    switch (method) {
      case DEFAULT, UNMAP -> device.unmap(offset, bytes, freed);
      case WRITE_ZEROES -> device.writeZeroes(offset, bytes, freed);
      case NONE -> freed.done(0);
    }
  }

  // ---- the clean flag

  /** Before the first change: the medium must not promise valid masks any more. */
  void leaveCleanState(Done done) {
    if (markedInUse) {
      done.done(0);
      return;
    }
    Chain.of(shadows::clear)
        .then(device::flush)
        .then(next -> writeSuper(layout.withClean(false), next))
        .run(errno -> {
          markedInUse = errno == 0;
          done.done(errno);
        });
  }

  void writeSuper(SuperBlock superBlock, Done done) {
    long buffer = device.takePage();
    superBlock.write(buffer, crc);
    device.writeDurably(
        buffer,
        0,
        SuperBlock.SIZE,
        errno -> {
          device.givePage(buffer);
          if (errno == 0) {
            layout = superBlock;
          }
          done.done(errno);
        });
  }

  /**
   * Takes in what the device has grown by: ENOSPC when it is smaller than the store or the cluster
   * mask has no room for it. The masks on the medium are void until the store is closed.
   */
  void grow(Done done) {
    long deviceBytes = device.bdev().sizeBytes();
    if (deviceBytes == layout.sizeBytes()) {
      done.done(0);
      return;
    }
    if (deviceBytes < layout.sizeBytes() || !layout.mayHave(deviceBytes)) {
      done.done(BdevException.ENOSPC);
      return;
    }
    begin();
    Chain.of(this::leaveCleanState)
        .then(next -> shadows.saveSuperBlock(layout.grown(deviceBytes), next))
        .then(device::flush)
        .then(next -> writeSuper(layout.grown(deviceBytes), next))
        .run(errno -> {
          if (errno == 0) {
            freeClusters = layout.totalClusters() - usedClusters.cardinality();
          }
          done.done(errno);
          end();
        });
  }

  /** Runs once no change of metadata is under way. */
  void whenIdle(Runnable then) {
    if (commits.idle() && underway == 0) {
      then.run();
    } else {
      idleWaiters.add(then);
    }
  }

  void commitsEnded() {
    checkIdle();
  }

  private void checkIdle() {
    if (commits.idle() && underway == 0 && !idleWaiters.isEmpty()) {
      List<Runnable> waiters = List.copyOf(idleWaiters);
      idleWaiters.clear();
      waiters.forEach(Runnable::run);
    }
  }

  /**
   * Writes the masks and says that the store is clean. Nobody uses it any more; the device stays
   * open.
   */
  void unload(Done done) {
    whenIdle(() -> {
      if (layout.clean() && !markedInUse) {
        done.done(0);
        return;
      }
      if (layout.blobIdMask().pages() == 0) {
        done.done(0);
        return;
      }
      BitSet pages = (BitSet) usedPages.clone();
      int count = layout.metadataPages();
      pages.clear(count - shadows.enabledSlots(), count);
      BitSet blobIds = new BitSet();
      blobs.values().forEach(blob -> blobIds.set(blob.rootPage()));
      Chain.of(shadows::clear)
          .then(next -> writeMask(0, layout.pageMask(), pages, count, next))
          .then(next -> writeMask(2, layout.blobIdMask(), blobIds, count, next))
          .then(next ->
              writeMask(1, layout.clusterMask(), usedClusters, layout.totalClusters(), next))
          .then(device::flush)
          .then(next -> writeSuper(layout.withClean(true), next))
          .run(errno -> {
            markedInUse = false;
            done.done(errno);
          });
    });
  }

  /** u8 type, u32 length in bits, the bits from the least significant on; zeros to the end. */
  private void writeMask(int type, SuperBlock.Area area, BitSet bits, int length, Done done) {
    long bytes = area.pages() * layout.pageBytes();
    long buffer = device.allocate(bytes);
    NativeMemory.zero(buffer, bytes);
    NativeMemory.putByte(buffer, (byte) type);
    NativeMemory.putInt(buffer + 1, length);
    byte[] content = bits.toByteArray();
    NativeMemory.copy(content, 0, buffer + 5, content.length);
    device.write(buffer, area.start() * layout.pageBytes(), bytes, done);
  }
}

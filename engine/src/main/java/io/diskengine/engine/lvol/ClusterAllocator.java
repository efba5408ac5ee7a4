package io.diskengine.engine.lvol;

import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.Done;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * First writes and whole-cluster unmaps of thin blobs, asked for by {@link LvolRequest}s of any
 * reactor. Home reactor.
 *
 * <p>A new cluster gets its content first: zeros around the first write, or the copy of what the
 * parent has there. Then its metadata becomes durable, then it is published, and only then is
 * anything else written to it by users. So at every moment the medium says what was readable before
 * or what the unanswered first write brings, and what was acknowledged on top of it needs nothing
 * but the device's own flush.
 *
 * <p>A released cluster is unpublished first. It is free for others when no I/O of any reactor that
 * knew it is in flight and the medium refers to it no more.
 */
final class ClusterAllocator {
  private static final long COPY_BYTES = 256 << 10;

  /** Clusters copied from parents at a time: each needs a buffer. */
  private static final int COPIES = 8;

  private final Blobstore store;
  private final Map<Key, Allocation> allocations = new HashMap<>();
  private final Map<Key, Release> releases = new HashMap<>();
  private final ArrayDeque<Long> copyBuffers = new ArrayDeque<>();
  private final ArrayDeque<Allocation> waitingCopies = new ArrayDeque<>();
  private int copyBuffersMade;
  private long zeroedClusters;
  private long copiedClusters;

  private record Key(long blobId, int index) {}

  ClusterAllocator(Blobstore store) {
    this.store = store;
  }

  /** New clusters that were zeroed, and that were copied from a parent. */
  long zeroedClusters() {
    return zeroedClusters;
  }

  long copiedClusters() {
    return copiedClusters;
  }

  /** Nothing is being allocated or released. */
  boolean idle() {
    return allocations.isEmpty() && releases.isEmpty();
  }

  // ---- first writes

  /** Somebody who needs a cluster of a blob allocated. */
  interface Waiter {
    Blob blob();

    int index();

    /** What is to be written to the cluster; null when nothing but the cluster is needed. */
    default @Nullable Content content() {
      return null;
    }

    /**
     * @param written the content is in the cluster, and on the medium
     */
    void answer(int errno, boolean written);
  }

  /** A write within one cluster, by iovec; {@code offsetBytes} from the cluster's beginning. */
  record Content(long iov, int iovCount, long offsetBytes, long bytes) {}

  /** Answers the request once its cluster is allocated, by it or by an earlier one. */
  void allocate(Waiter request) {
    Blob blob = request.blob();
    Key key = new Key(blob.id, request.index());
    Release release = releases.get(key);
    if (release != null) {
      release.then.add(() -> allocate(request));
      return;
    }
    Allocation pending = allocations.get(key);
    if (pending != null) {
      pending.waiters.add(request);
      return;
    }
    if (blob.clusters.get(request.index()) != 0) {
      request.answer(0, false);
      return;
    }
    if (blob.degraded()) {
      request.answer(BdevException.ENODEV, false);
      return;
    }
    int cluster = store.claimCluster();
    if (cluster == 0) {
      request.answer(BdevException.ENOSPC, false);
      return;
    }
    Allocation allocation = new Allocation(blob, request.index(), cluster, key);
    allocation.waiters.add(request);
    allocations.put(key, allocation);
    allocation.start();
  }

  private final class Allocation extends CommitQueue.Change {
    private final Blob blob;
    private final int index;
    private final int cluster;
    private final Key key;
    private final List<Waiter> waiters = new ArrayList<>();
    private boolean claimedExtentPage;
    private boolean writesContent;
    private StoreDevice from = store.device();
    private long fromOffset;
    private @Nullable ExternalDevice copiedFrom;

    Allocation(Blob blob, int index, int cluster, Key key) {
      this.blob = blob;
      this.index = index;
      this.cluster = cluster;
      this.key = key;
    }

    void start() {
      int source = blob.readCluster(index);
      ExternalSnapshot external = source == 0 ? blob.readExternal(index) : null;
      if (external != null) {
        // The device stays open until the copy has ended, whatever becomes of the blob's parent.
        copiedFrom = external.device().use();
        from = copiedFrom.home();
        fromOffset = index * store.layout().clusterBytes();
      } else {
        fromOffset = store.clusterOffset(source);
      }
      if (source == 0 && external == null) {
        zeroedClusters++;
        Content content = waiters.getFirst().content();
        writesContent = content != null;
        fill(content == null ? new Content(0, 0, 0, 0) : content);
      } else {
        copiedClusters++;
        copy();
      }
    }

    /** The content, and zeros before and behind it. */
    private void fill(Content content) {
      long begin = store.clusterOffset(cluster);
      long end = content.offsetBytes() + content.bytes();
      StoreDevice device = store.device();
      StoreDevice.forEach(
          3,
          (part, done) -> {
            switch (part) {
              case 0 -> device.writeZeroes(begin, content.offsetBytes(), done);
              case 1 -> device.write(content, begin, done);
              default -> device.writeZeroes(begin + end, store.layout().clusterBytes() - end, done);
            }
          },
          this::contentWritten);
    }

    void copy() {
      Long buffer = copyBuffers.poll();
      if (buffer == null && copyBuffersMade < COPIES) {
        copyBuffersMade++;
        buffer = store.device().allocate(COPY_BYTES);
      }
      if (buffer == null) {
        waitingCopies.add(this);
        return;
      }
      long taken = buffer;
      copy(
          from,
          taken,
          fromOffset,
          0,
          errno -> {
            copyBuffers.push(taken);
            Allocation next = waitingCopies.poll();
            if (next != null) {
              next.copy();
            }
            if (copiedFrom != null) {
              copiedFrom.release(() -> {});
            }
            contentWritten(errno);
          });
    }

    private void copy(StoreDevice source, long buffer, long from, long done, Done then) {
      long bytes = Math.min(COPY_BYTES, store.layout().clusterBytes() - done);
      if (bytes == 0) {
        then.done(0);
        return;
      }
      source.read(
          buffer,
          from + done,
          bytes,
          readErrno -> {
            if (readErrno != 0) {
              then.done(readErrno);
              return;
            }
            store
                .device()
                .write(
                    buffer,
                    store.clusterOffset(cluster) + done,
                    bytes,
                    errno -> {
                      if (errno != 0) {
                        then.done(errno);
                      } else {
                        copy(source, buffer, from, done + bytes, then);
                      }
                    });
          });
    }

    private void contentWritten(int errno) {
      if (errno == 0) {
        store.commits().add(this);
      } else {
        ended(errno, false);
      }
    }

    @Override
    void join(CommitQueue.Batch batch) throws BdevException {
      int row = index / ClusterMap.ROW;
      if (!blob.usesExtentTable()) {
        batch.chain(blob);
      } else if (blob.extentPages[row] != 0) {
        batch.row(blob, row);
      } else {
        int page = batch.claimPage();
        try {
          batch.chain(blob);
        } catch (BdevException full) {
          store.releasePage(page);
          throw full;
        }
        blob.extentPages[row] = page;
        claimedExtentPage = true;
        batch.freshRow(blob, row);
      }
      blob.clusters.set(index, -cluster);
    }

    @Override
    void ended(int errno, boolean uncertain) {
      allocations.remove(key);
      if (errno == 0) {
        blob.clusters.set(index, cluster);
        blob.allocatedClusters++;
      } else {
        undo(uncertain);
      }
      for (int i = 0; i < waiters.size(); i++) {
        waiters.get(i).answer(errno, writesContent && i == 0);
      }
    }

    private void undo(boolean uncertain) {
      if (blob.clusters.reserved(index) != 0) {
        blob.clusters.set(index, 0);
      }
      if (uncertain) {
        return;
      }
      store.releaseCluster(cluster);
      if (claimedExtentPage) {
        int row = index / ClusterMap.ROW;
        store.releasePage(blob.extentPages[row]);
        blob.extentPages[row] = 0;
      }
    }
  }

  // ---- whole clusters unmapped

  /** Waits until no I/O of any reactor is in flight on these clusters of the device. */
  interface Barrier {
    void pass(Blob blob, List<ClusterRun> clusters, Runnable passed);
  }

  /**
   * Frees the clusters {@code [index, index + count)} of the request's blob, all of one row, and
   * answers when the medium refers to them no more.
   */
  void release(LvolRequest request, Barrier barrier) {
    Blob blob = request.blob();
    int end = request.index() + request.indexCount();
    for (int index = request.index(); index < end; index++) {
      Release earlier = releases.get(new Key(blob.id, index));
      if (earlier != null) {
        earlier.then.add(() -> release(request, barrier));
        return;
      }
    }
    Release release = new Release(blob, request);
    for (int index = request.index(); index < end; index++) {
      int cluster = blob.clusters.get(index);
      Key key = new Key(blob.id, index);
      if (cluster != 0) {
        blob.clusters.set(index, ClusterMap.RELEASING);
        blob.allocatedClusters--;
        releases.put(key, release);
        release.keys.add(key);
        release.clusters.add(new ClusterRun(cluster, 1));
      }
    }
    if (release.keys.isEmpty()) {
      request.answer(0, false);
    } else {
      barrier.pass(blob, release.clusters, () -> store.commits().add(release));
    }
  }

  private final class Release extends CommitQueue.Change {
    private final Blob blob;
    private final LvolRequest request;
    private final List<Key> keys = new ArrayList<>();
    private final List<ClusterRun> clusters = new ArrayList<>();
    private final List<Runnable> then = new ArrayList<>();

    Release(Blob blob, LvolRequest request) {
      this.blob = blob;
      this.request = request;
    }

    @Override
    void join(CommitQueue.Batch batch) throws BdevException {
      if (blob.usesExtentTable()) {
        batch.row(blob, keys.getFirst().index() / ClusterMap.ROW);
      } else {
        batch.chain(blob);
      }
    }

    @Override
    void ended(int errno, boolean uncertain) {
      if (errno == 0) {
        keys.forEach(key -> blob.clusters.set(key.index(), 0));
        StoreDevice.forEach(
            clusters.size(),
            (i, each) -> store.freeRun(clusters.get(i), ClearMethod.UNMAP, each),
            ignored -> answer(0));
        return;
      }
      for (int i = 0; i < keys.size(); i++) {
        blob.clusters.set(keys.get(i).index(), clusters.get(i).first());
        blob.allocatedClusters++;
      }
      answer(errno);
    }

    private void answer(int errno) {
      keys.forEach(releases::remove);
      request.answer(errno, false);
      then.forEach(Runnable::run);
    }
  }
}

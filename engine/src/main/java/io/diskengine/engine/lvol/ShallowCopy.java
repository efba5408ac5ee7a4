package io.diskengine.engine.lvol;

import io.diskengine.engine.bdev.BdevDesc;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.IoType;

/**
 * What a read-only lvol has itself, and not from its parent, is written to the same places of a
 * bdev. Home reactor.
 */
public final class ShallowCopy {
  private static final long PIECE_BYTES = 1 << 20;

  private final Blobstore store;
  private final Blob blob;
  private final StoreDevice target;
  private final Runnable closed;
  private final long totalClusters;
  private final long pieceBytes;
  private final long buffer;
  private long copiedClusters;
  private int index;
  private int errno;
  private boolean ended;

  ShallowCopy(Blobstore store, Blob blob, BdevDesc target, Runnable closed) {
    this.store = store;
    this.blob = blob;
    this.target = new StoreDevice(target);
    this.closed = closed;
    this.totalClusters = blob.allocatedClusters;
    this.pieceBytes = Math.min(PIECE_BYTES, store.layout().clusterBytes());
    this.buffer = this.target.allocate(pieceBytes);
  }

  /** How many clusters the lvol has. */
  public long totalClusters() {
    return totalClusters;
  }

  public long copiedClusters() {
    return copiedClusters;
  }

  /** 0, or why it ended early. */
  public int errno() {
    return errno;
  }

  public boolean ended() {
    return ended;
  }

  void start() {
    store.begin();
    errno = refusal();
    if (errno != 0) {
      end(errno);
      return;
    }
    blob.locked = true;
    nextCluster();
  }

  /** In SPDK's order. */
  private int refusal() {
    if (!blob.readOnly()) {
      return BdevException.EPERM;
    }
    long bytes = blob.clusters.size() * store.layout().clusterBytes();
    if (bytes > target.bdev().sizeBytes()
        || store.device().bdev().blockSizeBytes() % target.bdev().blockSizeBytes() != 0) {
      return BdevException.EINVAL;
    }
    return blob.locked ? BdevException.EBUSY : 0;
  }

  /** The target goes away: ends as soon as its I/O has. */
  void cancel() {
    errno = errno == 0 ? BdevException.ENODEV : errno;
  }

  private void nextCluster() {
    while (index < blob.clusters.size() && blob.clusters.get(index) == 0) {
      index++;
    }
    if (errno != 0 || store.closing()) {
      unlock(errno == 0 ? BdevException.ENODEV : errno);
    } else if (index < blob.clusters.size()) {
      copy(0);
    } else if (target.bdev().ioTypeSupported(IoType.FLUSH)) {
      target.flush(this::unlock);
    } else {
      unlock(0);
    }
  }

  private void copy(long done) {
    if (done == store.layout().clusterBytes()) {
      copiedClusters++;
      index++;
      nextCluster();
      return;
    }
    long bytes = Math.min(pieceBytes, store.layout().clusterBytes() - done);
    store
        .device()
        .read(
            buffer,
            store.clusterOffset(blob.clusters.get(index)) + done,
            bytes,
            readErrno -> {
              if (readErrno != 0) {
                unlock(readErrno);
                return;
              }
              target.write(
                  buffer,
                  index * store.layout().clusterBytes() + done,
                  bytes,
                  writeErrno -> {
                    if (writeErrno != 0) {
                      unlock(writeErrno);
                    } else {
                      copy(done + bytes);
                    }
                  });
            });
  }

  private void unlock(int result) {
    blob.locked = false;
    end(result);
  }

  private void end(int result) {
    errno = errno == 0 ? result : errno;
    ended = true;
    target.close();
    closed.run();
    store.end();
  }
}

package io.diskengine.engine.lvol;

import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.BdevIoOwner;
import io.diskengine.engine.bdev.IoStatus;
import io.diskengine.engine.bdev.IoType;
import io.diskengine.engine.reactor.Task;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/**
 * One I/O of an lvol on its way: pooled by its {@link LvolChannel}, with the I/O it sends to the
 * store's device. It is its own message to the home reactor and back.
 *
 * <p>Reads and writes lie within one cluster (the bdev layer splits at clusters). Unmap and write
 * zeroes may span many and are done from front to back.
 */
final class LvolRequest extends Task implements BdevIoOwner, ClusterAllocator.Waiter {
  /** What the message asks for where it arrives. */
  private enum Errand {
    NONE,
    ALLOCATE,
    RELEASE,
    ANSWER
  }

  private final LvolChannel channel;
  private final LvolBdev lvol;
  private final Blob blob;
  private final BdevIo child = new BdevIo(this);
  private final long blocksPerCluster;

  private @Nullable BdevIo io;
  private Errand errand = Errand.NONE;
  private int errno;
  private boolean written;
  private long nextBlock;
  private long endBlock;
  private long childBlocks;
  private int index;
  private int indexCount;

  // The device's clusters that the child touches; read by the channel's drains.
  private int firstCluster;
  private int clusterCount;

  @Nullable LvolRequest nextActive;
  @Nullable LvolRequest previousActive;

  LvolRequest(LvolChannel channel) {
    this.channel = channel;
    this.lvol = channel.lvol();
    this.blob = lvol.blob();
    this.blocksPerCluster = lvol.splitBoundaryBlocks();
  }

  @Override
  public Blob blob() {
    return blob;
  }

  /** The cluster of the blob that is to be allocated, or the first that is to be released. */
  @Override
  public int index() {
    return index;
  }

  @Override
  public ClusterAllocator.@Nullable Content content() {
    BdevIo write = io;
    if (write == null || write.type() != IoType.WRITE) {
      return null;
    }
    int blockBytes = lvol.blockSizeBytes();
    return new ClusterAllocator.Content(
        write.iov(),
        write.iovCount(),
        nextBlock % blocksPerCluster * blockBytes,
        (endBlock - nextBlock) * blockBytes);
  }

  int indexCount() {
    return indexCount;
  }

  boolean touches(BitSet clusters) {
    int next = clusterCount == 0 ? -1 : clusters.nextSetBit(firstCluster);
    return next >= 0 && next < firstCluster + clusterCount;
  }

  void start(BdevIo submitted) {
    io = submitted;
    nextBlock = submitted.offsetBlocks();
    endBlock = nextBlock + submitted.lengthBlocks();
    switch (submitted.type()) {
      case READ -> read(submitted);
      case WRITE -> write(submitted);
      case UNMAP, WRITE_ZEROES -> goOn(submitted);
      case FLUSH -> channel.toBase(child.flush());
      case RESET -> end(IoStatus.SUCCESS);
      case ABORT -> end(IoStatus.INVALID_OPCODE);
    }
  }

  private void read(BdevIo read) {
    int at = (int) (nextBlock / blocksPerCluster);
    int cluster = blob.readCluster(at);
    ExternalSnapshot external = cluster == 0 ? blob.readExternal(at) : null;
    if (external != null) {
      long ratio = lvol.blockSizeBytes() / external.device().bdev().blockSizeBytes();
      child.like(
          read, read.iov(), read.iovCount(), nextBlock * ratio, (endBlock - nextBlock) * ratio);
      external.device().submit(child);
    } else if (cluster == 0) {
      for (int i = 0; i < read.iovCount(); i++) {
        long iov = Iovec.at(read.iov(), i);
        NativeMemory.zero(Iovec.base(iov), Iovec.length(iov));
      }
      end(IoStatus.SUCCESS);
    } else {
      pass(read, cluster, 1, endBlock - nextBlock);
    }
  }

  private void write(BdevIo write) {
    int at = (int) (nextBlock / blocksPerCluster);
    int cluster = blob.clusters.get(at);
    if (cluster == 0) {
      index = at;
      toHome(Errand.ALLOCATE);
    } else {
      pass(write, cluster, 1, endBlock - nextBlock);
    }
  }

  /** The next part of an unmap or write zeroes. */
  private void goOn(BdevIo zeroing) {
    while (nextBlock < endBlock) {
      int at = (int) (nextBlock / blocksPerCluster);
      if (!hasParent() && blob.clusters.rowMissing(at / ClusterMap.ROW)) {
        skipTo((long) (at / ClusterMap.ROW + 1) * ClusterMap.ROW);
        continue;
      }
      int cluster = blob.clusters.get(at);
      if (cluster != 0) {
        zero(zeroing, at, cluster);
        return;
      }
      if (blob.clusters.reserved(at) == ClusterMap.RELEASING) {
        index = at;
        indexCount = 1;
        toHome(Errand.RELEASE);
        return;
      }
      if (zeroing.type() == IoType.WRITE_ZEROES && !blob.readsAsZeros(at)) {
        index = at;
        toHome(Errand.ALLOCATE);
        return;
      }
      skipTo(at + 1);
    }
    end(IoStatus.SUCCESS);
  }

  private boolean hasParent() {
    return blob.parent != null || blob.external != null;
  }

  private void skipTo(long cluster) {
    nextBlock = Math.min(endBlock, cluster * blocksPerCluster);
  }

  private void zero(BdevIo zeroing, int at, int cluster) {
    boolean whole = nextBlock % blocksPerCluster == 0 && endBlock - nextBlock >= blocksPerCluster;
    boolean frees = zeroing.type() == IoType.UNMAP && blob.thin() && !hasParent();
    if (whole && frees) {
      long clusters = (endBlock - nextBlock) / blocksPerCluster;
      index = at;
      indexCount = (int) Math.min(clusters, ClusterMap.ROW - at % ClusterMap.ROW);
      toHome(Errand.RELEASE);
      return;
    }
    // What lies side by side on the device goes down in one piece.
    long end = Math.min(endBlock, (at + 1) * blocksPerCluster);
    int count = 1;
    while (end < endBlock
        && !(frees && endBlock - end >= blocksPerCluster)
        && blob.clusters.get(at + count) == cluster + count) {
      count++;
      end = Math.min(endBlock, end + blocksPerCluster);
    }
    pass(zeroing, cluster, count, end - nextBlock);
  }

  private void pass(BdevIo from, int cluster, int count, long blocks) {
    firstCluster = cluster;
    clusterCount = count;
    childBlocks = blocks;
    long offset = cluster * blocksPerCluster + nextBlock % blocksPerCluster;
    int ratio = lvol.baseBlocksPerBlock();
    if (from.type() == IoType.UNMAP && !lvol.baseUnmaps()) {
      child.writeZeroes(offset * ratio, blocks * ratio);
    } else {
      child.like(from, from.iov(), from.iovCount(), offset * ratio, blocks * ratio);
    }
    channel.toBase(child);
  }

  @Override
  public void completed(BdevIo done) {
    firstCluster = 0;
    clusterCount = 0;
    BdevIo whole = io;
    boolean zeroing =
        whole != null && (whole.type() == IoType.UNMAP || whole.type() == IoType.WRITE_ZEROES);
    if (whole != null && zeroing && done.status() == IoStatus.SUCCESS) {
      nextBlock += childBlocks;
      channel.checkDrains();
      goOn(whole);
    } else {
      end(done.status());
    }
  }

  private void end(int status) {
    BdevIo ended = io;
    io = null;
    channel.recycle(this);
    if (ended != null) {
      ended.complete(status);
    }
  }

  // ---- errands

  private void toHome(Errand what) {
    errand = what;
    if (lvol.home().isCurrent()) {
      run();
    } else {
      channel.reactor().send(lvol.home(), this);
    }
  }

  /** From the home reactor: what was asked for is done, or not. */
  @Override
  public void answer(int result, boolean contentWritten) {
    errno = result;
    written = contentWritten;
    errand = Errand.ANSWER;
    if (channel.reactor().isCurrent()) {
      channel.reactor().defer(this);
    } else {
      lvol.home().send(channel.reactor(), this);
    }
  }

  @Override
  protected void run() {
    switch (errand) {
      case ALLOCATE -> lvol.allocate(this);
      case RELEASE -> lvol.release(this);
      case ANSWER -> answered();
      case NONE -> throw new IllegalStateException("a request without errand");
    }
  }

  private void answered() {
    errand = Errand.NONE;
    BdevIo whole = io;
    if (whole == null) {
      return;
    }
    if (errno != 0) {
      // SPDK has no better status for a full store either (bdev_lvol maps every errno to it).
      end(errno == BdevException.EIO ? IoStatus.WRITE_FAULT : IoStatus.INTERNAL_DEVICE_ERROR);
    } else if (whole.type() == IoType.WRITE && written) {
      end(IoStatus.SUCCESS);
    } else if (whole.type() == IoType.WRITE) {
      write(whole);
    } else {
      if (indexCount != 0) {
        skipTo((long) index + indexCount);
        indexCount = 0;
      }
      goOn(whole);
    }
  }
}

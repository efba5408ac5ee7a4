package io.diskengine.engine.bdev;

import io.diskengine.engine.reactor.IoBufferPool;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import java.lang.foreign.Arena;

/**
 * An I/O that its driver cannot take as it is, done as a sequence of parts: parts end at the
 * device's boundary and size limits; unaligned buffers are copied through pool buffers; write
 * zeroes on a device without them writes zeros. A few parts run side by side.
 */
final class SplitIo {
  private static final int PARTS = 4;
  private static final int PART_IOVS = 64;
  private static final int BOUNCE_BYTES = 128 << 10;
  private static final int ZEROES_BYTES = 1 << 20;
  private static final long ZEROES = Arena.global().allocate(ZEROES_BYTES, 4096).address();

  private final Part[] parts = new Part[PARTS];
  private BdevChannel channel;
  private BdevIo whole;
  private boolean bounce;
  private long nextBlock;
  private long endBlock;
  private int iovIndex;
  private long iovOffset;
  private int running;
  private int status;

  @SuppressWarnings("NullAway.Init") // start() sets the fields of one use
  SplitIo() {
    for (int i = 0; i < PARTS; i++) {
      parts[i] = new Part();
    }
  }

  static boolean needed(Bdev bdev, BdevIo io) {
    return switch (io.type) {
      case READ, WRITE -> {
        long boundary = bdev.splitBoundaryBlocks();
        long most = bdev.maxTransferBlocks();
        yield boundary != 0
                && io.offsetBlocks / boundary != (io.offsetBlocks + io.lengthBlocks - 1) / boundary
            || most != 0 && io.lengthBlocks > most
            || io.iovCount > bdev.maxIovCount()
            || bdev.bufferAlignmentBytes() > 1 && unaligned(io, bdev.bufferAlignmentBytes());
      }
      case WRITE_ZEROES -> !bdev.supports(IoType.WRITE_ZEROES);
      case UNMAP, FLUSH, RESET, ABORT -> false;
    };
  }

  private static boolean unaligned(BdevIo io, int alignment) {
    long bits = 0;
    for (int i = 0; i < io.iovCount; i++) {
      long iov = Iovec.at(io.iov, i);
      bits |= Iovec.base(iov) | Iovec.length(iov);
    }
    return (bits & alignment - 1) != 0;
  }

  void start(BdevChannel on, BdevIo io) {
    channel = on;
    whole = io;
    bounce = io.type != IoType.WRITE_ZEROES && unaligned(io, on.bdev().bufferAlignmentBytes());
    nextBlock = io.offsetBlocks;
    endBlock = io.offsetBlocks + io.lengthBlocks;
    iovIndex = 0;
    iovOffset = 0;
    running = 0;
    status = IoStatus.SUCCESS;
    pump();
  }

  /** No further parts; those in the driver end as they will. */
  void abort(int withStatus) {
    status = status == IoStatus.SUCCESS ? withStatus : status;
    endBlock = nextBlock;
  }

  private void pump() {
    for (Part part : parts) {
      if (nextBlock == endBlock) {
        break;
      }
      if (part.free) {
        part.start(partBlocks());
      }
    }
    if (running == 0) {
      channel.splitDone(this, whole, status);
    }
  }

  /** How long the next part may be by the device's limits. */
  private long partBlocks() {
    Bdev bdev = channel.bdev();
    long blocks = endBlock - nextBlock;
    long boundary = bdev.splitBoundaryBlocks();
    if (boundary != 0) {
      blocks = Math.min(blocks, boundary - nextBlock % boundary);
    }
    if (bdev.maxTransferBlocks() != 0) {
      blocks = Math.min(blocks, bdev.maxTransferBlocks());
    }
    int mostBytes =
        whole.type == IoType.WRITE_ZEROES
            ? ZEROES_BYTES
            : bounce ? BOUNCE_BYTES : Integer.MAX_VALUE;
    return Math.min(blocks, Math.max(1, mostBytes / bdev.blockSizeBytes()));
  }

  /** One part: its own I/O, iovec array and, when bouncing, buffer. */
  private final class Part extends IoBufferPool.Waiter implements BdevIoOwner {
    private final BdevIo io = new BdevIo(this);
    private final long iov = Arena.global().allocate((long) PART_IOVS * Iovec.SIZE, 16).address();
    private boolean free = true;
    private long offsetBlocks;
    private long blocks;
    private long buffer;
    private int firstIov;
    private long firstIovOffset;

    Part() {
      io.part = true;
    }

    void start(long mostBlocks) {
      free = false;
      running++;
      offsetBlocks = nextBlock;
      int blockSize = channel.bdev().blockSizeBytes();
      if (whole.type == IoType.WRITE_ZEROES) {
        blocks = mostBlocks;
        nextBlock += blocks;
        Iovec.set(iov, 0, ZEROES, blocks * blockSize);
        send(IoType.WRITE, 1);
        return;
      }
      int count = bounce ? 0 : slice(mostBlocks, blockSize);
      if (count > 0) {
        send(whole.type, count);
      } else {
        startBounced(Math.min(mostBlocks, BOUNCE_BYTES / blockSize), blockSize);
      }
    }

    private void startBounced(long partBlocks, int blockSize) {
      blocks = partBlocks;
      nextBlock += blocks;
      firstIov = iovIndex;
      firstIovOffset = iovOffset;
      advance(blocks * blockSize);
      long address = channel.reactor().buffers().take((int) (blocks * blockSize), this);
      if (address != 0) {
        granted(address);
      }
    }

    /**
     * Points {@link #iov} at the next whole blocks, as many as fit its entries; 0 entries if none.
     */
    private int slice(long mostBlocks, int blockSize) {
      long want = mostBlocks * blockSize;
      long got = 0;
      int count = 0;
      int most = Math.min(PART_IOVS, channel.bdev().maxIovCount());
      int index = iovIndex;
      long offset = iovOffset;
      while (got < want && count < most) {
        long from = Iovec.at(whole.iov, index);
        long length = Math.min(Iovec.length(from) - offset, want - got);
        Iovec.set(iov, count, Iovec.base(from) + offset, length);
        got += length;
        count++;
        index++;
        offset = 0;
      }
      long surplus = got % blockSize;
      got -= surplus;
      while (surplus > 0) {
        long last = Iovec.at(iov, count - 1);
        long cut = Math.min(surplus, Iovec.length(last));
        Iovec.length(last, Iovec.length(last) - cut);
        surplus -= cut;
        if (Iovec.length(last) == 0) {
          count--;
        }
      }
      blocks = got / blockSize;
      nextBlock += blocks;
      advance(got);
      return blocks == 0 ? 0 : count;
    }

    @Override
    protected void granted(long address) {
      buffer = address;
      long bytes = blocks * channel.bdev().blockSizeBytes();
      if (whole.type == IoType.WRITE) {
        copy(bytes, true);
      }
      Iovec.set(iov, 0, buffer, bytes);
      send(whole.type, 1);
    }

    private void send(IoType type, int count) {
      if (type == IoType.READ) {
        io.read(iov, count, offsetBlocks, blocks);
      } else {
        io.write(iov, count, offsetBlocks, blocks);
      }
      io.fua = whole.fua;
      io.channel = channel;
      io.submittedAtNs = channel.reactor().nowNs();
      channel.toDriver(io);
    }

    @Override
    public void completed(BdevIo done) {
      if (buffer != 0) {
        if (whole.type == IoType.READ && done.status() == IoStatus.SUCCESS) {
          copy(blocks * channel.bdev().blockSizeBytes(), false);
        }
        channel.reactor().buffers().give(buffer);
        buffer = 0;
      }
      free = true;
      running--;
      if (done.status() != IoStatus.SUCCESS) {
        abort(done.status());
      }
      pump();
    }

    private void copy(long bytes, boolean intoBuffer) {
      long at = buffer;
      int index = firstIov;
      long offset = firstIovOffset;
      for (long left = bytes; left > 0; ) {
        long from = Iovec.at(whole.iov, index);
        long length = Math.min(Iovec.length(from) - offset, left);
        if (intoBuffer) {
          NativeMemory.copy(Iovec.base(from) + offset, at, length);
        } else {
          NativeMemory.copy(at, Iovec.base(from) + offset, length);
        }
        at += length;
        left -= length;
        index++;
        offset = 0;
      }
    }
  }

  private void advance(long bytes) {
    for (long left = bytes; left > 0; ) {
      long here = Iovec.length(Iovec.at(whole.iov, iovIndex)) - iovOffset;
      if (here > left) {
        iovOffset += left;
        return;
      }
      left -= here;
      iovIndex++;
      iovOffset = 0;
    }
  }
}

package io.diskengine.engine.raid;

import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.BdevIoOwner;
import io.diskengine.engine.bdev.IoStatus;
import io.diskengine.engine.reactor.IoBufferPool;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Copies a range of an array from the legs that are in sync to another one, while nobody writes
 * there. A few chunks at a time, in buffers of the home reactor's pool.
 *
 * <p>A chunk of zeros is not written where the target reads as zeros already: what a thin source
 * never allocated is not allocated on a thin target either. Where the target has other bytes it is
 * made zero by a write zeroes.
 */
final class RangeCopy {
  private static final int CHUNKS = 8;
  private static final int CHUNK_BYTES = 128 << 10;

  /** How a copy ended. */
  enum Outcome {
    COPIED,
    /** No in-sync leg could be read. */
    SOURCE_FAILED,
    TARGET_FAILED
  }

  /** What a chunk waits for. */
  private enum Step {
    READ_SOURCE,
    READ_TARGET,
    WRITE
  }

  /** Is told the end of a copy. */
  interface Copied {
    void copied(Outcome outcome);
  }

  private final Raid raid;
  private final Leg target;
  private final MemorySegment iovs = Arena.ofAuto().allocate((long) CHUNKS * Iovec.SIZE, 16);
  private final Chunk[] chunks = new Chunk[CHUNKS];
  private long nextBlock;
  private long endBlock;
  private int running;
  private Outcome outcome = Outcome.COPIED;
  private @Nullable Copied done;

  RangeCopy(Raid raid, Leg target) {
    this.raid = raid;
    this.target = target;
    for (int i = 0; i < CHUNKS; i++) {
      chunks[i] = new Chunk(Iovec.at(iovs.address(), i));
    }
  }

  void start(long offsetBlocks, long lengthBlocks, Copied copied) {
    nextBlock = offsetBlocks;
    endBlock = offsetBlocks + lengthBlocks;
    outcome = Outcome.COPIED;
    done = copied;
    pump();
  }

  private void pump() {
    for (Chunk chunk : chunks) {
      if (outcome == Outcome.COPIED && nextBlock < endBlock && chunk.idle) {
        chunk.start();
      }
    }
    Copied waiting = done;
    if (running == 0 && waiting != null) {
      done = null;
      waiting.copied(outcome);
    }
  }

  /** A part of the range: read from one leg, then written to the target if it must be. */
  private final class Chunk extends IoBufferPool.Waiter implements BdevIoOwner {
    private final BdevIo io = new BdevIo(this);
    private final long iov;
    private boolean idle = true;
    private long offsetBlocks;
    private long blocks;
    private long buffer;
    private int tried;
    private Step step = Step.READ_SOURCE;
    private @Nullable Leg at;

    Chunk(long iov) {
      this.iov = iov;
    }

    void start() {
      int blockSize = target.bdev().blockSizeBytes();
      idle = false;
      running++;
      tried = 0;
      offsetBlocks = nextBlock;
      blocks = Math.min(endBlock - nextBlock, Math.max(1, CHUNK_BYTES / blockSize));
      nextBlock += blocks;
      long address = raid.home().buffers().take((int) (blocks * blockSize), this);
      if (address != 0) {
        granted(address);
      }
    }

    @Override
    protected void granted(long address) {
      buffer = address;
      Iovec.set(iov, 0, buffer, blocks * target.bdev().blockSizeBytes());
      read();
    }

    private void read() {
      for (Leg leg : raid.inSync()) {
        if (leg != target && (tried & leg.bit()) == 0) {
          tried |= leg.bit();
          step = Step.READ_SOURCE;
          submit(leg, io.read(iov, 1, leg.dataOffsetBlocks + offsetBlocks, blocks));
          return;
        }
      }
      end(Outcome.SOURCE_FAILED);
    }

    private void submit(Leg leg, BdevIo prepared) {
      at = leg;
      leg.submitHome(prepared);
    }

    @Override
    public void completed(BdevIo ended) {
      Leg leg = at;
      boolean success = ended.status() == IoStatus.SUCCESS;
      switch (step) {
        case READ_SOURCE -> {
          if (success) {
            toTarget();
          } else {
            read();
          }
        }
        case READ_TARGET -> {
          if (success && isZero()) {
            end(Outcome.COPIED);
          } else {
            step = Step.WRITE;
            submit(target, io.writeZeroes(target.dataOffsetBlocks + offsetBlocks, blocks));
          }
        }
        case WRITE -> end(success ? Outcome.COPIED : Outcome.TARGET_FAILED);
      }
      if (leg != null) {
        leg.homeCompleted();
      }
    }

    private void toTarget() {
      long offset = target.dataOffsetBlocks + offsetBlocks;
      if (isZero()) {
        step = Step.READ_TARGET;
        submit(target, io.read(iov, 1, offset, blocks));
      } else {
        step = Step.WRITE;
        submit(target, io.write(iov, 1, offset, blocks));
      }
    }

    private boolean isZero() {
      return NativeMemory.isZero(buffer, blocks * target.bdev().blockSizeBytes());
    }

    private void end(Outcome how) {
      raid.home().buffers().give(buffer);
      idle = true;
      running--;
      if (how != Outcome.COPIED) {
        outcome = how;
      }
      pump();
    }
  }
}

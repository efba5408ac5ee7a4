package io.diskengine.engine.raid;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.DriverChannel;
import io.diskengine.engine.bdev.IoStatus;
import io.diskengine.engine.bdev.IoType;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.Timer;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.function.ToIntFunction;

/**
 * A disk whose content outlives its engine: I/O takes effect after a random time, fails when the
 * test says so, or hangs; the test sees every change of the medium.
 */
final class MemoryDisk extends Bdev {
  private final byte[] medium;
  private final Random random;
  private final List<BdevIo> hung = new ArrayList<>();
  private boolean hanging;
  private ToIntFunction<BdevIo> faults = io -> IoStatus.SUCCESS;
  private Runnable changed = () -> {};
  private final List<Long> readsAt = new ArrayList<>();
  private final BitSet written = new BitSet();

  /** What survives a loss of power for certain, and the blocks in which {@link #medium} differs. */
  private final byte[] durable;

  private final BitSet cached = new BitSet();

  MemoryDisk(String name, UUID uuid, int blockSizeBytes, byte[] medium, long seed) {
    super(name, "Memory disk", uuid, blockSizeBytes, medium.length / blockSizeBytes);
    this.medium = medium;
    this.random = new Random(seed);
    this.durable = medium.clone();
  }

  /** A medium after a loss of power: of what was not flushed any blocks may be there. */
  byte[] afterPowerLoss(Random choice) {
    byte[] after = durable.clone();
    for (int block = cached.nextSetBit(0); block >= 0; block = cached.nextSetBit(block + 1)) {
      if (choice.nextBoolean()) {
        int at = block * blockSizeBytes();
        System.arraycopy(medium, at, after, at, blockSizeBytes());
      }
    }
    return after;
  }

  private void persist(int block, int blocks) {
    int at = block * blockSizeBytes();
    System.arraycopy(medium, at, durable, at, blocks * blockSizeBytes());
    cached.clear(block, block + blocks);
  }

  byte[] medium() {
    return medium;
  }

  /** The status of each I/O; SUCCESS lets it happen. */
  void faults(ToIntFunction<BdevIo> statusOf) {
    faults = statusOf;
  }

  void onChange(Runnable body) {
    changed = body;
  }

  /** First blocks of the reads that succeeded. */
  List<Long> readsAt() {
    return readsAt;
  }

  /**
   * Blocks that a write went to; write zeroes and unmap are none: a thin device allocates nothing.
   */
  BitSet written() {
    return written;
  }

  void hang() {
    hanging = true;
  }

  /** What hung ends with a status; further I/O works. */
  void resume(int status) {
    hanging = false;
    List<BdevIo> all = List.copyOf(hung);
    hung.clear();
    all.forEach(io -> io.complete(status == IoStatus.SUCCESS ? perform(io) : status));
  }

  /** First blocks of what hangs. */
  List<Long> hungAt() {
    return hung.stream().map(BdevIo::offsetBlocks).toList();
  }

  int hung() {
    return hung.size();
  }

  @Override
  protected boolean supports(IoType type) {
    return type != IoType.ABORT;
  }

  @Override
  protected DriverChannel openChannel(Reactor reactor) {
    return new DriverChannel() {
      @Override
      protected void submit(BdevIo io) {
        reactor.schedule(Timer.of(() -> happen(io)), random.nextInt(40_000));
      }
    };
  }

  private void happen(BdevIo io) {
    if (hanging) {
      hung.add(io);
    } else {
      io.complete(perform(io));
    }
  }

  private int perform(BdevIo io) {
    int status = faults.applyAsInt(io);
    if (status != IoStatus.SUCCESS) {
      return status;
    }
    int at = (int) (io.offsetBlocks() * blockSizeBytes());
    switch (io.type()) {
      case READ -> {
        readsAt.add(io.offsetBlocks());
        for (int i = 0; i < io.iovCount(); i++) {
          long iov = Iovec.at(io.iov(), i);
          NativeMemory.copy(medium, at, Iovec.base(iov), (int) Iovec.length(iov));
          at += (int) Iovec.length(iov);
        }
      }
      case WRITE -> {
        written.set((int) io.offsetBlocks(), (int) (io.offsetBlocks() + io.lengthBlocks()));
        for (int i = 0; i < io.iovCount(); i++) {
          long iov = Iovec.at(io.iov(), i);
          NativeMemory.copy(Iovec.base(iov), medium, at, (int) Iovec.length(iov));
          at += (int) Iovec.length(iov);
        }
        cached.set((int) io.offsetBlocks(), (int) (io.offsetBlocks() + io.lengthBlocks()));
        if (io.isDurable()) {
          persist((int) io.offsetBlocks(), (int) io.lengthBlocks());
        }
        changed.run();
      }
      case UNMAP, WRITE_ZEROES -> {
        Arrays.fill(medium, at, at + (int) (io.lengthBlocks() * blockSizeBytes()), (byte) 0);
        cached.set((int) io.offsetBlocks(), (int) (io.offsetBlocks() + io.lengthBlocks()));
        changed.run();
      }
      case FLUSH -> {
        for (int block = cached.nextSetBit(0); block >= 0; block = cached.nextSetBit(block)) {
          persist(block, 1);
        }
      }
      case RESET, ABORT -> {}
    }
    return IoStatus.SUCCESS;
  }
}

package io.diskengine.engine.raid;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevChannel;
import io.diskengine.engine.bdev.BdevDesc;
import io.diskengine.engine.bdev.BdevEvents;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.bdev.IoStatus;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Superblocks to and from devices, on the home reactor. */
final class SuperblockIo {
  private static final int ALIGNMENT = 4096;

  private SuperblockIo() {}

  /** What {@link #read} found. */
  record Found(int errno, @Nullable RaidSuperblock superblock) {}

  /** Reads the beginning of a device; errno is 0 also where there is no superblock. */
  static void read(BdevLayer layer, Bdev bdev, Consumer<Found> found) {
    BdevDesc desc;
    try {
      desc = layer.open(bdev, false, BdevEvents.NONE);
    } catch (BdevException e) {
      found.accept(new Found(e.errno(), null));
      return;
    }
    BdevChannel channel = desc.openChannel();
    long blocks = Math.min(bdev.numBlocks(), blocksFor(RaidSuperblock.MOST_BYTES, bdev));
    int bytes = (int) (blocks * bdev.blockSizeBytes());
    MemorySegment memory = memory(bytes);
    BdevIo io =
        new BdevIo(done -> {
          byte[] content = NativeMemory.bytes(buffer(memory), bytes);
          channel.release();
          desc.close();
          found.accept(
              done.status() == IoStatus.SUCCESS
                  ? new Found(0, RaidSuperblock.decode(content))
                  : new Found(BdevException.EIO, null));
        });
    desc.submit(channel, io.read(memory.address(), 1, 0, blocks));
  }

  /** Writes one superblock to several legs, durably; {@code failed} gets those that did not. */
  static void write(byte[] superblock, List<Leg> legs, Consumer<List<Leg>> failed) {
    List<Leg> failures = new ArrayList<>();
    if (legs.isEmpty()) {
      failed.accept(failures);
      return;
    }
    int[] remaining = {legs.size()};
    for (Leg leg : legs) {
      long blocks = blocksFor(superblock.length, leg.bdev());
      MemorySegment memory = memory((int) (blocks * leg.bdev().blockSizeBytes()));
      NativeMemory.copy(superblock, 0, buffer(memory), superblock.length);
      BdevIo io =
          new BdevIo(done -> {
            // Named here so that the memory lives until now.
            if (done.status() != IoStatus.SUCCESS || memory.byteSize() == 0) {
              failures.add(leg);
            }
            leg.homeCompleted();
            if (--remaining[0] == 0) {
              failed.accept(failures);
            }
          });
      leg.submitHome(io.write(memory.address(), 1, 0, blocks).durable());
    }
  }

  private static long blocksFor(int bytes, Bdev bdev) {
    return (bytes + bdev.blockSizeBytes() - 1L) / bdev.blockSizeBytes();
  }

  /** One iovec entry that names the zeroed, aligned buffer behind it. */
  private static MemorySegment memory(int bytes) {
    MemorySegment memory = Arena.ofAuto().allocate(ALIGNMENT + bytes, ALIGNMENT);
    Iovec.set(memory.address(), 0, buffer(memory), bytes);
    return memory;
  }

  private static long buffer(MemorySegment memory) {
    return memory.address() + ALIGNMENT;
  }
}

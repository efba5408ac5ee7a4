package io.diskengine.engine.bdev;

import io.diskengine.engine.reactor.Reactor;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import java.lang.foreign.Arena;
import java.util.UUID;

/** A disk in memory, lost with the process. */
public final class MallocBdev extends Bdev {
  private final Arena arena = Arena.ofShared();
  private final long base;

  public MallocBdev(String name, UUID uuid, int blockSizeBytes, long numBlocks) {
    super(name, "Malloc disk", uuid, blockSizeBytes, numBlocks);
    base = arena.allocate(numBlocks * blockSizeBytes, 4096).address();
  }

  @Override
  protected boolean supports(IoType type) {
    return true;
  }

  @Override
  protected void destruct(Done done) {
    arena.close();
    done.done(0);
  }

  @Override
  protected DriverChannel openChannel(Reactor reactor) {
    return new DriverChannel() {
      @Override
      protected void submit(BdevIo io) {
        long at = base + io.offsetBlocks() * blockSizeBytes();
        switch (io.type()) {
          case READ, WRITE -> copy(io, at);
          case UNMAP, WRITE_ZEROES ->
              NativeMemory.fill(at, io.lengthBlocks() * blockSizeBytes(), (byte) 0);
          case FLUSH, RESET, ABORT -> {}
        }
        io.complete(IoStatus.SUCCESS);
      }
    };
  }

  private static void copy(BdevIo io, long start) {
    long at = start;
    for (int i = 0; i < io.iovCount(); i++) {
      long iov = Iovec.at(io.iov(), i);
      long length = Iovec.length(iov);
      if (io.type() == IoType.READ) {
        NativeMemory.copy(at, Iovec.base(iov), length);
      } else {
        NativeMemory.copy(Iovec.base(iov), at, length);
      }
      at += length;
    }
  }
}

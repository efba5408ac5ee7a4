package io.diskengine.engine.nvmf;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.DriverChannel;
import io.diskengine.engine.bdev.IoType;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;

/** A disk in memory that ends I/O when the test says so. */
final class HeldBdev extends Bdev {
  private final byte[] data;
  final AtomicInteger heldIos = new AtomicInteger();
  volatile boolean holding;
  volatile int status;

  HeldBdev(String name, long numBlocks) {
    super(name, "held", UUID.randomUUID(), 512, numBlocks);
    data = new byte[(int) numBlocks * 512];
  }

  private final class Channel extends DriverChannel {
    private final ArrayDeque<BdevIo> held = new ArrayDeque<>();

    @Override
    protected void submit(BdevIo io) {
      if (holding) {
        held.add(io);
        heldIos.incrementAndGet();
      } else {
        execute(io);
      }
    }

    @Override
    protected boolean abort(BdevIo io) {
      if (!held.remove(io)) {
        return false;
      }
      heldIos.decrementAndGet();
      io.complete(7);
      return true;
    }

    void release() {
      while (!held.isEmpty()) {
        heldIos.decrementAndGet();
        execute(held.remove());
      }
    }
  }

  private void execute(BdevIo io) {
    if (status == 0) {
      synchronized (data) {
        move(io);
      }
    }
    io.complete(status);
  }

  private void move(BdevIo io) {
    int at = (int) io.offsetBlocks() * 512;
    for (int i = 0; i < io.iovCount(); i++) {
      long iov = Iovec.at(io.iov(), i);
      int length = (int) Iovec.length(iov);
      if (io.type() == IoType.WRITE) {
        NativeMemory.copy(Iovec.base(iov), data, at, length);
      } else {
        NativeMemory.copy(data, at, Iovec.base(iov), length);
      }
      at += length;
    }
    if (io.type() == IoType.UNMAP || io.type() == IoType.WRITE_ZEROES) {
      Arrays.fill(data, at, at + (int) io.lengthBlocks() * 512, (byte) 0);
    }
  }

  byte[] content() {
    synchronized (data) {
      return data.clone();
    }
  }

  @Override
  protected DriverChannel openChannel(Reactor reactor) {
    return new Channel();
  }

  @Override
  protected boolean supports(IoType type) {
    return true;
  }

  /** Ends what is held, and holds no longer. */
  void release(TargetFixture fixture) {
    holding = false;
    java.util.concurrent.CompletableFuture<Boolean> done =
        new java.util.concurrent.CompletableFuture<>();
    fixture.run(() ->
        fixture.layer.forEachChannel(
            this,
            (channel, next) -> {
              if (channel != null) {
                ((Channel) channel.driver()).release();
              }
              next.run();
            },
            () -> done.complete(true)));
    TargetFixture.await(done);
  }
}

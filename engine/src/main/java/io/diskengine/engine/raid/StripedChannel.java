package io.diskengine.engine.raid;

import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.BdevIoOwner;
import io.diskengine.engine.bdev.IoStatus;
import io.diskengine.engine.reactor.Reactor;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * An array without redundancy on one reactor: every block lies on one leg, and what lies together
 * in the array lies together on each leg. A read or write, which the bdev layer split at the
 * strips, goes to one leg; unmap and write zeroes go to each leg they touch with one range; flush
 * and reset go to all. A leg that fails I/O stays: the I/O fails.
 */
abstract class StripedChannel extends RaidChannel {
  private final ArrayDeque<Request> free = new ArrayDeque<>();

  StripedChannel(RaidBdev bdev, Reactor reactor) {
    super(bdev, reactor);
  }

  /** The leg of a block. */
  abstract int slotOf(long block);

  /** Where on a leg's data the part of the array from {@code block} on begins. */
  abstract long firstOn(int slot, long block);

  @Override
  protected final void submit(BdevIo io) {
    Request request = free.poll();
    if (request == null) {
      request = new Request();
    }
    request.start(io);
  }

  @Override
  final void resolve(long lastTicket) {}

  /** One I/O of the array and its parts on the legs. */
  private final class Request implements BdevIoOwner {
    private final BdevIo[] ios = new BdevIo[ports.length];
    private final @Nullable Port[] via = new Port[ports.length];
    private @Nullable BdevIo whole;
    private int remaining;
    private int status;

    Request() {
      for (int i = 0; i < ios.length; i++) {
        ios[i] = new BdevIo(this);
      }
    }

    void start(BdevIo io) {
      whole = io;
      status = IoStatus.SUCCESS;
      // One more than the parts, so that a part that ends at once does not end the whole.
      remaining = 1;
      long end = io.offsetBlocks() + io.lengthBlocks();
      switch (io.type()) {
        case READ, WRITE -> {
          int slot = slotOf(io.offsetBlocks());
          send(io, slot, firstOn(slot, io.offsetBlocks()), io.lengthBlocks());
        }
        case UNMAP, WRITE_ZEROES -> {
          for (int slot = 0; slot < ports.length; slot++) {
            long first = firstOn(slot, io.offsetBlocks());
            long blocks = firstOn(slot, end) - first;
            if (blocks > 0) {
              send(io, slot, first, blocks);
            }
          }
        }
        case FLUSH, RESET, ABORT -> {
          for (int slot = 0; slot < ports.length; slot++) {
            send(io, slot, 0, 0);
          }
        }
      }
      partEnded();
    }

    private void send(BdevIo io, int slot, long firstBlock, long blocks) {
      Port port = ports[slot];
      via[slot] = port;
      if (port == null) {
        status = IoStatus.INTERNAL_DEVICE_ERROR;
        return;
      }
      remaining++;
      long offset = blocks == 0 ? 0 : port.leg.dataOffsetBlocks + firstBlock;
      ios[slot].like(io, io.iov(), io.iovCount(), offset, blocks);
      port.submit(ios[slot]);
    }

    @Override
    public void completed(BdevIo done) {
      int slot = 0;
      while (ios[slot] != done) {
        slot++;
      }
      if (done.status() != IoStatus.SUCCESS) {
        status = done.status();
      }
      Port port = via[slot];
      partEnded();
      if (port != null) {
        port.returned();
      }
    }

    private void partEnded() {
      if (--remaining > 0) {
        return;
      }
      BdevIo io = whole;
      whole = null;
      free.push(this);
      if (io != null) {
        io.complete(status);
      }
    }
  }
}

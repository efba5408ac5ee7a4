package io.diskengine.engine.bdev;

import io.diskengine.engine.reactor.Timer;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * What waits on one channel for the rate limits of its device, first in first out. While something
 * waits, a timer looks again with each slice.
 */
final class QosQueue {
  private final BdevChannel channel;
  private final ArrayDeque<BdevIo> waiting = new ArrayDeque<>();
  private final Timer nextSlice = Timer.of(this::pump);

  QosQueue(BdevChannel channel) {
    this.channel = channel;
  }

  /** True when the I/O may start at once; otherwise it waits here and is started later. */
  boolean admits(BdevIo io) {
    Qos qos = channel.bdev().qos();
    if (qos == null && waiting.isEmpty() || !Qos.concerns(io.type)) {
      return true;
    }
    if (waiting.isEmpty() && takes(qos, io)) {
      return true;
    }
    io.held = true;
    waiting.add(io);
    if (waiting.size() == 1) {
      pump();
    }
    return false;
  }

  private boolean takes(@Nullable Qos qos, BdevIo io) {
    long bytes = io.lengthBlocks * channel.bdev().blockSizeBytes();
    return qos == null || qos.take(io.type, bytes, channel.reactor().nowNs());
  }

  /** Starts what the limits allow now; they may have changed. */
  void pump() {
    Qos qos = channel.bdev().qos();
    for (BdevIo io = waiting.peek(); io != null; io = waiting.peek()) {
      if (!channel.holdsWhenQuiesced(io)) {
        if (!takes(qos, io)) {
          break;
        }
        io.held = false;
        waiting.remove();
        channel.start(io);
      } else {
        waiting.remove();
      }
    }
    if (qos != null && !waiting.isEmpty()) {
      channel.reactor().schedule(nextSlice, qos.nextSliceInNs(channel.reactor().nowNs()));
    }
  }

  /** Takes the I/O out; false when it does not wait here. */
  boolean remove(BdevIo io) {
    return waiting.remove(io);
  }

  void close() {
    channel.reactor().cancel(nextSlice);
  }
}

package io.diskengine.engine.lvol;

import io.diskengine.engine.bdev.BdevChannel;
import io.diskengine.engine.bdev.BdevDesc;
import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.DriverChannel;
import io.diskengine.engine.reactor.Reactor;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One lvol on one reactor: its requests and the device's channel they go to. */
final class LvolChannel extends DriverChannel {
  private final LvolBdev lvol;
  private final Reactor reactor;
  private final BdevDesc base;
  private final BdevChannel baseChannel;
  private final List<Drain> drains = new ArrayList<>();
  private @Nullable LvolRequest free;
  private @Nullable LvolRequest active;

  private record Drain(BitSet clusters, Runnable drained) {}

  LvolChannel(LvolBdev lvol, Reactor reactor, BdevDesc base) {
    this.lvol = lvol;
    this.reactor = reactor;
    this.base = base;
    this.baseChannel = base.openChannel();
  }

  LvolBdev lvol() {
    return lvol;
  }

  Reactor reactor() {
    return reactor;
  }

  @Override
  protected void submit(BdevIo io) {
    LvolRequest request = free;
    if (request == null) {
      request = new LvolRequest(this);
    } else {
      free = request.nextActive;
    }
    request.previousActive = null;
    request.nextActive = active;
    if (active != null) {
      active.previousActive = request;
    }
    active = request;
    request.start(io);
  }

  void toBase(BdevIo child) {
    base.submit(baseChannel, child);
  }

  void recycle(LvolRequest request) {
    LvolRequest next = request.nextActive;
    LvolRequest previous = request.previousActive;
    if (previous == null) {
      active = next;
    } else {
      previous.nextActive = next;
    }
    if (next != null) {
      next.previousActive = previous;
    }
    request.previousActive = null;
    request.nextActive = free;
    free = request;
    checkDrains();
  }

  /** Runs {@code drained} when no request touches these clusters of the device. */
  void drain(BitSet clusters, Runnable drained) {
    drains.add(new Drain(clusters, drained));
    checkDrains();
  }

  void checkDrains() {
    for (int i = drains.size() - 1; i >= 0; i--) {
      Drain drain = drains.get(i);
      if (!busy(drain.clusters())) {
        drains.remove(i);
        drain.drained().run();
      }
    }
  }

  private boolean busy(BitSet clusters) {
    for (LvolRequest request = active; request != null; request = request.nextActive) {
      if (request.touches(clusters)) {
        return true;
      }
    }
    return false;
  }

  @Override
  protected void close() {
    baseChannel.release();
  }
}

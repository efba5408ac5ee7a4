package io.diskengine.engine.bdev;

import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.Timer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One device on one reactor: every I/O of that pair passes here, can be listed here (contract 6)
 * and is held here while its blocks are quiesced. Used on its reactor only.
 */
public final class BdevChannel {
  private static final long NOMEM_RETRY_NS = 100_000;

  private final Bdev bdev;
  private final Reactor reactor;
  private final PerReactor perReactor;
  private final DriverChannel driver;
  private final List<LbaRange> quiesced;
  private final List<Drain> drains = new ArrayList<>();
  private final ArrayDeque<BdevIo> held = new ArrayDeque<>();
  private final ArrayDeque<BdevIo> noMem = new ArrayDeque<>();
  private final Timer noMemRetry = Timer.of(this::retryNoMem);
  private final QosQueue qos = new QosQueue(this);
  private final IoStat stat = new IoStat();
  private @Nullable Histogram histogram;
  private @Nullable BdevIo newest;
  private int inFlight;
  int references;

  private record Drain(LbaRange range, Runnable drained) {}

  BdevChannel(Bdev bdev, Reactor reactor, PerReactor perReactor) {
    this.bdev = bdev;
    this.reactor = reactor;
    this.perReactor = perReactor;
    this.quiesced = bdev.quiescedOn(reactor.index());
    this.driver = bdev.openChannel(reactor);
    histogram(bdev.histogram());
  }

  public Bdev bdev() {
    return bdev;
  }

  public Reactor reactor() {
    return reactor;
  }

  /** The driver's own object, for the driver's code. */
  public DriverChannel driver() {
    return driver;
  }

  public IoStat stat() {
    return stat;
  }

  public void resetStat(IoStat.Reset mode) {
    stat.reset(mode);
  }

  /** What {@link BdevLayer#histogram} asked to be counted, null when nothing. */
  public @Nullable Histogram histogram() {
    return histogram;
  }

  void histogram(Histogram.@Nullable Spec spec) {
    histogram = spec == null ? null : new Histogram(spec);
  }

  /** The limits of the device are others now. */
  void limitsChanged() {
    qos.pump();
  }

  /** I/Os accepted and not completed yet. */
  public int inFlight() {
    return inFlight;
  }

  /** Every I/O in flight, newest first. */
  public void forEachIo(Consumer<BdevIo> visitor) {
    for (BdevIo io = newest; io != null; ) {
      BdevIo older = io.nextInFlight;
      visitor.accept(io);
      io = older;
    }
  }

  /** Gives back one {@link BdevDesc#openChannel}; with the last one the channel ends. */
  public void release() {
    if (references <= 0) {
      throw new IllegalStateException("channel of " + bdev + " released too often");
    }
    if (--references == 0) {
      if (inFlight != 0) {
        throw new IllegalStateException(
            "channel of " + bdev + " released with " + inFlight + " I/Os in flight");
      }
      reactor.cancel(noMemRetry);
      qos.close();
      bdev.channels[reactor.index()] = null;
      driver.close();
      keepStat();
    }
  }

  private void keepStat() {
    BdevLayer layer = bdev.layer;
    if (layer != null) {
      Histogram counted = histogram;
      BdevLayer.crossTo(
          layer.home(),
          () -> {
            bdev.closedStat.add(stat);
            bdev.keepHistogram(counted);
          });
    }
  }

  // ---- the path of an I/O

  void submit(BdevIo io) {
    begin(io);
    int refusal = refusal(io);
    if (refusal != IoStatus.SUCCESS) {
      endLater(io, refusal);
    } else {
      admit(io);
    }
  }

  private void admit(BdevIo io) {
    if (!holdsWhenQuiesced(io) && qos.admits(io)) {
      start(io);
    }
  }

  /** True when its blocks are quiesced: it then waits until they are no more. */
  boolean holdsWhenQuiesced(BdevIo io) {
    if (!isQuiesced(io)) {
      return false;
    }
    io.held = true;
    held.add(io);
    return true;
  }

  void refuse(BdevIo io, int status) {
    begin(io);
    endLater(io, status);
  }

  private void begin(BdevIo io) {
    if (io.channel != null) {
      throw new IllegalStateException("submitted twice: " + io);
    }
    io.channel = this;
    io.submittedAtNs = reactor.nowNs();
    io.previousInFlight = null;
    io.nextInFlight = newest;
    if (newest != null) {
      newest.previousInFlight = io;
    }
    newest = io;
    inFlight++;
  }

  private int refusal(BdevIo io) {
    if (!bdev.ioTypeSupported(io.type)) {
      return IoStatus.INVALID_OPCODE;
    }
    return switch (io.type) {
      case READ, WRITE, UNMAP, WRITE_ZEROES ->
          io.offsetBlocks < 0
                  || io.lengthBlocks <= 0
                  || io.lengthBlocks > bdev.numBlocks()
                  || io.offsetBlocks > bdev.numBlocks() - io.lengthBlocks
              ? IoStatus.LBA_OUT_OF_RANGE
              : IoStatus.SUCCESS;
      case FLUSH, RESET, ABORT -> IoStatus.SUCCESS;
    };
  }

  void start(BdevIo io) {
    if (SplitIo.needed(bdev, io)) {
      SplitIo split = perReactor.freeSplits.poll();
      io.split = split == null ? new SplitIo() : split;
      io.split.start(this, io);
    } else {
      toDriver(io);
    }
  }

  void toDriver(BdevIo io) {
    perReactor.submitDepth++;
    try {
      driver.submit(io);
    } finally {
      perReactor.submitDepth--;
    }
  }

  void driverCompleted(BdevIo io) {
    if (io.completing) {
      throw new IllegalStateException("completed twice: " + io);
    }
    if (io.status == IoStatus.NOMEM) {
      noMem.add(io);
      reactor.schedule(noMemRetry, NOMEM_RETRY_NS);
    } else if (perReactor.submitDepth > 0) {
      io.completing = true;
      reactor.defer(io);
    } else {
      finish(io);
    }
  }

  private void endLater(BdevIo io, int status) {
    io.status = status;
    io.completing = true;
    reactor.defer(io);
  }

  void finish(BdevIo io) {
    io.completing = false;
    io.channel = null;
    io.driverState = null;
    if (!io.part) {
      unlink(io);
      long tookNs = reactor.nowNs() - io.submittedAtNs;
      stat.count(
          io.type, io.lengthBlocks * bdev.blockSizeBytes(), tookNs, io.status != IoStatus.SUCCESS);
      if (histogram != null) {
        histogram.count(io.type, tookNs);
      }
      if (!drains.isEmpty()) {
        checkDrains();
      }
    }
    io.owner().completed(io);
    if (!noMem.isEmpty()) {
      retryNoMem();
    }
  }

  /** The parts of a split I/O are done: so is the whole. */
  void splitDone(SplitIo split, BdevIo whole, int status) {
    whole.split = null;
    perReactor.freeSplits.add(split);
    whole.status = status;
    driverCompleted(whole);
  }

  private void unlink(BdevIo io) {
    if (io.previousInFlight == null) {
      newest = io.nextInFlight;
    } else {
      io.previousInFlight.nextInFlight = io.nextInFlight;
    }
    if (io.nextInFlight != null) {
      io.nextInFlight.previousInFlight = io.previousInFlight;
    }
    io.previousInFlight = null;
    io.nextInFlight = null;
    inFlight--;
  }

  private void retryNoMem() {
    for (int waiting = noMem.size(); waiting > 0; waiting--) {
      BdevIo io = noMem.poll();
      if (io == null) {
        return;
      }
      int before = noMem.size();
      toDriver(io);
      if (noMem.size() > before) {
        return;
      }
    }
  }

  /**
   * Ends an I/O early if that is still possible: one that waits here at once, one in the driver if
   * the driver can. Either way it completes once.
   */
  public void abort(BdevIo io) {
    if (io.channel != this || io.completing) {
      return;
    }
    if (io.held ? held.remove(io) || qos.remove(io) : noMem.remove(io)) {
      io.held = false;
      endLater(io, IoStatus.ABORTED_BY_REQUEST);
    } else if (io.split != null) {
      io.split.abort(IoStatus.ABORTED_BY_REQUEST);
    } else {
      driver.abort(io);
    }
  }

  // ---- quiesce

  private boolean isQuiesced(BdevIo io) {
    if (quiesced.isEmpty()) {
      return false;
    }
    for (LbaRange range : quiesced) {
      if (touches(io, range)) {
        return true;
      }
    }
    return false;
  }

  private static boolean touches(BdevIo io, LbaRange range) {
    return switch (io.type) {
      case READ, WRITE, UNMAP, WRITE_ZEROES -> range.overlaps(io.offsetBlocks, io.lengthBlocks);
      case FLUSH, RESET, ABORT -> false;
    };
  }

  /** The range was added to {@link #quiesced}: tell when nothing in flight touches it any more. */
  void drain(LbaRange range, Runnable drained) {
    drains.add(new Drain(range, drained));
    checkDrains();
  }

  private void checkDrains() {
    for (int i = drains.size() - 1; i >= 0; i--) {
      Drain drain = drains.get(i);
      if (!busy(drain.range())) {
        drains.remove(i);
        drain.drained().run();
      }
    }
  }

  private boolean busy(LbaRange range) {
    for (BdevIo io = newest; io != null; io = io.nextInFlight) {
      if (!io.held && touches(io, range)) {
        return true;
      }
    }
    return false;
  }

  /** A range was taken out of {@link #quiesced}: what it held goes on, in order. */
  void releaseHeld() {
    for (int waiting = held.size(); waiting > 0; waiting--) {
      BdevIo io = held.remove();
      if (isQuiesced(io)) {
        held.add(io);
      } else {
        io.held = false;
        int refusal = refusal(io);
        if (refusal == IoStatus.SUCCESS) {
          admit(io);
        } else {
          endLater(io, refusal);
        }
      }
    }
  }
}

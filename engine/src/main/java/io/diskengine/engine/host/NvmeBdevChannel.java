package io.diskengine.engine.host;

import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.bdev.DriverChannel;
import io.diskengine.engine.bdev.IoStatus;
import io.diskengine.engine.bdev.IoType;
import io.diskengine.engine.linux.MemoryCalls;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.Timer;
import io.diskengine.nvme.NvmeStatus;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One namespace on one reactor: I/O waits here, first in first out, for a path and for a slot on
 * it. The path is the first that is connected (active_passive, failing back). Without a connected
 * path I/O waits as long as one may come back, else it fails.
 */
final class NvmeBdevChannel extends DriverChannel {
  private static final long RETRY_DELAY_NS = 100_000_000L;

  /**
   * How long a path may answer that it does not work just now (SPDK's target states ANATT 10 s).
   */
  private static final long PATH_ERROR_LIMIT_NS = 10_000_000_000L;

  private static final int POOL_CHUNK = 64;

  private final NvmeNamespaceBdev bdev;
  private final Reactor reactor;
  private final List<ControllerChannel> paths = new ArrayList<>();
  private final List<Long> memory = new ArrayList<>();
  private final Timer retryTimer = Timer.of(this::retryNow);
  private @Nullable QpairRequest head;
  private @Nullable QpairRequest tail;
  private final List<NvmeIo> retrying = new ArrayList<>();
  private @Nullable QpairRequest free;

  NvmeBdevChannel(NvmeNamespaceBdev bdev, Reactor reactor) {
    this.bdev = bdev;
    this.reactor = reactor;
    paths(bdev.paths());
  }

  /** The home reactor changed the list of paths. */
  void paths(List<NvmeController> controllers) {
    List<ControllerChannel> wanted = new ArrayList<>();
    for (NvmeController controller : controllers) {
      wanted.add(controller.channel(reactor));
    }
    paths.stream().filter(path -> !wanted.contains(path)).forEach(path -> path.removeUser(this));
    wanted.stream().filter(path -> !paths.contains(path)).forEach(path -> path.addUser(this));
    paths.clear();
    paths.addAll(wanted);
    pump();
  }

  NvmeNamespaceBdev bdev() {
    return bdev;
  }

  /** The path that I/O takes now. */
  @Nullable ControllerChannel current() {
    for (int i = 0; i < paths.size(); i++) {
      ControllerChannel path = paths.get(i);
      if (path.qpair() != null) {
        return path;
      }
    }
    return null;
  }

  private boolean mayComeBack() {
    for (int i = 0; i < paths.size(); i++) {
      if (!paths.get(i).controller().failing()) {
        return true;
      }
    }
    return false;
  }

  // ---- I/O

  @Override
  protected void submit(BdevIo io) {
    if (io.type() == IoType.RESET) {
      reset(io);
      return;
    }
    NvmeIo request = take();
    request.start(io);
    putLast(request);
    pump();
  }

  private void reset(BdevIo io) {
    Reactor home = bdev.home();
    BdevLayer.crossTo(
        home,
        () ->
            bdev.reset(errno ->
                BdevLayer.crossTo(
                    reactor,
                    () ->
                        io.complete(
                            errno == 0 ? IoStatus.SUCCESS : IoStatus.INTERNAL_DEVICE_ERROR))));
  }

  /** Sends what can be sent, or fails what nothing will ever take. */
  void pump() {
    while (head instanceof NvmeIo io) {
      ControllerChannel path = current();
      TcpQpair qpair = path == null ? null : path.qpair();
      if (qpair != null) {
        if (qpair.freeSlots() == 0) {
          return;
        }
        removeFirst();
        io.send(qpair, bdev);
      } else if (mayComeBack()) {
        return;
      } else {
        removeFirst();
        io.finish(NvmeStatus.HOST_PATH_ERROR);
      }
    }
  }

  boolean waiting() {
    return head != null;
  }

  /** A path came or went for good: nothing waits for a delay any more. */
  void recheck() {
    retryNow();
  }

  boolean worthRetrying(NvmeIo io, int status) {
    if ((status & NvmeStatus.DNR) != 0) {
      return false;
    }
    if (NvmeStatus.isPathError(status)
        || NvmeStatus.code(status) == NvmeStatus.ABORTED_SQ_DELETION) {
      return reactor.nowNs() - io.io().submittedAtNs() < PATH_ERROR_LIMIT_NS;
    }
    int most = bdev.retryCount();
    return NvmeStatus.isRetryable(status) && (most < 0 || io.retries++ < most);
  }

  void retryLater(NvmeIo io) {
    retrying.add(io);
    if (!retryTimer.armed()) {
      reactor.schedule(retryTimer, RETRY_DELAY_NS);
    }
  }

  private void retryNow() {
    reactor.cancel(retryTimer);
    for (NvmeIo io : retrying.reversed()) {
      putFirst(io);
    }
    retrying.clear();
    pump();
  }

  @Override
  protected boolean abort(BdevIo io) {
    if (!(io.driverState instanceof NvmeIo request)) {
      return false;
    }
    if (retrying.remove(request) || remove(request)) {
      request.finish(IoStatus.ABORTED_BY_REQUEST);
      return true;
    }
    for (ControllerChannel path : paths) {
      path.abort(request);
    }
    return false;
  }

  // ---- the line, and the pool

  private void putLast(NvmeIo io) {
    io.next = null;
    if (tail == null) {
      head = io;
    } else {
      tail.next = io;
    }
    tail = io;
  }

  void putFirst(NvmeIo io) {
    io.next = head;
    head = io;
    if (tail == null) {
      tail = io;
    }
  }

  private void removeFirst() {
    QpairRequest first = head;
    if (first != null) {
      head = first.next;
      if (head == null) {
        tail = null;
      }
    }
  }

  private boolean remove(NvmeIo io) {
    QpairRequest previous = null;
    for (QpairRequest at = head; at != null; previous = at, at = at.next) {
      if (at == io) {
        if (previous == null) {
          head = io.next;
        } else {
          previous.next = io.next;
        }
        if (tail == io) {
          tail = previous;
        }
        return true;
      }
    }
    return false;
  }

  private NvmeIo take() {
    if (!(free instanceof NvmeIo)) {
      long chunk = MemoryCalls.mapAnonymous((long) POOL_CHUNK * NvmeIo.MEMORY_BYTES);
      memory.add(chunk);
      for (int i = 0; i < POOL_CHUNK; i++) {
        free(new NvmeIo(this, chunk + (long) i * NvmeIo.MEMORY_BYTES));
      }
    }
    QpairRequest taken = free;
    if (!(taken instanceof NvmeIo io)) {
      throw new IllegalStateException("empty pool");
    }
    free = io.next;
    return io;
  }

  void free(NvmeIo io) {
    io.next = free;
    free = io;
  }

  @Override
  protected void close() {
    paths.forEach(path -> path.removeUser(this));
    reactor.cancel(retryTimer);
    memory.forEach(chunk -> MemoryCalls.munmap(chunk, (long) POOL_CHUNK * NvmeIo.MEMORY_BYTES));
  }
}

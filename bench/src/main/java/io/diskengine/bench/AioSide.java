package io.diskengine.bench;

import io.diskengine.engine.bdev.AioBdev;
import io.diskengine.engine.bdev.BdevChannel;
import io.diskengine.engine.bdev.BdevDesc;
import io.diskengine.engine.bdev.BdevEvents;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.BdevIoOwner;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.reactor.BufferReserve;
import io.diskengine.engine.reactor.IoBufferPool;
import io.diskengine.engine.reactor.Kernel;
import io.diskengine.engine.reactor.Kernels;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.ReactorOptions;
import io.diskengine.nvme.Iovec;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;

/**
 * The aio bdev on a reactor that the measuring thread drives itself: no socket, no second thread.
 */
final class AioSide implements Side, AutoCloseable {
  private static final int BUFFERS = 32;

  private final ClosedLoop loop = new ClosedLoop();
  private final Kernel kernel =
      Kernels.create(Kernels.Choice.fromSystemProperty(), ReactorOptions.DEFAULT_FILE_THREADS);
  private final BufferReserve reserve = BufferReserve.map(BUFFERS, BUFFERS);
  private final Reactor reactor =
      new Reactor(0, kernel, new IoBufferPool(reserve), (on, bug) -> fault(bug));
  private final BdevLayer layer = new BdevLayer(List.of(reactor));
  private final AioBdev bdev;
  private final BdevDesc desc;
  private final BdevChannel channel;

  private static void fault(Throwable bug) {
    throw new IllegalStateException("a bug on the reactor", bug);
  }

  AioSide(Path file) {
    AioBdev[] made = {null};
    BdevDesc[] opened = {null};
    BdevChannel[] channels = {null};
    onReactor(() -> {
      var options =
          new AioBdev.Options(
              file.toString(), NvmeTcpPath.BLOCK_BYTES, false, false, UUID.randomUUID());
      try {
        made[0] = AioBdev.open("aio", options, kernel);
        layer.register(made[0]);
        opened[0] = layer.open(made[0], true, BdevEvents.NONE);
      } catch (BdevException e) {
        throw new IllegalStateException(e);
      }
      channels[0] = opened[0].openChannel();
    });
    bdev = made[0];
    desc = opened[0];
    channel = channels[0];
  }

  private void onReactor(Runnable body) {
    boolean[] done = {false};
    reactor.execute(() -> {
      body.run();
      done[0] = true;
    });
    while (!done[0]) {
      reactor.turn();
    }
  }

  @Override
  public String name() {
    return "aio bdev";
  }

  @Override
  public Sample run(Workload workload, long durationNs) {
    try (Submitter path = new Submitter(workload)) {
      return loop.run(path, workload, durationNs, RingSide::threadCpuNs);
    }
  }

  @Override
  public void close() {
    boolean[] gone = {false};
    onReactor(() -> {
      channel.release();
      desc.close();
      layer.unregister(bdev, errno -> gone[0] = true);
    });
    while (!gone[0]) {
      reactor.turn();
    }
    kernel.close();
    reserve.unmap();
  }

  private final class Submitter implements IoPath {
    private final Arena arena = Arena.ofConfined();
    private final Workload workload;
    private final Request[] requests;
    private final int[] done;
    private int doneHead;
    private int doneTail;

    Submitter(Workload workload) {
      this.workload = workload;
      int depth = workload.depth();
      requests = new Request[depth];
      done = new int[2 * Integer.highestOneBit(depth)];
      long iovs = arena.allocate((long) depth * Iovec.SIZE, 16).address();
      long buffers = arena.allocate((long) depth * workload.bytes(), 4096).address();
      for (int i = 0; i < depth; i++) {
        requests[i] = new Request(this, i, Iovec.at(iovs, i));
        Iovec.set(iovs, i, buffers + (long) i * workload.bytes(), workload.bytes());
      }
    }

    @Override
    public void queue(int slot, long place) {
      Request request = requests[slot];
      int blocks = workload.bytes() / NvmeTcpPath.BLOCK_BYTES;
      if (workload.write()) {
        request.io.write(request.iov, 1, place * blocks, blocks);
      } else {
        request.io.read(request.iov, 1, place * blocks, blocks);
      }
      desc.submit(channel, request.io);
    }

    @Override
    public void flush() {}

    @Override
    public void poll() {
      reactor.turn();
    }

    @Override
    public int next() {
      return doneHead == doneTail ? -1 : done[doneHead++ & done.length - 1];
    }

    @Override
    public void close() {
      arena.close();
    }
  }

  private static final class Request implements BdevIoOwner {
    private final Submitter submitter;
    private final int slot;
    private final long iov;
    private final BdevIo io = new BdevIo(this);

    Request(Submitter submitter, int slot, long iov) {
      this.submitter = submitter;
      this.slot = slot;
      this.iov = iov;
    }

    @Override
    public void completed(BdevIo done) {
      if (done.status() != 0) {
        throw new IllegalStateException("status 0x%x".formatted(done.status()));
      }
      submitter.done[submitter.doneTail++ & submitter.done.length - 1] = slot;
    }
  }
}

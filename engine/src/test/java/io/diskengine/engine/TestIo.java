package io.diskengine.engine;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevChannel;
import io.diskengine.engine.bdev.BdevDesc;
import io.diskengine.engine.bdev.BdevEvents;
import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.BdevIoOwner;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** A user of one device that reads and writes it from any reactor, one call at a time or many. */
public final class TestIo {
  public static final int PENDING = Integer.MIN_VALUE;

  private final SteppedReactors reactors;
  private final Bdev bdev;
  private final BdevDesc desc;
  private final Map<Integer, BdevChannel> channels = new HashMap<>();

  /** An I/O under way, with a buffer of its own. */
  public final class Call implements BdevIoOwner {
    private final BdevIo io = new BdevIo(this);
    private final long iov;
    private final long buffer;
    private final long bytes;
    private int status = PENDING;

    private Call(long bytes) {
      this.bytes = bytes;
      long memory = reactors.allocate(4096 + Math.max(bytes, 1));
      iov = memory;
      buffer = memory + 4096;
      Iovec.set(iov, 0, buffer, bytes);
    }

    @Override
    public void completed(BdevIo done) {
      if (status != PENDING) {
        throw new AssertionError("completed twice");
      }
      status = done.status();
    }

    public boolean done() {
      return status != PENDING;
    }

    /** {@link #PENDING} or how it ended. */
    public int status() {
      return status;
    }

    public byte[] data() {
      return NativeMemory.bytes(buffer, (int) bytes);
    }

    public BdevIo io() {
      return io;
    }

    /** The iovec array with one entry, the buffer. */
    public long iov() {
      return iov;
    }

    public void fill(byte[] content) {
      NativeMemory.copy(content, 0, buffer, content.length);
    }
  }

  public TestIo(SteppedReactors reactors, String name) {
    this.reactors = reactors;
    List<BdevDesc> opened = new ArrayList<>();
    reactors.home(() -> opened.add(reactors.layer().open(name, true, (BdevEvents) removed -> {})));
    desc = opened.getFirst();
    bdev = desc.bdev();
  }

  public Bdev bdev() {
    return bdev;
  }

  private BdevChannel channel(int reactor) {
    return channels.computeIfAbsent(reactor, r -> desc.openChannel());
  }

  /** Starts an I/O that {@code prepare} describes; it gets a buffer of {@code blocks} blocks. */
  public Call start(int reactor, long blocks, Consumer<Call> prepare) {
    Call call = new Call(blocks * bdev.blockSizeBytes());
    reactors.on(
        reactor,
        () -> {
          prepare.accept(call);
          desc.submit(channel(reactor), call.io);
        });
    return call;
  }

  public Call startWrite(int reactor, long offsetBlocks, byte[] data) {
    long blocks = data.length / bdev.blockSizeBytes();
    return start(
        reactor,
        blocks,
        call -> {
          NativeMemory.copy(data, 0, call.buffer, data.length);
          call.io.write(call.iov, 1, offsetBlocks, blocks);
        });
  }

  public Call startRead(int reactor, long offsetBlocks, long blocks) {
    return start(reactor, blocks, call -> call.io.read(call.iov, 1, offsetBlocks, blocks));
  }

  public int write(int reactor, long offsetBlocks, byte[] data) {
    return await(startWrite(reactor, offsetBlocks, data)).status();
  }

  /** The data; fails when the read fails. */
  public byte[] read(int reactor, long offsetBlocks, long blocks) {
    Call call = await(startRead(reactor, offsetBlocks, blocks));
    if (call.status != 0) {
      throw new AssertionError("read failed with status 0x" + Integer.toHexString(call.status));
    }
    return call.data();
  }

  public int run(int reactor, Consumer<BdevIo> prepare) {
    return await(start(reactor, 0, call -> prepare.accept(call.io))).status();
  }

  /** Asks for an I/O to end early, on the reactor it was started on. */
  public void abort(int reactor, Call call) {
    reactors.on(reactor, () -> channel(reactor).abort(call.io));
  }

  public Call await(Call call) {
    reactors.runUntil(call::done);
    return call;
  }

  /** Releases all channels and closes the device. */
  public void close() {
    for (Map.Entry<Integer, BdevChannel> each : channels.entrySet()) {
      reactors.on(each.getKey(), () -> each.getValue().release());
    }
    channels.clear();
    reactors.home(() -> desc.close());
  }
}

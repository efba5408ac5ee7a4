package io.diskengine.engine.lvol;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevChannel;
import io.diskengine.engine.bdev.BdevDesc;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.BdevIoOwner;
import io.diskengine.engine.bdev.Done;
import io.diskengine.engine.bdev.IoStat;
import io.diskengine.engine.bdev.IoStatus;
import io.diskengine.engine.bdev.IoType;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.nvme.Iovec;
import java.lang.foreign.Arena;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * The device under a store as its metadata sees it: byte offsets, one buffer per operation, a
 * callback at the end. Home reactor; operations of more than no bytes never end inside their call.
 */
final class StoreDevice {
  /** Operations of one kind that run side by side. */
  static final int WINDOW = 32;

  private final BdevDesc desc;
  private final BdevChannel channel;
  private final int blockBytes;
  private final Arena arena = Arena.ofAuto();
  private final ArrayDeque<Operation> freeOperations = new ArrayDeque<>();
  private final ArrayDeque<Long> freePages = new ArrayDeque<>();
  private long completed;
  private int inFlight;

  StoreDevice(BdevDesc desc) {
    this.desc = desc;
    this.channel = desc.openChannel();
    this.blockBytes = desc.bdev().blockSizeBytes();
  }

  Bdev bdev() {
    return desc.bdev();
  }

  BdevDesc desc() {
    return desc;
  }

  Reactor home() {
    return channel.reactor();
  }

  /** Of the I/Os that the device's counters have, those of the store itself. */
  long completed() {
    return completed;
  }

  int inFlight() {
    return inFlight;
  }

  /** Nothing may be in flight. */
  void close() {
    channel.release();
    desc.close();
  }

  /** A buffer that lives as long as this device, aligned to 4 KiB. */
  long allocate(long bytes) {
    return arena.allocate(bytes, 4096).address();
  }

  /** A metadata page's buffer. */
  long takePage() {
    Long page = freePages.poll();
    return page == null ? allocate(MetadataPage.SIZE) : page;
  }

  void givePage(long page) {
    freePages.push(page);
  }

  void read(long address, long offset, long bytes, Done done) {
    Operation op = operation(done);
    Iovec.set(op.iov, 0, address, bytes);
    op.io.read(op.iov, 1, offset / blockBytes, bytes / blockBytes);
    desc.submit(channel, op.io);
  }

  void write(long address, long offset, long bytes, Done done) {
    desc.submit(channel, writing(address, offset, bytes, done));
  }

  /** On the medium when it ends. */
  void writeDurably(long address, long offset, long bytes, Done done) {
    desc.submit(channel, writing(address, offset, bytes, done).durable());
  }

  private BdevIo writing(long address, long offset, long bytes, Done done) {
    Operation op = operation(done);
    Iovec.set(op.iov, 0, address, bytes);
    return op.io.write(op.iov, 1, offset / blockBytes, bytes / blockBytes);
  }

  /**
   * What somebody wants written to the cluster that begins at {@code clusterOffset}. It is theirs,
   * not the store's own.
   */
  void write(ClusterAllocator.Content content, long clusterOffset, Done done) {
    if (content.bytes() == 0) {
      done.done(0);
      return;
    }
    Operation op = operation(done);
    op.own = false;
    inFlight--;
    desc.submit(
        channel,
        op.io.write(
            content.iov(),
            content.iovCount(),
            (clusterOffset + content.offsetBytes()) / blockBytes,
            content.bytes() / blockBytes));
  }

  void writeZeroes(long offset, long bytes, Done done) {
    if (bytes == 0) {
      done.done(0);
    } else {
      desc.submit(channel, operation(done).io.writeZeroes(offset / blockBytes, bytes / blockBytes));
    }
  }

  /** Gives the range back to a device that can; it may read as anything afterwards. */
  void unmap(long offset, long bytes, Done done) {
    if (bytes > 0 && bdev().ioTypeSupported(IoType.UNMAP)) {
      desc.submit(channel, operation(done).io.unmap(offset / blockBytes, bytes / blockBytes));
    } else {
      done.done(0);
    }
  }

  void flush(Done done) {
    desc.submit(channel, operation(done).io.flush());
  }

  private Operation operation(Done done) {
    Operation free = freeOperations.poll();
    Operation op = free == null ? new Operation() : free;
    op.done = done;
    op.own = true;
    inFlight++;
    return op;
  }

  private final class Operation implements BdevIoOwner {
    private final BdevIo io = new BdevIo(this);
    private final long iov = arena.allocate(Iovec.SIZE, 16).address();
    private @Nullable Done done;
    private boolean own;

    @Override
    public void completed(BdevIo ended) {
      Done answer = done;
      done = null;
      inFlight -= own ? 1 : 0;
      completed += own && IoStat.counts(ended) ? 1 : 0;
      freeOperations.push(this);
      if (answer != null) {
        answer.done(ended.status() == IoStatus.SUCCESS ? 0 : BdevException.EIO);
      }
    }
  }

  /** One of many similar steps. */
  interface Step {
    void run(int index, Done done);
  }

  /**
   * Runs the steps 0 to {@code count - 1}, {@link #WINDOW} at a time. After a failure no further
   * one starts; {@code done} gets the first failure once all that started have ended.
   */
  static void forEach(int count, Step step, Done done) {
    new Steps(count, step, done).pump();
  }

  private static final class Steps {
    private final int count;
    private final Step step;
    private final Done done;
    private int next;
    private int running;
    private int errno;
    private boolean pumping;

    Steps(int count, Step step, Done done) {
      this.count = count;
      this.step = step;
      this.done = done;
    }

    void pump() {
      if (pumping) {
        return;
      }
      pumping = true;
      while (running < WINDOW && next < count && errno == 0) {
        running++;
        step.run(next++, this::ended);
      }
      pumping = false;
      if (running == 0 && (next == count || errno != 0)) {
        done.done(errno);
      }
    }

    private void ended(int stepErrno) {
      running--;
      errno = errno == 0 ? stepErrno : errno;
      pump();
    }
  }
}

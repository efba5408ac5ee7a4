package io.diskengine.engine.bdev;

import io.diskengine.engine.linux.Errno;
import io.diskengine.engine.linux.FileCalls;
import io.diskengine.engine.reactor.Kernel;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.Timer;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import java.lang.foreign.Arena;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A file or block device as a disk; the name is SPDK's. The file is opened with O_DIRECT and locked
 * (contract 13); a flush is fdatasync(2), a durable write RWF_DSYNC (contract 14).
 */
public final class AioBdev extends Bdev {
  private static final int FALLOC_FL_KEEP_SIZE = 1;
  private static final int FALLOC_FL_PUNCH_HOLE = 2;
  private static final int FALLOC_FL_ZERO_RANGE = 16;
  private static final int EOPNOTSUPP = -95;

  /** How often a reset looks whether what it waits for has ended. */
  private static final long RESET_LOOK_NS = 100_000;

  /** O_DIRECT wants buffers and offsets aligned to the device's logical block; 4 KiB fits all. */
  private static final int DIRECT_ALIGNMENT = 512;

  /** How a file is opened; members as in SPDK's bdev_aio_create. */
  public record Options(
      String filename, int blockSizeBytes, boolean readOnly, boolean fallocate, UUID uuid) {}

  private static final Logger LOG = LoggerFactory.getLogger(AioBdev.class);

  private final Options options;
  private final Kernel kernel;
  private final int fd;

  /** The device below was unplugged. */
  private final AtomicBoolean unplugged = new AtomicBoolean();

  private AioBdev(String name, Options options, Kernel kernel, int fd, long numBlocks) {
    super(name, "AIO disk", options.uuid(), options.blockSizeBytes(), numBlocks);
    this.options = options;
    this.kernel = kernel;
    this.fd = fd;
  }

  /** Opens and locks the file; a partial last block is left out. Home reactor. */
  public static AioBdev open(String name, Options options, Kernel kernel) throws BdevException {
    int blockSize = options.blockSizeBytes();
    if (blockSize < 512 || Integer.bitCount(blockSize) != 1) {
      throw new BdevException(
          BdevException.EINVAL, "block size " + blockSize + " is no power of two of at least 512");
    }
    int access = options.readOnly() ? FileCalls.O_RDONLY : FileCalls.O_RDWR;
    int fd = kernel.openFile(options.filename(), access | FileCalls.O_DIRECT, 0);
    if (fd == BdevException.EINVAL) {
      fd = kernel.openFile(options.filename(), access, 0);
    }
    if (fd < 0) {
      throw new BdevException(fd, "cannot open " + options.filename());
    }
    int locked = kernel.lockExclusive(fd);
    if (locked < 0) {
      kernel.close(fd);
      throw new BdevException(
          BdevException.EBUSY, options.filename() + " is in use by another process");
    }
    long blocks = kernel.sizeBytes(fd) / blockSize;
    if (blocks <= 0) {
      kernel.close(fd);
      throw new BdevException(
          BdevException.EINVAL, options.filename() + " is smaller than one block of " + blockSize);
    }
    return new AioBdev(name, options, kernel, fd, blocks);
  }

  /** Looks at the file's size again; the caller passes it to {@link BdevLayer#resize}. */
  public long currentNumBlocks() {
    return kernel.sizeBytes(fd) / blockSizeBytes();
  }

  @Override
  protected boolean supports(IoType type) {
    return switch (type) {
      case READ, FLUSH, RESET -> true;
      case WRITE -> !options.readOnly();
      case UNMAP, WRITE_ZEROES -> options.fallocate() && !options.readOnly();
      case ABORT -> false;
    };
  }

  @Override
  public int bufferAlignmentBytes() {
    return DIRECT_ALIGNMENT;
  }

  @Override
  public boolean writeCache() {
    return true;
  }

  @Override
  public Map<String, Object> driverSpecific() {
    return Map.of(
        "aio",
        Map.of(
            "filename", options.filename(),
            "block_size_override", true,
            "readonly", options.readOnly(),
            "fallocate", options.fallocate(),
            "nowait", false));
  }

  public Options options() {
    return options;
  }

  /** Hot-remove: everybody who has the device open is told, as if it had been deleted. */
  private void backingIsGone() {
    BdevLayer known = layer;
    if (known == null || !unplugged.compareAndSet(false, true)) {
      return;
    }
    BdevLayer.crossTo(
        known.home(),
        () -> {
          LOG.atWarn()
              .addKeyValue("bdev", name())
              .addKeyValue("file", options.filename())
              .log("the device below is gone: the bdev is removed");
          known.unregister(this, errno -> {});
        });
  }

  @Override
  protected void destruct(Done done) {
    done.done(kernel.close(fd));
  }

  @Override
  protected DriverChannel openChannel(Reactor reactor) {
    return new Channel(reactor);
  }

  private final class Channel extends DriverChannel {
    private final Reactor reactor;
    private final ArrayDeque<FileIo> free = new ArrayDeque<>();

    /** All that were ever needed at once. */
    private final List<FileIo> all = new ArrayList<>();

    private long started;

    Channel(Reactor reactor) {
      this.reactor = reactor;
    }

    @Override
    protected void submit(BdevIo io) {
      if (!reactor.fileOpAvailable()) {
        io.complete(IoStatus.NOMEM);
        return;
      }
      if (io.type() == IoType.RESET) {
        reset(io);
        return;
      }
      FileIo op = free.poll();
      if (op == null) {
        op = new FileIo(this);
        all.add(op);
      }
      op.start(io, ++started);
    }

    /** As in SPDK: ends when all that was under way before, on any reactor, has ended. */
    private void reset(BdevIo io) {
      BdevLayer known = layer;
      if (known == null) {
        io.complete(IoStatus.SUCCESS);
        return;
      }
      BdevLayer.crossTo(
          known.home(),
          () ->
              known.forEachChannel(
                  AioBdev.this,
                  (on, next) -> {
                    if (on != null && on.driver() instanceof Channel channel) {
                      new Emptying(channel, next).check();
                    } else {
                      next.run();
                    }
                  },
                  () -> BdevLayer.crossTo(reactor, () -> io.complete(IoStatus.SUCCESS))));
    }

    /** The kernel withdraws what the disk has not begun; everything else ends as it will. */
    @Override
    protected boolean abort(BdevIo io) {
      if (!(io.driverState instanceof FileIo op)) {
        return false;
      }
      op.abort();
      return true;
    }
  }

  /** Waits until what a channel has under way now has ended. */
  private static final class Emptying {
    private final Channel channel;
    private final long last;
    private final Runnable empty;
    private final Timer timer = Timer.of(this::check);

    Emptying(Channel channel, Runnable empty) {
      this.channel = channel;
      this.last = channel.started;
      this.empty = empty;
    }

    void check() {
      for (FileIo op : channel.all) {
        if (op.number != 0 && op.number <= last) {
          channel.reactor.schedule(timer, RESET_LOOK_NS);
          return;
        }
      }
      empty.run();
    }
  }

  /** One operation in the kernel; continues after short reads and writes. */
  private final class FileIo implements Reactor.FileOp {
    private final Channel channel;
    private BdevIo io = new BdevIo(done -> {});

    /** Of those that the channel started; 0 while it is free. */
    private long number;

    private long handle;
    private boolean aborted;
    private long offset;
    private long remaining;
    private long rest;
    private int restCount;
    private @Nullable Arena restArena;

    FileIo(Channel channel) {
      this.channel = channel;
    }

    void start(BdevIo submitted, long numbered) {
      io = submitted;
      io.driverState = this;
      number = numbered;
      aborted = false;
      offset = io.offsetBlocks() * blockSizeBytes();
      remaining = io.lengthBlocks() * blockSizeBytes();
      rest = io.iov();
      restCount = io.iovCount();
      go();
    }

    void abort() {
      aborted = true;
      channel.reactor.cancel(handle);
    }

    private void go() {
      Reactor reactor = channel.reactor;
      switch (io.type()) {
        case READ -> handle = reactor.readv(fd, rest, restCount, offset, this);
        case WRITE -> handle = reactor.writev(fd, rest, restCount, offset, io.isDurable(), this);
        case UNMAP -> deallocate();
        case WRITE_ZEROES ->
            handle = reactor.fallocate(fd, FALLOC_FL_ZERO_RANGE, offset, remaining, this);
        case FLUSH -> handle = reactor.dataSync(fd, this);
        case RESET, ABORT -> end(IoStatus.INVALID_OPCODE);
      }
    }

    private void deallocate() {
      int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
      handle = channel.reactor.fallocate(fd, mode, offset, remaining, this);
    }

    @Override
    public boolean isQuick() {
      return io.type() == IoType.READ || (io.type() == IoType.WRITE && !io.isDurable());
    }

    @Override
    public void completed(int result) {
      boolean moves = io.type() == IoType.READ || io.type() == IoType.WRITE;
      if (result < 0) {
        if (result == EOPNOTSUPP && io.type() == IoType.WRITE_ZEROES) {
          deallocate();
        } else if (aborted && (result == -Errno.ECANCELED || result == -Errno.EINTR)) {
          end(IoStatus.ABORTED_BY_REQUEST);
        } else {
          if (result == -Errno.ENODEV || result == -Errno.ENXIO) {
            backingIsGone();
          }
          end(IoStatus.ofErrno(result, io.type()));
        }
      } else if (moves && result < remaining) {
        if (result == 0) {
          end(io.type() == IoType.READ ? IoStatus.UNRECOVERED_READ_ERROR : IoStatus.WRITE_FAULT);
        } else {
          goOnAfter(result);
        }
      } else {
        end(IoStatus.SUCCESS);
      }
    }

    private void end(int status) {
      restArena = null;
      BdevIo done = io;
      number = 0;
      channel.free.push(this);
      done.complete(status);
    }

    /** A short transfer, which is rare: the rest gets an iovec array of its own. */
    private void goOnAfter(int bytes) {
      offset += bytes;
      remaining -= bytes;
      long skip = bytes;
      int index = 0;
      while (skip >= Iovec.length(Iovec.at(rest, index))) {
        skip -= Iovec.length(Iovec.at(rest, index));
        index++;
      }
      long left = (long) (restCount - index) * Iovec.SIZE;
      Arena arena = Arena.ofAuto();
      long copy = arena.allocate(left, 16).address();
      NativeMemory.copy(Iovec.at(rest, index), copy, left);
      restArena = arena;
      Iovec.base(copy, Iovec.base(copy) + skip);
      Iovec.length(copy, Iovec.length(copy) - skip);
      rest = copy;
      restCount -= index;
      go();
    }
  }
}

package io.diskengine.engine.host;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevChannel;
import io.diskengine.engine.bdev.BdevDesc;
import io.diskengine.engine.bdev.BdevEvents;
import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.BdevIoOwner;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * A user of a device who knows what every block must hold: several workers on two reactors, each
 * with blocks of its own, write, read, zero, unmap and flush at random. Every read is checked;
 * errors are counted.
 */
final class VerifiedIo implements BdevEvents {
  private static final int WORKER_BLOCKS = 128;
  private static final int MOST_BLOCKS = 80;

  private final HostWorld world;
  private final Bdev bdev;
  private final BdevDesc desc;
  private final Arena arena = Arena.ofShared();
  private final List<BdevChannel> channels = new ArrayList<>();
  private final List<Worker> workers = new ArrayList<>();
  private boolean stopping;
  boolean removed;

  /** A worker whose I/O failed starts no other: failures take no time. */
  boolean stopOnError;

  long done;
  long errors;
  int lastError;

  VerifiedIo(HostWorld world, String name, int workerCount) {
    this.world = world;
    this.bdev = world.bdev(name);
    this.desc = world.on(0, () -> world.layer.open(name, true, this));
    for (int r = 0; r < 2; r++) {
      channels.add(world.on(world.world.reactors(0).get(r), desc::openChannel));
    }
    for (int i = 0; i < workerCount; i++) {
      workers.add(new Worker(i));
    }
  }

  void start() {
    stopping = false;
    for (Worker worker : workers) {
      world.on(
          world.world.reactors(0).get(worker.index % 2),
          () -> {
            worker.next();
            return true;
          });
    }
  }

  long inFlight() {
    return workers.stream().filter(worker -> worker.io.inFlight()).count();
  }

  /** No further I/O; returns when none is in flight. */
  void stop(long limitNs) {
    stopping = true;
    world.world.await("the last I/O", () -> inFlight() == 0, limitNs);
  }

  /** Reads everything once more. */
  void verify() {
    for (Worker worker : workers) {
      long before = done;
      world.on(
          world.world.reactors(0).get(worker.index % 2),
          () -> {
            worker.read(0, WORKER_BLOCKS);
            return true;
          });
      world.world.await("a read", () -> done > before, 20 * HostWorld.SECOND);
    }
  }

  void awaitProgress(long more, long limitNs) {
    long target = done + more;
    world.world.await("I/O goes on", () -> done >= target, limitNs);
  }

  void close() {
    for (int r = 0; r < channels.size(); r++) {
      BdevChannel channel = channels.get(r);
      world.on(
          world.world.reactors(0).get(r),
          () -> {
            channel.release();
            return true;
          });
    }
    channels.clear();
    world.run(0, desc::close);
  }

  @Override
  public void removed(BdevDesc gone) {
    removed = true;
    stopping = true;
  }

  private final class Worker implements BdevIoOwner {
    final int index;
    final BdevIo io = new BdevIo(this);
    private final long iov = arena.allocate(8 * Iovec.SIZE, 16).address();
    private final long buffer = arena.allocate((long) WORKER_BLOCKS * 4096, 4096).address();
    private final Random random;

    /** What each block holds: 0 for zeros, -1 for unknown after an error. */
    private final int[] versions = new int[WORKER_BLOCKS];

    private int version;
    private int from;
    private int blocks;
    private int intended;
    private boolean reading;

    Worker(int index) {
      this.index = index;
      this.random = new Random(world.world.seed() * 31 + index);
    }

    void next() {
      if (stopping) {
        return;
      }
      int first = random.nextInt(WORKER_BLOCKS);
      int count = 1 + random.nextInt(Math.min(MOST_BLOCKS, WORKER_BLOCKS - first));
      if (random.nextInt(3) == 0) {
        count = Math.min(count, 8);
      }
      switch (random.nextInt(20)) {
        case 0 -> {
          begin(first, 0, false, 0);
          submit(io.flush());
        }
        case 1 -> {
          begin(first, count, false, 0);
          submit(io.writeZeroes(at(), blocks));
        }
        case 2 -> {
          begin(first, count, false, 0);
          submit(io.unmap(at(), blocks));
        }
        case 3, 4, 5, 6, 7, 8, 9, 10 -> read(first, count);
        default -> {
          begin(first, count, false, ++version);
          fill();
          submit(io.write(iov, iovecs(), at(), blocks));
        }
      }
    }

    void read(int first, int count) {
      begin(first, count, true, 0);
      NativeMemory.fill(buffer, (long) count * HostWorld.BLOCK, (byte) 0x5a);
      submit(io.read(iov, iovecs(), at(), blocks));
    }

    private void begin(int first, int count, boolean read, int writes) {
      from = first;
      blocks = count;
      reading = read;
      intended = writes;
    }

    private long at() {
      return (long) index * WORKER_BLOCKS + from;
    }

    /** The buffer in up to three pieces. */
    private int iovecs() {
      long bytes = (long) blocks * HostWorld.BLOCK;
      long first = random.nextInt((int) bytes);
      int count = 0;
      if (first > 0) {
        Iovec.set(iov, count++, buffer, first);
      }
      Iovec.set(iov, count++, buffer + first, bytes - first);
      return count;
    }

    private void submit(BdevIo prepared) {
      desc.submit(channels.get(index % 2), prepared);
    }

    private void fill() {
      for (int i = 0; i < blocks; i++) {
        for (int w = 0; w < HostWorld.BLOCK; w += 8) {
          NativeMemory.putLong(
              buffer + (long) i * HostWorld.BLOCK + w, word(from + i, w, intended));
        }
      }
    }

    private long word(int block, int offset, int writes) {
      return writes == 0
          ? 0
          : ((long) writes << 32 | (long) index << 24 | (long) block << 12 | offset)
              * 0x9E3779B97F4A7C15L;
    }

    private void check() {
      for (int i = 0; i < blocks; i++) {
        int expected = versions[from + i];
        for (int w = 0; w < HostWorld.BLOCK && expected >= 0; w += 8) {
          long found = NativeMemory.getLong(buffer + (long) i * HostWorld.BLOCK + w);
          if (found != word(from + i, w, expected)) {
            throw new AssertionError(
                "seed %d, worker %d, block %d, byte %d: 0x%x is not of version %d"
                    .formatted(world.world.seed(), index, from + i, w, found, expected));
          }
        }
      }
    }

    @Override
    public void completed(BdevIo ended) {
      done++;
      if (ended.status() != 0) {
        errors++;
        stopping |= stopOnError;
        lastError = ended.status();
        if (!reading) {
          java.util.Arrays.fill(versions, from, from + blocks, -1);
        }
      } else if (reading) {
        check();
      } else {
        java.util.Arrays.fill(versions, from, from + blocks, intended);
      }
      next();
    }
  }

  @Override
  public String toString() {
    return "I/O of " + bdev;
  }
}

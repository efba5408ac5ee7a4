package io.diskengine.bench;

import io.diskengine.engine.linux.FileCalls;
import io.diskengine.engine.linux.Uring;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;

/**
 * The least that reads and writes a file with io_uring and O_DIRECT in Java: entries in, one system
 * call for what was queued, completions out. The yardstick of the aio bdev; loop and ring share the
 * thread, on either side.
 */
final class RingSide implements Side {
  private static final int ENTRIES = 512;

  private final ClosedLoop loop = new ClosedLoop();
  private final Path file;

  RingSide(Path file) {
    this.file = file;
  }

  @Override
  public String name() {
    return "bare ring";
  }

  static long threadCpuNs() {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }

  @Override
  public Sample run(Workload workload, long durationNs) {
    try (Ring ring = new Ring(file, workload)) {
      return loop.run(ring, workload, durationNs, RingSide::threadCpuNs);
    }
  }

  private static final class Ring implements IoPath {
    private final Arena arena = Arena.ofConfined();
    private final Workload workload;
    private final Uring uring;
    private final int fd;
    private final long buffers;

    Ring(Path file, Workload workload) {
      this.workload = workload;
      uring =
          switch (Uring.open(ENTRIES, ENTRIES * 2)) {
            case Uring.Opened.Ready ready -> ready.uring();
            case Uring.Opened.Refused refused -> throw new IllegalStateException(refused.reason());
          };
      Stream.check(uring.enable());
      fd = Stream.check(FileCalls.open(file.toString(), FileCalls.O_RDWR | FileCalls.O_DIRECT, 0));
      buffers = arena.allocate((long) workload.bytes() * workload.depth(), 4096).address();
    }

    @Override
    public void queue(int slot, long place) {
      uring.put(
          workload.write() ? Uring.OP_WRITE : Uring.OP_READ,
          fd,
          place * workload.bytes(),
          buffers + (long) slot * workload.bytes(),
          workload.bytes(),
          0,
          slot);
    }

    @Override
    public void flush() {
      Stream.check(uring.submit());
    }

    @Override
    public void poll() {
      if (uring.wantsEnter()) {
        Stream.check(uring.submit());
      }
    }

    @Override
    public int next() {
      if (uring.cqEmpty()) {
        return -1;
      }
      int slot = (int) uring.userData();
      if (uring.result() != workload.bytes()) {
        throw new IllegalStateException("moved " + uring.result() + " of " + workload.bytes());
      }
      uring.advance();
      return slot;
    }

    @Override
    public void close() {
      uring.close();
      FileCalls.close(fd);
      arena.close();
    }
  }
}

package io.diskengine.bench;

import io.diskengine.engine.linux.MemoryCalls;
import io.diskengine.nvme.NativeMemory;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;

/**
 * The cost of handing a request to another thread by shared memory and copying the bytes, with
 * nothing else: two counters and a ring of (slot, place), both sides poll. The yardstick of vhost.
 */
final class CopyResponder implements Side, AutoCloseable {
  private static final int ENTRIES = 1024;
  private static final int ENTRY_BYTES = 16;

  private final ClosedLoop loop = new ClosedLoop();
  private final long disk = MemoryCalls.mapAnonymous(Workload.DISK_BYTES);

  CopyResponder() {
    NativeMemory.fill(disk, Workload.DISK_BYTES, (byte) 7);
  }

  @Override
  public String name() {
    return "copy between threads";
  }

  @Override
  public Sample run(Workload workload, long durationNs) {
    try (Ring ring = new Ring(workload, disk)) {
      Thread server = Thread.ofPlatform().daemon().name("copier").start(ring::serve);
      Sample sample =
          loop.run(
              ring,
              workload,
              durationNs,
              () -> ManagementFactory.getThreadMXBean().getThreadCpuTime(server.threadId()));
      ring.stop();
      server.join();
      return sample;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  @Override
  public void close() {
    MemoryCalls.munmap(disk, Workload.DISK_BYTES);
  }

  /** Sent and done count for ever; each has a cache line of its own. */
  private static final class Ring implements IoPath {
    private static final int SENT = 0;
    private static final int DONE = 128;
    private static final int STOPPED = 256;
    private static final int RING = 384;

    private final Arena arena = Arena.ofShared();
    private final Workload workload;
    private final long disk;
    private final long shared = arena.allocate(RING + ENTRIES * ENTRY_BYTES, 128).address();
    private final long buffers;
    private int queued;
    private int seen;

    Ring(Workload workload, long disk) {
      this.workload = workload;
      this.disk = disk;
      buffers = arena.allocate((long) workload.bytes() * workload.depth(), 4096).address();
    }

    private long entry(int index) {
      return shared + RING + (long) (index & ENTRIES - 1) * ENTRY_BYTES;
    }

    void serve() {
      int served = 0;
      while (NativeMemory.getIntAcquire(shared + STOPPED) == 0) {
        int sent = NativeMemory.getIntAcquire(shared + SENT);
        if (served == sent) {
          Thread.yield();
        }
        for (; served != sent; served++) {
          long entry = entry(served);
          long buffer = buffers + NativeMemory.getLong(entry) * workload.bytes();
          long place = disk + NativeMemory.getLong(entry + 8) * workload.bytes();
          NativeMemory.copy(
              workload.write() ? buffer : place,
              workload.write() ? place : buffer,
              workload.bytes());
          NativeMemory.putIntRelease(shared + DONE, served + 1);
        }
      }
    }

    void stop() {
      NativeMemory.putIntRelease(shared + STOPPED, 1);
    }

    @Override
    public void queue(int slot, long place) {
      NativeMemory.putLong(entry(queued), slot);
      NativeMemory.putLong(entry(queued) + 8, place);
      NativeMemory.putIntRelease(shared + SENT, ++queued);
    }

    @Override
    public void flush() {}

    @Override
    public void poll() {}

    @Override
    public int next() {
      return seen == NativeMemory.getIntAcquire(shared + DONE)
          ? -1
          : (int) NativeMemory.getLong(entry(seen++));
    }

    @Override
    public void close() {
      stop();
      arena.close();
    }
  }
}

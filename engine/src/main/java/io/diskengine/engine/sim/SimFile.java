package io.diskengine.engine.sim;

import io.diskengine.engine.linux.Errno;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** A file of the world: its content, its history, and the faults that a test gives it. */
public final class SimFile {
  /** What is asked of a file. */
  public enum Operation {
    READ,
    WRITE,
    SYNC,
    FALLOCATE
  }

  /** Decides the fate of an operation before it happens: 0 to let it be, or a negative errno. */
  public interface Fault {
    int errno(Operation operation, long offsetBytes, long lengthBytes);
  }

  private final String path;
  private DiskState disk = new DiskState(new SparseBytes());
  private @Nullable SparseBytes recordedFrom;
  private long recordedAt;
  private final List<FileChange> recorded = new ArrayList<>();
  private Fault fault = (operation, offset, length) -> 0;
  private long minLatencyNs = 20_000;
  private long maxLatencyNs = 200_000;
  private long spaceLimitBytes = Long.MAX_VALUE;
  private boolean stalled;
  private final Deque<Held> held = new ArrayDeque<>();

  /** An operation that a stall keeps from the disk. */
  private record Held(SimOp op, Runnable body) {}

  final List<SimKernel.PendingWrite> pendingWrites = new ArrayList<>();
  @Nullable Object lockHolder;

  SimFile(String path) {
    this.path = path;
  }

  public String path() {
    return path;
  }

  // ---- content

  public long sizeBytes() {
    return disk.cached().sizeBytes();
  }

  public byte[] read(long offsetBytes, int lengthBytes) {
    return disk.cached().read(offsetBytes, lengthBytes);
  }

  /** Puts bytes on the medium, beside all operations. */
  public void load(long offsetBytes, byte[] bytes) {
    change(new FileChange.Write(offsetBytes, bytes, true));
  }

  /** Sets the size on the medium, beside all operations. */
  public void resize(long lengthBytes) {
    change(new FileChange.Resize(lengthBytes));
    change(new FileChange.Flush(disk.changes()));
  }

  /** Replaces the content by an image, as if the disk had been exchanged. */
  public void content(SparseBytes image) {
    disk = new DiskState(image.copy());
    recordedFrom = null;
    recorded.clear();
  }

  // ---- history and crashes

  /** Keeps every change from now on, so that {@link #crashImage(int, long)} can go back. */
  public void record() {
    recordedFrom = disk.cached().copy();
    recordedAt = disk.changes();
    recorded.clear();
  }

  /** The changes since {@link #record}. */
  public List<FileChange> recorded() {
    return List.copyOf(recorded);
  }

  /**
   * The medium if power had been lost after the first {@code changes} recorded ones; the seed
   * chooses which of the unflushed ones survived, and how torn. Content from before {@link #record}
   * counts as flushed.
   */
  public SparseBytes crashImage(int changes, long seed) {
    if (recordedFrom == null) {
      throw new IllegalStateException("record() was not called for " + path);
    }
    DiskState past = new DiskState(recordedFrom.copy());
    recorded.subList(0, changes).forEach(past::apply);
    return past.crashImage(new Random(seed));
  }

  /** Loses power now: unflushed changes and writes in flight survive in part or not at all. */
  public void crash(long seed) {
    Random random = new Random(seed);
    for (SimKernel.PendingWrite write : pendingWrites) {
      if (random.nextBoolean()) {
        disk.apply(new FileChange.Write(write.offsetBytes(), write.bytes(), false));
      }
    }
    pendingWrites.clear();
    held.clear();
    content(disk.crashImage(random));
  }

  // ---- faults

  public SimFile fault(Fault decides) {
    fault = decides;
    return this;
  }

  public SimFile noFault() {
    return fault((operation, offset, length) -> 0);
  }

  public SimFile latencyNs(long min, long max) {
    minLatencyNs = min;
    maxLatencyNs = max;
    return this;
  }

  /** Writes and allocations that would allocate more fail with ENOSPC. */
  public SimFile spaceLimitBytes(long limit) {
    spaceLimitBytes = limit;
    return this;
  }

  /** Operations stay in flight until {@link #resume}. */
  public void stall() {
    stalled = true;
  }

  public void resume() {
    stalled = false;
    while (!held.isEmpty()) {
      held.poll().body().run();
    }
  }

  // ---- for the kernel

  long latencyNs(Random random) {
    return minLatencyNs + (long) (random.nextDouble() * (maxLatencyNs - minLatencyNs));
  }

  /** Runs the body now, or when a stall ends. */
  void whenMoving(SimOp op, Runnable body) {
    if (stalled) {
      held.add(new Held(op, body));
    } else {
      body.run();
    }
  }

  /** Takes an operation out that a stall keeps from the disk; false when there is none. */
  boolean withdraw(SimOp op) {
    return held.removeIf(h -> h.op() == op);
  }

  int fault(Operation operation, long offsetBytes, long lengthBytes) {
    return fault.errno(operation, offsetBytes, lengthBytes);
  }

  int write(long offsetBytes, byte[] bytes, boolean durable) {
    int errno = fault(Operation.WRITE, offsetBytes, bytes.length);
    if (errno == 0 && !fits(offsetBytes, bytes.length)) {
      errno = -Errno.ENOSPC;
    }
    if (errno != 0) {
      return errno;
    }
    change(new FileChange.Write(offsetBytes, bytes, durable));
    return bytes.length;
  }

  boolean fits(long offsetBytes, long lengthBytes) {
    SparseBytes cached = disk.cached();
    return spaceLimitBytes == Long.MAX_VALUE
        || cached.allocatedBytes() + cached.newBytes(offsetBytes, lengthBytes) <= spaceLimitBytes;
  }

  /** A flush that is submitted now covers changes before this number. */
  long changes() {
    return disk.changes();
  }

  void change(FileChange change) {
    if (recordedFrom != null) {
      recorded.add(
          change instanceof FileChange.Flush(long before)
              ? new FileChange.Flush(before - recordedAt) // numbers begin with the recording
              : change);
    }
    disk.apply(change);
  }
}

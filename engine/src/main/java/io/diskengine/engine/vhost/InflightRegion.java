package io.diskengine.engine.vhost;

import io.diskengine.engine.linux.MemoryCalls;
import io.diskengine.nvme.NativeMemory;

/**
 * Which requests are in flight, in memory that outlives this process: the frontend keeps it and
 * hands it to the next backend. Layout and order of writes: vhost-user.rst, "Inflight I/O
 * tracking", split virtqueues: per queue a header (u64 features, u16 version, u16 descriptors, u16
 * last_batch_head, u16 used_idx), then 16 bytes per descriptor (u8 inflight, 5 bytes, u16 next, u64
 * counter).
 */
final class InflightRegion {
  private static final int HEADER_BYTES = 16;
  private static final int ENTRY_BYTES = 16;
  private static final int VERSION = 8;
  private static final int DESCRIPTORS = 10;
  private static final int LAST_BATCH_HEAD = 12;
  private static final int USED_IDX = 14;
  private static final int COUNTER = 8;
  private static final int ALIGNMENT = 64;

  private final long mapped;
  private final long mappedBytes;
  private final long base;
  private final int queues;
  private final int queueSize;

  private InflightRegion(long mapped, long mappedBytes, long offset, int queues, int queueSize) {
    this.mapped = mapped;
    this.mappedBytes = mappedBytes;
    this.base = mapped + offset;
    this.queues = queues;
    this.queueSize = queueSize;
  }

  static long bytes(int queues, int queueSize) {
    return queues * queueBytes(queueSize);
  }

  private static long queueBytes(int queueSize) {
    long bytes = HEADER_BYTES + (long) queueSize * ENTRY_BYTES;
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  /** Maps a region of {@code bytes} at {@code offset} of the file; null when it cannot be right. */
  static @org.jspecify.annotations.Nullable InflightRegion map(
      int fd, long fileBytes, long bytes, long offset, int queues, int queueSize) {
    if (queues < 1
        || queues > VirtioBlk.MAX_QUEUES
        || queueSize < 1
        || queueSize > VirtioBlk.MAX_QUEUE_SIZE
        || offset < 0
        || bytes < bytes(queues, queueSize)
        || bytes > fileBytes
        || offset > fileBytes - bytes) {
      return null;
    }
    long address =
        MemoryCalls.mmap(
            0,
            offset + bytes,
            MemoryCalls.PROT_READ | MemoryCalls.PROT_WRITE,
            MemoryCalls.MAP_SHARED,
            fd,
            0);
    return address < 0 && address > -4096
        ? null
        : new InflightRegion(address, offset + bytes, offset, queues, queueSize);
  }

  /** Writes the headers of a new, zeroed region. */
  void format() {
    for (int queue = 0; queue < queues; queue++) {
      long header = header(queue);
      NativeMemory.putShort(header + VERSION, (short) 1);
      NativeMemory.putShort(header + DESCRIPTORS, (short) queueSize);
    }
  }

  void unmap() {
    MemoryCalls.munmap(mapped, mappedBytes);
  }

  boolean covers(int queue, int size) {
    return queue < queues && size <= queueSize;
  }

  private long header(int queue) {
    return base + queue * queueBytes(queueSize);
  }

  private long entry(int queue, int head) {
    return header(queue) + HEADER_BYTES + (long) head * ENTRY_BYTES;
  }

  void begin(int queue, int head, long counter) {
    long entry = entry(queue, head);
    NativeMemory.putLong(entry + COUNTER, counter);
    NativeMemory.putByte(entry, (byte) 1);
  }

  /** Before the used ring's index is moved past {@code head}. */
  void ending(int queue, int head) {
    NativeMemory.putShort(header(queue) + LAST_BATCH_HEAD, (short) head);
  }

  /** After it was. */
  void ended(int queue, int head, int usedIdx) {
    NativeMemory.putByte(entry(queue, head), (byte) 0);
    NativeMemory.putShort(header(queue) + USED_IDX, (short) usedIdx);
  }

  /**
   * Settles an end that a crash interrupted: the used ring has moved, the entry may still say in
   * flight.
   */
  void recover(int queue, int usedIdx) {
    long header = header(queue);
    if ((NativeMemory.getShort(header + USED_IDX) & 0xffff) != usedIdx) {
      int last = NativeMemory.getShort(header + LAST_BATCH_HEAD) & 0xffff;
      if (last < queueSize) {
        NativeMemory.putByte(entry(queue, last), (byte) 0);
      }
      NativeMemory.putShort(header + USED_IDX, (short) usedIdx);
    }
  }

  boolean inFlight(int queue, int head) {
    return NativeMemory.getByte(entry(queue, head)) != 0;
  }

  long counter(int queue, int head) {
    return NativeMemory.getLong(entry(queue, head) + COUNTER);
  }
}

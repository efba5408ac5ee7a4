package io.diskengine.engine.vhost;

import io.diskengine.engine.linux.FileCalls;
import io.diskengine.engine.linux.MemoryCalls;
import io.diskengine.nvme.NativeMemory;

/**
 * A guest's memory as SET_MEM_TABLE described it, mapped here. It stays mapped until it was retired
 * and its last request ended (contract 10).
 */
final class GuestMemory {
  static final int MAX_REGIONS = VhostMessage.MAX_DESCRIPTORS;
  private static final int REGION_BYTES = 32;

  private final int regions;
  private final long[] guest = new long[MAX_REGIONS];
  private final long[] size = new long[MAX_REGIONS];
  private final long[] user = new long[MAX_REGIONS];
  private final long[] host = new long[MAX_REGIONS];
  private final long[] mapped = new long[MAX_REGIONS];
  private final long[] mappedBytes = new long[MAX_REGIONS];
  private int users;
  private boolean retired;

  private GuestMemory(int regions) {
    this.regions = regions;
  }

  /**
   * Maps the regions of a SET_MEM_TABLE payload, or returns null when the table cannot be right.
   * The descriptors stay the caller's.
   */
  static @org.jspecify.annotations.Nullable GuestMemory map(
      long payload, int payloadBytes, int[] fds, int fdCount) {
    int regions = payloadBytes < 8 ? 0 : NativeMemory.getInt(payload);
    if (regions < 1
        || regions > MAX_REGIONS
        || regions != fdCount
        || payloadBytes < 8 + regions * REGION_BYTES) {
      return null;
    }
    GuestMemory memory = new GuestMemory(regions);
    for (int i = 0; i < regions; i++) {
      long at = payload + 8 + (long) i * REGION_BYTES;
      if (!memory.mapRegion(i, at, fds[i])) {
        memory.retire();
        return null;
      }
    }
    return memory;
  }

  private boolean mapRegion(int i, long at, int fd) {
    guest[i] = NativeMemory.getLong(at);
    size[i] = NativeMemory.getLong(at + 8);
    user[i] = NativeMemory.getLong(at + 16);
    long offset = NativeMemory.getLong(at + 24);
    long fileBytes = FileCalls.sizeBytes(fd);
    if (size[i] <= 0
        || offset < 0
        || offset > Long.MAX_VALUE - size[i]
        || fileBytes < offset + size[i]
        || guest[i] < 0
        || guest[i] > Long.MAX_VALUE - size[i]
        || user[i] < 0
        || user[i] > Long.MAX_VALUE - size[i]) {
      return false;
    }
    long bytes = offset + size[i];
    long address =
        MemoryCalls.mmap(
            0,
            bytes,
            MemoryCalls.PROT_READ | MemoryCalls.PROT_WRITE,
            MemoryCalls.MAP_SHARED | MemoryCalls.MAP_NORESERVE,
            fd,
            0);
    if (address < 0 && address > -4096) {
      return false;
    }
    mapped[i] = address;
    mappedBytes[i] = bytes;
    host[i] = address + offset;
    return true;
  }

  /** Where a frontend's own address (of a ring) lies here, all of it in one region; else 0. */
  long ofUser(long address, long length) {
    return find(user, address, length);
  }

  /** Where a guest-physical range lies here, all of it in one region; else 0. */
  long ofGuest(long address, long length) {
    return find(guest, address, length);
  }

  private long find(long[] starts, long address, long length) {
    for (int i = 0; i < regions; i++) {
      long offset = address - starts[i];
      if (offset >= 0 && offset < size[i] && length >= 0 && length <= size[i] - offset) {
        return host[i] + offset;
      }
    }
    return 0;
  }

  /** How many bytes from a guest-physical address on lie in its region; 0 when in none. */
  long contiguousBytes(long address) {
    for (int i = 0; i < regions; i++) {
      long offset = address - guest[i];
      if (offset >= 0 && offset < size[i]) {
        return size[i] - offset;
      }
    }
    return 0;
  }

  void use() {
    users++;
  }

  void unuse() {
    users--;
    unmapIfUnused();
  }

  /** Nobody starts using it any more. */
  void retire() {
    retired = true;
    unmapIfUnused();
  }

  private void unmapIfUnused() {
    if (retired && users == 0) {
      for (int i = 0; i < regions; i++) {
        if (mapped[i] != 0) {
          MemoryCalls.munmap(mapped[i], mappedBytes[i]);
          mapped[i] = 0;
        }
      }
    }
  }
}

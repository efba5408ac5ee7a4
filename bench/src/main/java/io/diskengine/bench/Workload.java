package io.diskengine.bench;

import java.util.List;

/** A closed loop: {@code depth} operations of {@code bytes} at random offsets, always. */
record Workload(String name, boolean write, int bytes, int depth, long diskBytes) {
  static final int DISK_BYTES = 256 << 20;
  private static final int KIB = 1024;

  static Workload of(int kib, boolean write, int depth) {
    String name = "%d KiB %s, depth %d".formatted(kib, write ? "write" : "read", depth);
    return new Workload(name, write, kib * KIB, depth, DISK_BYTES);
  }

  /** Calls of an RPC method, {@code window} of them unanswered. */
  static Workload calls(int window) {
    return new Workload(
        window == 1 ? "sequential" : "pipelined, window " + window, false, 0, window, 0);
  }

  /** What every disk is measured with. */
  static List<Workload> disk() {
    return List.of(
        of(4, false, 1),
        of(4, false, 32),
        of(4, false, 128),
        of(4, true, 1),
        of(4, true, 32),
        of(4, true, 128),
        of(128, false, 32),
        of(128, true, 32));
  }

  /** The same over a disk of another size, a power of two. */
  Workload over(long bytesOfDisk) {
    return new Workload(name, write, bytes, depth, bytesOfDisk);
  }

  /** Operations that fit on the disk side by side; a power of two, or 1 for calls. */
  int places() {
    return bytes == 0 ? 1 : (int) (diskBytes / bytes);
  }
}

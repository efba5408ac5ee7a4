package io.diskengine.engine.host;

import io.diskengine.engine.linux.MemoryCalls;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;

/**
 * What admin commands read into, behind an iovec that describes it. A few are kept, because a
 * controller that is set up reads one structure after the other. Home reactor.
 */
final class AdminBuffers {
  private static final int DATA_BYTES = 4096;
  private static final long BYTES = Iovec.SIZE + (long) DATA_BYTES;
  private static final int MOST_SPARE = 16;

  private final long[] spare = new long[MOST_SPARE];
  private int spares;

  /** The iovec of {@code dataBytes}, all zero: nothing of another controller is ever read. */
  long take(int dataBytes) {
    long iovec;
    if (spares > 0) {
      iovec = spare[--spares];
      NativeMemory.zero(data(iovec), DATA_BYTES);
    } else {
      iovec = MemoryCalls.mapAnonymous(BYTES);
    }
    Iovec.set(iovec, 0, data(iovec), dataBytes);
    return iovec;
  }

  static long data(long iovec) {
    return iovec + Iovec.SIZE;
  }

  void give(long iovec) {
    if (spares < MOST_SPARE) {
      spare[spares++] = iovec;
    } else {
      MemoryCalls.munmap(iovec, BYTES);
    }
  }
}

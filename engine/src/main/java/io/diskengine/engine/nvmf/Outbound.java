package io.diskengine.engine.nvmf;

import org.jspecify.annotations.Nullable;

/** One PDU (or data and response together) on its way out: up to four pieces of memory. */
final class Outbound {
  private static final int PIECES = 4;

  /** Hears when the last byte was taken by the kernel. */
  interface Owner {
    void sent(Outbound outbound);
  }

  final Owner owner;
  final long[] address = new long[PIECES];
  final int[] length = new int[PIECES];
  int count;

  /** The first piece that was not sent whole. */
  int first;

  @Nullable Outbound next;

  Outbound(Owner owner) {
    this.owner = owner;
  }

  Outbound clear() {
    count = 0;
    first = 0;
    return this;
  }

  Outbound add(long at, int bytes) {
    address[count] = at;
    length[count] = bytes;
    count++;
    return this;
  }

  int bytes() {
    int sum = 0;
    for (int i = first; i < count; i++) {
      sum += length[i];
    }
    return sum;
  }
}

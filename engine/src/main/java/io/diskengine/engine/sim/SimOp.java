package io.diskengine.engine.sim;

import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;

/** An operation in flight: whose, on what, and the memory that it names. */
record SimOp(
    SimKernel kernel, SimDescriptor on, long userData, long address, int count, int lengthBytes) {
  /** Completes it; a kernel that closed meanwhile is not touched. */
  void finish(int result) {
    on.outstanding--;
    kernel.complete(this, result);
  }

  /** The first bytes that the iovec array names. */
  byte[] gather(int length) {
    byte[] bytes = new byte[length];
    int done = 0;
    for (int i = 0; i < count && done < length; i++) {
      long vector = Iovec.at(address, i);
      int part = (int) Math.min(Iovec.length(vector), length - done);
      NativeMemory.copy(Iovec.base(vector), bytes, done, part);
      done += part;
    }
    return bytes;
  }

  void scatter(byte[] bytes) {
    int done = 0;
    for (int i = 0; i < count && done < bytes.length; i++) {
      long vector = Iovec.at(address, i);
      int part = (int) Math.min(Iovec.length(vector), bytes.length - done);
      NativeMemory.copy(bytes, done, Iovec.base(vector), part);
      done += part;
    }
  }
}

package io.diskengine.engine.sim;

import org.jspecify.annotations.Nullable;

/** What a descriptor number of a {@link SimHost} stands for. */
abstract sealed class SimDescriptor permits SimDescriptor.OpenFile, SimListener, SimStream {
  /** Operations submitted and not completed: closing meanwhile breaks the kernel's contract. */
  int outstanding;

  /** The last use is gone. */
  abstract void closed();

  /** An operation that waits here is taken out; false when it does not wait (any more). */
  boolean withdraw(SimOp op) {
    return false;
  }

  static final class OpenFile extends SimDescriptor {
    final SimFile file;
    final boolean direct;

    OpenFile(SimFile file, boolean direct) {
      this.file = file;
      this.direct = direct;
    }

    @Override
    boolean withdraw(SimOp op) {
      return file.withdraw(op);
    }

    @Override
    void closed() {
      if (file.lockHolder == this) {
        file.lockHolder = null;
      }
    }

    /** flock(2) of this open file. */
    boolean lock() {
      @Nullable Object holder = file.lockHolder;
      if (holder != null && holder != this) {
        return false;
      }
      file.lockHolder = this;
      return true;
    }
  }
}

package io.diskengine.testkit.sim;

import org.jspecify.annotations.Nullable;

/** Who may ask PostgreSQL now: everybody, one thread, or nobody. */
final class Transactions {
  private @Nullable Thread only;
  private boolean held;
  private int inside;

  synchronized void enter() {
    while (held && only != Thread.currentThread()) {
      await();
    }
    inside++;
  }

  synchronized void leave() {
    inside--;
    notifyAll();
  }

  /** Of a thread that is inside: returns when it is the only one. */
  synchronized void holdOthers() {
    held = true;
    only = Thread.currentThread();
    while (inside > 1) {
      await();
    }
  }

  synchronized void holdAll() {
    held = true;
    only = null;
  }

  synchronized void letGo() {
    held = false;
    only = null;
    notifyAll();
  }

  private void await() {
    try {
      wait();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}

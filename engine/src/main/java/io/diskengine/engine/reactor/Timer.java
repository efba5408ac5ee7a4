package io.diskengine.engine.reactor;

/** One pending expiry on one reactor; re-armed by its owner. Belongs to the reactor's thread. */
public abstract class Timer {
  long deadlineNs;
  int heapIndex = -1;

  protected abstract void expired();

  public final boolean armed() {
    return heapIndex >= 0;
  }

  /** A timer for the control path. */
  public static Timer of(Runnable body) {
    return new Timer() {
      @Override
      protected void expired() {
        body.run();
      }
    };
  }
}

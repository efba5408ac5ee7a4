package io.diskengine.engine.reactor;

import org.jspecify.annotations.Nullable;

/**
 * Work for a reactor, linked intrusively so that handing it over allocates nothing. One task is in
 * at most one queue at a time.
 */
public abstract class Task {
  @Nullable Task next;

  protected abstract void run();

  /** A task for the control path, where allocating is fine. */
  public static Task of(Runnable body) {
    return new Task() {
      @Override
      protected void run() {
        body.run();
      }
    };
  }
}

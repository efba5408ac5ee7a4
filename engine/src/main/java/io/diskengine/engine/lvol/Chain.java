package io.diskengine.engine.lvol;

import io.diskengine.engine.bdev.Done;
import java.util.ArrayList;
import java.util.List;

/** Asynchronous steps one after the other; the first that fails is the last. */
final class Chain {
  private final List<Step> steps = new ArrayList<>();

  /** Ends with exactly one call of {@code done}. */
  interface Step {
    void run(Done done);
  }

  private Chain() {}

  static Chain of(Step first) {
    return new Chain().then(first);
  }

  Chain then(Step step) {
    steps.add(step);
    return this;
  }

  void run(Done done) {
    run(0, done);
  }

  private void run(int index, Done done) {
    if (index == steps.size()) {
      done.done(0);
      return;
    }
    steps
        .get(index)
        .run(errno -> {
          if (errno == 0) {
            run(index + 1, done);
          } else {
            done.done(errno);
          }
        });
  }
}

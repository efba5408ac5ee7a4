package io.diskengine.engine.lvol;

import org.jspecify.annotations.Nullable;

/** The end of something that makes a T: errno 0 and the T, or a negative errno and null. */
public interface Result<T> {
  void ended(int errno, @Nullable T made);
}

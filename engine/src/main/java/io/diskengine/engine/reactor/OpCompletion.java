package io.diskengine.engine.reactor;

/**
 * Gets the result of one kernel operation: a count or 0, or a negative errno. Implemented by the
 * pooled object that represents the operation, so that nothing is allocated per operation.
 */
public interface OpCompletion {
  void completed(int result);
}

package io.diskengine.engine.bdev;

/** The end of an asynchronous control-path operation: 0, or a negative errno. */
public interface Done {
  void done(int errno);
}

package io.diskengine.engine.bdev;

/** Something that may recognise what lies on a device and build devices of its own on it. */
public interface BdevModule {
  String name();

  /** Looks at the device and calls {@code done} exactly once, on the home reactor. */
  void examine(Bdev bdev, Runnable done);
}

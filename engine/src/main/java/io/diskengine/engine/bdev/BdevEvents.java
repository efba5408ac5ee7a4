package io.diskengine.engine.bdev;

/** What happens to an open device; called on the home reactor. */
public interface BdevEvents {
  /**
   * The device goes away: stop using it, close every channel, then the descriptor. Until then its
   * unregistration waits.
   */
  void removed(BdevDesc desc);

  default void resized(BdevDesc desc) {}

  /** For users that look at the device for a moment only and close it themselves. */
  BdevEvents NONE = desc -> {};
}

package io.diskengine.engine.lvol;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.bdev.GuestActivity;
import io.diskengine.engine.reactor.Reactor;

/**
 * When the next batch of management changes may be written. A batch flushes the disk twice, and
 * while a disk flushes nobody's I/O goes on; so beside I/O of others on the store's device there is
 * a burst of batches and then few in a second (docs/decisions/0060-creation-gives-way.md). Beside
 * nobody's there is no limit. Home reactor.
 */
final class CommitPace {
  /** Batches that go at once beside a guest that had none for a while. */
  static final int BURST = 4;

  /** After that there is one in this time. */
  static final long BATCH_NS = 200_000_000;

  /** Of changes that wait, as many go with one batch beside a guest: they cost CPU, too. */
  static final int MOST_CHANGES = 16;

  /**
   * I/Os of others in {@link GuestActivity#WINDOW_NS} that batches give way to. Of fewer, each
   * flush is more than one in a hundred whatever the pace: attaching a volume writes some.
   */
  static final int FEWEST_IOS = 20;

  private final Reactor home;
  private final GuestActivity guests;

  /** When as many may follow each other again as if there had not been any. */
  private long fullNs;

  private CommitPace(Reactor home, GuestActivity guests) {
    this.home = home;
    this.guests = guests;
  }

  static CommitPace of(BdevLayer layer, StoreDevice device) {
    Reactor home = layer.home();
    // Batches that are further apart than they have to be need no look between them.
    return new CommitPace(
        home,
        new GuestActivity(
            home, counted -> countOthers(layer, device, counted), FEWEST_IOS, BATCH_NS));
  }

  private static void countOthers(
      BdevLayer layer, StoreDevice device, GuestActivity.Counted counted) {
    Bdev bdev = device.bdev();
    // The home reactor's channel, where the store's own I/O is counted too, is added up at once.
    long[] completed = {-device.completed()};
    int[] inFlight = {-device.inFlight()};
    layer.forEachChannel(
        bdev,
        (channel, next) -> {
          if (channel != null) {
            completed[0] += channel.stat().read.ops + channel.stat().write.ops;
            completed[0] += channel.stat().unmap.ops;
            inFlight[0] += channel.inFlight();
          }
          next.run();
        },
        () -> counted.are(completed[0], inFlight[0] > 0));
  }

  /**
   * How long a batch has to wait: 0 when it may go now, else the time until this is asked again.
   */
  long delayNs() {
    if (guests.quiet()) {
      return 0;
    }
    long waitNs = fullNs - (BURST - 1) * BATCH_NS - home.nowNs();
    return waitNs <= 0 ? 0 : Math.min(waitNs, GuestActivity.LOOK_NS);
  }

  /** A batch of changes that wait goes now; how many of them. */
  int go() {
    if (guests.quiet()) {
      return Integer.MAX_VALUE;
    }
    fullNs = Math.max(fullNs, home.nowNs()) + BATCH_NS;
    return MOST_CHANGES;
  }

  /** How many of them go along with a change that somebody's I/O waits for. */
  int along() {
    return guests.quiet() ? Integer.MAX_VALUE : MOST_CHANGES;
  }
}

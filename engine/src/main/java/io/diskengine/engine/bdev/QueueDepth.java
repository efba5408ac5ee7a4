package io.diskengine.engine.bdev;

import io.diskengine.engine.reactor.Timer;

/**
 * How many I/Os of a device are in flight, sampled by a timer of the home reactor (SPDK's
 * bdev_set_qd_sampling_period).
 */
public final class QueueDepth extends Timer {
  private final BdevLayer layer;
  private final Bdev bdev;
  private final long periodUs;
  private long depth;
  private long ioTimeUs;
  private long weightedIoTimeUs;
  private boolean stopped;

  QueueDepth(BdevLayer layer, Bdev bdev, long periodUs) {
    this.layer = layer;
    this.bdev = bdev;
    this.periodUs = periodUs;
    layer.home().schedule(this, periodUs * 1000);
  }

  void stop() {
    stopped = true;
    layer.home().cancel(this);
  }

  public long periodUs() {
    return periodUs;
  }

  /** Of the last sample. */
  public long depth() {
    return depth;
  }

  /** Time of the samples that found something in flight. */
  public long ioTimeUs() {
    return ioTimeUs;
  }

  /** The same, multiplied by what was in flight. */
  public long weightedIoTimeUs() {
    return weightedIoTimeUs;
  }

  @Override
  protected void expired() {
    long[] sum = {0};
    layer.forEachChannel(
        bdev,
        (channel, next) -> {
          sum[0] += channel == null ? 0 : channel.inFlight();
          next.run();
        },
        () -> sampled(sum[0]));
  }

  private void sampled(long inFlight) {
    if (stopped) {
      return;
    }
    depth = inFlight;
    ioTimeUs += inFlight > 0 ? periodUs : 0;
    weightedIoTimeUs += inFlight * periodUs;
    layer.home().schedule(this, periodUs * 1000);
  }
}

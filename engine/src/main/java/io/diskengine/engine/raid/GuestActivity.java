package io.diskengine.engine.raid;

import io.diskengine.engine.bdev.IoStat;

/**
 * Whether anybody uses an array while it is rebuilt. Looked at every few milliseconds by counting
 * what its channels have completed, so that nothing is added to an I/O. Home reactor.
 */
final class GuestActivity {
  /** How often it is looked at. */
  static final long LOOK_NS = 2_000_000;

  /** An array without I/O for this long is not used. */
  static final long QUIET_NS = 50_000_000;

  private final Raid raid;
  private boolean looking;
  private boolean known;
  private boolean used;
  private long lookedNs;
  private long usedNs;
  private long completed;

  GuestActivity(Raid raid) {
    this.raid = raid;
  }

  /** Until something else was seen it is not used. */
  boolean quiet() {
    long now = raid.home().nowNs();
    RaidBdev bdev = raid.bdev;
    if (bdev != null && !looking && (!known || now - lookedNs >= LOOK_NS)) {
      looking = true;
      raid.layer().stat(bdev, IoStat.Reset.NONE, this::looked);
    }
    return !used || now - usedNs >= QUIET_NS;
  }

  private void looked(IoStat sum) {
    looking = false;
    lookedNs = raid.home().nowNs();
    long now = sum.read.ops + sum.write.ops + sum.unmap.ops;
    // Not "more": somebody may have reset the counters.
    if (known && now != completed) {
      used = true;
      usedNs = lookedNs;
    }
    known = true;
    completed = now;
  }
}

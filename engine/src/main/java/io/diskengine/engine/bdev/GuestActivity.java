package io.diskengine.engine.bdev;

import io.diskengine.engine.reactor.Reactor;

/**
 * Whether anybody uses a device beside work that gives way to that. Looked at every few
 * milliseconds, and only while it is asked for, by adding up what the channels count anyway:
 * nothing is added to an I/O. Home reactor.
 */
public final class GuestActivity {
  /** How often it is looked at. */
  public static final long LOOK_NS = 2_000_000;

  /** A device without I/O for this long is not used. */
  public static final long QUIET_NS = 50_000_000;

  /** The time in which there have to be as many I/Os as make a use. */
  public static final long WINDOW_NS = 20_000_000;

  private final Reactor home;
  private final Counter counter;
  private final int fewestIos;
  private final long staleNs;
  private boolean looking;
  private boolean known;
  private boolean used;
  private long lookedNs;
  private long usedNs;
  private long windowNs;
  private long windowCompleted;

  /** Adds up the I/Os of all reactors, without those of the work that gives way. */
  public interface Counter {
    void count(Counted counted);
  }

  /** Called once, on the home reactor. */
  public interface Counted {
    /**
     * @param completed how many ended so far
     * @param underWay some have not ended
     */
    void are(long completed, boolean underWay);
  }

  /**
   * @param fewestIos in {@link #WINDOW_NS}: less is no use of the device
   * @param staleNs what changed since a look that is older than this says nothing about now
   */
  public GuestActivity(Reactor home, Counter counter, int fewestIos, long staleNs) {
    this.home = home;
    this.counter = counter;
    this.fewestIos = fewestIos;
    this.staleNs = staleNs;
  }

  /** Until something else was seen it is not used. */
  public boolean quiet() {
    long now = home.nowNs();
    if (!looking && (!known || now - lookedNs >= LOOK_NS)) {
      looking = true;
      counter.count(this::looked);
    }
    return !used || now - usedNs >= QUIET_NS;
  }

  private void looked(long completed, boolean underWay) {
    long now = home.nowNs();
    boolean wasUsed = used && now - usedNs < QUIET_NS;
    boolean recent = known && now - lookedNs <= staleNs;
    looking = false;
    lookedNs = now;
    known = true;
    // Somebody may have reset the counters.
    long ios = Math.abs(completed - windowCompleted);
    long elapsedNs = now - windowNs;
    boolean uses = recent && ios >= fewestIos && ios >= (double) fewestIos * elapsedNs / WINDOW_NS;
    if (uses || wasUsed && underWay) {
      used = true;
      usedNs = now;
    }
    if (uses || !recent || elapsedNs >= WINDOW_NS) {
      windowNs = now;
      windowCompleted = completed;
    }
  }
}

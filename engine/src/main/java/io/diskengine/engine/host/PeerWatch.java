package io.diskengine.engine.host;

import org.jspecify.annotations.Nullable;

/**
 * Which of the controllers behind one address send a keep-alive now. They share a process, which is
 * silent for all of them or for none: one keep-alive each {@link NvmeHost#KEEP_ALIVE_INTERVAL_NS}
 * tells whether it lives, whoever sends it, and it is each time the one whose last is oldest. Only
 * when that one is not answered at once are the others asked too, each for itself, because each
 * ends by its own deadline alone. Beside that each keeps the promise that it made to its target.
 *
 * <pre>
 *   begin   then for each controller: see   then for each controller: asks
 * </pre>
 */
final class PeerWatch {
  /** A keep-alive that is out for so long makes the others ask. */
  static final long SUSPECT_NS = 300_000_000L;

  /** A controller as far as it matters here. */
  interface Asker {
    long keepAliveSentNs();

    boolean keepAliveIsOut();
  }

  private long askedAtNs;
  private boolean due;
  private boolean suspect;
  private @Nullable Asker eldest;

  PeerWatch(long nowNs) {
    askedAtNs = nowNs;
  }

  /** Half a tick early is due: a timer that is a little late must not cost a whole tick. */
  boolean isDue(long nowNs) {
    return sinceNs(nowNs) >= NvmeHost.KEEP_ALIVE_INTERVAL_NS - NvmeHost.TICK_NS / 2;
  }

  /**
   * A new round.
   *
   * @param early whether a tick early is due, because other peers are asked in this round: asking
   *     all in the same rounds takes fewer of them
   */
  void begin(long nowNs, boolean early) {
    due =
        early ? sinceNs(nowNs) >= NvmeHost.KEEP_ALIVE_INTERVAL_NS - NvmeHost.TICK_NS : isDue(nowNs);
    suspect = false;
    eldest = null;
  }

  private long sinceNs(long nowNs) {
    return nowNs - askedAtNs;
  }

  /** When somebody is to ask; never when nobody could in the last round. */
  long dueNs() {
    return eldest == null ? Long.MAX_VALUE : askedAtNs + NvmeHost.KEEP_ALIVE_INTERVAL_NS;
  }

  /** A controller that can ask, or waits for its answer. */
  void see(Asker asker, long nowNs) {
    if (asker.keepAliveIsOut()) {
      suspect |= nowNs - asker.keepAliveSentNs() >= SUSPECT_NS;
    } else if (eldest == null || asker.keepAliveSentNs() < eldest.keepAliveSentNs()) {
      eldest = asker;
    }
  }

  /**
   * Whether this controller, which {@link #see} was told of, asks now.
   *
   * @param intervalNs how often the controller must, whatever others do
   */
  boolean asks(Asker asker, long intervalNs, long nowNs) {
    if (asker.keepAliveIsOut()) {
      return false;
    }
    long sinceNs = nowNs - asker.keepAliveSentNs();
    boolean soon = sinceNs >= intervalNs - NvmeHost.KEEP_ALIVE_INTERVAL_NS;
    boolean now = suspect || sinceNs >= intervalNs || (due && (asker == eldest || soon));
    if (now) {
      askedAtNs = nowNs;
    }
    return now;
  }
}

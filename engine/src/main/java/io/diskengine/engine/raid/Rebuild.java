package io.diskengine.engine.raid;

import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.bdev.GuestActivity;
import io.diskengine.engine.bdev.IoStat;
import io.diskengine.engine.bdev.IoStatus;
import io.diskengine.engine.bdev.IoType;
import io.diskengine.engine.bdev.LbaRange;
import io.diskengine.engine.reactor.Timer;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Brings a leg in sync while the array is used. From the start every write goes to the target too.
 * Window after window is quiesced, copied from an in-sync leg and let go again, so that no copy
 * overwrites a newer write; several at a time while nobody uses the array, each with a range of its
 * own, so that one is read while another is written. In the end the whole array is quiesced for a
 * moment: what was copied is flushed, all superblocks call the leg configured, and only then it is
 * read. If the source failed a write meanwhile, which ended with an error, the target may have it:
 * everything is copied again. Home reactor.
 *
 * <p>A leg that was away for a while gets only what {@link WriteIntent} says it lacks.
 *
 * <p>When the target fails, or nothing can be read any more, the target leaves the array, and the
 * process vanishes from the description at the same moment. After a crash it starts from 0.
 */
final class Rebuild {
  /** How often it starts again because the last in-sync leg failed writes that the target took. */
  private static final int MOST_RESTARTS = 3;

  /** Windows at a time while nobody uses the array. */
  static final int WINDOWS_QUIET = 4;

  /**
   * While somebody does, one window of at most this much: what the disks have to do for it is in
   * front of that user's I/O.
   */
  private static final int USED_WINDOW_KB = 128;

  private static final LbaRange EVERYTHING = new LbaRange(0, Long.MAX_VALUE / 2);

  private final Raid raid;
  private final Leg target;
  private final LegRecord record;
  private final RaidModule.Options options;
  private final GuestActivity activity;
  private final Window[] windows = new Window[WINDOWS_QUIET];
  private final Timer pace = Timer.of(this::next);

  /** Windows that are being copied; those in front of {@link #nextBlocks} that are not, are. */
  private int running;

  private long nextBlocks;

  /** A copy failed: what still runs ends, then the target leaves. */
  private boolean failed;

  private boolean starting;
  private long nextWindowNs;
  private int restarts;

  /** The regions to copy, of an array of this size; null for everything. */
  private @Nullable BitSet scope;

  private long scopeBlocks;

  Rebuild(Raid raid, Leg target, LegRecord record, RaidModule.Options options) {
    this.raid = raid;
    this.target = target;
    this.record = record;
    this.options = options;
    this.activity = new GuestActivity(raid.home(), this::countGuests, 1, Long.MAX_VALUE);
    for (int i = 0; i < windows.length; i++) {
      windows[i] = new Window(new RangeCopy(raid, target));
    }
  }

  /** A range that is copied while nobody writes there. */
  private static final class Window {
    final RangeCopy copy;
    @Nullable LbaRange range;

    Window(RangeCopy copy) {
      this.copy = copy;
    }
  }

  private void countGuests(GuestActivity.Counted counted) {
    RaidBdev bdev = raid.bdev;
    if (bdev == null) {
      counted.are(0, false);
    } else {
      raid.layer()
          .stat(
              bdev,
              IoStat.Reset.NONE,
              sum -> counted.are(sum.read.ops + sum.write.ops + sum.unmap.ops, false));
    }
  }

  Leg target() {
    return target;
  }

  /** Everything in front of it is copied. */
  private long offsetBlocks() {
    long offset = nextBlocks;
    for (Window window : windows) {
      LbaRange range = window.range;
      offset = range == null ? offset : Math.min(offset, range.offsetBlocks());
    }
    return offset;
  }

  Map<String, Object> description() {
    long offsetBlocks = offsetBlocks();
    Map<String, Object> progress = new LinkedHashMap<>();
    progress.put("blocks", offsetBlocks);
    progress.put("percent", (int) (offsetBlocks * 100.0 / bdev().numBlocks()));
    Map<String, Object> out = new LinkedHashMap<>();
    out.put("type", "rebuild");
    out.put("target", target.bdev().name());
    out.put("progress", progress);
    return out;
  }

  private RaidBdev bdev() {
    RaidBdev bdev = raid.bdev;
    if (bdev == null) {
      throw new IllegalStateException(raid.name() + " is not online");
    }
    return bdev;
  }

  void start() {
    raid.activities++;
    nextWindowNs = raid.home().nowNs();
    sourceFailedWrites();
    raid.settle(this::begin);
  }

  /** Every write goes to the target too: what it lacks is known now. */
  private void begin() {
    WriteIntent intent = raid.intent;
    RaidBdev bdev = raid.bdev;
    scope = intent == null ? null : intent.scope(record, target.bdev().uuid());
    scopeBlocks = bdev == null ? 0 : bdev.numBlocks();
    nextBlocks = 0;
    next();
  }

  /** Skips regions in which the target has everything. */
  private void skip(RaidBdev bdev) {
    WriteIntent intent = raid.intent;
    BitSet regions = scope;
    if (intent == null || regions == null) {
      return;
    }
    if (bdev.numBlocks() > scopeBlocks) {
      regions.set(intent.regionOf(scopeBlocks - 1), intent.regionOf(bdev.numBlocks() - 1) + 1);
      nextBlocks = Math.min(nextBlocks, scopeBlocks);
      scopeBlocks = bdev.numBlocks();
    }
    if (nextBlocks < bdev.numBlocks()) {
      int here = intent.regionOf(nextBlocks);
      int region = regions.nextSetBit(here);
      nextBlocks =
          region == here
              ? nextBlocks
              : region < 0
                  ? bdev.numBlocks()
                  : Math.min(bdev.numBlocks(), region * intent.regionBlocks());
    }
  }

  /** The end of what is copied in one go from here. */
  private long endBlocks(RaidBdev bdev) {
    WriteIntent intent = raid.intent;
    return intent == null || scope == null
        ? bdev.numBlocks()
        : Math.min(bdev.numBlocks(), intent.endOf(intent.regionOf(nextBlocks)));
  }

  /**
   * Whether a leg that stays in sync failed a write since this was asked last: the target may have
   * that write, and has to get the source's content again.
   */
  private boolean sourceFailedWrites() {
    boolean failed = false;
    for (Leg source : raid.inSync()) {
      failed |= source.writeFailed;
      source.writeFailed = false;
    }
    return failed;
  }

  private boolean over() {
    return target.role != Leg.Role.TARGET || raid.state() != Raid.State.ONLINE || raid.deleting();
  }

  private boolean mayCopy() {
    return !over() && !failed && !target.writeFailed;
  }

  /** Starts what may be copied now; when nothing is under way any more, what comes after it. */
  private void next() {
    if (starting) {
      return; // a window ended within its start: the loop below goes on
    }
    RaidBdev bdev = bdev();
    boolean quiet = activity.quiet();
    int most = quiet ? WINDOWS_QUIET : 1;
    long mostKb = options.processWindowSizeKb();
    starting = true;
    while (running < most
        && mayCopy()
        && startWindow(bdev, quiet ? mostKb : Math.min(mostKb, USED_WINDOW_KB))) {}
    starting = false;
    if (running > 0) {
      return;
    }
    if (!mayCopy()) {
      fail();
    } else if (nextBlocks >= bdev.numBlocks()) {
      finish(bdev);
    } else {
      raid.home().schedule(pace, nextWindowNs - raid.home().nowNs());
    }
  }

  /** False when everything is copied, or nothing more may be for now. */
  private boolean startWindow(RaidBdev bdev, long mostKb) {
    skip(bdev);
    long now = raid.home().nowNs();
    if (nextBlocks >= bdev.numBlocks() || now < nextWindowNs) {
      return false;
    }
    window(bdev, mostKb, now);
    return true;
  }

  private void window(RaidBdev bdev, long mostKb, long now) {
    BdevLayer layer = raid.layer();
    int blockSize = bdev.blockSizeBytes();
    long windowBlocks = Math.max(1, mostKb * 1024 / blockSize);
    long blocks = Math.min(windowBlocks, endBlocks(bdev) - nextBlocks);
    if (options.processMaxBandwidthMbSec() > 0) {
      long bytesPerSecond = options.processMaxBandwidthMbSec() << 20;
      nextWindowNs = now + (long) ((double) blocks * blockSize * 1e9 / bytesPerSecond);
    }
    Window window = freeWindow();
    LbaRange range = new LbaRange(nextBlocks, blocks);
    window.range = range;
    nextBlocks += blocks;
    running++;
    layer.quiesce(
        bdev,
        range,
        () ->
            window.copy.start(
                range.offsetBlocks(),
                blocks,
                outcome -> layer.unquiesce(bdev, range, () -> copied(window, outcome))));
  }

  private Window freeWindow() {
    for (Window window : windows) {
      if (window.range == null) {
        return window;
      }
    }
    throw new IllegalStateException("all windows are being copied");
  }

  private void copied(Window window, RangeCopy.Outcome outcome) {
    window.range = null;
    running--;
    failed |= outcome != RangeCopy.Outcome.COPIED;
    next();
  }

  /** Everything is copied: no write is under way any more, so that failures are known. */
  private void finish(RaidBdev bdev) {
    raid.layer()
        .quiesce(
            bdev,
            EVERYTHING,
            () -> {
              if (over() || target.writeFailed || nextBlocks < bdev.numBlocks()) {
                raid.layer().unquiesce(bdev, EVERYTHING, this::next);
              } else if (sourceFailedWrites()) {
                raid.layer().unquiesce(bdev, EVERYTHING, this::startAgain);
              } else if (target.bdev().ioTypeSupported(IoType.FLUSH)) {
                flush(bdev);
              } else {
                promote(bdev);
              }
            });
  }

  private void startAgain() {
    if (restarts++ == MOST_RESTARTS) {
      fail();
    } else {
      begin();
    }
  }

  private void flush(RaidBdev bdev) {
    target.submitHome(
        new BdevIo(
                done -> {
                  if (done.status() == IoStatus.SUCCESS && !over()) {
                    promote(bdev);
                  } else {
                    raid.layer().unquiesce(bdev, EVERYTHING, this::fail);
                  }
                  target.homeCompleted();
                })
            .flush());
  }

  private void promote(RaidBdev bdev) {
    target.promoting = true;
    raid.settle(() -> {
      if (target.role == Leg.Role.IN_SYNC && raid.rebuild == this) {
        raid.rebuild = null;
      }
      raid.layer().unquiesce(bdev, EVERYTHING, this::promoted);
    });
  }

  private void promoted() {
    if (target.role == Leg.Role.TARGET) {
      fail();
    } else {
      end();
    }
  }

  private void fail() {
    if (over()) {
      end();
    } else {
      raid.leave(target, true);
      raid.settle(this::end);
    }
  }

  private void end() {
    raid.activities--;
    raid.checkQuiet();
  }
}

package io.diskengine.engine.bdev;

/** Counters of one channel or of one device; units as in SPDK's bdev_get_iostat. */
public final class IoStat {
  /** What SPDK's bdev_reset_iostat forgets. */
  public enum Reset {
    ALL,
    MAXMIN,
    ERROR,
    NONE
  }

  /** One type of I/O. Latencies are those of successful I/Os, 0 without any. */
  public static final class Kind {
    public long ops;
    public long bytes;
    public long latencyNs;
    public long maxLatencyNs;
    public long minLatencyNs;

    private void count(long moved, long tookNs) {
      minLatencyNs = ops == 0 || minLatencyNs == 0 ? tookNs : Math.min(minLatencyNs, tookNs);
      maxLatencyNs = Math.max(maxLatencyNs, tookNs);
      ops++;
      bytes += moved;
      latencyNs += tookNs;
    }

    private void add(Kind other) {
      if (other.minLatencyNs != 0) {
        minLatencyNs =
            minLatencyNs == 0 ? other.minLatencyNs : Math.min(minLatencyNs, other.minLatencyNs);
      }
      maxLatencyNs = Math.max(maxLatencyNs, other.maxLatencyNs);
      ops += other.ops;
      bytes += other.bytes;
      latencyNs += other.latencyNs;
    }

    private void reset(boolean all) {
      maxLatencyNs = 0;
      minLatencyNs = 0;
      if (all) {
        ops = 0;
        bytes = 0;
        latencyNs = 0;
      }
    }
  }

  public final Kind read = new Kind();
  public final Kind write = new Kind();
  public final Kind unmap = new Kind();
  public long errors;

  void count(IoType type, long bytes, long latencyNs, boolean failed) {
    if (failed) {
      errors++;
      return;
    }
    switch (type) {
      case READ -> read.count(bytes, latencyNs);
      case WRITE -> write.count(bytes, latencyNs);
      case UNMAP -> unmap.count(bytes, latencyNs);
      case FLUSH, RESET, WRITE_ZEROES, ABORT -> {}
    }
  }

  /** Whether an I/O that has ended is among the operations of {@link Kind}. */
  public static boolean counts(BdevIo ended) {
    return ended.status() == IoStatus.SUCCESS
        && switch (ended.type()) {
          case READ, WRITE, UNMAP -> true;
          case FLUSH, RESET, WRITE_ZEROES, ABORT -> false;
        };
  }

  /** Adds another counter set to this one. */
  public void add(IoStat other) {
    read.add(other.read);
    write.add(other.write);
    unmap.add(other.unmap);
    errors += other.errors;
  }

  void reset(Reset mode) {
    switch (mode) {
      case ALL, MAXMIN -> {
        read.reset(mode == Reset.ALL);
        write.reset(mode == Reset.ALL);
        unmap.reset(mode == Reset.ALL);
        errors = mode == Reset.ALL ? 0 : errors;
      }
      case ERROR -> errors = 0;
      case NONE -> {}
    }
  }
}

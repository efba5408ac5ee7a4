package io.diskengine.engine.bdev;

/** Counters of one channel or of one device; units as in SPDK's bdev_get_iostat. */
public final class IoStat {
  public long bytesRead;
  public long readOps;
  public long bytesWritten;
  public long writeOps;
  public long bytesUnmapped;
  public long unmapOps;
  public long readLatencyNs;
  public long writeLatencyNs;
  public long unmapLatencyNs;
  public long maxReadLatencyNs;
  public long maxWriteLatencyNs;
  public long errors;

  void count(IoType type, long bytes, long latencyNs, boolean failed) {
    if (failed) {
      errors++;
      return;
    }
    switch (type) {
      case READ -> {
        readOps++;
        bytesRead += bytes;
        readLatencyNs += latencyNs;
        maxReadLatencyNs = Math.max(maxReadLatencyNs, latencyNs);
      }
      case WRITE -> {
        writeOps++;
        bytesWritten += bytes;
        writeLatencyNs += latencyNs;
        maxWriteLatencyNs = Math.max(maxWriteLatencyNs, latencyNs);
      }
      case UNMAP -> {
        unmapOps++;
        bytesUnmapped += bytes;
        unmapLatencyNs += latencyNs;
      }
      case FLUSH, RESET, WRITE_ZEROES, ABORT -> {}
    }
  }

  /** Adds another counter set to this one. */
  public void add(IoStat other) {
    bytesRead += other.bytesRead;
    readOps += other.readOps;
    bytesWritten += other.bytesWritten;
    writeOps += other.writeOps;
    bytesUnmapped += other.bytesUnmapped;
    unmapOps += other.unmapOps;
    readLatencyNs += other.readLatencyNs;
    writeLatencyNs += other.writeLatencyNs;
    unmapLatencyNs += other.unmapLatencyNs;
    maxReadLatencyNs = Math.max(maxReadLatencyNs, other.maxReadLatencyNs);
    maxWriteLatencyNs = Math.max(maxWriteLatencyNs, other.maxWriteLatencyNs);
    errors += other.errors;
  }
}

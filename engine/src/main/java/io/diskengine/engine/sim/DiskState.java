package io.diskengine.engine.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * A medium behind a volatile cache: what readers see, what surely survives a loss of power, and the
 * changes between the two, of which any part may survive.
 *
 * <p>A crash keeps, drops or tears (at 512 bytes) each unflushed change independently. A durable
 * write supersedes older unflushed ones in its range: those can never come back.
 */
final class DiskState {
  private static final int SECTOR = 512;

  private record Pending(long number, FileChange change) {}

  private final SparseBytes durable;
  private final SparseBytes cached;
  private List<Pending> pending = new ArrayList<>();
  private long changes;

  DiskState(SparseBytes content) {
    this.durable = content;
    this.cached = content.copy();
  }

  SparseBytes cached() {
    return cached;
  }

  /** How many changes were applied; a flush that is submitted now covers these. */
  long changes() {
    return changes;
  }

  void apply(FileChange change) {
    if (change instanceof FileChange.Flush(long before)) {
      flush(before);
    } else {
      applyTo(cached, change);
      if (change instanceof FileChange.Write(long offset, byte[] bytes, boolean lasting)
          && lasting) {
        supersede(offset, offset + bytes.length);
        applyTo(durable, change);
      } else {
        pending.add(new Pending(changes, change));
      }
    }
    changes++;
  }

  private void flush(long before) {
    List<Pending> later = new ArrayList<>();
    for (Pending p : pending) {
      if (p.number < before) {
        applyTo(durable, p.change);
      } else {
        later.add(p);
      }
    }
    pending = later;
  }

  private void supersede(long from, long to) {
    List<Pending> left = new ArrayList<>();
    for (Pending p : pending) {
      for (FileChange piece : p.change.without(from, to)) {
        left.add(new Pending(p.number, piece));
      }
    }
    pending = left;
  }

  /** What a reader finds after the power came back; the seed of {@code random} decides. */
  SparseBytes crashImage(RandomGenerator random) {
    SparseBytes image = durable.copy();
    for (Pending p : pending) {
      switch (random.nextInt(3)) {
        case 0 -> {}
        case 1 -> applyTo(image, p.change);
        default -> tear(image, p.change, random);
      }
    }
    return image;
  }

  private static void tear(SparseBytes image, FileChange change, RandomGenerator random) {
    switch (change) {
      case FileChange.Write(long offset, byte[] bytes, boolean _) -> {
        for (int from = 0; from < bytes.length; ) {
          int length = (int) Math.min(bytes.length - from, SECTOR - (offset + from) % SECTOR);
          if (random.nextBoolean()) {
            image.write(offset + from, bytes, from, length);
          }
          from += length;
        }
      }
      case FileChange.Zero(long offset, long length) ->
          image.zero(offset, random.nextLong(length / SECTOR + 1) * SECTOR);
      case FileChange.Resize _, FileChange.Flush _ -> {}
    }
  }

  private static void applyTo(SparseBytes bytes, FileChange change) {
    switch (change) {
      case FileChange.Write(long offset, byte[] data, boolean _) -> bytes.write(offset, data);
      case FileChange.Zero(long offset, long length) -> bytes.zero(offset, length);
      case FileChange.Resize(long length) -> bytes.resize(length);
      case FileChange.Flush _ -> {}
    }
  }
}

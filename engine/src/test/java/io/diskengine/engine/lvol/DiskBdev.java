package io.diskengine.engine.lvol;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.DriverChannel;
import io.diskengine.engine.bdev.IoStatus;
import io.diskengine.engine.bdev.IoType;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.Timer;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A disk with a volatile write cache that remembers all it was told, so that the medium after a
 * power failure at any moment can be made: what was flushed, and of the rest any sectors.
 *
 * <p>Fault model: a write is on the medium once a flush that was submitted after its end has ended,
 * or, when it is durable, once it has ended. Until then any of its 512-byte sectors may be there or
 * not. Sectors do not tear.
 */
final class DiskBdev extends Bdev {
  static final int SECTOR = 512;
  private static final int SLOW_ONE_OF = 16;
  private static final int SLOWNESS = 20;

  private final DiskImage image;
  private DiskImage initial;
  private final Random random;
  private final long maxDelayNs;
  private final Set<IoType> missing = EnumSet.noneOf(IoType.class);
  private final List<Change> changes = new ArrayList<>();
  private int clock;
  @Nullable IoType failing;

  /** The next I/O of this kind does not end until {@link #letGo}. */
  @Nullable IoType holding;

  private @Nullable BdevIo held;

  /** One write (data null: zeros) or flush. */
  static final class Change {
    final boolean flush;
    final long offset;
    final long length;
    final byte @Nullable [] data;
    final boolean durable;
    final int submittedAt;
    int endedAt = Integer.MAX_VALUE;

    Change(
        boolean flush,
        long offset,
        long length,
        byte @Nullable [] data,
        boolean durable,
        int submittedAt) {
      this.flush = flush;
      this.offset = offset;
      this.length = length;
      this.data = data;
      this.durable = durable;
      this.submittedAt = submittedAt;
    }
  }

  /** Completes at once; remembers nothing. */
  DiskBdev(String name, int blockSizeBytes, DiskImage image) {
    this(name, blockSizeBytes, image, null, 0);
  }

  /** Completes at once; remembers nothing. */
  DiskBdev(String name, UUID uuid, int blockSizeBytes, DiskImage image) {
    this(name, uuid, blockSizeBytes, image, null, 0);
  }

  /** Completes in any order within {@code maxDelayNs} of virtual time, and remembers. */
  DiskBdev(
      String name, int blockSizeBytes, DiskImage image, @Nullable Random random, long maxDelayNs) {
    this(name, UUID.nameUUIDFromBytes(name.getBytes()), blockSizeBytes, image, random, maxDelayNs);
  }

  private DiskBdev(
      String name,
      UUID uuid,
      int blockSizeBytes,
      DiskImage image,
      @Nullable Random random,
      long maxDelayNs) {
    super(name, "Test disk", uuid, blockSizeBytes, image.sizeBytes() / blockSizeBytes);
    this.image = image;
    this.initial = random == null ? image : image.copy();
    this.random = random == null ? new Random(0) : random;
    this.maxDelayNs = random == null ? 0 : maxDelayNs;
  }

  DiskImage image() {
    return image;
  }

  /** The driver does not do this kind of I/O itself. */
  void withoutSupport(IoType type) {
    missing.add(type);
  }

  /** Ends the I/O that is held; on its reactor. */
  void letGo() {
    end(Objects.requireNonNull(held), null);
    held = null;
  }

  /** Moments at which power may fail: 0 to this. */
  int moments() {
    return clock;
  }

  /** What the medium held before all {@link #changes}. */
  DiskImage initial() {
    return initial;
  }

  /** All that was told to the disk, in the order of submission. */
  List<Change> changes() {
    return changes;
  }

  /** No write or flush is under way. */
  boolean idle() {
    return changes.stream().noneMatch(c -> c.endedAt == Integer.MAX_VALUE);
  }

  /** All that was written counts as on the medium; power fails later. The disk is idle. */
  void checkpoint() {
    if (!idle()) {
      throw new IllegalStateException("writes are under way");
    }
    initial = image.copy();
    changes.clear();
    clock = 0;
  }

  /** The medium when power failed at {@code moment}, unflushed sectors as {@code chance} wills. */
  DiskImage afterPowerFailure(int moment, Random chance) {
    DiskImage medium = initial.copy();
    int flushed = 0;
    for (Change change : changes) {
      if (change.flush && change.endedAt < moment) {
        flushed = Math.max(flushed, change.submittedAt);
      }
    }
    List<Change> order = new ArrayList<>(changes);
    order.sort((a, b) -> Integer.compare(a.endedAt, b.endedAt));
    for (Change change : order) {
      if (change.flush || change.submittedAt >= moment) {
        continue;
      }
      boolean safe = change.endedAt < flushed || change.durable && change.endedAt < moment;
      apply(medium, change, safe, chance);
    }
    return medium;
  }

  private static void apply(DiskImage medium, Change change, boolean safe, Random chance) {
    int mode = safe ? 0 : chance.nextInt(3);
    if (mode == 1) {
      return;
    }
    if (mode == 0) {
      put(medium, change, 0, change.length);
      return;
    }
    for (long at = 0; at < change.length; at += SECTOR) {
      if (chance.nextBoolean()) {
        put(medium, change, at, Math.min(SECTOR, change.length - at));
      }
    }
  }

  private static void put(DiskImage medium, Change change, long at, long length) {
    if (change.data == null) {
      medium.zero(change.offset + at, length);
    } else {
      medium.write(change.offset + at, change.data, (int) at, (int) length);
    }
  }

  @Override
  protected boolean supports(IoType type) {
    return type != IoType.ABORT && !missing.contains(type);
  }

  @Override
  protected DriverChannel openChannel(Reactor reactor) {
    return new DriverChannel() {
      @Override
      protected void submit(BdevIo io) {
        if (io.type() == failing) {
          io.complete(IoStatus.WRITE_FAULT);
          return;
        }
        if (io.type() == holding) {
          holding = null;
          held = io;
          return;
        }
        Change change = maxDelayNs == 0 ? null : remember(io);
        if (maxDelayNs == 0) {
          end(io, change);
        } else {
          reactor.schedule(Timer.of(() -> end(io, change)), delayNs());
        }
      }
    };
  }

  /** Some I/Os are overtaken by many others. */
  private long delayNs() {
    int slowness = random.nextInt(SLOW_ONE_OF) == 0 ? SLOWNESS : 1;
    return (long) (random.nextDouble() * maxDelayNs * slowness);
  }

  private @Nullable Change remember(BdevIo io) {
    long offset = io.offsetBlocks() * blockSizeBytes();
    long length = io.lengthBlocks() * blockSizeBytes();
    Change change =
        switch (io.type()) {
          case WRITE -> new Change(false, offset, length, data(io), io.isDurable(), ++clock);
          case UNMAP, WRITE_ZEROES -> new Change(false, offset, length, null, false, ++clock);
          case FLUSH -> new Change(true, 0, 0, null, false, ++clock);
          case READ, RESET, ABORT -> null;
        };
    if (change != null) {
      changes.add(change);
    }
    return change;
  }

  private void end(BdevIo io, @Nullable Change change) {
    long offset = io.offsetBlocks() * blockSizeBytes();
    switch (io.type()) {
      case READ -> read(io, offset);
      case WRITE -> {
        byte[] data = data(io);
        image.write(offset, data, 0, data.length);
      }
      case UNMAP, WRITE_ZEROES -> image.zero(offset, io.lengthBlocks() * blockSizeBytes());
      case FLUSH, RESET, ABORT -> {}
    }
    if (change != null) {
      change.endedAt = ++clock;
    }
    io.complete(IoStatus.SUCCESS);
  }

  private static byte[] data(BdevIo io) {
    byte[] data = new byte[(int) Iovec.totalBytes(io.iov(), io.iovCount())];
    int at = 0;
    for (int i = 0; i < io.iovCount(); i++) {
      long iov = Iovec.at(io.iov(), i);
      NativeMemory.copy(Iovec.base(iov), data, at, (int) Iovec.length(iov));
      at += (int) Iovec.length(iov);
    }
    return data;
  }

  private void read(BdevIo io, long offset) {
    long at = offset;
    for (int i = 0; i < io.iovCount(); i++) {
      long iov = Iovec.at(io.iov(), i);
      byte[] bytes = image.read(at, (int) Iovec.length(iov));
      NativeMemory.copy(bytes, 0, Iovec.base(iov), bytes.length);
      at += bytes.length;
    }
  }
}

package io.diskengine.engine.bdev;

import io.diskengine.engine.reactor.Reactor;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.EnumMap;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Fails, delays for ever or corrupts I/O on demand (SPDK's vbdev_error); otherwise passes it to its
 * base. Its name is {@code EE_<base>}.
 */
public final class ErrorBdev extends FilterBdev {
  /** The types that errors can be injected into. */
  private static final IoType[] INJECTABLE = {
    IoType.READ, IoType.WRITE, IoType.UNMAP, IoType.FLUSH
  };

  /** What happens to an I/O, as SPDK's {@code error_type}. */
  public enum Fault {
    FAILURE,
    PENDING,
    CORRUPT_DATA,
    NOMEM,
    NVME_FAILURE
  }

  /**
   * What to inject.
   *
   * @param count how many I/Os are hit
   * @param queueDepth only hits while at least as many I/Os are at the base, per reactor
   * @param corruptOffset in bytes from the start of the I/O
   * @param corruptValue is combined with the byte there by exclusive or; not 0
   * @param nvmeStatus {@code sct << 8 | sc} of {@link Fault#NVME_FAILURE}
   */
  public record Injection(
      Fault fault,
      long count,
      long queueDepth,
      long corruptOffset,
      int corruptValue,
      int nvmeStatus) {

    /** The next {@code count} I/Os fail. */
    public static Injection of(Fault fault, long count) {
      return new Injection(fault, count, 0, 0, 0, 0);
    }

    /** The next {@code count} I/Os end with an NVMe status. */
    public static Injection status(int nvmeStatus, long count) {
      return new Injection(Fault.NVME_FAILURE, count, 0, 0, 0, nvmeStatus);
    }
  }

  /** An injection with what is left of its count; shared by all reactors. */
  private static final class Armed {
    final Injection injection;
    final AtomicLong left;

    Armed(Injection injection) {
      this.injection = injection;
      this.left = new AtomicLong(injection.count());
    }

    boolean hit(long inFlight) {
      return inFlight >= injection.queueDepth() && left.getAndUpdate(n -> n == 0 ? 0 : n - 1) > 0;
    }
  }

  private volatile Map<IoType, Armed> armed = Map.of();

  private ErrorBdev(BdevLayer layer, Bdev base, UUID uuid) {
    super(layer, base, "EE_" + base.name(), "Error Injection Disk", "error", uuid);
  }

  /** SPDK's bdev_error_create over a device that exists; {@code uuid} null for one of its own. */
  public static ErrorBdev create(BdevLayer layer, Bdev base, @Nullable UUID uuid)
      throws BdevException {
    ErrorBdev bdev = new ErrorBdev(layer, base, uuid == null ? uuidOver(base, "error") : uuid);
    bdev.start();
    return bdev;
  }

  /** Arms the injection for one type, or for all where {@code type} is null. Home reactor. */
  public void inject(@Nullable IoType type, Injection injection) throws BdevException {
    if (injection.fault() == Fault.CORRUPT_DATA && injection.corruptValue() == 0) {
      throw new BdevException(BdevException.EINVAL, "corrupt_value must not be 0");
    }
    Map<IoType, Armed> next = new EnumMap<>(IoType.class);
    next.putAll(armed);
    for (IoType each : INJECTABLE) {
      if (type == null || type == each) {
        next.put(each, new Armed(injection));
      }
    }
    armed = next;
  }

  /** Ends all injections; what is pending stays so. */
  public void clear() {
    armed = Map.of();
  }

  /** Ends injections of {@link Fault#PENDING} and lets go what they hold. Home reactor. */
  public void resumePending() {
    Map<IoType, Armed> next = new EnumMap<>(IoType.class);
    armed.forEach((type, each) -> {
      if (each.injection.fault() != Fault.PENDING) {
        next.put(type, each);
      }
    });
    armed = next;
    layer()
        .forEachChannel(
            this,
            (channel, done) -> {
              if (channel != null) {
                ((Channel) channel.driver()).resume();
              }
              done.run();
            },
            () -> {});
  }

  @Override
  public Map<String, Object> driverSpecific() {
    return Map.of("error_disk", Map.of("base_bdev", base().name()));
  }

  @Override
  protected DriverChannel openChannel(Reactor reactor) {
    return new Channel(reactor);
  }

  private final class Channel extends FilterChannel {
    private static final int PLAIN = 0;
    private static final int CORRUPT_READ = 1;

    private final ArrayDeque<BdevIo> pending = new ArrayDeque<>();

    /** Changed data of writes at the base. */
    private final Map<BdevIo, MemorySegment> copies = new IdentityHashMap<>();

    Channel(Reactor reactor) {
      super(ErrorBdev.this, reactor);
    }

    @Override
    protected void submit(BdevIo io) {
      if (io.type() == IoType.RESET) {
        reset(io);
        return;
      }
      Armed fault = armed.get(io.type());
      if (fault == null || !fault.hit(inFlight)) {
        pass(io, PLAIN);
        return;
      }
      switch (fault.injection.fault()) {
        case FAILURE -> io.complete(IoStatus.INTERNAL_DEVICE_ERROR);
        case NVME_FAILURE -> io.complete(fault.injection.nvmeStatus());
        case NOMEM -> io.complete(IoStatus.NOMEM);
        case PENDING -> pending.add(io);
        case CORRUPT_DATA -> corrupt(io, fault.injection);
      }
    }

    private void corrupt(BdevIo io, Injection injection) {
      if (io.type() == IoType.READ) {
        pass(io, CORRUPT_READ);
      } else if (io.type() == IoType.WRITE) {
        MemorySegment copy = copyOf(io);
        copies.put(io, copy);
        flip(copy.address(), 1, injection);
        pass(io, PLAIN, copy.address(), 1);
      } else {
        pass(io, PLAIN);
      }
    }

    /** One iovec entry and its data: the submitter's buffer is not ours to change. */
    private static MemorySegment copyOf(BdevIo io) {
      long length = Iovec.totalBytes(io.iov(), io.iovCount());
      MemorySegment copy = Arena.ofAuto().allocate(Iovec.SIZE + length, Iovec.SIZE);
      long at = copy.address() + Iovec.SIZE;
      Iovec.set(copy.address(), 0, at, length);
      for (int i = 0; i < io.iovCount(); i++) {
        long iov = Iovec.at(io.iov(), i);
        NativeMemory.copy(Iovec.base(iov), at, Iovec.length(iov));
        at += Iovec.length(iov);
      }
      return copy;
    }

    @Override
    void passed(BdevIo io, int kind, int status) {
      copies.remove(io);
      Armed fault = armed.get(IoType.READ);
      if (kind == CORRUPT_READ && status == IoStatus.SUCCESS && fault != null) {
        flip(io.iov(), io.iovCount(), fault.injection);
      }
      io.complete(status);
    }

    private static void flip(long iovs, int count, Injection injection) {
      long offset = injection.corruptOffset();
      for (int i = 0; i < count; i++) {
        long iov = Iovec.at(iovs, i);
        if (offset < Iovec.length(iov)) {
          long at = Iovec.base(iov) + offset;
          NativeMemory.putByte(at, (byte) (NativeMemory.getByte(at) ^ injection.corruptValue()));
          return;
        }
        offset -= Iovec.length(iov);
      }
    }

    private void reset(BdevIo io) {
      BdevLayer.crossTo(
          layer().home(),
          () ->
              layer()
                  .forEachChannel(
                      ErrorBdev.this,
                      (channel, done) -> {
                        if (channel != null) {
                          ((Channel) channel.driver()).abortPending();
                        }
                        done.run();
                      },
                      () -> BdevLayer.crossTo(reactor, () -> io.complete(IoStatus.SUCCESS))));
    }

    private void abortPending() {
      for (BdevIo io = pending.poll(); io != null; io = pending.poll()) {
        io.complete(IoStatus.ABORTED_BY_REQUEST);
      }
    }

    void resume() {
      for (int waiting = pending.size(); waiting > 0; waiting--) {
        submit(pending.remove());
      }
    }

    @Override
    protected boolean abort(BdevIo io) {
      if (pending.remove(io)) {
        io.complete(IoStatus.ABORTED_BY_REQUEST);
        return true;
      }
      return super.abort(io);
    }
  }
}

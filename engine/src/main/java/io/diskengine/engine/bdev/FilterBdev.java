package io.diskengine.engine.bdev;

import io.diskengine.engine.reactor.Reactor;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A device on top of one other device that it claims: the shape of SPDK's error and delay vbdevs.
 * It goes when its base goes, and grows when its base grows.
 */
abstract class FilterBdev extends Bdev implements BdevEvents {
  private final BdevLayer layer;
  private final Bdev base;
  private final String module;
  private @Nullable BdevDesc baseDesc;

  FilterBdev(BdevLayer layer, Bdev base, String name, String product, String module, UUID uuid) {
    super(name, product, uuid, base.blockSizeBytes(), base.numBlocks());
    this.layer = layer;
    this.base = base;
    this.module = module;
  }

  /** The same uuid for the same pair of devices in every process. */
  static UUID uuidOver(Bdev base, String module) {
    return UUID.nameUUIDFromBytes((module + ' ' + base.uuid()).getBytes(StandardCharsets.UTF_8));
  }

  /** Opens and claims the base, then registers this device. */
  void start() throws BdevException {
    BdevDesc desc = layer.open(base, true, this);
    try {
      desc.claim(module);
      baseDesc = desc;
      layer.register(this);
    } catch (BdevException e) {
      desc.close();
      throw e;
    }
  }

  final BdevLayer layer() {
    return layer;
  }

  /** The device below. */
  public final Bdev base() {
    return base;
  }

  final BdevDesc baseDesc() {
    BdevDesc desc = baseDesc;
    if (desc == null) {
      throw new IllegalStateException(this + " was not started");
    }
    return desc;
  }

  @Override
  public void removed(BdevDesc desc) {
    layer.unregister(this, errno -> {});
  }

  @Override
  public void resized(BdevDesc desc) {
    layer.resize(this, base.numBlocks());
  }

  @Override
  protected boolean supports(IoType type) {
    return base.ioTypeSupported(type);
  }

  @Override
  protected void destruct(Done done) {
    baseDesc().close();
    done.done(0);
  }

  @Override
  public boolean writeCache() {
    return base.writeCache();
  }

  /** Passes I/O to the base with pooled objects, one per I/O in flight. */
  abstract static class FilterChannel extends DriverChannel {
    final Reactor reactor;
    private final BdevDesc baseDesc;
    private final BdevChannel baseChannel;
    private final ArrayDeque<Passed> free = new ArrayDeque<>();
    int inFlight;

    FilterChannel(FilterBdev filter, Reactor reactor) {
      this.reactor = reactor;
      baseDesc = filter.baseDesc();
      baseChannel = baseDesc.openChannel();
    }

    /** The base ended what {@link #pass} gave it; {@code kind} as given there. */
    abstract void passed(BdevIo io, int kind, int status);

    final void pass(BdevIo io, int kind) {
      pass(io, kind, io.iov(), io.iovCount());
    }

    final void pass(BdevIo io, int kind, long iov, int iovCount) {
      Passed passed = free.poll();
      if (passed == null) {
        passed = new Passed();
      }
      passed.original = io;
      passed.kind = kind;
      io.driverState = passed;
      inFlight++;
      passed.io.like(io, iov, iovCount, io.offsetBlocks(), io.lengthBlocks());
      baseDesc.submit(baseChannel, passed.io);
    }

    @Override
    protected boolean abort(BdevIo io) {
      if (io.driverState instanceof Passed passed) {
        baseChannel.abort(passed.io);
        return true;
      }
      return false;
    }

    @Override
    protected void close() {
      baseChannel.release();
    }

    private final class Passed implements BdevIoOwner {
      final BdevIo io = new BdevIo(this);
      @Nullable BdevIo original;
      int kind;

      @Override
      public void completed(BdevIo done) {
        BdevIo whole = original;
        original = null;
        inFlight--;
        free.push(this);
        if (whole != null) {
          whole.driverState = null;
          passed(whole, kind, done.status());
        }
      }
    }
  }
}

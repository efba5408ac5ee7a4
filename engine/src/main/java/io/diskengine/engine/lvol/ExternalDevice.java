package io.diskengine.engine.lvol;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevChannel;
import io.diskengine.engine.bdev.BdevDesc;
import io.diskengine.engine.bdev.BdevEvents;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.reactor.Reactor;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A bdev that lvols have as their external snapshot: open for reading and claimed, so that nobody
 * writes to it. One for all blobs of all stores that read it; opened and closed on the home
 * reactor, read on any.
 */
final class ExternalDevice {
  private final BdevLayer layer;
  private final BdevDesc desc;
  private final StoreDevice home;
  private final @Nullable BdevChannel[] channels = new BdevChannel[BdevLayer.MAX_REACTORS];
  private final Consumer<ExternalDevice> unused;
  private int users;

  private ExternalDevice(BdevLayer layer, BdevDesc desc, Consumer<ExternalDevice> unused) {
    this.layer = layer;
    this.desc = desc;
    this.home = new StoreDevice(desc);
    this.unused = unused;
  }

  /**
   * ENODEV for an unknown bdev, EPERM for one that somebody else claims.
   *
   * @param unused told when the last user has released it
   */
  static ExternalDevice open(
      BdevLayer layer,
      String bdevName,
      String module,
      BdevEvents events,
      Consumer<ExternalDevice> unused)
      throws BdevException {
    BdevDesc desc = layer.open(bdevName, false, events);
    try {
      desc.claim(module);
    } catch (BdevException claimed) {
      desc.close();
      throw claimed;
    }
    return new ExternalDevice(layer, desc, unused);
  }

  Bdev bdev() {
    return desc.bdev();
  }

  BdevDesc desc() {
    return desc;
  }

  /** For copies on the home reactor. */
  StoreDevice home() {
    return home;
  }

  ExternalDevice use() {
    users++;
    return this;
  }

  /** {@code released} is called when the device, if this was its last use, is closed. */
  void release(Runnable released) {
    if (--users == 0) {
      unused.accept(this);
      close(released);
    } else {
      released.run();
    }
  }

  /** Starts the I/O on the current reactor. */
  void submit(BdevIo io) {
    int index = Reactor.current().index();
    BdevChannel channel = channels[index];
    if (channel == null) {
      channel = desc.openChannel();
      channels[index] = channel;
    }
    desc.submit(channel, io);
  }

  /** Nobody reads it any more. */
  void close(Runnable closed) {
    close(0, closed);
  }

  private void close(int index, Runnable closed) {
    if (index == layer.reactors().size()) {
      BdevLayer.crossTo(
          layer.home(),
          () -> {
            home.close();
            closed.run();
          });
      return;
    }
    BdevLayer.crossTo(
        layer.reactors().get(index),
        () -> {
          BdevChannel channel = channels[index];
          channels[index] = null;
          if (channel != null) {
            channel.release();
          }
          close(index + 1, closed);
        });
  }
}

package io.diskengine.engine.bdev;

import io.diskengine.engine.reactor.Reactor;

/**
 * An open device. Opened, claimed and closed on the home reactor; {@link #openChannel} and {@link
 * #submit} work on any reactor, each with its own channel.
 */
public final class BdevDesc {
  private final Bdev bdev;
  private final boolean writable;
  private final BdevEvents events;
  boolean closed;

  BdevDesc(Bdev bdev, boolean writable, BdevEvents events) {
    this.bdev = bdev;
    this.writable = writable;
    this.events = events;
  }

  public Bdev bdev() {
    return bdev;
  }

  public boolean writable() {
    return writable;
  }

  BdevEvents events() {
    return events;
  }

  /** This reactor's channel, counted: each call is matched by one {@link BdevChannel#release}. */
  public BdevChannel openChannel() {
    if (closed) {
      throw new IllegalStateException(bdev + " is closed");
    }
    int index = Reactor.current().index();
    BdevChannel channel = bdev.channels[index];
    if (channel == null) {
      channel = new BdevChannel(bdev, Reactor.current(), layer().perReactor(index));
      bdev.channels[index] = channel;
    }
    channel.references++;
    return channel;
  }

  /** Starts the I/O on this reactor's channel; its owner hears of the end, later. */
  public void submit(BdevChannel channel, BdevIo io) {
    if (!writable && io.type().changesData()) {
      channel.refuse(io, IoStatus.ACCESS_DENIED);
    } else {
      channel.submit(io);
    }
  }

  /** Takes the device for {@code module} alone: others may then only read it. Home reactor. */
  public void claim(String module) throws BdevException {
    if (bdev.claimedBy != null && bdev.claimDesc != this) {
      throw new BdevException(
          BdevException.EPERM, bdev + " is already claimed by " + bdev.claimedBy);
    }
    bdev.claimedBy = module;
    bdev.claimDesc = this;
  }

  /** Ends the claim, if this descriptor holds it. */
  public void releaseClaim() {
    if (bdev.claimDesc == this) {
      bdev.claimedBy = null;
      bdev.claimDesc = null;
    }
  }

  /** All channels opened through this descriptor have been released. Home reactor. */
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    releaseClaim();
    bdev.descs.remove(this);
    layer().descClosed(bdev);
  }

  private BdevLayer layer() {
    BdevLayer layer = bdev.layer;
    if (layer == null) {
      throw new IllegalStateException(bdev + " was never registered");
    }
    return layer;
  }
}

package io.diskengine.engine.raid;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevChannel;
import io.diskengine.engine.bdev.BdevDesc;
import io.diskengine.engine.bdev.BdevEvents;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.bdev.Done;
import io.diskengine.engine.reactor.Reactor;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A base device in a slot of an array, from when it is claimed until it is closed. Home reactor,
 * but for the ports, which are one per reactor that uses the array.
 */
final class Leg implements BdevEvents {
  /** What a leg is to its array. */
  enum Role {
    /** Claimed; its superblock is being looked at. */
    CANDIDATE,
    IN_SYNC,
    /** Being rebuilt: written, not read. */
    TARGET,
    /** No longer used; the superblocks may not say so yet. */
    LEAVING
  }

  final Raid raid;
  final int slot;
  final long dataOffsetBlocks;
  Role role = Role.CANDIDATE;

  /** A LEAVING leg failed; otherwise it is merely missing. */
  boolean failed;

  /** Its device goes, or somebody asked for it, and takes the array's device along. */
  boolean goes;

  /** A TARGET has everything: the next superblocks call it configured. */
  boolean promoting;

  /** Told when the leg has left. */
  final List<Done> leavers = new ArrayList<>();

  /**
   * Set by any reactor at once when a write failed here, ahead of the message about it; taken back
   * by a rebuild that copies from here.
   */
  volatile boolean writeFailed;

  private final BdevDesc desc;
  private final BdevChannel homeChannel;
  private final AtomicInteger ports = new AtomicInteger();
  private int homeIos;
  private boolean detached;
  private boolean closed;

  /** {@code opening} opens the device with this leg as its listener. */
  Leg(Raid raid, int slot, long dataOffsetBlocks, Opening opening) throws BdevException {
    this.raid = raid;
    this.slot = slot;
    this.dataOffsetBlocks = dataOffsetBlocks;
    this.desc = opening.open(this);
    this.homeChannel = desc.openChannel();
  }

  /** Opens and claims a device. */
  interface Opening {
    BdevDesc open(BdevEvents events) throws BdevException;
  }

  Bdev bdev() {
    return desc.bdev();
  }

  int bit() {
    return 1 << slot;
  }

  /** True for SPDK's {@code is_configured}. */
  boolean configured() {
    return role != Role.CANDIDATE;
  }

  /** True for a leg that is written: in sync, or a target. */
  boolean active() {
    return role == Role.IN_SYNC || role == Role.TARGET;
  }

  // ---- the home reactor's own I/O: superblocks, rebuild

  void submitHome(BdevIo io) {
    homeIos++;
    desc.submit(homeChannel, io);
  }

  void homeCompleted() {
    homeIos--;
    closeIfUnused();
  }

  // ---- ports, on any reactor

  BdevChannel openPort() {
    ports.incrementAndGet();
    return desc.openChannel();
  }

  void submit(BdevChannel channel, BdevIo io) {
    desc.submit(channel, io);
  }

  void closePort(BdevChannel channel, Reactor home) {
    channel.release();
    if (ports.decrementAndGet() == 0) {
      BdevLayer.crossTo(home, this::closeIfUnused);
    }
  }

  // ---- the end

  /** No channel opens another port: the device is closed when the last I/O has come back. */
  void detach() {
    detached = true;
    closeIfUnused();
  }

  boolean detached() {
    return detached;
  }

  private void closeIfUnused() {
    if (detached && !closed && ports.get() == 0 && homeIos == 0) {
      closed = true;
      homeChannel.release();
      desc.close();
      raid.legClosed();
    }
  }

  boolean closed() {
    return closed;
  }

  @Override
  public void removed(BdevDesc removed) {
    raid.legRemoved(this);
  }

  @Override
  public void resized(BdevDesc resized) {
    raid.legResized();
  }
}

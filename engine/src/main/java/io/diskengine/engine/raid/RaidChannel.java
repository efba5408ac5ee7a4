package io.diskengine.engine.raid;

import io.diskengine.engine.bdev.BdevChannel;
import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.DriverChannel;
import io.diskengine.engine.reactor.Reactor;
import org.jspecify.annotations.Nullable;

/** An array on one reactor: a port to each leg, kept as the home reactor publishes it. */
abstract class RaidChannel extends DriverChannel {
  /** The way from one array to one leg on one reactor. */
  static final class Port {
    final Leg leg;
    private final BdevChannel channel;
    private int inFlight;
    private boolean leaving;

    /** Blocks of reads under way, for balancing. */
    long readBlocks;

    Port(Leg leg) {
      this.leg = leg;
      this.channel = leg.openPort();
    }

    void submit(BdevIo io) {
      inFlight++;
      leg.submit(channel, io);
    }

    /** One I/O came back. */
    void returned() {
      inFlight--;
      closeIfLeft();
    }

    private void leave() {
      leaving = true;
      closeIfLeft();
    }

    private void closeIfLeft() {
      if (leaving && inFlight == 0) {
        leg.closePort(channel, leg.raid.home());
      }
    }
  }

  final RaidBdev bdev;
  final Reactor reactor;
  final @Nullable Port[] ports;
  Membership membership;

  RaidChannel(RaidBdev bdev, Reactor reactor) {
    this.bdev = bdev;
    this.reactor = reactor;
    this.membership = bdev.membership();
    this.ports = new Port[membership.legs().size()];
    movePorts();
  }

  /**
   * Another membership holds. Writes that wait for it go on; those with a ticket up to {@code
   * lastTicket} that may not be acknowledged even now fail.
   */
  final void apply(Membership published, long lastTicket) {
    membership = published;
    movePorts();
    resolve(lastTicket);
  }

  abstract void resolve(long lastTicket);

  private void movePorts() {
    for (int slot = 0; slot < ports.length; slot++) {
      Leg leg = membership.leg(slot);
      Port port = ports[slot];
      if (port != null && port.leg != leg) {
        ports[slot] = null;
        port.leave();
        port = null;
      }
      if (port == null && leg != null) {
        ports[slot] = new Port(leg);
      }
    }
  }

  @Override
  protected void close() {
    for (Port port : ports) {
      if (port != null) {
        port.leave();
      }
    }
  }
}

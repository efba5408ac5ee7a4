package io.diskengine.engine.raid;

import io.diskengine.engine.bdev.BdevChannel;
import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.BdevIoOwner;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.bdev.IoStatus;
import io.diskengine.engine.bdev.IoType;
import io.diskengine.engine.reactor.Reactor;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Mirroring. Whatever changes data, and flush, goes to every leg, also to one that is being
 * rebuilt; a read goes to the in-sync leg with the fewest blocks of reads under way, on a tie to
 * the lower slot. A read that fails is tried on the other legs, and what they have is written back
 * to the leg that could not read it. {@link AcknowledgeRule} says when a write is done; one that
 * may not be acknowledged yet waits here until the home reactor has dealt with the failed leg.
 */
final class Raid1 extends RaidChannel {
  static final RaidLevel LEVEL = new Level();

  private final AcknowledgeRule rule;
  private final ArrayDeque<Request> free = new ArrayDeque<>();
  private final List<Request> waiting = new ArrayList<>();
  private final @Nullable IntentView intents;
  private long tickets;

  private Raid1(RaidBdev bdev, Reactor reactor) {
    super(bdev, reactor);
    rule = bdev.raid().acknowledgeRule();
    long regionBlocks = bdev.intentRegionBlocks();
    intents = regionBlocks == 0 ? null : new IntentView(regionBlocks);
  }

  /** See {@link IntentView#sweep}. */
  void sweep(BdevChannel channel, BitSet idle) {
    if (intents != null) {
      intents.sweep(channel, idle);
    }
  }

  @Override
  protected void submit(BdevIo io) {
    Request request = free.poll();
    if (request == null) {
      request = new Request();
    }
    request.start(io);
  }

  @Override
  void resolve(long lastTicket) {
    for (int i = waiting.size() - 1; i >= 0; i--) {
      Request request = waiting.get(i);
      boolean acknowledged = rule.mayAcknowledge(request.writtenOn, membership.trusted());
      if (acknowledged || request.ticket <= lastTicket) {
        waiting.remove(i);
        request.end(acknowledged ? IoStatus.SUCCESS : request.failure);
      }
    }
  }

  /** One I/O of the array and its counterparts on the legs. */
  private final class Request implements BdevIoOwner {
    private final BdevIo[] ios = new BdevIo[ports.length];
    private final @Nullable Port[] via = new Port[ports.length];
    private @Nullable BdevIo whole;
    private int remaining;
    private int writtenOn;
    private int failedOn;
    private int failure;
    private long ticket;

    Request() {
      for (int i = 0; i < ios.length; i++) {
        ios[i] = new BdevIo(this);
      }
    }

    void start(BdevIo io) {
      whole = io;
      writtenOn = 0;
      failedOn = 0;
      failure = IoStatus.INTERNAL_DEVICE_ERROR;
      if (io.type() == IoType.READ) {
        read(io);
      } else if (intents == null
          || !io.type().changesData()
          || intents.mayWrite(io.offsetBlocks(), io.lengthBlocks())) {
        toAll(io);
      } else {
        announce(io, intents);
      }
    }

    /** Nothing may go to a leg before the map says, durably, where. */
    private void announce(BdevIo io, IntentView view) {
      int first = view.regionOf(io.offsetBlocks());
      int last = view.regionOf(io.offsetBlocks() + io.lengthBlocks() - 1);
      Raid raid = bdev.raid();
      BdevLayer.crossTo(
          raid.home(),
          () -> {
            WriteIntent intent = raid.intent;
            if (intent == null) {
              throw new IllegalStateException(raid.name() + " has lost its map");
            }
            intent.request(
                first, last, how -> BdevLayer.crossTo(reactor, () -> announced(io, view, how)));
          });
    }

    private void announced(BdevIo io, IntentView view, int how) {
      if (how == IoStatus.SUCCESS) {
        view.grant(io.offsetBlocks(), io.lengthBlocks());
        toAll(io);
      } else {
        end(how);
      }
    }

    private void toAll(BdevIo io) {
      int slots = 0;
      for (Port port : ports) {
        slots += port == null ? 0 : 1;
      }
      if (slots == 0) {
        end(failure);
        return;
      }
      remaining = slots;
      for (int slot = 0; slot < ios.length; slot++) {
        Port port = ports[slot];
        if (port != null) {
          via[slot] = port;
          send(io, slot, port);
        }
      }
    }

    private void read(BdevIo io) {
      int best = -1;
      long fewest = Long.MAX_VALUE;
      for (int slot = 0; slot < ios.length; slot++) {
        Port port = ports[slot];
        if (port != null
            && (membership.readable() & ~failedOn & 1 << slot) != 0
            && port.readBlocks < fewest) {
          fewest = port.readBlocks;
          best = slot;
        }
      }
      Port port = best < 0 ? null : ports[best];
      if (port == null) {
        // Nobody can read it: no leg is better than another, so none is given up.
        end(failure);
        return;
      }
      remaining = 1;
      via[best] = port;
      port.readBlocks += io.lengthBlocks();
      send(io, best, port);
    }

    private void send(BdevIo io, int slot, Port port) {
      long offset =
          switch (io.type()) {
            case READ, WRITE, UNMAP, WRITE_ZEROES -> io.offsetBlocks() + port.leg.dataOffsetBlocks;
            case FLUSH, RESET, ABORT -> 0;
          };
      ios[slot].like(io, io.iov(), io.iovCount(), offset, io.lengthBlocks());
      port.submit(ios[slot]);
    }

    @Override
    public void completed(BdevIo done) {
      int slot = 0;
      while (ios[slot] != done) {
        slot++;
      }
      Port port = via[slot];
      BdevIo io = whole;
      if (port == null || io == null) {
        throw new IllegalStateException("nothing was sent to slot " + slot);
      }
      if (done.status() == IoStatus.SUCCESS) {
        writtenOn |= 1 << slot;
      } else {
        failedOn |= 1 << slot;
        failure = done.status();
      }
      if (io.type() == IoType.READ) {
        port.readBlocks -= io.lengthBlocks();
        readCompleted(io, done.status());
      } else {
        if (done.status() != IoStatus.SUCCESS && io.type() != IoType.RESET) {
          port.leg.writeFailed = true;
        }
        if (--remaining == 0) {
          allCompleted(io);
        }
      }
      port.returned();
    }

    private void readCompleted(BdevIo io, int status) {
      if (status != IoStatus.SUCCESS) {
        read(io);
        return;
      }
      if (failedOn != 0) {
        List<Leg> unreadable = failedLegs();
        long offset = io.offsetBlocks();
        long length = io.lengthBlocks();
        Raid raid = bdev.raid();
        BdevLayer.crossTo(raid.home(), () -> raid.readFailed(unreadable, offset, length));
      }
      end(IoStatus.SUCCESS);
    }

    private void allCompleted(BdevIo io) {
      if (io.type() == IoType.RESET) {
        end(failedOn == 0 ? IoStatus.SUCCESS : failure);
        return;
      }
      boolean acknowledged = rule.mayAcknowledge(writtenOn, membership.trusted());
      if (acknowledged && failedOn == 0) {
        end(IoStatus.SUCCESS);
        return;
      }
      List<Leg> failed = failedLegs();
      Raid raid = bdev.raid();
      if (acknowledged) {
        BdevLayer.crossTo(raid.home(), () -> raid.writesFailed(failed));
        end(IoStatus.SUCCESS);
      } else {
        ticket = ++tickets;
        waiting.add(this);
        long mine = ticket;
        BdevLayer.crossTo(raid.home(), () -> raid.writeWaits(failed, reactor.index(), mine));
      }
    }

    private List<Leg> failedLegs() {
      List<Leg> legs = new ArrayList<>();
      for (int slot = 0; slot < via.length; slot++) {
        Port port = via[slot];
        if (port != null && (failedOn & 1 << slot) != 0) {
          legs.add(port.leg);
        }
      }
      return legs;
    }

    void end(int status) {
      BdevIo io = whole;
      whole = null;
      free.push(this);
      if (io != null) {
        io.complete(status);
      }
    }
  }

  /** The facts about level 1. */
  private static final class Level implements RaidLevel {
    @Override
    public String label() {
      return "raid1";
    }

    @Override
    public int number() {
      return 1;
    }

    @Override
    public int leastLegs() {
      return 2;
    }

    @Override
    public int mostLegs() {
      return Raid.MOST_MIRROR_LEGS;
    }

    @Override
    public int leastOperational(int slots) {
      return 1;
    }

    @Override
    public boolean acceptsStripSize(long stripSizeKb) {
      return stripSizeKb == 0;
    }

    @Override
    public Geometry geometry(List<Long> roomBlocks, long stripBlocks) {
      long smallest = Geometry.smallest(roomBlocks);
      return Geometry.even(smallest, roomBlocks.size(), smallest);
    }

    @Override
    public boolean resizable() {
      return true;
    }

    @Override
    public long boundaryBlocks(int slots, long stripBlocks) {
      return 0;
    }

    @Override
    public RaidChannel openChannel(RaidBdev bdev, Reactor reactor) {
      return new Raid1(bdev, reactor);
    }
  }
}

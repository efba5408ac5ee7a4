package io.diskengine.engine.raid;

import io.diskengine.engine.reactor.Reactor;
import java.util.ArrayList;
import java.util.List;

/**
 * One leg behind the other, each used up to its last whole strip. As in SPDK such an array does not
 * grow: what lies behind the first legs would move.
 */
final class Concat extends StripedChannel {
  static final RaidLevel LEVEL = new Level();

  /** By slot, the array's block at which the leg begins, and behind them the array's end. */
  private final long[] starts;

  private Concat(RaidBdev bdev, Reactor reactor) {
    super(bdev, reactor);
    List<Long> lengths = bdev.dataBlocks();
    starts = new long[lengths.size() + 1];
    for (int slot = 0; slot < lengths.size(); slot++) {
      starts[slot + 1] = starts[slot] + lengths.get(slot);
    }
  }

  @Override
  int slotOf(long block) {
    int slot = 0;
    while (block >= starts[slot + 1]) {
      slot++;
    }
    return slot;
  }

  @Override
  long firstOn(int slot, long block) {
    return Math.clamp(block, starts[slot], starts[slot + 1]) - starts[slot];
  }

  /** The facts about the level. */
  private static final class Level extends StripedLevel {
    Level() {
      super("concat", 99);
    }

    @Override
    public Geometry geometry(List<Long> roomBlocks, long stripBlocks) {
      List<Long> used = new ArrayList<>();
      long total = 0;
      for (long room : roomBlocks) {
        long whole = room / stripBlocks * stripBlocks;
        used.add(whole);
        total += whole;
      }
      return new Geometry(total, used);
    }

    @Override
    public boolean resizable() {
      return false;
    }

    @Override
    public long boundaryBlocks(int slots, long stripBlocks) {
      return stripBlocks;
    }

    @Override
    public RaidChannel openChannel(RaidBdev bdev, Reactor reactor) {
      return new Concat(bdev, reactor);
    }
  }
}

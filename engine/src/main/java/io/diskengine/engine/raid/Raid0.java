package io.diskengine.engine.raid;

import io.diskengine.engine.reactor.Reactor;
import java.util.List;

/**
 * Striping: strip n of the array is strip n / legs of leg n mod legs. All legs are used up to the
 * last whole strip of the smallest.
 */
final class Raid0 extends StripedChannel {
  static final RaidLevel LEVEL = new Level();

  private final int legs;
  private final long stripBlocks;

  private Raid0(RaidBdev bdev, Reactor reactor) {
    super(bdev, reactor);
    legs = ports.length;
    stripBlocks = bdev.stripBlocks();
  }

  @Override
  int slotOf(long block) {
    return (int) (block / stripBlocks % legs);
  }

  @Override
  long firstOn(int slot, long block) {
    long strip = block / stripBlocks;
    long row = strip / legs;
    int at = (int) (strip % legs);
    long inRow = slot < at ? stripBlocks : slot == at ? block % stripBlocks : 0;
    return row * stripBlocks + inRow;
  }

  /** The facts about level 0. */
  private static final class Level extends StripedLevel {
    Level() {
      super("raid0", 0);
    }

    @Override
    public Geometry geometry(List<Long> roomBlocks, long stripBlocks) {
      long each = Geometry.smallest(roomBlocks) / stripBlocks * stripBlocks;
      return Geometry.even(each * roomBlocks.size(), roomBlocks.size(), each);
    }

    @Override
    public boolean resizable() {
      return true;
    }

    @Override
    public long boundaryBlocks(int slots, long stripBlocks) {
      return slots > 1 ? stripBlocks : 0;
    }

    @Override
    public RaidChannel openChannel(RaidBdev bdev, Reactor reactor) {
      return new Raid0(bdev, reactor);
    }
  }
}

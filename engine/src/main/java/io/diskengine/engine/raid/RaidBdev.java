package io.diskengine.engine.raid;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.Done;
import io.diskengine.engine.bdev.DriverChannel;
import io.diskengine.engine.bdev.IoType;
import io.diskengine.engine.reactor.Reactor;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** An array that is online, as a device. */
public final class RaidBdev extends Bdev {
  private final Raid raid;
  private final long stripBlocks;
  private final List<Long> dataBlocks;
  private final long intentRegionBlocks;
  private volatile Membership membership;

  RaidBdev(
      Raid raid,
      UUID uuid,
      int blockSizeBytes,
      Geometry geometry,
      long stripBlocks,
      long intentRegionBlocks,
      Membership membership) {
    super(raid.name(), "Raid Volume", uuid, blockSizeBytes, geometry.numBlocks());
    this.raid = raid;
    this.stripBlocks = stripBlocks;
    this.dataBlocks = geometry.dataBlocks();
    this.intentRegionBlocks = intentRegionBlocks;
    this.membership = membership;
  }

  public Raid raid() {
    return raid;
  }

  /** 0 where the level has no strips. */
  long stripBlocks() {
    return stripBlocks;
  }

  /** The regions of the write-intent map; 0 where there is none. */
  long intentRegionBlocks() {
    return intentRegionBlocks;
  }

  /** How much of each leg was used when the array came online, by slot. */
  List<Long> dataBlocks() {
    return dataBlocks;
  }

  @Override
  public long splitBoundaryBlocks() {
    return raid.level().boundaryBlocks(dataBlocks.size(), stripBlocks);
  }

  Membership membership() {
    return membership;
  }

  /** For channels that are opened from now on; open ones are told by {@link Raid}. */
  void publish(Membership next) {
    membership = next;
  }

  @Override
  protected boolean supports(IoType type) {
    return switch (type) {
      case READ, WRITE -> true;
      case FLUSH, UNMAP, WRITE_ZEROES, RESET -> membership.allSupport(type);
      case ABORT -> false;
    };
  }

  @Override
  public boolean writeCache() {
    return membership.anyWriteCache();
  }

  @Override
  public Map<String, Object> driverSpecific() {
    return Map.of("raid", raid.description());
  }

  @Override
  protected DriverChannel openChannel(Reactor reactor) {
    return raid.level().openChannel(this, reactor);
  }

  @Override
  protected void destruct(Done done) {
    raid.destructed(done);
  }
}

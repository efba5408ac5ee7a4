package io.diskengine.engine.raid;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.Done;
import io.diskengine.engine.bdev.DriverChannel;
import io.diskengine.engine.bdev.IoType;
import io.diskengine.engine.reactor.Reactor;
import java.util.Map;
import java.util.UUID;

/** An array that is online, as a device. */
public final class RaidBdev extends Bdev {
  private final Raid raid;
  private volatile Membership membership;

  RaidBdev(Raid raid, UUID uuid, int blockSizeBytes, long numBlocks, Membership membership) {
    super(raid.name(), "Raid Volume", uuid, blockSizeBytes, numBlocks);
    this.raid = raid;
    this.membership = membership;
  }

  public Raid raid() {
    return raid;
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

package io.diskengine.engine.bdev;

import io.diskengine.engine.reactor.Reactor;
import java.util.UUID;

/** Takes every write and forgets it; reads leave the buffer as it was. */
public final class NullBdev extends Bdev {
  public NullBdev(String name, UUID uuid, int blockSizeBytes, long numBlocks) {
    super(name, "Null disk", uuid, blockSizeBytes, numBlocks);
  }

  @Override
  protected boolean supports(IoType type) {
    return switch (type) {
      case READ, WRITE, WRITE_ZEROES, RESET, ABORT, FLUSH -> true;
      case UNMAP -> false;
    };
  }

  @Override
  protected DriverChannel openChannel(Reactor reactor) {
    return new DriverChannel() {
      @Override
      protected void submit(BdevIo io) {
        io.complete(IoStatus.SUCCESS);
      }
    };
  }
}

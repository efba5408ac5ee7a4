package io.diskengine.engine.bdev;

import io.diskengine.engine.reactor.Reactor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Hands every I/O to the device below as it is (SPDK's vbdev_passthru). */
public final class PassthruBdev extends FilterBdev {
  private PassthruBdev(BdevLayer layer, Bdev base, String name, UUID uuid) {
    super(layer, base, name, "passthru", "passthru", uuid);
  }

  /**
   * SPDK's bdev_passthru_create over a device that exists; {@code uuid} null for one of its own.
   */
  public static PassthruBdev create(BdevLayer layer, Bdev base, String name, @Nullable UUID uuid)
      throws BdevException {
    PassthruBdev bdev =
        new PassthruBdev(layer, base, name, uuid == null ? uuidOver(base, "passthru") : uuid);
    bdev.start();
    return bdev;
  }

  @Override
  public Map<String, Object> driverSpecific() {
    Map<String, Object> passthru = new LinkedHashMap<>();
    passthru.put("name", name());
    passthru.put("base_bdev_name", base().name());
    return Map.of("passthru", passthru);
  }

  @Override
  protected DriverChannel openChannel(Reactor reactor) {
    return new FilterChannel(this, reactor) {
      @Override
      protected void submit(BdevIo io) {
        pass(io, 0);
      }

      @Override
      void passed(BdevIo io, int kind, int status) {
        io.complete(status);
      }
    };
  }
}

package io.diskengine.engine.bdev;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The passthru devices that were asked for, whether their base device is there or not: one is made
 * when its base device appears, and again when that was away, until it is deleted by name. All on
 * the home reactor.
 */
public final class PassthruModule implements BdevModule {
  /** How many may be asked for. */
  public static final int MAX_ASKED = 4096;

  private final BdevLayer layer;
  private final Map<String, Asked> asked = new LinkedHashMap<>();

  /** {@code uuid} null for one that follows from the base's. */
  public record Asked(String name, String baseName, @Nullable UUID uuid) {}

  public PassthruModule(BdevLayer layer) {
    this.layer = layer;
  }

  @Override
  public String name() {
    return "passthru";
  }

  /** What was asked for, in that order. */
  public Iterable<Asked> asked() {
    return asked.values();
  }

  /** Makes it now, or when the base device is there. */
  public void create(Asked wanted) throws BdevException {
    if (asked.containsKey(wanted.name())) {
      throw new BdevException(
          BdevException.EEXIST, "passthru bdev " + wanted.name() + " was asked for already");
    }
    if (asked.size() == MAX_ASKED) {
      throw new BdevException(
          BdevException.ENOMEM, "more than " + MAX_ASKED + " passthru bdevs; delete some");
    }
    Bdev base = layer.find(wanted.baseName());
    if (base != null) {
      PassthruBdev.create(layer, base, wanted.name(), wanted.uuid());
    }
    asked.put(wanted.name(), wanted);
  }

  /** SPDK's bdev_passthru_delete: ENODEV also for one whose base device never came. */
  public void delete(String name, Done done) {
    if (layer.find(name) instanceof PassthruBdev bdev) {
      asked.remove(bdev.name());
      layer.unregister(bdev, done);
    } else {
      done.done(BdevException.ENODEV);
    }
  }

  @Override
  public void examine(Bdev bdev, Runnable done) {
    for (Asked wanted : asked.values()) {
      if (layer.find(wanted.baseName()) == bdev && layer.find(wanted.name()) == null) {
        try {
          PassthruBdev.create(layer, bdev, wanted.name(), wanted.uuid());
        } catch (BdevException e) {
          // Somebody else holds the device, as its claim says; it may come again.
          break;
        }
      }
    }
    done.run();
  }
}

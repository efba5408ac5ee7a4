package io.diskengine.engine.lvol;

import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.Done;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The external snapshots of one store's blobs: which are there, which are missing. Home reactor.
 */
final class ExternalParents {
  private static final Logger LOG = LoggerFactory.getLogger(ExternalParents.class);

  private final LvolStore store;
  private final ExternalDevices devices;
  private final Set<String> missing = new HashSet<>();

  ExternalParents(LvolStore store, ExternalDevices devices) {
    this.store = store;
    this.devices = devices;
  }

  /** Opens what is there. */
  void attach() {
    missing.clear();
    for (Blob blob : store.blobs().blobs()) {
      String id = blob.externalParentId();
      if (blob.external == null && id != null) {
        try {
          blob.external = devices.attach(id, store.blobs().layout());
        } catch (BdevException notThere) {
          missing.add(id);
          LOG.atInfo()
              .addKeyValue("lvol", store.name() + "/" + store.nameOf(blob))
              .addKeyValue("externalSnapshot", id)
              .addKeyValue("reason", notThere.getMessage())
              .log("lvol is degraded: its external snapshot is not there");
        }
      }
    }
  }

  boolean misses(UUID bdev) {
    return !missing.isEmpty() && missing.contains(bdev.toString());
  }

  /** The device goes away, and with it the bdevs of all lvols that read it. */
  void detach(ExternalDevice device) {
    for (Blob blob : store.blobs().blobs()) {
      ExternalSnapshot external = blob.external;
      if (external != null && external.device() == device) {
        store.unregister(
            store.lvols(blob.withDescendants()),
            () -> {
              // An operation in between may have given the blob another parent.
              if (blob.external == external) {
                blob.external = null;
                missing.add(String.valueOf(blob.externalParentId()));
                devices.release(external);
              }
            });
      }
    }
  }

  /** The store is closed: lets go of all. */
  void release(Done released) {
    List<ExternalSnapshot> used = new ArrayList<>();
    for (Blob blob : store.blobs().blobs()) {
      ExternalSnapshot external = blob.external;
      blob.external = null;
      if (external != null) {
        used.add(external);
      }
    }
    StoreDevice.forEach(
        used.size(), (i, each) -> devices.release(used.get(i), () -> each.done(0)), released);
  }
}

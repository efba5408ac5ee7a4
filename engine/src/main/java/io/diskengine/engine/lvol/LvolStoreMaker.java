package io.diskengine.engine.lvol;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.bdev.Done;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Lays out new lvol stores. Home reactor. */
final class LvolStoreMaker {
  private static final Logger LOG = LoggerFactory.getLogger(LvolStoreMaker.class);

  private final BdevLayer layer;
  private final StoreDevice device;
  private final ExternalDevices externals;
  private final LvolStoreOptions options;

  /**
   * @param device open and claimed
   */
  LvolStoreMaker(
      BdevLayer layer, StoreDevice device, ExternalDevices externals, LvolStoreOptions options) {
    this.layer = layer;
    this.device = device;
    this.externals = externals;
    this.options = options;
  }

  void make(Result<LvolStore> result) {
    try {
      Bdev base = device.bdev();
      long clusterCount = base.sizeBytes() / options.clusterSizeBytes();
      long mdPages = options.mdPagesPerClusterPercent() * clusterCount / 100;
      if (mdPages == 0 || base.blockSizeBytes() > MetadataPage.SIZE) {
        throw new BdevException(
            BdevException.EINVAL,
            mdPages + " metadata pages on blocks of " + base.blockSizeBytes() + " bytes");
      }
      layOut(
          SuperBlock.layOut(
              base.sizeBytes(),
              base.blockSizeBytes(),
              options.clusterSizeBytes(),
              mdPages,
              (int) options.mdPageSizeBytes()),
          result);
    } catch (BdevException refused) {
      LOG.atInfo()
          .addKeyValue("bdev", device.bdev().name())
          .addKeyValue("reason", refused.getMessage())
          .log("lvol store not created");
      result.ended(refused.errno(), null);
    }
  }

  private void layOut(SuperBlock layout, Result<LvolStore> result) throws BdevException {
    Blobstore blobs = Blobstore.laidOut(device, layout);
    LvolStore store = new LvolStore(layer, blobs, externals, options.name(), UUID.randomUUID());
    Blob superBlob = blobs.newBlob(0);
    superBlob.invalidFlags = Blob.EXTENT_TABLE;
    superBlob.text(Lvol.UUID_XATTR, store.uuid().toString());
    superBlob.text(Lvol.NAME, options.name());
    long dataStart = layout.metadataEnd();
    long dataBytes = device.bdev().sizeBytes() - dataStart;
    Chain.of(next -> device.writeZeroes(0, dataStart, next))
        .then(next -> clear(dataStart, dataBytes, next))
        .then(device::flush)
        .then(next -> blobs.create(superBlob, next))
        .then(next -> blobs.writeSuper(layout.withSuperBlob(superBlob.id), next))
        .run(errno -> result.ended(errno, errno == 0 ? store : null));
  }

  private void clear(long offset, long bytes, Done done) {
    long whole = bytes - bytes % device.bdev().blockSizeBytes();
    if (whole == 0) {
      done.done(0);
      return;
    }
    switch (options.clearMethod()) {
      case UNMAP, DEFAULT -> device.unmap(offset, whole, done);
      case WRITE_ZEROES -> device.writeZeroes(offset, whole, done);
      case NONE -> done.done(0);
    }
  }
}

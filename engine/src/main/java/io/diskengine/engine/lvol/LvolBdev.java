package io.diskengine.engine.lvol;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.DriverChannel;
import io.diskengine.engine.bdev.IoType;
import io.diskengine.engine.reactor.Reactor;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** An lvol as a block device: its name is its uuid, its alias {@code store/lvol}. */
public final class LvolBdev extends Bdev {
  private final LvolStore store;
  private final Lvol lvol;
  private final long blocksPerCluster;
  private final int baseBlocksPerBlock;
  private final boolean baseUnmaps;

  LvolBdev(LvolStore store, Lvol lvol, String name, UUID uuid, long numBlocks) {
    super(name, "Logical Volume", uuid, store.blockSizeBytes(), numBlocks);
    this.store = store;
    this.lvol = lvol;
    this.blocksPerCluster = store.clusterSizeBytes() / store.blockSizeBytes();
    this.baseBlocksPerBlock = store.blockSizeBytes() / store.base().blockSizeBytes();
    this.baseUnmaps = store.base().ioTypeSupported(IoType.UNMAP);
  }

  public Lvol lvol() {
    return lvol;
  }

  Blob blob() {
    return lvol.blob();
  }

  Reactor home() {
    return store.home();
  }

  int baseBlocksPerBlock() {
    return baseBlocksPerBlock;
  }

  boolean baseUnmaps() {
    return baseUnmaps;
  }

  @Override
  protected DriverChannel openChannel(Reactor reactor) {
    return new LvolChannel(this, reactor, store.baseDesc());
  }

  @Override
  protected boolean supports(IoType type) {
    return switch (type) {
      case READ, FLUSH, RESET -> true;
      case WRITE, UNMAP, WRITE_ZEROES -> !lvol.readOnly();
      case ABORT -> false;
    };
  }

  @Override
  public long splitBoundaryBlocks() {
    return blocksPerCluster;
  }

  @Override
  public int bufferAlignmentBytes() {
    return store.base().bufferAlignmentBytes();
  }

  @Override
  public boolean writeCache() {
    return store.base().writeCache();
  }

  @Override
  public Map<String, Object> driverSpecific() {
    return Map.of("lvol", lvol.describe());
  }

  // ---- for requests, on the home reactor

  void allocate(LvolRequest request) {
    store.clusters().allocate(request);
  }

  void release(LvolRequest request) {
    store.clusters().release(request, this::drain);
  }

  private void drain(Blob blob, List<ClusterRun> clusters, Runnable drained) {
    BitSet set = new BitSet();
    clusters.forEach(run -> set.set(run.first(), run.first() + run.count()));
    drain(set, drained);
  }

  /** Runs {@code drained} when no request of any reactor touches these clusters of the device. */
  void drain(BitSet clusters, Runnable drained) {
    store
        .layer()
        .forEachChannel(
            this,
            (channel, next) -> {
              if (channel != null && channel.driver() instanceof LvolChannel lvolChannel) {
                lvolChannel.drain(clusters, next);
              } else {
                next.run();
              }
            },
            drained);
  }
}

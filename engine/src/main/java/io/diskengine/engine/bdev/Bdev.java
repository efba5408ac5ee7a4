package io.diskengine.engine.bdev;

import io.diskengine.engine.reactor.Reactor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A block device: what a driver implements. Made and registered on the home reactor; its channels
 * live on each reactor that uses it.
 */
public abstract class Bdev {
  /** SPDK's limit, without the terminating NUL it does not have here. */
  public static final int MAX_NAME_LENGTH = 256;

  private final String name;
  private final String productName;
  private final UUID uuid;
  private final int blockSizeBytes;
  private volatile long numBlocks;

  final List<String> aliases = new ArrayList<>();
  final List<BdevDesc> descs = new ArrayList<>();
  private final List<List<LbaRange>> quiesced =
      Stream.generate(() -> (List<LbaRange>) new ArrayList<LbaRange>())
          .limit(BdevLayer.MAX_REACTORS)
          .toList();
  final @Nullable BdevChannel[] channels = new BdevChannel[BdevLayer.MAX_REACTORS];
  final IoStat closedStat = new IoStat();
  private @Nullable Histogram closedHistogram;
  private volatile Histogram.@Nullable Spec histogram;
  private volatile @Nullable Qos qos;
  @Nullable QueueDepth queueDepth;
  @Nullable String claimedBy;
  @Nullable BdevDesc claimDesc;
  State state = State.UNREGISTERED;
  final List<Done> unregisterWaiters = new ArrayList<>();
  int examining;
  final List<Runnable> examineWaiters = new ArrayList<>();
  @Nullable BdevLayer layer;

  /** Where a device is in its life. */
  enum State {
    UNREGISTERED,
    READY,
    REMOVING,
    GONE
  }

  protected Bdev(String name, String productName, UUID uuid, int blockSizeBytes, long numBlocks) {
    this.name = name;
    this.productName = productName;
    this.uuid = uuid;
    this.blockSizeBytes = blockSizeBytes;
    this.numBlocks = numBlocks;
  }

  // ---- what a driver provides

  /** The driver's channel on {@code reactor}, called there. */
  protected abstract DriverChannel openChannel(Reactor reactor);

  /** What the driver itself does; write zeroes is emulated by writes where it is missing. */
  protected abstract boolean supports(IoType type);

  /** Everything is closed; free the resources, then call {@code done}. On the home reactor. */
  protected void destruct(Done done) {
    done.done(0);
  }

  /** The content of {@code driver_specific} in SPDK's bdev_get_bdevs. */
  public Map<String, Object> driverSpecific() {
    return Map.of();
  }

  /** I/O is split so that no part crosses a multiple of this; 0 for no boundary. */
  public long splitBoundaryBlocks() {
    return 0;
  }

  /** The largest I/O the driver takes, in blocks; 0 for any. */
  public long maxTransferBlocks() {
    return 0;
  }

  /** The most iovec entries the driver takes. */
  public int maxIovCount() {
    return 1024;
  }

  /** Buffers are copied when their addresses are no multiples of this (a power of two). */
  public int bufferAlignmentBytes() {
    return 1;
  }

  /** True when completed writes may still be lost with the power until a flush. */
  public boolean writeCache() {
    return false;
  }

  // ---- what everybody may ask

  public final String name() {
    return name;
  }

  public final String productName() {
    return productName;
  }

  public final UUID uuid() {
    return uuid;
  }

  public final int blockSizeBytes() {
    return blockSizeBytes;
  }

  public final long numBlocks() {
    return numBlocks;
  }

  public final long sizeBytes() {
    return numBlocks * blockSizeBytes;
  }

  /** Other names, the uuid's text not among them. Home reactor. */
  public final List<String> aliases() {
    return List.copyOf(aliases);
  }

  /** The module that holds the device, or null. Home reactor. */
  public final @Nullable String claimedBy() {
    return claimedBy;
  }

  /** True from registration to the beginning of removal. Home reactor. */
  public final boolean ready() {
    return state == State.READY;
  }

  /** Somebody has the device open. Home reactor. */
  public final boolean open() {
    return !descs.isEmpty();
  }

  public final boolean ioTypeSupported(IoType type) {
    return supports(type) || type == IoType.WRITE_ZEROES && supports(IoType.WRITE);
  }

  /** The ranges quiesced on one reactor; each list is touched by its reactor only. */
  final List<LbaRange> quiescedOn(int reactorIndex) {
    return quiesced.get(reactorIndex);
  }

  /** The rate limits, {@link QosLimits#NONE} without any. */
  public final QosLimits qosLimits() {
    Qos limited = qos;
    return limited == null ? QosLimits.NONE : limited.limits();
  }

  final @Nullable Qos qos() {
    return qos;
  }

  final void qos(@Nullable Qos limits) {
    qos = limits;
  }

  /** What is counted in histograms now, null when nothing. */
  public final Histogram.@Nullable Spec histogram() {
    return histogram;
  }

  /** Home reactor: new channels count this; what was counted is forgotten. */
  final void histogram(Histogram.@Nullable Spec spec) {
    histogram = spec;
    closedHistogram = spec == null ? null : new Histogram(spec);
  }

  /** Home reactor: counts of a channel that has ended. */
  final void keepHistogram(@Nullable Histogram counted) {
    if (counted != null && closedHistogram != null && counted.spec() == closedHistogram.spec()) {
      closedHistogram.add(counted);
    }
  }

  /** How deep its queue is, when that is sampled. Home reactor. */
  public final @Nullable QueueDepth queueDepth() {
    return queueDepth;
  }

  final @Nullable Histogram closedHistogram() {
    return closedHistogram;
  }

  final void numBlocks(long blocks) {
    numBlocks = blocks;
  }

  @Override
  public String toString() {
    return name;
  }
}

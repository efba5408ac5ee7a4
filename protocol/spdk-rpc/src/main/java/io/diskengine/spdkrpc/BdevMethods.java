package io.diskengine.spdkrpc;

import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The bdev layer and its plain modules: malloc, null, aio, error, delay. */
public final class BdevMethods {
  private BdevMethods() {}

  /** {@code bdev_set_options}, a start-up method. */
  public record Options(
      @Nullable Integer bdevIoPoolSize,
      @Nullable Integer bdevIoCacheSize,
      @Nullable Boolean bdevAutoExamine,
      @Nullable Integer iobufSmallCacheSize,
      @Nullable Integer iobufLargeCacheSize) {

    public static Options autoExamine(boolean on) {
      return new Options(null, null, on, null, null);
    }
  }

  private record ByName(String name, @Nullable Long timeout) {}

  /** {@code bdev_malloc_create}. Without a name SPDK picks one. */
  public record CreateMalloc(
      @Nullable String name,
      long numBlocks,
      int blockSize,
      @Nullable Integer physicalBlockSize,
      @Nullable UUID uuid,
      @Nullable Integer optimalIoBoundary) {

    public CreateMalloc(String name, long numBlocks, int blockSize) {
      this(name, numBlocks, blockSize, null, null, null);
    }
  }

  /** {@code bdev_null_create}: reads zeros, forgets writes. */
  public record CreateNull(
      String name,
      long numBlocks,
      int blockSize,
      @Nullable Integer physicalBlockSize,
      @Nullable UUID uuid) {

    public CreateNull(String name, long numBlocks, int blockSize) {
      this(name, numBlocks, blockSize, null, null);
    }
  }

  private record ResizeNull(String name, long newSize) {}

  /**
   * {@code bdev_aio_create}.
   *
   * @param blockSize bytes; the file's own when null
   * @param fallocate unmap and write zeroes by punching holes
   */
  public record CreateAio(
      String name,
      String filename,
      @Nullable Integer blockSize,
      @Nullable Boolean readonly,
      @Nullable Boolean fallocate,
      @Nullable UUID uuid) {

    public CreateAio(String name, String filename, int blockSize) {
      this(name, filename, blockSize, null, null, null);
    }
  }

  private record CreateError(String baseName, @Nullable UUID uuid) {}

  /**
   * {@code bdev_error_inject_error}.
   *
   * @param ioType {@code clear}, {@code read}, {@code write}, {@code unmap}, {@code flush}, {@code
   *     all}
   * @param errorType {@code failure}, {@code pending}, {@code corrupt_data}, {@code nomem}, {@code
   *     nvme_failure}
   * @param num how many I/Os
   */
  public record InjectError(
      String name,
      String ioType,
      String errorType,
      @Nullable Integer num,
      @Nullable Long queueDepth,
      @Nullable Long corruptOffset,
      @Nullable Integer corruptValue,
      @Nullable Integer nvmeSct,
      @Nullable Integer nvmeSc) {

    public InjectError(String name, String ioType, String errorType, int num) {
      this(name, ioType, errorType, num, null, null, null, null, null);
    }
  }

  /** {@code bdev_delay_create}; latencies in microseconds. */
  public record CreateDelay(
      String baseBdevName,
      String name,
      long avgReadLatency,
      long p99ReadLatency,
      long avgWriteLatency,
      long p99WriteLatency,
      @Nullable UUID uuid) {}

  /**
   * {@code bdev_delay_update_latency}.
   *
   * @param latencyType {@code avg_read}, {@code p99_read}, {@code avg_write}, {@code p99_write}
   */
  public record DelayLatency(String delayBdevName, String latencyType, long latencyUs) {}

  /** {@code bdev_set_qos_limit}: absent is unchanged, zero is unlimited. */
  public record QosLimit(
      String name,
      @Nullable Long rwIosPerSec,
      @Nullable Long rwMbytesPerSec,
      @Nullable Long rMbytesPerSec,
      @Nullable Long wMbytesPerSec) {}

  /** {@code bdev_get_iostat} over all channels. */
  public record Iostat(long tickRate, long ticks, List<BdevIostat> bdevs) {}

  /** Counters since the bdev was made, latencies as sums of ticks. */
  public record BdevIostat(
      String name,
      long bytesRead,
      long numReadOps,
      long bytesWritten,
      long numWriteOps,
      long bytesUnmapped,
      long numUnmapOps,
      @Nullable Long bytesCopied,
      @Nullable Long numCopyOps,
      long readLatencyTicks,
      @Nullable Long maxReadLatencyTicks,
      @Nullable Long minReadLatencyTicks,
      long writeLatencyTicks,
      @Nullable Long maxWriteLatencyTicks,
      @Nullable Long minWriteLatencyTicks,
      long unmapLatencyTicks,
      @Nullable Long maxUnmapLatencyTicks,
      @Nullable Long minUnmapLatencyTicks,
      @Nullable Long copyLatencyTicks,
      @Nullable Long maxCopyLatencyTicks,
      @Nullable Long minCopyLatencyTicks,
      @Nullable Map<String, Long> ioError) {}

  private record IostatName(@Nullable String name, @Nullable List<String> names) {}

  public static RpcRequest<Boolean> setOptions(Options options) {
    return RpcRequest.of("bdev_set_options", options, Boolean.class);
  }

  public static RpcRequest<List<Bdev>> bdevs() {
    return RpcRequest.listOf("bdev_get_bdevs", null, Bdev.class);
  }

  /** One bdev by name or alias, rejected (-19) when there is none now. */
  public static RpcRequest<List<Bdev>> bdev(String name) {
    return RpcRequest.listOf("bdev_get_bdevs", new ByName(name, null), Bdev.class);
  }

  /** One bdev, waiting for it to appear; rejected (-110) when it does not. */
  public static RpcRequest<List<Bdev>> awaitBdev(String name, long timeoutMs) {
    return RpcRequest.listOf("bdev_get_bdevs", new ByName(name, timeoutMs), Bdev.class);
  }

  /** The bdev's name. */
  public static RpcRequest<String> createMalloc(CreateMalloc params) {
    return RpcRequest.of("bdev_malloc_create", params, String.class);
  }

  public static RpcRequest<Boolean> deleteMalloc(String name) {
    return byName("bdev_malloc_delete", name);
  }

  /** The bdev's name. */
  public static RpcRequest<String> createNull(CreateNull params) {
    return RpcRequest.of("bdev_null_create", params, String.class);
  }

  public static RpcRequest<Boolean> deleteNull(String name) {
    return byName("bdev_null_delete", name);
  }

  public static RpcRequest<Boolean> resizeNull(String name, long newSizeMib) {
    return RpcRequest.of("bdev_null_resize", new ResizeNull(name, newSizeMib), Boolean.class);
  }

  /** The bdev's name. */
  public static RpcRequest<String> createAio(CreateAio params) {
    return RpcRequest.of("bdev_aio_create", params, String.class);
  }

  public static RpcRequest<Boolean> deleteAio(String name) {
    return byName("bdev_aio_delete", name);
  }

  /** Takes over a changed file size. */
  public static RpcRequest<Boolean> rescanAio(String name) {
    return byName("bdev_aio_rescan", name);
  }

  /** Makes {@code EE_<base>}. */
  public static RpcRequest<Boolean> createError(String baseName, @Nullable UUID uuid) {
    return RpcRequest.of("bdev_error_create", new CreateError(baseName, uuid), Boolean.class);
  }

  public static RpcRequest<Boolean> deleteError(String name) {
    return byName("bdev_error_delete", name);
  }

  public static RpcRequest<Boolean> injectError(InjectError params) {
    return RpcRequest.of("bdev_error_inject_error", params, Boolean.class);
  }

  /** Lets the I/Os go on that an injected {@code pending} holds. */
  public static RpcRequest<Boolean> resumePendingError(String name) {
    return byName("bdev_error_resume_pending", name);
  }

  /** The bdev's name. */
  public static RpcRequest<String> createDelay(CreateDelay params) {
    return RpcRequest.of("bdev_delay_create", params, String.class);
  }

  public static RpcRequest<Boolean> deleteDelay(String name) {
    return byName("bdev_delay_delete", name);
  }

  public static RpcRequest<Boolean> updateDelay(DelayLatency params) {
    return RpcRequest.of("bdev_delay_update_latency", params, Boolean.class);
  }

  /** Only with auto examine off; a repeated name is rejected, an unknown one is true. */
  public static RpcRequest<Boolean> examine(String name) {
    return byName("bdev_examine", name);
  }

  public static RpcRequest<Boolean> waitForExamine() {
    return RpcRequest.of("bdev_wait_for_examine", null, Boolean.class);
  }

  public static RpcRequest<Iostat> iostat() {
    return RpcRequest.of("bdev_get_iostat", null, Iostat.class);
  }

  public static RpcRequest<Iostat> iostat(SpdkDialect dialect, String bdev) {
    IostatName params =
        switch (dialect.iostatParameter()) {
          case NAME -> new IostatName(bdev, null);
          case NAMES -> new IostatName(null, List.of(bdev));
        };
    return RpcRequest.of("bdev_get_iostat", params, Iostat.class);
  }

  public static RpcRequest<Boolean> setQosLimit(QosLimit limit) {
    return RpcRequest.of("bdev_set_qos_limit", limit, Boolean.class);
  }

  private static RpcRequest<Boolean> byName(String method, String name) {
    return RpcRequest.of(method, new ByName(name, null), Boolean.class);
  }
}

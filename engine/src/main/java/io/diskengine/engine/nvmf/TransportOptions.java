package io.diskengine.engine.nvmf;

import io.diskengine.engine.reactor.BufferReserve;

/**
 * Options of the TCP transport; names and defaults are those of SPDK's nvmf_create_transport.
 *
 * @param maxQueueDepth entries of an I/O queue
 * @param maxIoQpairsPerController I/O queues of one controller
 * @param inCapsuleDataSize data bytes that an I/O command capsule may carry
 * @param maxIoSize data bytes of one command
 * @param maxAqDepth entries of an admin queue
 * @param c2hSuccess a successful read ends with its data, without a response capsule
 * @param kas granularity of the keep-alive timer, 100 ms units
 * @param minKatoMs the shortest keep-alive timeout
 */
public record TransportOptions(
    int maxQueueDepth,
    int maxIoQpairsPerController,
    int inCapsuleDataSize,
    int maxIoSize,
    int maxAqDepth,
    boolean c2hSuccess,
    int abortTimeoutSec,
    int ackTimeoutMs,
    int kas,
    int minKatoMs) {
  /** SPDK's SPDK_NVMF_MIN_MAX_AQ_DEPTH and the bounds of what a connection allocates. */
  private static final int MIN_AQ_DEPTH = 32;

  static final int MAX_QUEUE_DEPTH = 1024;

  /** In-capsule data of admin and fabrics commands (NVMe/TCP 1.0, 3.3.3): 8 KiB. */
  static final int ADMIN_IN_CAPSULE_BYTES = 8192;

  /** Fails with the name and the rule of the first value that is out of range. */
  public TransportOptions {
    range("max_queue_depth", maxQueueDepth, 2, MAX_QUEUE_DEPTH);
    range("max_io_qpairs_per_ctrlr", maxIoQpairsPerController, 1, 65_534);
    range("in_capsule_data_size", inCapsuleDataSize, 0, 128 << 10);
    range("max_io_size", maxIoSize, 4096, Integer.highestOneBit(BufferReserve.LARGE_BYTES));
    range("max_aq_depth", maxAqDepth, MIN_AQ_DEPTH, MAX_QUEUE_DEPTH);
    range("kas", kas, 1, 65_535);
    if (Integer.bitCount(maxIoSize) != 1) {
      throw new IllegalArgumentException("max_io_size is " + maxIoSize + ", not a power of two");
    }
  }

  /** SPDK's defaults. */
  public static final TransportOptions DEFAULTS =
      new TransportOptions(128, 127, 4096, 131_072, 128, true, 1, 0, 100, 10_000);

  /** How long a host may be silent that asked for {@code katoMs}; 0 for ever. */
  long keepAliveMs(long katoMs) {
    if (katoMs == 0) {
      return 0;
    }
    long unitMs = kas * 100L;
    return katoMs <= minKatoMs ? minKatoMs : (katoMs + unitMs - 1) / unitMs * unitMs;
  }

  private static void range(String name, int value, int least, int most) {
    if (value < least || value > most) {
      throw new IllegalArgumentException(
          name + " is " + value + ", expected " + least + " to " + most);
    }
  }
}

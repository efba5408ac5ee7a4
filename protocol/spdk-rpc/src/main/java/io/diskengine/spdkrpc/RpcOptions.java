package io.diskengine.spdkrpc;

import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;

/**
 * Bounds of a client.
 *
 * @param maxOutstanding calls submitted and not settled, timed-out ones included
 * @param maxRequestBytes a longer request is not sent: SPDK resets the connection without a reply
 *     (256 KiB since v26.05; 32 KiB before)
 * @param maxReplyBytes a longer reply ends the connection (SPDK sends up to 32 MiB)
 * @param maxBackoff longest pause between failed connects; it starts at 10 ms and doubles
 * @param closeGrace how long {@link SpdkRpcClient#close} waits for unanswered mutations
 * @param deadlines per method class
 * @param firstId id of the first call
 * @param runtime clocks, threads and connections
 */
public record RpcOptions(
    int maxOutstanding,
    int maxRequestBytes,
    int maxReplyBytes,
    Duration maxBackoff,
    Duration closeGrace,
    Map<MethodClass, Duration> deadlines,
    long firstId,
    RpcListener listener,
    RpcRuntime runtime) {
  static final Duration FIRST_BACKOFF = Duration.ofMillis(10);

  public RpcOptions {
    if (maxOutstanding < 1 || maxRequestBytes < 64 || maxReplyBytes < 64) {
      throw new IllegalArgumentException(
          "bounds too small: "
              + maxOutstanding
              + " calls, "
              + maxRequestBytes
              + " and "
              + maxReplyBytes
              + " bytes");
    }
    var complete = new EnumMap<MethodClass, Duration>(MethodClass.class);
    for (MethodClass methodClass : MethodClass.values()) {
      complete.put(methodClass, deadlines.getOrDefault(methodClass, methodClass.defaultDeadline()));
    }
    deadlines = Map.copyOf(complete);
  }

  public static RpcOptions defaults() {
    return new RpcOptions(
        1024,
        256 * 1024 - 1,
        33 << 20,
        Duration.ofSeconds(1),
        Duration.ofSeconds(2),
        Map.of(),
        1,
        RpcListener.NONE,
        RpcRuntime.SYSTEM);
  }

  public RpcOptions withListener(RpcListener newListener) {
    return new RpcOptions(
        maxOutstanding,
        maxRequestBytes,
        maxReplyBytes,
        maxBackoff,
        closeGrace,
        deadlines,
        firstId,
        newListener,
        runtime);
  }

  public RpcOptions withDeadline(MethodClass methodClass, Duration deadline) {
    var changed = new EnumMap<>(deadlines);
    changed.put(methodClass, deadline);
    return new RpcOptions(
        maxOutstanding,
        maxRequestBytes,
        maxReplyBytes,
        maxBackoff,
        closeGrace,
        changed,
        firstId,
        listener,
        runtime);
  }

  public RpcOptions withMaxOutstanding(int calls) {
    return new RpcOptions(
        calls,
        maxRequestBytes,
        maxReplyBytes,
        maxBackoff,
        closeGrace,
        deadlines,
        firstId,
        listener,
        runtime);
  }

  public RpcOptions withMaxReplyBytes(int bytes) {
    return new RpcOptions(
        maxOutstanding,
        maxRequestBytes,
        bytes,
        maxBackoff,
        closeGrace,
        deadlines,
        firstId,
        listener,
        runtime);
  }

  public RpcOptions withCloseGrace(Duration grace) {
    return new RpcOptions(
        maxOutstanding,
        maxRequestBytes,
        maxReplyBytes,
        maxBackoff,
        grace,
        deadlines,
        firstId,
        listener,
        runtime);
  }

  public RpcOptions withFirstId(long id) {
    return new RpcOptions(
        maxOutstanding,
        maxRequestBytes,
        maxReplyBytes,
        maxBackoff,
        closeGrace,
        deadlines,
        id,
        listener,
        runtime);
  }

  public RpcOptions withRuntime(RpcRuntime newRuntime) {
    return new RpcOptions(
        maxOutstanding,
        maxRequestBytes,
        maxReplyBytes,
        maxBackoff,
        closeGrace,
        deadlines,
        firstId,
        listener,
        newRuntime);
  }
}

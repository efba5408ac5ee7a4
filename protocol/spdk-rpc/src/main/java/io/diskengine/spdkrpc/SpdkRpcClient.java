package io.diskengine.spdkrpc;

import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A client of one SPDK process, for any number of threads.
 *
 * <pre>{@code
 * try (var spdk = SpdkRpcClient.connect("/var/tmp/spdk.sock")) {
 *   List<Bdev> bdevs = spdk.call(BdevMethods.bdevs()).orElseThrow();
 * }
 * }</pre>
 *
 * <p>Calls are pipelined over one connection and matched by id, because SPDK answers a fast call
 * before a slow one that came first. The connection is made by the first call and again by the
 * first call after it ended; after a failed connect, calls are {@link RpcResult.Unavailable} at
 * once until the back-off (at most {@link RpcOptions#maxBackoff}) has passed.
 *
 * <p>A deadline never closes the connection: SPDK may still execute what it has read, and only the
 * reply or the end of the connection tells that it is over. A call that timed out therefore stays
 * in {@link #inFlight} and counts against {@link RpcOptions#maxOutstanding}.
 */
public final class SpdkRpcClient implements AutoCloseable {
  private final SpdkAddress address;
  private final RpcOptions options;
  private final RpcRuntime runtime;
  private final AtomicLong nextId;
  private final Map<Long, RpcCall<?>> calls = new ConcurrentHashMap<>();
  private final Semaphore slots;
  private final AtomicLong lateReplies = new AtomicLong();
  private final AtomicLong unmatchedReplies = new AtomicLong();
  private final ConnectionEvents events = new ConnectionEvents();

  // Guarded by this.
  private @Nullable RpcConnection current;
  private long connections;
  private long backoffNs;
  private long nextConnectNs;
  private String connectFailure = "";
  private boolean closed;

  private SpdkRpcClient(SpdkAddress address, RpcOptions options) {
    this.address = address;
    this.options = options;
    this.runtime = options.runtime();
    this.nextConnectNs = runtime.nanoTime();
    this.nextId = new AtomicLong(options.firstId());
    this.slots = new Semaphore(options.maxOutstanding());
  }

  /** A socket path or {@code host:port}; see {@link SpdkAddress#parse}. Connects on first use. */
  public static SpdkRpcClient connect(String address) {
    return connect(SpdkAddress.parse(address), RpcOptions.defaults());
  }

  public static SpdkRpcClient connect(SpdkAddress address, RpcOptions options) {
    return new SpdkRpcClient(address, options);
  }

  public SpdkAddress address() {
    return address;
  }

  /** Calls and waits, at most for the deadline of the method's class. */
  public <T> RpcResult<T> call(RpcRequest<T> request) {
    return call(request, deadline(request));
  }

  /** Calls and waits; waiting for a free slot and for the connection counts too. */
  public <T> RpcResult<T> call(RpcRequest<T> request, Duration deadline) {
    long startNs = runtime.nanoTime();
    try {
      if (!slots.tryAcquire(deadline.toNanos(), TimeUnit.NANOSECONDS)) {
        return new RpcResult.Unavailable<>(fullText(request));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return new RpcResult.Unavailable<>(
          request.method() + " to " + address + " was not sent: the caller was interrupted");
    }
    Duration left = deadline.minusNanos(runtime.nanoTime() - startNs);
    return submitWithSlot(request, left).await();
  }

  /**
   * Calls without waiting. When {@link RpcOptions#maxOutstanding} is reached the call is returned
   * settled as {@link RpcResult.Unavailable}.
   */
  public <T> RpcCall<T> submit(RpcRequest<T> request) {
    return submit(request, deadline(request));
  }

  public <T> RpcCall<T> submit(RpcRequest<T> request, Duration deadline) {
    if (slots.tryAcquire()) {
      return submitWithSlot(request, deadline);
    }
    var call = new RpcCall<>(0, request, new byte[0], address, deadline, runtime, (_, _) -> {});
    call.withdraw();
    call.settle(new RpcResult.Unavailable<>(fullText(request)));
    return call;
  }

  /** Calls that are not settled, oldest first; timed-out ones included. */
  public List<InFlight> inFlight() {
    return calls.values().stream()
        .sorted(Comparator.comparing(RpcCall::since))
        .map(InFlight::of)
        .toList();
  }

  /**
   * One unsettled call.
   *
   * @param sent false while it waits for the connection
   */
  public record InFlight(
      long id,
      String method,
      String paramsSummary,
      Instant since,
      boolean sent,
      boolean deadlinePassed) {
    private static InFlight of(RpcCall<?> call) {
      return new InFlight(
          call.id(),
          call.method(),
          call.paramsSummary(),
          call.since(),
          call.isSent(),
          call.deadlinePassed());
    }
  }

  /**
   * Number of the present connection, 0 when there is none. One connection never spans two
   * processes: replies with the same number came from the same incarnation.
   */
  public synchronized long connection() {
    RpcConnection present = current;
    return present != null && present.isConnected() ? present.number() : 0;
  }

  /** Replies that came after their deadline. */
  public long lateReplies() {
    return lateReplies.get();
  }

  /** Replies that belong to no call. */
  public long unmatchedReplies() {
    return unmatchedReplies.get();
  }

  /**
   * Refuses new calls, waits up to {@link RpcOptions#closeGrace} for unanswered mutations, then
   * closes. What is still unanswered becomes {@link RpcResult.Indeterminate}.
   */
  @Override
  public void close() {
    RpcConnection last;
    synchronized (this) {
      closed = true;
      last = current;
    }
    long untilNs = runtime.nanoTime() + options.closeGrace().toNanos();
    for (RpcCall<?> call : calls.values()) {
      if (call.request().methodClass().mutates() && call.isSent()) {
        var unused = call.awaitSettled(Duration.ofNanos(untilNs - runtime.nanoTime()));
      }
    }
    if (last != null) {
      last.end("this client was closed");
    }
  }

  private <T> RpcCall<T> submitWithSlot(RpcRequest<T> request, Duration deadline) {
    RpcCall<T> call;
    do {
      long id = nextId.getAndUpdate(last -> last == Long.MAX_VALUE ? 1 : last + 1);
      byte[] bytes = RpcCodec.request(id, request.method(), request.params());
      call = new RpcCall<>(id, request, bytes, address, deadline, runtime, this::release);
    } while (calls.putIfAbsent(call.id(), call) != null);
    int length = call.bytes().length;
    if (length > options.maxRequestBytes()) {
      call.withdraw();
      call.settleUnavailable(
          "it is %d bytes long; SPDK resets the connection above %d"
              .formatted(length, options.maxRequestBytes()));
      return call;
    }
    enqueue(call);
    return call;
  }

  private void enqueue(RpcCall<?> call) {
    String refusal = null;
    RpcConnection started = null;
    RpcConnection present;
    synchronized (this) {
      present = current;
      if (closed) {
        refusal = "this client was closed";
      } else if (present == null || !present.enqueue(call)) {
        if (runtime.nanoTime() - nextConnectNs < 0) {
          refusal = connectFailure;
        } else {
          started = new RpcConnection(address, ++connections, options, events);
          started.enqueue(call);
          current = started;
        }
      }
    }
    if (started != null) {
      started.start();
    } else if (present != null) {
      present.flush();
    }
    if (refusal != null && call.withdraw()) {
      call.settleUnavailable(refusal);
    }
  }

  private void release(RpcCall<?> call, RpcResult<?> result) {
    calls.remove(call.id());
    slots.release();
    if (!call.isSent()) {
      RpcConnection present;
      synchronized (this) {
        present = current;
      }
      if (present != null) {
        present.forget(call);
      }
    }
    boolean replied = result instanceof RpcResult.Ok || result instanceof RpcResult.Rejected;
    if (replied && call.deadlinePassed()) {
      lateReplies.incrementAndGet();
    }
    guarded(() -> options.listener().onSettled(call, result, call.elapsedNs()));
  }

  private Duration deadline(RpcRequest<?> request) {
    return Objects.requireNonNull(options.deadlines().get(request.methodClass()));
  }

  private String fullText(RpcRequest<?> request) {
    return "%s to %s was not sent: %d calls are unanswered, oldest: %s"
        .formatted(
            request.method(),
            address,
            options.maxOutstanding(),
            inFlight().stream()
                .findFirst()
                .map(oldest -> oldest.method() + " since " + oldest.since())
                .orElse("just answered"));
  }

  private static void guarded(Runnable notification) {
    try {
      notification.run();
    } catch (RuntimeException e) {
      // a listener's fault must not cost anybody a reply
    }
  }

  private final class ConnectionEvents implements RpcConnection.Events {
    @Override
    public void connected(RpcConnection connection) {
      synchronized (SpdkRpcClient.this) {
        backoffNs = 0;
        nextConnectNs = runtime.nanoTime();
      }
      guarded(() -> options.listener().onConnected(address, connection.number()));
    }

    @Override
    public void ended(RpcConnection connection, boolean wasConnected, String reason) {
      synchronized (SpdkRpcClient.this) {
        if (!wasConnected) {
          backoffNs =
              Math.clamp(
                  backoffNs * 2,
                  RpcOptions.FIRST_BACKOFF.toNanos(),
                  Math.max(RpcOptions.FIRST_BACKOFF.toNanos(), options.maxBackoff().toNanos()));
          nextConnectNs = runtime.nanoTime() + backoffNs;
          connectFailure = reason;
        }
      }
      guarded(() -> options.listener().onDisconnected(address, connection.number(), reason));
    }

    @Override
    public void sending(RpcCall<?> call) {
      guarded(() -> options.listener().onSent(call));
    }

    @Override
    public void unmatched(String reply) {
      unmatchedReplies.incrementAndGet();
      guarded(() -> options.listener().onUnmatched(address, reply));
    }
  }
}

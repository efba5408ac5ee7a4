package io.diskengine.spdkrpc;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;

/**
 * A submitted call. It outlives its deadline: a call that was sent stays registered until its reply
 * or the end of its connection, and {@link #awaitSettled} tells which of them came. Thread safe.
 */
public final class RpcCall<T> {
  private static final int SUMMARY_CHARS = 200;

  private enum State {
    /** No byte written; may be withdrawn. */
    QUEUED,
    /** Bytes may have reached the data plane. */
    SENT,
    /** Given up before any byte was written. */
    WITHDRAWN
  }

  private final long id;
  private final RpcRequest<T> request;
  private final byte[] bytes;
  private final SpdkAddress address;
  private final RpcRuntime runtime;
  private final Instant since;
  private final long startNs;
  private final Duration deadline;
  private final BiConsumer<RpcCall<?>, RpcResult<?>> released;
  private final AtomicBoolean settling = new AtomicBoolean();
  private final AtomicReference<State> state = new AtomicReference<>(State.QUEUED);
  private final CompletableFuture<RpcResult<T>> settlement = new CompletableFuture<>();
  private volatile boolean deadlinePassed;
  private volatile long connection;

  RpcCall(
      long id,
      RpcRequest<T> request,
      byte[] bytes,
      SpdkAddress address,
      Duration deadline,
      RpcRuntime runtime,
      BiConsumer<RpcCall<?>, RpcResult<?>> released) {
    this.runtime = runtime;
    this.since = runtime.instant();
    this.startNs = runtime.nanoTime();
    this.id = id;
    this.request = request;
    this.bytes = bytes;
    this.address = address;
    this.deadline = deadline;
    this.released = released;
  }

  public long id() {
    return id;
  }

  public RpcRequest<T> request() {
    return request;
  }

  public Instant since() {
    return since;
  }

  /** The parameters as sent, cut to 200 characters; for people. */
  public String paramsSummary() {
    String text = new String(bytes, StandardCharsets.UTF_8);
    int params = text.indexOf(",\"params\":");
    if (params < 0) {
      return "";
    }
    String json = text.substring(params + ",\"params\":".length(), text.length() - 1);
    return json.length() > SUMMARY_CHARS ? json.substring(0, SUMMARY_CHARS) + "..." : json;
  }

  /**
   * Number of the connection it was sent on ({@link SpdkRpcClient#connection}); 0 when not sent.
   */
  public long connection() {
    return connection;
  }

  public boolean isSent() {
    return state.get() == State.SENT;
  }

  /** Whether somebody was told {@link RpcResult.Indeterminate} because the deadline passed. */
  public boolean deadlinePassed() {
    return deadlinePassed;
  }

  /**
   * Waits for the result, at most until the deadline. At the deadline, or when the waiting thread
   * is interrupted (its flag stays set), an unsent call is withdrawn and {@link
   * RpcResult.Unavailable}; a sent one is {@link RpcResult.Indeterminate} and stays registered.
   */
  public RpcResult<T> await() {
    return await(deadline.minusNanos(elapsedNs()), true);
  }

  /** The final outcome, when it is known: the reply came, the connection ended, or never sent. */
  public Optional<RpcResult<T>> settled() {
    return Optional.ofNullable(settlement.getNow(null));
  }

  /**
   * Waits for the final outcome, also after the deadline: the late reply, or {@link
   * RpcResult.Indeterminate} when the connection ended without it. {@link #settled} tells the
   * latter from {@code max} having passed.
   */
  public RpcResult<T> awaitSettled(Duration max) {
    return await(max, false);
  }

  /** Runs the action with the final outcome, on a virtual thread of its own; at once when known. */
  public void onSettled(Consumer<RpcResult<T>> action) {
    var unused = settlement.thenAcceptAsync(action, task -> runtime.fork(method(), task));
  }

  /**
   * Runs the action when the final outcome is known, on the thread that brings it, which reads the
   * replies of everybody: only to tell somebody else; at once when known.
   */
  public void whenSettled(Runnable action) {
    var unused = settlement.thenRun(action);
  }

  private RpcResult<T> await(Duration max, boolean withdrawWhenUnsent) {
    boolean interrupted = false;
    try {
      return runtime.get(settlement, Math.max(0, max.toNanos()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      interrupted = true;
    } catch (TimeoutException e) {
      // told below
    } catch (ExecutionException e) {
      throw new AssertionError("settlements never fail", e);
    }
    String why =
        interrupted ? "the caller was interrupted" : "no reply within " + elapsedMs() + " ms";
    if (withdrawWhenUnsent && withdraw()) {
      settleUnavailable(
          why + "; the connection is busy or not yet there; " + address.whatToCheck());
    }
    if (state.get() == State.WITHDRAWN) {
      return settlement.join();
    }
    if (withdrawWhenUnsent && !interrupted) {
      deadlinePassed = true;
    }
    RpcResult<T> now = settlement.getNow(null);
    if (now != null) {
      return now;
    }
    String progress = isSent() ? " was sent, outcome unknown: " : " is still queued: ";
    return new RpcResult.Indeterminate<>(
        describe() + progress + why + "; is the data plane stopped or slow?", this);
  }

  byte[] bytes() {
    return bytes;
  }

  String method() {
    return request.method();
  }

  String describe() {
    return method() + " (id " + id + ") to " + address;
  }

  long elapsedNs() {
    return runtime.nanoTime() - startNs;
  }

  /** Whether its deadline has passed; {@link #await} does not wait any more then. */
  public boolean isExpired() {
    return elapsedNs() >= deadline.toNanos();
  }

  /** Called before the first byte is written; false when the caller gave up meanwhile. */
  boolean beginSend(long onConnection) {
    if (!state.compareAndSet(State.QUEUED, State.SENT)) {
      return false;
    }
    connection = onConnection;
    return true;
  }

  /** The write failed before the kernel took any byte. */
  void unsend() {
    state.set(State.WITHDRAWN);
    connection = 0;
  }

  boolean withdraw() {
    return state.compareAndSet(State.QUEUED, State.WITHDRAWN);
  }

  /**
   * Settles with what an equal reply was decoded to before. Answers the message's length; 0 when it
   * is another one, -1 when the rest of it must be seen first.
   */
  int settleRemembered(byte[] bytes, int start, int end, RpcCodec.Head head) {
    RememberedReply.Match<T> match =
        request.decoder() instanceof RememberedReply<T> memory
            ? memory.match(bytes, start, end, head)
            : null;
    if (match == null) {
      return 0;
    }
    if (!match.complete()) {
      return -1;
    }
    settle(new RpcResult.Ok<>(match.value()));
    return match.lengthBytes();
  }

  /**
   * @param raw the message, when it is this reply alone
   */
  void settle(RpcCodec.Reply reply, byte @Nullable [] raw) {
    RpcCodec.ReplyError error = reply.error();
    RpcResult<T> result;
    if (error != null) {
      result = new RpcResult.Rejected<>(error.code(), error.message());
    } else {
      result = decode(reply, raw);
    }
    settle(result);
  }

  private RpcResult<T> decode(RpcCodec.Reply reply, byte @Nullable [] raw) {
    try {
      T value = request.decoder().apply(reply.result());
      if (raw != null && request.decoder() instanceof RememberedReply<T> memory) {
        RpcCodec.Head head = RpcCodec.head(raw);
        if (head != null && head.id() == id) {
          memory.remember(raw, head, value);
        }
      }
      return new RpcResult.Ok<>(value);
    } catch (JacksonException e) {
      return undecodable(e.getOriginalMessage());
    } catch (RuntimeException e) {
      return undecodable(e.toString());
    }
  }

  private RpcResult<T> undecodable(@Nullable String why) {
    return new RpcResult.Indeterminate<>(
        describe() + " was executed, but its result is not what this client expects: " + why, this);
  }

  void settle(RpcResult<T> result) {
    if (settling.compareAndSet(false, true)) {
      // Counted before anybody is woken: who has a result also sees it in the client's figures.
      released.accept(this, result);
      settlement.complete(result);
    }
  }

  void settleUnavailable(String reason) {
    settle(new RpcResult.Unavailable<>(describe() + " was not sent: " + reason));
  }

  void settleIndeterminate(String reason) {
    settle(
        new RpcResult.Indeterminate<>(describe() + " was sent, outcome unknown: " + reason, this));
  }

  private long elapsedMs() {
    return elapsedNs() / 1_000_000;
  }

  @Override
  public String toString() {
    return describe() + " " + paramsSummary();
  }
}

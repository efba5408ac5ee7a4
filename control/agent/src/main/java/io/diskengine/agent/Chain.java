package io.diskengine.agent;

import io.diskengine.model.NodeView;
import io.diskengine.model.plan.Action;
import io.diskengine.model.plan.Work;
import io.diskengine.spdkrpc.RpcCall;
import io.diskengine.spdkrpc.RpcRequest;
import io.diskengine.spdkrpc.RpcResult;
import io.diskengine.spdkrpc.SpdkRpcClient;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends the actions of one authorised work, one after the other, and stops at the first answer that
 * is not success. No thread waits: the first request is sent by the agent's thread, each further
 * one by the thread that brings the answer before it; that a deadline has passed is seen by {@link
 * #check}.
 */
final class Chain {
  private static final Logger LOG = LoggerFactory.getLogger(Chain.class);

  private final Work work;
  private final NodeView rows;
  private final List<List<RpcRequest<?>>> requests;
  private final long intentId;
  private final BooleanSupplier mayMutate;
  private final SpdkRpcClient spdk;
  private final Mode mode;
  private final Listener listener;

  /** The call that is waited for. Who takes it out goes on with its result. */
  private final AtomicReference<@Nullable RpcCall<?>> open = new AtomicReference<>();

  /** The next request. One thread at a time: handed on with {@link #open}. */
  private int action;

  private int request;

  /** Told on the thread that brought the answer. */
  interface Listener {
    void answered(Chain chain, Action action, RpcResult<?> result);

    /**
     * @param failure null when all went well
     * @param open the last result, when its outcome is not known yet (law 4)
     */
    void ended(Chain chain, @Nullable String failure, RpcResult.@Nullable Indeterminate<?> open);
  }

  /**
   * @param rows that the work was planned from
   * @param requests for each action
   * @param intentId of the journal
   * @param mayMutate whether the lease still holds and the same process still answers
   */
  Chain(
      Work work,
      NodeView rows,
      List<List<RpcRequest<?>>> requests,
      long intentId,
      BooleanSupplier mayMutate,
      SpdkRpcClient spdk,
      Mode mode,
      Listener listener) {
    this.work = work;
    this.rows = rows;
    this.requests = requests;
    this.intentId = intentId;
    this.mayMutate = mayMutate;
    this.spdk = spdk;
    this.mode = mode;
    this.listener = listener;
  }

  Work work() {
    return work;
  }

  NodeView rows() {
    return rows;
  }

  long intentId() {
    return intentId;
  }

  void start() {
    next();
  }

  /** From time to time, on the agent's thread: a call that is overdue has failed. */
  void check() {
    RpcCall<?> call = open.get();
    if (call != null && call.isExpired() && open.compareAndSet(call, null)) {
      answered(call.await());
    }
  }

  private void next() {
    if (action < requests.size() && request > 0 && request == requests.get(action).size()) {
      action++;
      request = 0;
    }
    if (action == requests.size()) {
      listener.ended(this, null, null);
    } else if (!mayMutate.getAsBoolean()) {
      answered(new RpcResult.Unavailable<>("not sent: the lease or the data plane was lost"));
    } else if (requests.get(action).isEmpty()) {
      answered(new RpcResult.Unavailable<>("not sent"));
    } else {
      RpcCall<?> call = spdk.submit(requests.get(action).get(request));
      open.set(call);
      call.whenSettled(() -> {
        if (open.compareAndSet(call, null)) {
          answered(call.await());
        }
      });
    }
  }

  private void answered(RpcResult<?> result) {
    Action of = work.actions().get(action);
    boolean success;
    try {
      success = mode.isSuccess(of, result);
    } catch (RuntimeException bug) {
      LOG.error("the answer to {} was not understood", of, bug);
      success = false;
    }
    request++;
    if (!success || request == requests.get(action).size()) {
      listener.answered(this, of, result);
    }
    if (success) {
      next();
    } else {
      listener.ended(
          this,
          of.getClass().getSimpleName() + ": " + text(result),
          result instanceof RpcResult.Indeterminate<?> unknown ? unknown : null);
    }
  }

  private static String text(RpcResult<?> result) {
    return switch (result) {
      case RpcResult.Ok<?>(Object value) -> "unexpected answer " + value;
      case RpcResult.Rejected<?>(int code, String message) -> code + " " + message;
      case RpcResult.Unavailable<?>(String reason) -> reason;
      case RpcResult.Indeterminate<?> open -> open.reason();
    };
  }
}

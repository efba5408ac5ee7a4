package io.diskengine.agent;

import io.diskengine.model.plan.Action;
import io.diskengine.model.plan.Work;
import io.diskengine.spdkrpc.RpcRequest;
import io.diskengine.spdkrpc.RpcResult;
import io.diskengine.spdkrpc.SpdkRpcClient;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Sends the actions of one authorised work, one after the other, on a thread of its own, and stops
 * at the first answer that is not success.
 *
 * @param requests for each action
 * @param intentId of the journal
 * @param mayMutate whether the lease still holds and the same process still answers
 */
record Chain(
    Work work, List<List<RpcRequest<?>>> requests, long intentId, BooleanSupplier mayMutate) {
  /** Told on the chain's thread. */
  interface Listener {
    void answered(Chain chain, Action action, RpcResult<?> result);

    /**
     * @param failure null when all went well
     * @param open the last result, when its outcome is not known yet (law 4)
     */
    void ended(Chain chain, @Nullable String failure, RpcResult.@Nullable Indeterminate<?> open);
  }

  void run(SpdkRpcClient spdk, Mode mode, Listener listener) {
    for (int i = 0; i < work.actions().size(); i++) {
      Action action = work.actions().get(i);
      RpcResult<?> result = new RpcResult.Unavailable<>("not sent");
      boolean success = false;
      for (RpcRequest<?> request : requests.get(i)) {
        if (!mayMutate.getAsBoolean()) {
          result = new RpcResult.Unavailable<>("not sent: the lease or the data plane was lost");
          success = false;
          break;
        }
        result = spdk.call(request);
        success = mode.isSuccess(action, result);
        if (!success) {
          break;
        }
      }
      listener.answered(this, action, result);
      if (!success) {
        listener.ended(
            this,
            action.getClass().getSimpleName() + ": " + text(result),
            result instanceof RpcResult.Indeterminate<?> open ? open : null);
        return;
      }
    }
    listener.ended(this, null, null);
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

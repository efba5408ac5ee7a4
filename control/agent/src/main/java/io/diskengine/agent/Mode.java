package io.diskengine.agent;

import io.diskengine.model.NodeView;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.plan.Action;
import io.diskengine.model.plan.Commit;
import io.diskengine.model.plan.Plan;
import io.diskengine.spdkrpc.RpcCall;
import io.diskengine.spdkrpc.RpcRequest;
import io.diskengine.spdkrpc.RpcResult;
import io.diskengine.spdkrpc.SpdkRpcClient;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What storage-node and baremetal mode do differently: what they observe, how a plan is made of it
 * and what an action is in RPCs. Owned by the agent's thread, except {@link Look#ask} and {@link
 * #isSuccess}.
 */
interface Mode {
  /** A look that was begun: {@code ask} blocks on its own thread, {@code merge} does not. */
  interface Look {
    /**
     * Sends all that is asked, if one round of questions is all that this look needs, as each
     * second's does; {@code ask} finds the answers when all calls are settled, and looks at a few
     * files at most. Empty when it needs more, and {@code ask} a thread.
     */
    default List<RpcCall<?>> submit(SpdkRpcClient spdk) {
      return List.of();
    }

    /** Null when everything was answered; else the first failure. */
    @Nullable RpcResult<?> ask(SpdkRpcClient spdk);

    /** Answers whether anything is known now that was not known before. */
    boolean merge(long nowMs);
  }

  /** Options to set in the start-up phase of the data plane, in order. */
  List<RpcRequest<?>> startupOptions(NodeView view);

  /** The methods of a data plane that is about to be looked at. */
  void capabilities(Set<String> methods);

  /** A new incarnation: everything that was known is void (law 6). */
  void reset(String incarnation, long nowMs);

  /** Null bdevs that are there at the first look. */
  default void found(Set<String> nullBdevs) {}

  /**
   * Rows were read again.
   *
   * @param volumes those whose rows may have changed; null when anything may have
   */
  void loaded(NodeView view, @Nullable Set<Long> volumes);

  /** Every second; may ask for looks and start other probes. */
  void tick(long nowMs, NodeView view);

  /** Everything is to be looked at again. */
  void resync();

  /** A plan wanted to be woken now: what moves by itself is looked at again. */
  void requeue();

  boolean needsLook();

  Look look();

  /** Whether enough was seen to plan. */
  boolean isSeen();

  Plan plan(NodeView view, long nowMs, Map<ObjectRef, List<Action>> underWay);

  /** The RPCs of an action; an action is done when the last one is. */
  List<RpcRequest<?>> requests(Action action, NodeView view);

  void begin(Action action);

  /** Whether the answer is as good as success. Pure: asked on another thread. */
  boolean isSuccess(Action action, RpcResult<?> result);

  /** Takes over what the answer proves; what it leaves open is looked at. */
  void answered(Action action, RpcResult<?> result, long nowMs);

  void end(Action action);

  /** It is known what came of it, or it was never sent. */
  default void known(Action action) {}

  /**
   * The object of an action that may take effect, unseen until then, after its connection ended;
   * empty for those whose effect is seen from the beginning.
   *
   * @param journalled the action as it is on record
   */
  default Optional<String> lateObject(String journalled) {
    return Optional.empty();
  }

  /**
   * Late objects of actions that an agent before this one left without an outcome.
   *
   * @param incarnation of the data plane that it told of last; null when it told of none
   */
  default void inherited(List<String> lateObjects, @Nullable String incarnation) {}

  /** Whether a late object may still come. */
  default boolean mayCome(String lateObject, long nowMs) {
    return false;
  }

  /** The store applied it. */
  void committed(Commit commit);

  /** Whether the plan leaves nothing of this node to be set up. */
  boolean isVerified(Plan plan);
}

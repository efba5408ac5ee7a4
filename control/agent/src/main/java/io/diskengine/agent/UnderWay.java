package io.diskengine.agent;

import io.diskengine.model.NodeView;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.plan.Action;
import io.diskengine.model.plan.Work;
import io.diskengine.spdkrpc.RpcCall;
import io.diskengine.spdkrpc.RpcRequest;
import io.diskengine.spdkrpc.RpcResult;
import io.diskengine.spdkrpc.SpdkRpcClient;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Works that were sent or follow such, and the objects that nothing else is begun for until every
 * answer is there (law 4). Brings the answers to the agent's thread, which owns everything else
 * here.
 */
final class UnderWay {
  private static final Logger LOG = LoggerFactory.getLogger(UnderWay.class);

  /** Told on the agent's thread. */
  interface Listener {
    /** A work has an outcome that is to be put on record. */
    void ended(long nowMs);

    /** Something else may be begun for an object. */
    void freed();

    /** The rows as they are known now; null when they must not be acted upon. */
    @Nullable NodeView rows();
  }

  /** What works are sent with, and who is told what came of them. */
  record Parts(
      Mode mode, SpdkRpcClient spdk, AgentClock clock, Journal journal, Backoffs backoffs) {}

  private final String nodeName;
  private final Parts with;
  private final Consumer<Runnable> agent;
  private final Listener listener;
  private final Chains chains = new Chains();

  /**
   * @param agent runs tasks on the agent's thread
   */
  UnderWay(String nodeName, Parts with, Consumer<Runnable> agent, Listener listener) {
    this.nodeName = nodeName;
    this.with = with;
    this.agent = agent;
    this.listener = listener;
  }

  /** As it is now; not for keeping. */
  Set<ObjectRef> objects() {
    return chains.objects();
  }

  /** Of each object under way the actions that may still succeed. */
  Map<ObjectRef, List<Action>> actions() {
    return chains.actions();
  }

  boolean isEmpty() {
    return objects().isEmpty();
  }

  int size() {
    return objects().size();
  }

  /** From time to time: calls that are overdue have failed. */
  void check() {
    chains.check();
  }

  /**
   * Sends a work that is on record, now or when those that it follows have succeeded.
   *
   * @param rows that it was planned from
   * @param isSame whether the data plane is the one that the work was planned for; asked on any
   *     thread
   * @param isHeld whether the lease is; asked on any thread
   */
  void send(
      Journal.Recorded recorded, NodeView rows, BooleanSupplier isSame, BooleanSupplier isHeld) {
    Work work = recorded.work();
    if (!chains.mayFollow(work.after())) {
      notSent(recorded.intentId(), "what it follows was not begun");
      return;
    }
    List<List<RpcRequest<?>>> requests = new ArrayList<>();
    for (Action action : work.actions()) {
      requests.add(with.mode().requests(action, rows));
    }
    Chain chain =
        new Chain(
            work,
            rows,
            requests,
            recorded.intentId(),
            () -> isSame.getAsBoolean() && isHeld.getAsBoolean(),
            with.spdk(),
            with.mode(),
            new Answers(isSame));
    if (chains.add(chain)) {
      start(chain);
    }
  }

  private void start(Chain chain) {
    chain.work().actions().forEach(with.mode()::begin);
    chain.start();
  }

  /** What it follows has succeeded. Rows that changed since it was planned want another plan. */
  private void follow(Chain chain) {
    NodeView now = listener.rows();
    if (now != null && now.hasSameVolume(chain.rows(), chain.work().object())) {
      start(chain);
    } else {
      notSent(chain.intentId(), "its rows have changed since");
      drop(chain);
      free(chain);
    }
  }

  private void drop(Chain failed) {
    chains
        .ended(failed, false)
        .forEach(c -> notSent(c.intentId(), "what it follows did not succeed"));
  }

  private void free(Chain chain) {
    List<Chain> next = chains.freed(chain);
    listener.freed();
    next.forEach(this::follow);
  }

  private void notSent(long intentId, String why) {
    with.journal().ended(intentId, "not sent: " + why);
    listener.ended(with.clock().nowMs());
  }

  /** Brings a chain's answers to the agent's thread. */
  private final class Answers implements Chain.Listener {
    private final BooleanSupplier isSame;

    Answers(BooleanSupplier isSame) {
      this.isSame = isSame;
    }

    @Override
    public void answered(Chain chain, Action action, RpcResult<?> result) {
      agent.accept(() -> {
        if (isSame.getAsBoolean()) {
          with.mode().answered(action, result, with.clock().nowMs());
        }
      });
    }

    @Override
    public void ended(
        Chain chain, @Nullable String failure, RpcResult.@Nullable Indeterminate<?> open) {
      agent.accept(() -> finished(chain, failure, open != null));
      if (open == null) {
        agent.accept(() -> free(chain, null));
      } else {
        RpcCall<?> call = open.call();
        call.onSettled(_ -> agent.accept(() -> free(chain, open)));
      }
    }

    private void finished(Chain chain, @Nullable String failure, boolean unknown) {
      long nowMs = with.clock().nowMs();
      Work work = chain.work();
      put(chain.intentId(), work, failure == null ? "ok" : failure, unknown);
      listener.ended(nowMs);
      Backoffs backoffs = with.backoffs();
      if (failure == null) {
        LOG.debug("agent {}: {} did {}", nodeName, work.object(), work.actions());
        chains.ended(chain, true);
        backoffs.succeeded(work, nowMs, with.clock().instant());
        return;
      }
      drop(chain);
      if (backoffs.failed(work.object(), failure, nowMs, with.clock().instant())) {
        LOG.info("agent {}: {} {}", nodeName, work.object(), failure);
      }
    }

    /** The intent of what may still come stays open. */
    private void put(long intentId, Work work, String outcome, boolean unknown) {
      Optional<String> late =
          unknown ? with.mode().lateObject(work.actions().getFirst().toString()) : Optional.empty();
      late.ifPresentOrElse(
          object -> with.journal().endedLate(intentId, object, outcome),
          () -> with.journal().ended(intentId, outcome));
    }

    /** Law 4: only now may the object be touched again. */
    private void free(Chain chain, RpcResult.@Nullable Indeterminate<?> unknown) {
      Mode mode = with.mode();
      if (unknown == null || isAnswered(unknown.call())) {
        chain.work().actions().forEach(mode::known);
      }
      if (isSame.getAsBoolean()) {
        chain.work().actions().forEach(mode::end);
        if (unknown != null) {
          chain.work().actions().forEach(a -> mode.answered(a, unknown, with.clock().nowMs()));
        }
      } else {
        mode.resync(); // of an earlier lease: what was seen meanwhile may be older than its effect
      }
      UnderWay.this.free(chain);
    }
  }

  /** Whether the answer came after all, and not the end of the connection. */
  private static boolean isAnswered(RpcCall<?> call) {
    return call.settled().filter(r -> !(r instanceof RpcResult.Indeterminate)).isPresent();
  }
}

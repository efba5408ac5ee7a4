package io.diskengine.agent;

import io.diskengine.spdkrpc.RpcCall;
import io.diskengine.spdkrpc.RpcResult;
import io.diskengine.spdkrpc.SpdkRpcClient;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Carries out looks, one at a time, for the agent's thread. The look of each second, which is one
 * round of questions, has no thread that waits: the answers come by themselves, and that a deadline
 * has passed is seen by {@link #check}. Any other look blocks on a thread of its own.
 */
final class LookRun {
  private final AgentMachine machine;
  private final SpdkRpcClient spdk;
  private final String name;

  /** Runs tasks on the agent's thread. */
  private final Consumer<Runnable> agent;

  private @Nullable Asking asking;

  private Mode.@Nullable Look last;

  /** The look whose answers came last, whether the agent's thread has come to them or not. */
  private volatile Mode.@Nullable Look answered;

  private record Asking(
      Mode.Look look, List<RpcCall<?>> calls, Consumer<@Nullable RpcResult<?>> looked) {
    boolean isExpired() {
      return calls.stream().anyMatch(c -> c.isExpired() && c.settled().isEmpty());
    }
  }

  LookRun(AgentMachine machine, SpdkRpcClient spdk, String name, Consumer<Runnable> agent) {
    this.machine = machine;
    this.spdk = spdk;
    this.name = name;
    this.agent = agent;
  }

  /** {@code looked} gets the failure, if there is one, on the agent's thread, once. */
  void start(Mode.Look look, Consumer<@Nullable RpcResult<?>> looked) {
    last = look;
    List<RpcCall<?>> calls = look.submit(spdk);
    if (calls.isEmpty()) {
      machine.fork(
          "look " + name,
          () -> {
            RpcResult<?> failure = look.ask(spdk);
            answered = look;
            agent.accept(() -> looked.accept(failure));
          });
      return;
    }
    Asking open = new Asking(look, calls, looked);
    asking = open;
    AtomicInteger missing = new AtomicInteger(calls.size());
    Runnable settled =
        () -> {
          if (missing.decrementAndGet() == 0) {
            answered = look;
            agent.accept(() -> answered(open));
          }
        };
    calls.forEach(call -> call.whenSettled(settled));
  }

  /**
   * Whether the data plane has answered the last look: an agent that was busy, with a slow
   * PostgreSQL for one, hears of it late, which says nothing about the data plane.
   */
  boolean isAnswered() {
    return last != null && answered == last;
  }

  /** From time to time: a look whose calls are overdue has failed. */
  void check() {
    Asking open = asking;
    if (open != null && open.isExpired()) {
      answered(open);
    }
  }

  private void answered(Asking of) {
    if (asking == of) {
      asking = null;
      of.looked().accept(of.look().ask(spdk));
    }
  }
}

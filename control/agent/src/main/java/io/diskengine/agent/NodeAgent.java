package io.diskengine.agent;

import io.diskengine.spdkrpc.RpcCall;
import io.diskengine.spdkrpc.RpcCounts;
import io.diskengine.spdkrpc.RpcListener;
import io.diskengine.spdkrpc.RpcOptions;
import io.diskengine.spdkrpc.SpdkAddress;
import io.diskengine.spdkrpc.SpdkRpcClient;
import io.diskengine.store.AgentStore;
import io.diskengine.store.NodeRegistration;
import io.diskengine.store.StoreCounters;
import io.diskengine.store.WakeUps;
import java.io.Closeable;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * What the agents of both modes are made of: store, client of the data plane, lock file, the thread
 * of the {@link Reconciler}. Tells its state through {@link AgentConfig#onStatus}.
 */
public abstract sealed class NodeAgent implements AutoCloseable
    permits StorageNodeAgent, BaremetalAgent {
  /** An agent's calls that are not answered: looks, and one for each object that is changed. */
  private static final int MAX_OUTSTANDING_CALLS = 4096;

  static final Duration END_WITHIN = Duration.ofSeconds(10);

  /** An agent begins without hearing of changes after this, and reads again when it does. */
  private static final long LISTEN_WITHIN_MS = 60_000;

  /** A start that listens sooner goes on at once. */
  private static final long BUSY_FROM_MS = 2_000;

  /** What a start costs PostgreSQL beside its first connection, in such connections. */
  private static final long START_PART = 4;

  /** Of names that differ in one letter makes numbers that are far apart. */
  private static final long SPREAD = 0x9E3779B1L;

  final AgentConfig config;
  final AgentMachine machine;
  final AgentClock clock;
  final SpdkRpcClient spdk;
  private final RpcCounts counts = new RpcCounts();
  private final AgentStore store;
  private final @Nullable Closeable lock;
  final Reconciler reconciler;
  private final CompletableFuture<Boolean> ended = new CompletableFuture<>();
  private boolean started;
  private @Nullable WakeUps wakeUps;

  /**
   * Connects to nothing yet.
   *
   * @throws IOException when another agent has this data plane, or a file cannot be read
   */
  NodeAgent(AgentConfig config, NodeRegistration registration, Mode mode, AgentMachine machine)
      throws IOException {
    this.config = config;
    this.machine = machine;
    this.clock = machine.clock();
    SpdkAddress address = SpdkAddress.parse(config.spdkSocket());
    lock = address instanceof SpdkAddress.Unix unix ? machine.lock(unix.path()) : null;
    RpcOptions options =
        RpcOptions.defaults()
            .withMaxOutstanding(MAX_OUTSTANDING_CALLS)
            .withListener(new Connection())
            .withRuntime(machine.rpc());
    spdk = SpdkRpcClient.connect(address, options);
    store = machine.openStore(config);
    reconciler =
        new Reconciler(
            config,
            store,
            registration,
            mode,
            spdk,
            machine,
            new SequenceFile(machine, config.stateDir()),
            this::sent);
  }

  /** Counts calls and tells when the connection ends. */
  private final class Connection implements RpcListener {
    @Override
    public void onSent(RpcCall<?> call) {
      counts.onSent(call);
    }

    @Override
    public void onDisconnected(SpdkAddress address, long connection, String reason) {
      reconciler.disconnected(connection);
    }
  }

  /** Returns at once; progress is told through {@link AgentConfig#onStatus}. */
  public void start() {
    WakeUps listening = store.listen(config.nodeName(), reconciler::wake);
    wakeUps = listening;
    started = true;
    machine.run("agent-" + config.nodeName(), () -> run(listening));
  }

  private void run(WakeUps listening) {
    try {
      long beganMs = clock.nowMs();
      listening.awaitListening(LISTEN_WITHIN_MS);
      letOthersPass(clock.nowMs() - beganMs);
      reconciler.run();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      ended.complete(true);
    }
  }

  /**
   * A PostgreSQL that takes long to let this agent listen is busy with the starts of many: each
   * goes on at a time of its own, so that they do not all take turns at everything.
   *
   * @param tookMs until it listened
   */
  private void letOthersPass(long tookMs) throws InterruptedException {
    if (tookMs > BUSY_FROM_MS) {
      machine.sleep(Math.floorMod(config.nodeName().hashCode() * SPREAD, tookMs * START_PART));
    }
  }

  /** RPCs sent so far, by method. */
  public Map<String, Long> rpcCounts() {
    return counts.snapshot();
  }

  /** SQL statements and commits so far. */
  public StoreCounters storeCounters() {
    return store.counters();
  }

  /** The last line of a plan that somebody asked for. */
  private String sent() {
    List<String> methods = new ArrayList<>();
    rpcCounts().forEach((method, n) -> methods.add(method + " " + n));
    return "sent so far: %d RPCs (%s), %d SQL statements, %d commits"
        .formatted(
            counts.total(),
            String.join(", ", methods),
            storeCounters().statements(),
            storeCounters().commits());
  }

  /** What the mode does before the agent leaves. */
  abstract void leave();

  /** Leaves in order; the data plane goes on by itself. Idempotent. */
  @Override
  public void close() {
    if (started && !ended.isDone()) {
      leave();
    }
    reconciler.end();
    if (started) {
      answer(ended);
    }
    reconciler.release();
    if (wakeUps != null) {
      wakeUps.close();
    }
    spdk.close();
    store.close();
    try {
      if (lock != null) {
        lock.close();
      }
    } catch (IOException e) {
      // the process's end releases it
    }
  }

  /** Asks on the agent's own thread; empty when it does not come to it in time. */
  <T> Optional<T> ask(java.util.function.Supplier<T> question) {
    CompletableFuture<T> answer = new CompletableFuture<>();
    reconciler.post(() -> answer.complete(question.get()));
    return answer(answer);
  }

  private <T> Optional<T> answer(CompletableFuture<T> answer) {
    try {
      return Optional.of(machine.rpc().get(answer, END_WITHIN.toNanos()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    } catch (ExecutionException | TimeoutException e) {
      return Optional.empty();
    }
  }
}

package io.diskengine.bench;

import io.diskengine.spdkrpc.FrameworkMethods;
import io.diskengine.spdkrpc.RpcCall;
import io.diskengine.spdkrpc.RpcResult;
import io.diskengine.spdkrpc.SpdkRpcClient;
import java.time.Duration;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/** {@code spdk_get_version} over one connection, with the project's own client. */
final class RpcSide implements Side {
  private final ClosedLoop loop = new ClosedLoop();
  private final EngineProcess engine;

  RpcSide(EngineProcess engine) {
    this.engine = engine;
  }

  @Override
  public String name() {
    return "spdk_get_version";
  }

  @Override
  public Sample run(Workload workload, long durationNs) {
    try (Calls calls = new Calls(engine.socket().toString())) {
      return loop.run(calls, workload, durationNs, engine::cpuNs);
    }
  }

  /** Answers are taken in the order of the calls, which is the order SPDK gives them in. */
  private static final class Calls implements IoPath {
    private static final Duration LIMIT = Duration.ofSeconds(20);

    private record Pending(int slot, RpcCall<?> call) {}

    private final SpdkRpcClient spdk;
    private final ArrayDeque<Pending> pending = new ArrayDeque<>();

    Calls(String socket) {
      spdk = SpdkRpcClient.connect(socket);
    }

    @Override
    public void queue(int slot, long place) {
      pending.addLast(new Pending(slot, spdk.submit(FrameworkMethods.version())));
    }

    @Override
    public void flush() {}

    @Override
    public void poll() {
      Pending oldest = pending.peekFirst();
      if (oldest != null) {
        var unused = oldest.call().awaitSettled(LIMIT);
      }
    }

    @Override
    public int next() {
      Pending oldest = pending.peekFirst();
      RpcResult<?> result = oldest == null ? null : settled(oldest.call());
      if (oldest == null || result == null) {
        return -1;
      }
      if (!(result instanceof RpcResult.Ok)) {
        throw new IllegalStateException(result.toString());
      }
      pending.removeFirst();
      return oldest.slot();
    }

    private static @Nullable RpcResult<?> settled(RpcCall<?> call) {
      return call.settled().orElse(null);
    }

    @Override
    public void close() {
      spdk.close();
    }
  }
}

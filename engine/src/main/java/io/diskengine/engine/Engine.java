package io.diskengine.engine;

import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.ReactorGroup;
import io.diskengine.engine.rpc.ConfigReplay;
import io.diskengine.engine.rpc.FrameworkRpc;
import io.diskengine.engine.rpc.QosRpc;
import io.diskengine.engine.rpc.RpcRegistry;
import io.diskengine.engine.rpc.RpcReply;
import io.diskengine.engine.rpc.RpcServer;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A running data plane: reactors, devices, parts, RPC server. */
public final class Engine implements AutoCloseable {
  /** How long a clean stop may take before what is left is abandoned. */
  public static final Duration STOP_LIMIT = Duration.ofSeconds(20);

  private static final Logger LOG = LoggerFactory.getLogger(Engine.class);

  private final ReactorGroup reactors;
  private final List<EnginePart> parts;
  private final RpcServer rpc;
  private final CompletableFuture<Boolean> partsStopped = new CompletableFuture<>();
  private final CompletableFuture<Void> stopped = new CompletableFuture<>();

  private Engine(ReactorGroup reactors, List<EnginePart> parts, RpcServer rpc) {
    this.reactors = reactors;
    this.parts = parts;
    this.rpc = rpc;
  }

  /** Starts everything; the RPC socket answers when this returns. */
  public static Engine start(EngineOptions options) throws IOException {
    ReactorGroup reactors = ReactorGroup.create(options.reactors(), Engine::fault);
    reactors.start();
    BdevLayer layer = new BdevLayer(reactors.reactors());
    RpcRegistry registry = new RpcRegistry();
    List<EnginePart> parts = parts(options);
    try {
      onHome(reactors, () -> parts.forEach(part -> part.install(layer, registry)));
      registry.config("bdev", new QosRpc(layer)::lastConfig);
      FrameworkRpc framework =
          new FrameworkRpc(reactors.reactors(), layer.notifications(), registry);
      framework.register(registry);
      CompletableFuture<Consumer<RpcReply>> kill = new CompletableFuture<>();
      registry.method(
          "spdk_kill_instance",
          RpcRegistry.Phase.BOTH,
          (params, reply) -> {
            String signal = params.string("sig_name");
            params.end();
            if (!signal.matches("(SIG)?(TERM|INT)|15|2")) {
              throw params.undecodable();
            }
            kill.thenAccept(engine -> engine.accept(reply));
          });
      if (!options.waitForRpc()) {
        initialise(options, reactors, registry, framework);
      }
      RpcServer rpc = RpcServer.listen(options.rpcAddress(), registry, reactors.home());
      LOG.atInfo()
          .addKeyValue("rpc", options.rpcAddress())
          .addKeyValue("reactors", reactors.reactors().size())
          .addKeyValue("waitForRpc", options.waitForRpc())
          .log("engine started");
      Engine engine = new Engine(reactors, parts, rpc);
      kill.complete(engine::stopForRpc);
      return engine;
    } catch (IOException | RuntimeException e) {
      stopCleanly(reactors, parts);
      reactors.close();
      throw e;
    }
  }

  /** Initialises, with what a saved configuration wants before and after it. */
  private static void initialise(
      EngineOptions options, ReactorGroup reactors, RpcRegistry registry, FrameworkRpc framework)
      throws IOException {
    EngineOptions.Config config = options.config();
    if (config == null) {
      onHome(reactors, framework::start);
      return;
    }
    ConfigReplay replay = ConfigReplay.read(config.file(), config.ignoreErrors(), registry);
    Predicate<Runnable> home = reactors.home()::execute;
    replay.run(false, home);
    onHome(reactors, framework::start);
    replay.run(true, home);
  }

  /** The parts, low to high: a part uses only those before it. */
  private static List<EnginePart> parts(EngineOptions options) {
    return List.of(
        new BdevPart(),
        new LvolPart(),
        new HostPart(),
        new RaidPart(),
        new NvmfPart(),
        new VhostPart(options.vhostDirectory()));
  }

  private static void fault(Reactor reactor, Throwable bug) {
    LOG.error("reactor {} met a bug; it goes on", reactor.index(), bug);
  }

  private static void onHome(ReactorGroup reactors, Runnable body) {
    CompletableFuture<Void> done = new CompletableFuture<>();
    reactors
        .home()
        .execute(() -> {
          try {
            body.run();
            done.complete(null);
          } catch (RuntimeException | Error e) {
            done.completeExceptionally(e);
          }
        });
    done.join();
  }

  /** Ends when somebody closed the engine. */
  public void awaitStop() throws InterruptedException {
    try {
      stopped.get();
    } catch (ExecutionException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A clean stop: the parts from high to low, then RPC, then the reactors. */
  @Override
  public void close() {
    stopParts();
    rpc.close();
    reactors.close();
    stopped.complete(null);
  }

  /**
   * {@code spdk_kill_instance}: unlike SPDK, which answers first, this answers true when the clean
   * stop is done, so that whoever asked may record it.
   */
  private void stopForRpc(RpcReply reply) {
    Thread.ofPlatform()
        .name("engine-stop")
        .start(() -> {
          reply.ok(stopParts());
          close();
        });
  }

  /** True when every part has stopped cleanly; the first call does it. */
  private synchronized boolean stopParts() {
    if (partsStopped.isDone()) {
      return partsStopped.join();
    }
    boolean clean = stopCleanly(reactors, parts);
    partsStopped.complete(clean);
    return clean;
  }

  /** Stops the parts from high to low; true when all have within {@link #STOP_LIMIT}. */
  private static boolean stopCleanly(ReactorGroup reactors, List<EnginePart> parts) {
    CompletableFuture<Void> done = new CompletableFuture<>();
    List<EnginePart> order = new ArrayList<>(parts).reversed();
    AtomicReference<String> waitsFor = new AtomicReference<>("the reactor");
    if (reactors.home().execute(() -> stop(order, 0, waitsFor, done))) {
      try {
        done.get(STOP_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
        return true;
      } catch (TimeoutException e) {
        LOG.error(
            "the clean stop took longer than {}: it waits for {}; what is left is abandoned",
            STOP_LIMIT,
            waitsFor);
      } catch (ExecutionException e) {
        LOG.error("the clean stop failed", e.getCause());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    return false;
  }

  private static void stop(
      List<EnginePart> order,
      int index,
      AtomicReference<String> waitsFor,
      CompletableFuture<Void> done) {
    if (index == order.size()) {
      done.complete(null);
    } else {
      EnginePart part = order.get(index);
      waitsFor.set(part.getClass().getSimpleName());
      part.stop(() -> stop(order, index + 1, waitsFor, done));
    }
  }
}

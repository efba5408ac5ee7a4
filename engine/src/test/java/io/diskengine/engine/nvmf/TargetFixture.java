package io.diskengine.engine.nvmf;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.bdev.MallocBdev;
import io.diskengine.engine.reactor.Kernels;
import io.diskengine.engine.reactor.ReactorGroup;
import io.diskengine.engine.reactor.ReactorOptions;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;

/** A target on two reactors with their own threads, listening on loopback. */
final class TargetFixture implements AutoCloseable {
  static final String NQN = "nqn.2026-11.io.diskengine:test:v1";
  static final String HOST = "nqn.2026-11.io.diskengine:test:host:h1";
  static final UUID NS_UUID = UUID.fromString("22222222-2222-4333-8444-555555555555");
  private static final long PATIENCE_S = 20;

  final ReactorGroup reactors;
  final BdevLayer layer;
  final NvmfTarget target;
  final List<Throwable> faults = new CopyOnWriteArrayList<>();

  /** A step on the home reactor. */
  interface Body {
    void run() throws Exception;
  }

  /** Something asynchronous that begins on the home reactor. */
  interface Begin<T> {
    void begin(CompletableFuture<T> done) throws Exception;
  }

  TargetFixture(Kernels.Choice kernel) {
    this(new ReactorOptions(2, 20_000, 512, 128, kernel, 2), TransportOptions.DEFAULTS);
  }

  TargetFixture(ReactorOptions options, TransportOptions transport) {
    reactors = ReactorGroup.create(options, (reactor, bug) -> faults.add(bug));
    reactors.start();
    layer = new BdevLayer(reactors.reactors());
    target = home(() -> new NvmfTarget(layer));
    run(() -> target.createTransport(transport));
  }

  static ReactorOptions options(int smallBuffers, int largeBuffers) {
    return new ReactorOptions(
        2, 20_000, smallBuffers, largeBuffers, Kernels.Choice.fromSystemProperty(), 2);
  }

  <T> T home(Callable<T> body) {
    CompletableFuture<T> done = new CompletableFuture<>();
    reactors
        .home()
        .execute(() -> {
          try {
            done.complete(body.call());
          } catch (Exception | Error e) {
            done.completeExceptionally(e);
          }
        });
    return await(done);
  }

  void run(Body body) {
    home(() -> {
      body.run();
      return true;
    });
  }

  <T> CompletableFuture<T> begin(Begin<T> begin) {
    CompletableFuture<T> done = new CompletableFuture<>();
    run(() -> begin.begin(done));
    return done;
  }

  static <T> T await(CompletableFuture<T> future) {
    try {
      return future.get(PATIENCE_S, TimeUnit.SECONDS);
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  static SubsystemOptions subsystem(String nqn) {
    return new SubsystemOptions(nqn, "SN0", "MN0", false, 32, 1, 0xffef, false, 2_097_152, 12);
  }

  /** The usual subsystem: one host, one malloc namespace of 8 MiB, one listener. */
  Subsystem export() {
    return export(
        new MallocBdev("M0", UUID.fromString("11111111-2222-4333-8444-555555555555"), 512, 16384));
  }

  Subsystem export(Bdev bdev) {
    run(() -> layer.register(bdev));
    return exportExisting(bdev.name());
  }

  Subsystem exportExisting(String bdevName) {
    Subsystem subsystem = home(() -> target.createSubsystem(subsystem(NQN)));
    add(subsystem, bdevName);
    run(() -> subsystem.addHost(HOST));
    run(() -> subsystem.addListener(new NvmfAddress("IPv4", "127.0.0.1", "0"), 1));
    return subsystem;
  }

  int add(Subsystem subsystem, String bdevName) {
    return await(
        this.<Integer>begin(done ->
            subsystem.addNamespace(
                bdevName, 0, new Namespace.Ids(null, 0, NS_UUID), done::complete)));
  }

  InetSocketAddress address(Subsystem subsystem) {
    int port = home(() -> subsystem.listeners().getFirst().listener().port());
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  }

  boolean removeHost(Subsystem subsystem, String host, long timeoutMs) {
    return await(
        this.<Boolean>begin(done -> {
          if (!subsystem.removeHost(host)) {
            throw new AssertionError("not a host: " + host);
          }
          subsystem.disconnectHost(host, timeoutMs, done::complete);
        }));
  }

  int controllers(Subsystem subsystem) {
    return home(() -> subsystem.controllers().size());
  }

  /** Waits until something on the home reactor is true. */
  void eventually(Callable<Boolean> condition) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
    while (!home(condition)) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("it did not happen in " + PATIENCE_S + " s");
      }
      try {
        TimeUnit.MILLISECONDS.sleep(2);
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
  }

  @Override
  public void close() {
    await(this.<Boolean>begin(done -> target.stop(() -> done.complete(true))));
    reactors.close();
    if (!faults.isEmpty()) {
      throw new AssertionError("a bug on a reactor", faults.getFirst());
    }
  }
}

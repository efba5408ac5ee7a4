package io.diskengine.engine;

import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.reactor.BufferReserve;
import io.diskengine.engine.reactor.IoBufferPool;
import io.diskengine.engine.reactor.Kernel;
import io.diskengine.engine.reactor.Reactor;
import java.lang.foreign.Arena;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.BooleanSupplier;

/**
 * Two reactors on the test's own thread and on virtual time, stepped in an order that a seed
 * chooses. Their kernel does no I/O: devices live in memory.
 */
public final class SteppedReactors implements AutoCloseable {
  private static final int BUFFERS = 32;
  private static final int MOST_TURNS = 2_000_000;
  private static final long TURN_NS = 1_000;

  private final Arena arena = Arena.ofShared();
  private final List<Reactor> reactors = new ArrayList<>();
  private final List<Throwable> faults = new ArrayList<>();
  private final BdevLayer layer;
  private final Random random;
  private final BufferReserve buffers;
  private long nowNs = 1;

  public SteppedReactors(long seed) {
    this(seed, 2);
  }

  public SteppedReactors(long seed, int count) {
    random = new Random(seed);
    buffers = BufferReserve.map(BUFFERS, BUFFERS);
    for (int i = 0; i < count; i++) {
      reactors.add(
          new Reactor(i, clockOnly(), new IoBufferPool(buffers), (r, bug) -> faults.add(bug)));
    }
    layer = new BdevLayer(reactors);
  }

  /** A kernel that knows the time and nothing else. */
  private Kernel clockOnly() {
    return (Kernel)
        Proxy.newProxyInstance(
            Kernel.class.getClassLoader(),
            new Class<?>[] {Kernel.class},
            (proxy, method, args) ->
                switch (method.getName()) {
                  case "nowNs" -> nowNs;
                  case "reap" -> 0;
                  case "wake", "close" -> null;
                  default -> throw new UnsupportedOperationException(method.getName());
                });
  }

  public BdevLayer layer() {
    return layer;
  }

  public Reactor reactor(int index) {
    return reactors.get(index);
  }

  public Arena arena() {
    return arena;
  }

  /** Native memory that lives as long as the reactors. */
  public long allocate(long bytes) {
    return arena.allocate(bytes, 4096).address();
  }

  public long nowNs() {
    return nowNs;
  }

  /** Something to do on a reactor. */
  public interface Body {
    void run() throws Exception;
  }

  /** Runs the body on a reactor, within a turn of it. */
  public void on(int reactor, Body body) {
    boolean[] ran = {false};
    Exception[] thrown = {null};
    reactors
        .get(reactor)
        .execute(() -> {
          try {
            body.run();
          } catch (Exception e) {
            thrown[0] = e;
          }
          ran[0] = true;
        });
    runUntil(() -> ran[0]);
    if (thrown[0] != null) {
      throw new AssertionError(thrown[0]);
    }
  }

  public void home(Body body) {
    on(0, body);
  }

  /** One turn of a reactor that the seed chooses. */
  public void step() {
    nowNs += TURN_NS;
    reactors.get(random.nextInt(reactors.size())).turn();
    if (!faults.isEmpty()) {
      throw new AssertionError("a bug on a reactor", faults.getFirst());
    }
  }

  public void runUntil(BooleanSupplier condition) {
    for (int i = 0; i < MOST_TURNS; i++) {
      if (condition.getAsBoolean()) {
        return;
      }
      step();
    }
    throw new AssertionError("nothing more happened in " + MOST_TURNS + " turns");
  }

  /** Lets virtual time pass. */
  public void runForUs(long us) {
    long until = nowNs + us * 1_000;
    runUntil(() -> nowNs >= until);
  }

  /** Turns until nothing is left to do on any reactor; timers may be pending. */
  public void settle() {
    for (int quiet = 0; quiet < 8; ) {
      int work = 0;
      for (Reactor reactor : reactors) {
        nowNs += TURN_NS;
        work += reactor.turn();
      }
      quiet = work == 0 ? quiet + 1 : 0;
      if (!faults.isEmpty()) {
        throw new AssertionError("a bug on a reactor", faults.getFirst());
      }
    }
  }

  @Override
  public void close() {
    buffers.unmap();
    arena.close();
  }
}

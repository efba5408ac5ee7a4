package io.diskengine.testkit.sim;

import io.diskengine.store.AgentWrite;
import io.diskengine.store.StoreUnavailableException;
import io.diskengine.store.Wake;
import io.diskengine.store.WakeUps;
import io.diskengine.store.WriteResult;
import io.diskengine.testkit.sim.Crossing.Fate;
import io.diskengine.testkit.sim.Crossing.Line;
import io.diskengine.testkit.store.MemoryAgentStore;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** An agent's way to the store: it takes time, and PostgreSQL may be away. */
final class SimStore extends AskedStore {
  private static final int MAX_LATENCY_MS = 3;
  private static final int RELISTEN_MS = 1_000;

  /** Longer than an agent may act without renewing its lease. */
  private static final int DELAY_MS = 20_000;

  private final SimWorld world;
  private final SimNode node;
  private final SimAgentMachine process;

  SimStore(SimWorld world, SimNode node, SimAgentMachine process) {
    super(new MemoryAgentStore(world.store));
    this.world = world;
    this.node = node;
    this.process = process;
  }

  /** There, and back: in between it is done or not, and the asker may not learn which. */
  @Override
  <T> T ask(String what, Supplier<T> transaction) {
    way();
    boolean commits = !what.isEmpty();
    if (commits) {
      obey(world.cross(node, what, Line.BEFORE_COMMIT));
    }
    if (!world.isPostgresUp(node)) {
      throw away();
    }
    T result = transaction.get();
    world.touched();
    if (commits) {
      obey(world.cross(node, what, Line.AFTER_COMMIT));
    }
    way();
    if (!world.isPostgresUp(node)) {
      throw away();
    }
    return result;
  }

  @Override
  void written(List<AgentWrite> writes, List<WriteResult> results) {
    world.written(node, writes, results);
  }

  private void obey(Fate fate) {
    switch (fate) {
      case GOES_ON -> {}
      case CUT_OFF -> throw away();
      case DELAYED -> {
        node.commitsThatHang++;
        try {
          sleep(DELAY_MS);
        } finally {
          node.commitsThatHang--;
        }
      }
    }
  }

  private static StoreUnavailableException away() {
    return new StoreUnavailableException("the connection failed", new java.io.IOException("away"));
  }

  private void way() {
    sleep(world.scheduler.random().nextInt(MAX_LATENCY_MS + 1));
  }

  private void sleep(long ms) {
    try {
      process.sleep(ms);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw away();
    }
  }

  @Override
  public WakeUps listen(String nodeName, Consumer<Wake> onWake) {
    Consumer<Wake> later =
        wake ->
            world.scheduler.after(
                world.scheduler.random().nextInt(MAX_LATENCY_MS + 1), () -> tell(wake, onWake));
    WakeUps wakeUps = store.listen(nodeName, later);
    process.onGone.add(wakeUps::close);
    return wakeUps;
  }

  /** What was not heard is made good when the connection is there again. */
  private void tell(Wake wake, Consumer<Wake> onWake) {
    if (process.isAlive() && world.isPostgresUp(node)) {
      onWake.accept(wake);
    } else if (process.isAlive()) {
      world.scheduler.after(RELISTEN_MS, () -> tell(Wake.ALL, onWake));
    }
  }

  @Override
  public void close() {}
}

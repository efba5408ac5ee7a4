package io.diskengine.testkit.sim;

import io.diskengine.model.NodeView;
import io.diskengine.model.VolumeRows;
import io.diskengine.store.AgentSession;
import io.diskengine.store.AgentStore;
import io.diskengine.store.AgentWrite;
import io.diskengine.store.Lease;
import io.diskengine.store.NodeRegistration;
import io.diskengine.store.PlanRequest;
import io.diskengine.store.StoreCounters;
import io.diskengine.store.StoreUnavailableException;
import io.diskengine.store.Wake;
import io.diskengine.store.WakeUps;
import io.diskengine.testkit.sim.Crossing.Fate;
import io.diskengine.testkit.sim.Crossing.Line;
import io.diskengine.testkit.store.MemoryAgentStore;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** An agent's way to the store: it takes time, and PostgreSQL may be away. */
final class SimStore implements AgentStore {
  private static final int MAX_LATENCY_MS = 3;
  private static final int RELISTEN_MS = 1_000;

  /** Longer than an agent may act without renewing its lease. */
  private static final int DELAY_MS = 20_000;

  private final SimWorld world;
  private final SimNode node;
  private final SimAgentMachine process;
  private final MemoryAgentStore store;

  SimStore(SimWorld world, SimNode node, SimAgentMachine process) {
    this.world = world;
    this.node = node;
    this.process = process;
    this.store = new MemoryAgentStore(world.store);
  }

  /** There, and back: in between it is done or not, and the asker may not learn which. */
  private <T> T ask(String what, Supplier<T> transaction) {
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

  private void obey(Fate fate) {
    switch (fate) {
      case GOES_ON -> {}
      case CUT_OFF -> throw away();
      case DELAYED -> sleep(DELAY_MS);
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
  public Lease acquire(NodeRegistration registration, String holder) {
    return switch (ask("acquire", () -> store.acquire(registration, holder))) {
      case Lease.Held(AgentSession session, Instant expires) ->
          new Lease.Held(new Session(session), expires);
      case Lease.Taken taken -> taken;
    };
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
  public StoreCounters counters() {
    return store.counters();
  }

  @Override
  public void close() {}

  private final class Session implements AgentSession {
    private final AgentSession session;

    Session(AgentSession session) {
      this.session = session;
    }

    @Override
    public long nodeId() {
      return session.nodeId();
    }

    @Override
    public String nodeName() {
      return session.nodeName();
    }

    @Override
    public long leaseEpoch() {
      return session.leaseEpoch();
    }

    @Override
    public Instant renew() {
      return ask("", session::renew);
    }

    @Override
    public NodeView view() {
      return ask("", session::view);
    }

    @Override
    public VolumeRows rows(Set<Long> volumeIds) {
      return ask("", () -> session.rows(volumeIds));
    }

    @Override
    public Written write(List<AgentWrite> writes, Set<Long> volumeIds) {
      return ask(
          kinds(writes),
          () -> {
            Written written = session.write(writes, volumeIds);
            world.written(node, writes, written.results());
            return written;
          });
    }

    @Override
    public List<PlanRequest> planRequests() {
      return ask("", session::planRequests);
    }

    @Override
    public void release() {
      ask(
          "release",
          () -> {
            session.release();
            return true;
          });
    }
  }

  /** The kinds of writes that change what is wanted or allowed. */
  static String kinds(List<AgentWrite> writes) {
    return String.join(
        "+",
        writes.stream()
            .filter(w -> !isTalk(w))
            .map(w -> w.getClass().getSimpleName())
            .distinct()
            .toList());
  }

  static boolean isTalk(AgentWrite write) {
    return write instanceof AgentWrite.FinishIntent
        || write instanceof AgentWrite.FinishUnknownIntents
        || write instanceof AgentWrite.PublishReasons
        || write instanceof AgentWrite.PublishPlan
        || write instanceof AgentWrite.AnswerPlan
        || write instanceof AgentWrite.DiskFree;
  }
}

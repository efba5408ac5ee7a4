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
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * PostgreSQL's store for one process: commits cross lines, and a process that is dead asks nothing.
 */
record StageStore(StageMachine machine, AgentStore store) implements AgentStore {
  private <T> T ask(String what, Supplier<T> transaction) {
    machine.transactions().enter();
    try {
      machine.checkAlive();
      if (!what.isEmpty()) {
        obey(machine.cross(what, Line.BEFORE_COMMIT));
      }
      T result = transaction.get();
      machine.checkAlive();
      if (!what.isEmpty()) {
        obey(machine.cross(what, Line.AFTER_COMMIT));
      }
      return result;
    } finally {
      machine.transactions().leave();
    }
  }

  private static void obey(Fate fate) {
    if (fate == Fate.CUT_OFF) {
      throw new StoreUnavailableException("the connection failed", new IOException("cut off"));
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
    WakeUps wakeUps = store.listen(nodeName, onWake);
    machine.closeWhenKilled(wakeUps::close);
    return wakeUps;
  }

  @Override
  public StoreCounters counters() {
    return store.counters();
  }

  @Override
  public void close() {
    store.close();
  }

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
      return ask(SimStore.kinds(writes), () -> session.write(writes, volumeIds));
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
}

package io.diskengine.testkit.sim;

import io.diskengine.store.AgentStore;
import io.diskengine.store.StoreUnavailableException;
import io.diskengine.store.Wake;
import io.diskengine.store.WakeUps;
import io.diskengine.testkit.sim.Crossing.Fate;
import io.diskengine.testkit.sim.Crossing.Line;
import java.io.IOException;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * PostgreSQL's store for one process: commits cross lines, and a process that is dead asks nothing.
 */
final class StageStore extends AskedStore {
  private final StageMachine machine;

  StageStore(StageMachine machine, AgentStore store) {
    super(store);
    this.machine = machine;
  }

  @Override
  <T> T ask(String what, Supplier<T> transaction) {
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
  public WakeUps listen(String nodeName, Consumer<Wake> onWake) {
    WakeUps wakeUps = store.listen(nodeName, onWake);
    machine.closeWhenKilled(wakeUps::close);
    return wakeUps;
  }

  @Override
  public void close() {
    store.close();
  }
}

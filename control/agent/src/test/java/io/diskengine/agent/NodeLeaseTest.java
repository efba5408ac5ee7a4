package io.diskengine.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.model.ClusterSettings;
import io.diskengine.model.NodeMode;
import io.diskengine.model.NodeView;
import io.diskengine.model.VolumeRows;
import io.diskengine.store.AgentSession;
import io.diskengine.store.AgentStore;
import io.diskengine.store.AgentWrite;
import io.diskengine.store.Lease;
import io.diskengine.store.NodeRegistration;
import io.diskengine.store.PlanRequest;
import io.diskengine.store.StoreCounters;
import io.diskengine.store.Wake;
import io.diskengine.store.WakeUps;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Law 7: an agent stops by itself, at half of its lease. */
class NodeLeaseTest {
  private final Clock clock = new Clock();
  private final Session session = new Session();
  private final NodeLease lease =
      new NodeLease(
          new Store(),
          new NodeRegistration("sn1", NodeMode.STORAGE_NODE, "rack1", List.of()),
          "sn1/1",
          clock);

  @Test
  void isHeldForHalfOfItsTimeAfterARenewalWasSentAndNotWhenItIsLost() {
    assertFalse(lease.isHeld(), "before it was taken");
    lease.acquire(clock.nowMs());
    assertTrue(lease.isHeld());

    ClusterSettings settings = ClusterSettings.DEFAULTS;
    session.answersAfterMs = 1_000;
    long sentAtMs = clock.bootMs;
    lease.renew(session, clock.nowMs(), settings);
    assertEquals(sentAtMs + 1_000, clock.bootMs);

    clock.bootMs = sentAtMs + settings.leaseStopMs() - 1;
    assertTrue(lease.isHeld());
    clock.bootMs++;
    assertFalse(lease.isHeld(), "half of its time is over");
    assertTrue(settings.leaseStopMs() * 2 <= settings.leaseTtlMs());

    lease.renew(session, clock.nowMs(), settings);
    lease.lost();
    assertFalse(lease.isHeld(), "lost");
  }

  @Test
  void aBeatDoesNotLetAnythingBeSent() {
    ClusterSettings settings = ClusterSettings.DEFAULTS;
    clock.nowMs = 1_000;
    lease.acquire(clock.nowMs);
    lease.lasts(settings);
    assertEquals(clock.nowMs + settings.leaseBeatMs(), lease.dueAtMs(false, settings));
    assertEquals(clock.nowMs + settings.leaseRenewMs(), lease.dueAtMs(true, settings));

    pass(settings.leaseBeatMs() - 1);
    lease.keep(session, clock.nowMs, false, settings);
    assertEquals(0, session.beats, "it is not due yet");
    pass(1);
    lease.keep(session, clock.nowMs, false, settings);
    assertEquals(1, session.beats);
    assertEquals(0, session.renewals);
    assertFalse(lease.isHeld(), "half of its time is over");
    assertTrue(settings.leaseBeatMs() < settings.leaseTtlMs());

    lease.ensure(session, clock.nowMs, settings);
    assertEquals(1, session.renewals, "before something is sent");
    assertTrue(lease.isHeld());
    pass(settings.leaseRenewMs() - 1);
    lease.ensure(session, clock.nowMs, settings);
    assertEquals(1, session.renewals, "that was just now");
  }

  @Test
  void isRenewedOftenWhileMutationsAreUnderWay() {
    ClusterSettings settings = ClusterSettings.DEFAULTS;
    lease.acquire(clock.nowMs);
    lease.lasts(settings);
    for (int i = 0; i < 10; i++) {
      pass(settings.leaseRenewMs());
      assertTrue(lease.isHeld());
      lease.keep(session, clock.nowMs, true, settings);
      assertEquals(i + 1, session.renewals);
    }
    assertEquals(0, session.beats);
  }

  private void pass(long ms) {
    clock.nowMs += ms;
    clock.bootMs += ms;
  }

  private static final class Clock implements AgentClock {
    long bootMs = 5_000;
    long nowMs;

    @Override
    public long nowMs() {
      return nowMs;
    }

    @Override
    public long bootMs() {
      return bootMs;
    }

    @Override
    public Instant instant() {
      return Instant.EPOCH;
    }
  }

  private final class Store implements AgentStore {
    @Override
    public Lease acquire(NodeRegistration registration, String holder) {
      return new Lease.Held(session, Instant.EPOCH, List.of(), null);
    }

    @Override
    public WakeUps listen(String nodeName, Consumer<Wake> onWake) {
      throw new AssertionError("a lease asks for nothing but its renewal");
    }

    @Override
    public StoreCounters counters() {
      throw new AssertionError("a lease asks for nothing but its renewal");
    }

    @Override
    public void close() {}
  }

  private final class Session implements AgentSession {
    long answersAfterMs;
    int renewals;
    int beats;

    @Override
    public Instant renew() {
      renewals++;
      clock.bootMs += answersAfterMs;
      return Instant.EPOCH;
    }

    @Override
    public Instant beat() {
      beats++;
      return Instant.EPOCH;
    }

    @Override
    public long nodeId() {
      return 1;
    }

    @Override
    public String nodeName() {
      return "sn1";
    }

    @Override
    public long leaseEpoch() {
      return 1;
    }

    @Override
    public NodeView view() {
      throw new AssertionError("a lease asks for nothing but its renewal");
    }

    @Override
    public boolean isUnchanged(NodeView view) {
      throw new AssertionError("a lease asks for nothing but its renewal");
    }

    @Override
    public VolumeRows rows(Set<Long> volumeIds) {
      throw new AssertionError("a lease asks for nothing but its renewal");
    }

    @Override
    public Written write(List<AgentWrite> writes, Set<Long> volumeIds) {
      throw new AssertionError("a lease asks for nothing but its renewal");
    }

    @Override
    public List<PlanRequest> planRequests() {
      throw new AssertionError("a lease asks for nothing but its renewal");
    }

    @Override
    public void release() {
      throw new AssertionError("a lease asks for nothing but its renewal");
    }
  }
}

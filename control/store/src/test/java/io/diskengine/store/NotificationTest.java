package io.diskengine.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.model.DataPlaneState;
import io.diskengine.model.Lvol;
import io.diskengine.store.AgentWrite.LvolUp;
import io.diskengine.store.AgentWrite.NodeSeen;
import java.util.UUID;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource(Server.class)
final class NotificationTest {
  private static final int ARRIVES_WITHIN_SEC = 10;

  private final Fixture fixture;

  NotificationTest(Server server) {
    fixture = new Fixture(server);
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  private static void awaitWake(Semaphore wakes) throws InterruptedException {
    assertThat(wakes.tryAcquire(ARRIVES_WITHIN_SEC, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void agentsAreWokenByWhatConcernsThemAndNotByThemselves() throws Exception {
    AgentSession sn1 = fixture.storageNode("sn1");
    AgentSession bm1 = fixture.agent("bm1");
    Semaphore storage = new Semaphore(0);
    Semaphore baremetal = new Semaphore(0);
    Semaphore controller = new Semaphore(0);
    try (WakeUps a = fixture.agentStore("sn1").listen("sn1", _ -> storage.release());
        WakeUps b = fixture.agentStore("bm1").listen("bm1", _ -> baremetal.release());
        WakeUps c = fixture.controller.listen(_ -> controller.release())) {
      awaitWake(storage);
      awaitWake(baremetal);
      awaitWake(controller);

      fixture.controller.createVolume(Fixture.volume("db", 1));
      awaitWake(storage);
      awaitWake(controller);
      fixture.controller.attach("db", "bm1");
      awaitWake(storage);
      awaitWake(baremetal);
      awaitWake(controller);

      Lvol lvol = sn1.view().lvols().getFirst();
      Fixture.applied(sn1, new LvolUp(lvol.id(), lvol.version(), UUID.randomUUID()));
      awaitWake(baremetal);
      awaitWake(controller);
      Fixture.applied(sn1, new NodeSeen(DataPlaneState.SILENT, "pid-1", "SPDK v26.09"));
      awaitWake(baremetal);
      fixture.controller.requestPlan("bm1");
      awaitWake(baremetal);
      awaitWake(controller);
      assertThat(storage.availablePermits()).as("sn1 woke itself").isZero();
      assertThat(bm1.planRequests()).hasSize(1);
    }
  }

  @Test
  void leaseRenewalWakesNobody() throws Exception {
    AgentSession sn1 = fixture.agent("sn1");
    Semaphore wakes = new Semaphore(0);
    try (WakeUps c = fixture.controller.listen(_ -> wakes.release())) {
      awaitWake(wakes);
      sn1.renew();
      assertThat(wakes.tryAcquire(200, TimeUnit.MILLISECONDS)).isFalse();
    }
  }

  @Test
  void listenerReconnectsAndWakesForWhatItMayHaveMissed() throws Exception {
    fixture.agent("sn1");
    Semaphore wakes = new Semaphore(0);
    try (WakeUps a = fixture.agentStore("sn1").listen("sn1", _ -> wakes.release())) {
      awaitWake(wakes);
      Server.execute(
          fixture.url,
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
              + " WHERE datname = current_database() AND query LIKE 'LISTEN%'");
      awaitWake(wakes);
      fixture.controller.requestPlan("sn1");
      awaitWake(wakes);
    }
  }
}

package io.diskengine.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diskengine.model.DataPlaneState;
import io.diskengine.model.FabricAddress;
import io.diskengine.model.InvalidInput;
import io.diskengine.model.NodeMode;
import io.diskengine.store.AgentWrite.NodeSeen;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource(Server.class)
final class LeaseTest {
  private final Fixture fixture;

  LeaseTest(Server server) {
    fixture = new Fixture(server);
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  private void expire(String node) {
    Server.execute(
        fixture.url,
        "UPDATE diskengine.node SET lease_expires = now() - interval '1 s' WHERE name = '"
            + node
            + "'");
  }

  @Test
  void secondHolderIsToldWhoHoldsTheLease() {
    AgentStore store = fixture.agentStore("sn1");
    Fixture.held(store.acquire(Fixture.registration("sn1"), "first"));
    assertThat(store.acquire(Fixture.registration("sn1"), "second"))
        .isInstanceOfSatisfying(
            Lease.Taken.class, taken -> assertThat(taken.holder()).isEqualTo("first"));
  }

  @Test
  void sameHolderTakesItsLeaseAgainWithANewEpoch() {
    AgentStore store = fixture.agentStore("sn1");
    AgentSession first = Fixture.held(store.acquire(Fixture.registration("sn1"), "me"));
    AgentSession again = Fixture.held(store.acquire(Fixture.registration("sn1"), "me"));
    assertThat(again.leaseEpoch()).isEqualTo(first.leaseEpoch() + 1);
    assertThatThrownBy(first::renew).isInstanceOf(LeaseLostException.class);
  }

  @Test
  void writeOfAStaleEpochIsRefusedAndChangesNothing() {
    AgentStore store = fixture.agentStore("sn1");
    AgentSession old = Fixture.held(store.acquire(Fixture.registration("sn1"), "old"));
    expire("sn1");
    AgentSession successor = Fixture.held(store.acquire(Fixture.registration("sn1"), "new"));
    NodeSeen seen = new NodeSeen(DataPlaneState.READY, "pid-of-old", "v");
    assertThatThrownBy(() -> old.write(seen)).isInstanceOf(LeaseLostException.class);
    assertThat(successor.view().node().incarnation()).isNull();
    assertThat(successor.view().node().dataPlane()).isEqualTo(DataPlaneState.UNKNOWN);
  }

  @Test
  void expiredLeaseWritesNothingUntilRenewed() {
    AgentSession agent = fixture.agent("sn1");
    expire("sn1");
    NodeSeen seen = new NodeSeen(DataPlaneState.READY, "pid", "v");
    assertThatThrownBy(() -> agent.write(seen)).isInstanceOf(LeaseLostException.class);
    assertThat(agent.renew()).isNotNull();
    Fixture.applied(agent, seen);
  }

  @Test
  void releasedLeaseIsFreeAtOnce() {
    AgentStore store = fixture.agentStore("sn1");
    AgentSession first = Fixture.held(store.acquire(Fixture.registration("sn1"), "first"));
    first.release();
    AgentSession second = Fixture.held(store.acquire(Fixture.registration("sn1"), "second"));
    assertThat(second.leaseEpoch()).isGreaterThan(first.leaseEpoch());
    first.release();
    assertThat(second.renew()).isNotNull();
  }

  @Test
  void exactlyOneOfManyContendersGetsTheLease() throws Exception {
    List<Callable<Lease>> contenders = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      String holder = "holder " + i;
      AgentStore store = fixture.agentStore("sn1");
      contenders.add(() -> store.acquire(Fixture.registration("sn1"), holder));
    }
    int held = 0;
    try (ExecutorService threads = Executors.newFixedThreadPool(contenders.size())) {
      for (Future<Lease> lease : threads.invokeAll(contenders)) {
        held += lease.get() instanceof Lease.Held ? 1 : 0;
      }
    }
    assertThat(held).isEqualTo(1);
  }

  @Test
  void leaseCannotChangeHandsWhileATransactionOfItsHolderIsOpen() throws Exception {
    PostgresAgentStore store = fixture.agentStore("sn1");
    AgentSession first = Fixture.held(store.acquire(Fixture.registration("sn1"), "first"));
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<Lease> second =
          store
              .database()
              .transaction(tx -> {
                tx.query(
                    r -> 1,
                    "SELECT 1 FROM node WHERE id = ? AND lease_epoch = ? FOR SHARE",
                    first.nodeId(),
                    first.leaseEpoch());
                expireWithoutWaiting();
                return threads.submit(() -> store.acquire(Fixture.registration("sn1"), "second"));
              });
      assertThat(second.get()).isInstanceOf(Lease.Taken.class);
    }
  }

  /** The row is locked: this can only time out, as a takeover would wait. */
  private void expireWithoutWaiting() {
    assertThatThrownBy(() ->
            Server.execute(
                fixture.url,
                "SET lock_timeout = '100ms';"
                    + " UPDATE diskengine.node SET lease_expires = now() - interval '1 s'"))
        .hasRootCauseInstanceOf(java.sql.SQLException.class);
  }

  @Test
  void nodeKeepsItsModeAndUpdatesItsAddresses() {
    AgentStore store = fixture.agentStore("sn1");
    Fixture.held(store.acquire(Fixture.registration("sn1"), "me"));
    List<FabricAddress> moved = List.of(FabricAddress.parse("tcp:[::1]:4421"));
    AgentSession again =
        Fixture.held(
            store.acquire(new NodeRegistration("sn1", NodeMode.STORAGE_NODE, "d", moved), "me"));
    assertThat(again.view().node().addresses()).isEqualTo(moved);
    assertThat(again.view().node().hostNqn()).isEqualTo("nqn.2026-11.io.diskengine:test:host:sn1");
    NodeRegistration other = new NodeRegistration("sn1", NodeMode.BAREMETAL, "d", List.of());
    assertThatThrownBy(() -> store.acquire(other, "me"))
        .isInstanceOf(InvalidInput.class)
        .hasMessage("node name \"sn1\": is a storage-node already");
  }

  @Test
  void connectionsThatTheServerClosedAreUnavailableAtMostOnceEach() {
    AgentSession agent = fixture.agent("sn1");
    NodeSeen seen = new NodeSeen(DataPlaneState.READY, "pid", "v");
    Server.execute(
        fixture.url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            + " WHERE datname = current_database() AND pid <> pg_backend_pid()");
    int unavailable = 0;
    boolean written = false;
    while (!written && unavailable <= StoreConfig.forAgent("", "", "", "").maxConnections()) {
      try {
        Fixture.applied(agent, seen);
        written = true;
      } catch (StoreUnavailableException e) {
        unavailable++;
      }
    }
    assertThat(written).isTrue();
    assertThat(agent.view().node().incarnation()).isEqualTo("pid");
  }

  @Test
  void unreachableServerIsUnavailableAndNotARefusal() {
    StoreConfig nowhere =
        StoreConfig.forAgent("jdbc:postgresql://127.0.0.1:1/none", "u", "p", "sn9");
    try (PostgresAgentStore store = new PostgresAgentStore(new Database(nowhere))) {
      assertThatThrownBy(() -> store.acquire(Fixture.registration("sn9"), "me"))
          .isInstanceOf(StoreUnavailableException.class)
          .hasMessageContaining("127.0.0.1:1");
    }
  }
}

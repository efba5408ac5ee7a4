package io.diskengine.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.model.DataPlaneState;
import io.diskengine.model.Lvol;
import io.diskengine.model.NodeView;
import io.diskengine.store.AgentWrite.LvolUp;
import io.diskengine.store.AgentWrite.NodeSeen;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** A resync reads everything unless nothing can have changed, whether that was told or not. */
@ParameterizedClass
@EnumSource(Server.class)
final class UnchangedTest {
  private final Fixture fixture;

  UnchangedTest(Server server) {
    fixture = new Fixture(server);
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  private void execute(String sql) throws SQLException {
    Server.execute(fixture.url, sql);
  }

  @Test
  void whatIsReadAgainIsUnchangedUntilSomethingIs() throws Exception {
    AgentSession sn1 = fixture.storageNode("sn1");
    AgentSession host = fixture.agent("bm1");
    fixture.controller.createVolume(Fixture.volume("db", 1));
    fixture.controller.attach("db", "bm1");
    NodeView view = host.view();
    assertThat(host.isUnchanged(view)).isTrue();
    host.beat();
    sn1.renew();
    assertThat(host.isUnchanged(view)).as("leases are extended").isTrue();

    Lvol other = view.lvols().getFirst();
    Fixture.applied(sn1, new LvolUp(other.id(), other.version(), UUID.randomUUID()));
    assertThat(host.isUnchanged(view)).as("a replica, of which nobody told it").isFalse();

    view = host.view();
    assertThat(host.isUnchanged(view)).isTrue();
    Fixture.applied(sn1, new NodeSeen(DataPlaneState.SILENT, "pid-1", "SPDK v26.09"));
    assertThat(host.isUnchanged(view)).as("a peer's data plane").isFalse();

    view = host.view();
    execute("UPDATE diskengine.node SET lease_expires = now() WHERE name = 'sn1'");
    assertThat(host.isUnchanged(view)).as("a peer's lease").isFalse();

    view = host.view();
    execute("UPDATE diskengine.cluster SET grace_ms = grace_ms + 1");
    assertThat(host.isUnchanged(view)).as("a setting").isFalse();

    view = host.view();
    execute("UPDATE diskengine.node SET version = version + 1 WHERE name = 'bm1'");
    assertThat(host.isUnchanged(view)).as("its own row").isFalse();

    view = host.view();
    assertThat(host.isUnchanged(view)).isTrue();
    execute("UPDATE diskengine.cluster SET sequence = 0");
    assertThat(host.isUnchanged(view)).as("a database that went back").isFalse();
  }

  @Test
  void whatWasAboutToBeCommittedWhenAllWasReadIsNotMissed() throws Exception {
    AgentSession sn1 = fixture.storageNode("sn1");
    fixture.controller.createVolume(Fixture.volume("db", 1));
    try (Connection other = DriverManager.getConnection(fixture.url, "postgres", "");
        Statement s = other.createStatement()) {
      other.setAutoCommit(false);
      s.execute("UPDATE diskengine.lvol SET version = version + 1");
      NodeView before = sn1.view();
      other.commit();
      assertThat(sn1.view().lvols()).isNotEqualTo(before.lvols());

      s.execute("UPDATE diskengine.lvol SET version = version + 1");
      NodeView view = sn1.view();
      other.commit();
      assertThat(sn1.isUnchanged(view)).isFalse();

      view = sn1.view();
      assertThat(sn1.isUnchanged(view)).isTrue();
    }
  }
}

package io.diskengine.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diskengine.model.ClusterSettings;
import io.diskengine.model.DiskState;
import io.diskengine.model.Grant;
import io.diskengine.model.GrantState;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.State;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.model.VolumeState;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource(Server.class)
final class SchemaTest {
  private final Fixture fixture;

  SchemaTest(Server server) {
    fixture = new Fixture(server);
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  private String scalar(String user, String sql) throws SQLException {
    String password = user.equals("postgres") ? "" : Server.PASSWORD;
    try (Connection c = DriverManager.getConnection(fixture.url, user, password);
        Statement s = c.createStatement();
        ResultSet r = s.executeQuery(sql)) {
      r.next();
      return String.valueOf(r.getString(1));
    }
  }

  private <S extends Enum<S> & State<S>> void compare(String entity, Class<S> states)
      throws SQLException {
    List<String> different = new ArrayList<>();
    for (S from : states.getEnumConstants()) {
      for (S to : states.getEnumConstants()) {
        String sql =
            "SELECT diskengine.legal_transition('%s', '%s', '%s')".formatted(entity, from, to);
        if (scalar("postgres", sql).equals("t") != from.canBecome(to)) {
          different.add(entity + " " + from + " -> " + to);
        }
      }
    }
    assertThat(different).isEmpty();
  }

  @Test
  void transitionsInTheDatabaseAreTheModels() throws SQLException {
    compare("disk", DiskState.class);
    compare("volume", VolumeState.class);
    compare("lvol", LvolState.class);
    compare("lvol_sync", LvolSync.class);
    compare("lvol_grant", GrantState.class);
    compare("volume_mapping", VolumeMappingState.class);
    compare("vm_mapping", VmMappingState.class);
  }

  private void compareCheck(String table, String column, Class<? extends Enum<?>> states)
      throws SQLException {
    String check =
        scalar(
            "postgres",
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = '"
                + (table + "_" + column + "_check'"));
    List<String> allowed =
        Arrays.stream(check.split("'")).filter(part -> part.matches("[A-Z_]+")).toList();
    assertThat(allowed)
        .as(check)
        .containsExactlyInAnyOrderElementsOf(
            Arrays.stream(states.getEnumConstants()).map(Enum::name).toList());
  }

  @Test
  void checkConstraintsListTheModelsWords() throws SQLException {
    compareCheck("disk", "state", DiskState.class);
    compareCheck("volume", "state", VolumeState.class);
    compareCheck("lvol", "state", LvolState.class);
    compareCheck("lvol", "sync", LvolSync.class);
    compareCheck("lvol_grant", "state", GrantState.class);
    compareCheck("volume_mapping", "state", VolumeMappingState.class);
    compareCheck("vm_mapping", "state", VmMappingState.class);
    compareCheck("node", "mode", io.diskengine.model.NodeMode.class);
    compareCheck("node", "data_plane", io.diskengine.model.DataPlaneState.class);
    compareCheck("node", "schedulability", io.diskengine.model.Schedulability.class);
    compareCheck("event", "severity", io.diskengine.model.Event.Severity.class);
  }

  @Test
  void illegalTransitionIsRefusedWhoeverAsks() {
    fixture.storageNode("sn1");
    fixture.controller.createVolume(Fixture.volume("db", 1));
    assertThatThrownBy(
            () -> Server.execute(fixture.url, "UPDATE diskengine.volume SET state = 'RESIZING'"))
        .hasStackTraceContaining("cannot go from CREATING to RESIZING");
    assertThatThrownBy(
            () -> Server.execute(fixture.url, "UPDATE diskengine.volume SET state = 'SILLY'"))
        .hasStackTraceContaining("cannot go from CREATING to SILLY");
    assertThatThrownBy(() -> Server.execute(fixture.url, "UPDATE diskengine.lvol SET state = 'UP'"))
        .hasStackTraceContaining("lvol_check");
  }

  @Test
  void hostIsNeverConfirmedBesideAnotherOneWhoeverAsks() {
    AgentSession sn1 = fixture.storageNode("sn1");
    AgentSession bm1 = fixture.agent("bm1");
    fixture.agent("bm2");
    fixture.controller.createVolume(Fixture.volume("db", 1));
    fixture.controller.attach("db", "bm1");
    Fixture.confirmAll(sn1);
    fixture.controller.detach("db");
    Fixture.detachAll(bm1);
    fixture.controller.attach("db", "bm2");
    assertThatThrownBy(() ->
            Server.execute(
                fixture.url,
                "UPDATE diskengine.lvol_grant SET state = 'GRANTED', incarnation = 'x'"
                    + " WHERE state = 'GRANTING'"))
        .hasStackTraceContaining("still has another grant that is not REVOKED");
  }

  @Test
  void rolesMayDoTheirPartOnly() {
    fixture.storageNode("sn1");
    fixture.controller.createVolume(Fixture.volume("db", 1));
    for (String forbidden :
        List.of(
            "INSERT INTO diskengine.volume_mapping (volume_id, node_id, clean) VALUES (1, 1, true)",
            "UPDATE diskengine.volume SET name = 'x'",
            "DELETE FROM diskengine.volume",
            "UPDATE diskengine.cluster SET sequence = 0",
            "UPDATE diskengine.event SET message = 'rewritten'",
            "CREATE TABLE diskengine.x ()")) {
      assertThatThrownBy(() -> scalar("diskengine_agent", forbidden))
          .as(forbidden)
          .hasMessageContaining("permission denied");
    }
    for (String forbidden :
        List.of(
            "UPDATE diskengine.node SET lease_epoch = 9",
            "UPDATE diskengine.disk SET state = 'UP'",
            "UPDATE diskengine.cluster SET sequence = 0",
            "UPDATE diskengine.event SET message = 'rewritten'")) {
      assertThatThrownBy(() -> scalar("diskengine_controller", forbidden))
          .as(forbidden)
          .hasMessageContaining("permission denied");
    }
  }

  @Test
  void sequenceIsRaisedOnceByEachTransactionWithAGrantAnEpochOrATombstone() {
    AgentSession sn1 = fixture.storageNode("sn1");
    fixture.agent("bm1");
    long start = fixture.controller.cluster().sequence();
    fixture.controller.createVolume(Fixture.volume("db", 1));
    assertThat(fixture.controller.cluster().sequence()).isEqualTo(start);
    fixture.controller.attach("db", "bm1");
    assertThat(fixture.controller.cluster().sequence()).isEqualTo(start + 1);
    Fixture.confirmAll(sn1);
    assertThat(sn1.view().grants()).extracting(Grant::state).containsOnly(GrantState.GRANTED);
    assertThat(fixture.controller.cluster().sequence()).as("a confirmation").isEqualTo(start + 1);
    fixture.controller.createVolume(Fixture.volume("gone", 1));
    fixture.controller.delete("gone");
    assertThat(fixture.controller.cluster().sequence()).isEqualTo(start + 2);
  }

  @Test
  void clusterHasTheDefaultSettingsAndMigratingAgainChangesNothing() {
    assertThat(fixture.controller.cluster().settings()).isEqualTo(ClusterSettings.DEFAULTS);
    Migrations.migrate(fixture.url, "postgres", "", "other", "nqn.2020-01.org.example");
    assertThat(fixture.controller.cluster().id()).isEqualTo("test");
  }

  @Test
  void serverWithoutFsyncIsNamedAsAProblem() {
    assertThat(fixture.controller.database().serverProblems()).contains("fsync is off: must be on");
  }
}

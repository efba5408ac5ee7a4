package io.diskengine.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.model.DataPlaneState;
import io.diskengine.model.Node;
import io.diskengine.model.NodeMode;
import io.diskengine.model.Schedulability;
import io.diskengine.store.AgentWrite;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What an agent that has just begun tells of its data plane. */
class PublicationsTest {
  private final Publications publications = new Publications();

  private static Node row(DataPlaneState state, @Nullable String incarnation) {
    return new Node(
        1,
        "sn1",
        NodeMode.STORAGE_NODE,
        "rack1",
        "nqn",
        List.of(),
        Schedulability.ACTIVE,
        "sn1/1",
        1,
        null,
        true,
        incarnation,
        incarnation == null ? null : "v",
        state,
        null,
        1);
  }

  private static AgentWrite.NodeSeen seen(DataPlaneState state) {
    return state == DataPlaneState.DOWN
        ? new AgentWrite.NodeSeen(state, null, null)
        : new AgentWrite.NodeSeen(state, "pid-1", "v");
  }

  private void tells(boolean tells, DataPlaneState state, Node row, long nowMs) {
    List<AgentWrite> due = publications.due(seen(state), row, nowMs);
    assertEquals(tells ? List.of(seen(state)) : List.of(), due, state + " at " + nowMs);
    publications.told(due, nowMs);
  }

  @Test
  void aDataPlaneThatIsFoundAsItWasIsNotToldOf() {
    Node row = row(DataPlaneState.READY, "pid-1");
    tells(false, DataPlaneState.DOWN, row, 1_000);
    publications.planeAnswered(1_100);
    tells(false, DataPlaneState.STARTING, row, 1_100);
    tells(false, DataPlaneState.READY, row, 1_500);
    tells(true, DataPlaneState.SILENT, row, 9_000);
  }

  @Test
  void aDataPlaneThatIsNotVerifiedForLongIsToldOf() {
    Node row = row(DataPlaneState.READY, "pid-1");
    publications.planeAnswered(1_000);
    tells(false, DataPlaneState.STARTING, row, 1_000);
    long dueMs = publications.seenDueMs();
    assertTrue(dueMs > 1_000 && dueMs < 60_000, "it will be told: " + dueMs);
    tells(false, DataPlaneState.STARTING, row, dueMs - 1);
    tells(true, DataPlaneState.STARTING, row, dueMs);
    assertEquals(Long.MAX_VALUE, publications.seenDueMs());
  }

  @Test
  void anotherProcessIsToldOfAtOnce() {
    publications.planeAnswered(1_000);
    tells(true, DataPlaneState.STARTING, row(DataPlaneState.READY, "pid-0"), 1_000);
  }

  @Test
  void aDataPlaneThatIsAwayIsToldOfWhenThatIsKnown() {
    Node row = row(DataPlaneState.READY, "pid-1");
    tells(false, DataPlaneState.DOWN, row, 1_000);
    publications.planeAnswered(1_100);
    tells(true, DataPlaneState.DOWN, row, 1_100);
  }

  @Test
  void aDataPlaneThatWentAwayIsToldOfAtOnceOnceItWasThere() {
    Node row = row(DataPlaneState.READY, "pid-1");
    publications.planeAnswered(1_000);
    tells(false, DataPlaneState.READY, row, 1_000);
    tells(true, DataPlaneState.DOWN, row, 1_200);
  }
}

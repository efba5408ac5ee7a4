package io.diskengine.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.agent.AgentStatus.State;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class StatusLineTest {
  private static String refused(int id) {
    return "rpc_get_methods (id " + id + ") to /run/spdk.sock: connection refused";
  }

  @Test
  void triesThatFailAlikeAreToldOnce() {
    List<AgentStatus> told = new ArrayList<>();
    StatusLine line = new StatusLine("bm1", told::add);
    for (int id = 1; id <= 100; id++) {
      line.tell(State.WAITING, refused(id));
    }
    assertEquals(
        List.of(
            new AgentStatus(
                State.WAITING, "rpc_get_methods to /run/spdk.sock: connection refused")),
        told);
    line.tell(State.READY, "");
    line.tell(State.WAITING, refused(101));
    assertEquals(3, told.size());
  }

  @Test
  void failureOfTheNextTryIsNewsOnlyWhenItIsAnother() {
    Backoffs backoffs = new Backoffs();
    ObjectRef leg = new ObjectRef(ObjectKind.LVOL, 1);
    assertTrue(backoffs.failed(leg, refused(1), 0, Instant.EPOCH));
    assertFalse(backoffs.failed(leg, refused(2), 1_000, Instant.EPOCH));
    assertTrue(backoffs.failed(leg, "-5 Input/output error", 2_000, Instant.EPOCH));
  }
}

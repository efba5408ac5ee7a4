package io.diskengine.agent;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.model.Cluster;
import io.diskengine.model.ClusterSettings;
import io.diskengine.model.DataPlaneState;
import io.diskengine.model.Node;
import io.diskengine.model.NodeMode;
import io.diskengine.model.NodeView;
import io.diskengine.model.Schedulability;
import io.diskengine.model.VmMapping;
import io.diskengine.model.VmMappingState;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

class GuestLookTest {
  private static NodeView rows(long asked) {
    Node node =
        new Node(
            1,
            "bm1",
            NodeMode.BAREMETAL,
            "d",
            "nqn",
            List.of(),
            Schedulability.ACTIVE,
            null,
            1,
            Instant.EPOCH,
            true,
            null,
            null,
            DataPlaneState.READY,
            null,
            1);
    VmMapping vm = new VmMapping(1, 1, 1, "vhost1", "/s", VmMappingState.ATTACHED, true, asked, 1);
    return new NodeView(
        new Cluster("c", "nqn", 1, ClusterSettings.DEFAULTS),
        node,
        List.of(),
        List.of(),
        List.of(),
        List.of(),
        List.of(),
        List.of(),
        List.of(vm));
  }

  @Test
  void aGuestThatSomebodyAsksForIsLookedForAtOnceAndOnce() {
    BaremetalMode mode = new BaremetalMode(new PeerProbes(AgentMachine.SYSTEM, () -> {}));
    mode.reset("i", 0);
    mode.loaded(rows(0), null);
    mode.look().merge(0);
    assertFalse(mode.needsLook());
    mode.loaded(rows(0), null);
    assertFalse(mode.needsLook());
    mode.loaded(rows(1), null);
    assertTrue(mode.needsLook());
    mode.look().merge(0);
    mode.loaded(rows(1), null);
    assertFalse(mode.needsLook());
  }
}

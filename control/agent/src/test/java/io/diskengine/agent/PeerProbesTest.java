package io.diskengine.agent;

import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.model.Cluster;
import io.diskengine.model.ClusterSettings;
import io.diskengine.model.DataPlaneState;
import io.diskengine.model.FabricAddress;
import io.diskengine.model.Kept;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Node;
import io.diskengine.model.NodeMode;
import io.diskengine.model.NodeView;
import io.diskengine.model.Schedulability;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;

/** Probes of a target's sign of life, on real sockets. */
@NullUnmarked
class PeerProbesTest {
  private static final int DEADLINE_MS = 300;

  private static NodeView view(int port) {
    ClusterSettings settings =
        new ClusterSettings(
            1, -1, 0, 12, 100, DEADLINE_MS, 3000, 30_000, 30_000, 2, 100, true, 600, 2, 0);
    Node node =
        new Node(
            1,
            "sn1",
            NodeMode.STORAGE_NODE,
            "d",
            "nqn",
            List.of(FabricAddress.parse("tcp:127.0.0.1:" + port)),
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
    Lvol lvol =
        new Lvol(
            1,
            1,
            1,
            1,
            0,
            1,
            "v",
            null,
            1,
            "nqn",
            UUID.randomUUID(),
            "",
            "",
            1,
            2,
            LvolState.UP,
            LvolSync.IN_SYNC,
            null,
            Kept.NONE,
            null,
            null,
            1);
    return new NodeView(
        new Cluster("c", "nqn", 1, settings),
        node,
        List.of(node),
        List.of(),
        List.of(),
        List.of(lvol),
        List.of(),
        List.of(),
        List.of());
  }

  @Test
  void stoppedTargetIsSilentAndOneThatAnswersIsNot() throws Exception {
    AtomicBoolean answers = new AtomicBoolean(true);
    try (ServerSocket target = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      Thread.ofVirtual().start(() -> serve(target, answers));
      PeerProbes probes = new PeerProbes(AgentMachine.SYSTEM, () -> {});
      NodeView view = view(target.getLocalPort());
      assertNull(run(probes, view, 2 * DEADLINE_MS));
      answers.set(false);
      assertNotNull(run(probes, view, 2 * DEADLINE_MS));
      answers.set(true);
      assertNull(run(probes, view, 2 * DEADLINE_MS));
    }
  }

  @Test
  void refusedConnectionIsAnAnswer() throws Exception {
    int port;
    try (ServerSocket gone = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = gone.getLocalPort();
    }
    assertNull(run(new PeerProbes(AgentMachine.SYSTEM, () -> {}), view(port), 2 * DEADLINE_MS));
  }

  @Test
  void silenceWhileNobodyListenedDoesNotCount() throws Exception {
    PeerProbes probes = new PeerProbes(AgentMachine.SYSTEM, () -> {});
    NodeView view = view(1);
    probes.tick(1_000, view);
    probes.tick(100_000, view);
    assertNull(probes.results(100_000, view).get(1L).silentSinceMs());
  }

  /** Ticks for a while; the silence as it is then. */
  private static Long run(PeerProbes probes, NodeView view, int forMs) throws Exception {
    long until = AgentClock.SYSTEM.nowMs() + forMs;
    while (AgentClock.SYSTEM.nowMs() < until) {
      probes.tick(AgentClock.SYSTEM.nowMs(), view);
      Thread.sleep(50);
    }
    return probes.results(AgentClock.SYSTEM.nowMs(), view).get(1L).silentSinceMs();
  }

  private static void serve(ServerSocket target, AtomicBoolean answers) {
    try {
      while (true) {
        Socket s = target.accept();
        Thread.ofVirtual().start(() -> answer(s, answers));
      }
    } catch (IOException closed) {
      // the end
    }
  }

  private static void answer(Socket s, AtomicBoolean answers) {
    try (s) {
      byte[] pdu = s.getInputStream().readNBytes(128);
      assertTrue(pdu.length == 128 && pdu[0] == 0 && pdu[4] == (byte) 128);
      while (!answers.get()) {
        Thread.sleep(10);
      }
      pdu[0] = 1;
      s.getOutputStream().write(pdu);
    } catch (IOException | InterruptedException gone) {
      // the probe gave up
    }
  }
}

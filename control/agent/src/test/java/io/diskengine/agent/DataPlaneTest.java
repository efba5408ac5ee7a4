package io.diskengine.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.model.Cluster;
import io.diskengine.model.ClusterSettings;
import io.diskengine.model.DataPlaneState;
import io.diskengine.model.Node;
import io.diskengine.model.NodeMode;
import io.diskengine.model.NodeView;
import io.diskengine.model.Schedulability;
import io.diskengine.spdkrpc.RpcListener;
import io.diskengine.spdkrpc.RpcOptions;
import io.diskengine.spdkrpc.SpdkAddress;
import io.diskengine.spdkrpc.SpdkRpcClient;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.LongFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** From a data plane's first answer to the end of its initialisation. */
class DataPlaneTest {
  private static final NodeView VIEW =
      new NodeView(
          new Cluster("c", "nqn", 1, ClusterSettings.DEFAULTS),
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
              DataPlaneState.DOWN,
              null,
              1),
          List.of(),
          List.of(),
          List.of(),
          List.of(),
          List.of(),
          List.of(),
          List.of());

  @TempDir Path dir;

  private final Semaphore disconnected = new Semaphore(0);

  private SpdkRpcClient connect(Path socket) {
    RpcListener listener =
        new RpcListener() {
          @Override
          public void onDisconnected(SpdkAddress address, long connection, String reason) {
            disconnected.release();
          }
        };
    return SpdkRpcClient.connect(
        SpdkAddress.parse(socket.toString()), RpcOptions.defaults().withListener(listener));
  }

  private static DataPlane.Outcome start(SpdkRpcClient client, LongFunction<String> startTime) {
    Mode mode = new BaremetalMode(new PeerProbes(AgentMachine.SYSTEM, () -> {}));
    return DataPlane.start(startTime, client, mode, VIEW);
  }

  private static DataPlane.Outcome.Up up(SpdkRpcClient client) {
    return assertInstanceOf(DataPlane.Outcome.Up.class, start(client, _ -> "t"));
  }

  /** Its successor would never be initialised: the agent believes that it is the old one. */
  @Test
  void aProcessThatIsReplacedWhileItIsAskedIsNotUp() throws Exception {
    Path socket = dir.resolve("bm1.sock");
    try (FakeSpdk plane = new FakeSpdk(new FakeSpdk.Fabric(), "bm1", socket).start();
        SpdkRpcClient client = connect(socket)) {
      DataPlane.Outcome.Up first = up(client);
      assertTrue(plane.isUp());
      assertEquals(first.connection(), client.connection());
      assertEquals(first, up(client), "asked again");
      DataPlane.Outcome between =
          start(
              client,
              _ -> {
                replace(plane);
                return "t";
              });
      assertInstanceOf(DataPlane.Outcome.Away.class, between);
      assertFalse(plane.isUp());
      DataPlane.Outcome.Up next = up(client);
      assertTrue(plane.isUp(), "initialised");
      assertNotEquals(first.incarnation(), next.incarnation());
      assertEquals(next.connection(), client.connection());
    }
  }

  private void replace(FakeSpdk plane) {
    try {
      plane.kill();
      plane.start();
      assertTrue(disconnected.tryAcquire(10, TimeUnit.SECONDS));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}

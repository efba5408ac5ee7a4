package io.diskengine.engine.nvmf;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.bdev.MallocBdev;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.sim.SimWorld;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.UUID;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * On virtual time: a host that falls silent in the middle of its commands is forgotten when its
 * keep-alive time is over, whatever its connections were doing, and takes nothing with it.
 */
class SilentHostSimulationTest {
  private static final String NQN = TargetFixture.NQN;
  private static final String HOST = TargetFixture.HOST;
  private static final long SECOND = 1_000_000_000L;
  private static final InetSocketAddress SERVER =
      new InetSocketAddress(InetAddress.ofLiteral("10.0.0.1"), 4420);

  /** A connection of a host in the world that keeps what it receives. */
  private static final class Peer {
    private final Reactor reactor;
    private final long memory = Arena.global().allocate(1 << 20, 4096).address();
    private final ByteArrayOutputStream received = new ByteArrayOutputStream();
    private int fd = -1;
    private boolean connected;
    private boolean ended;

    Peer(Reactor reactor) {
      this.reactor = reactor;
      reactor.execute(() -> {
        fd = reactor.kernel().streamSocket(SERVER, null);
        reactor.connect(
            fd,
            SERVER,
            result -> {
              connected = result == 0;
              receive();
            });
      });
    }

    private void receive() {
      reactor.recv(
          fd,
          memory,
          64 << 10,
          result -> {
            if (result <= 0) {
              ended = true;
            } else {
              received.writeBytes(NativeMemory.bytes(memory, result));
              receive();
            }
          });
    }

    void send(byte[] bytes) {
      reactor.execute(() -> sendRest(bytes, 0));
    }

    private void sendRest(byte[] bytes, int offset) {
      int length = bytes.length - offset;
      long at = memory + (64 << 10);
      NativeMemory.copy(bytes, offset, at, length);
      Iovec.set(memory + (1 << 19), 0, at, length);
      reactor.sendv(
          fd,
          memory + (1 << 19),
          1,
          result -> {
            if (result > 0 && result < length) {
              sendRest(bytes, offset + result);
            }
          });
    }
  }

  private static byte[] capsule(ByteBuffer sqe, byte[] data) {
    ByteBuffer pdu = WireClient.buffer(72 + data.length);
    pdu.put(0, (byte) 4).put(2, (byte) 72).put(3, (byte) (data.length > 0 ? 72 : 0));
    pdu.putInt(4, pdu.capacity());
    pdu.put(8, sqe.array()).put(72, data);
    return pdu.array();
  }

  private static ByteBuffer sqe(int opcode, int cid, int nsid) {
    return WireClient.buffer(64)
        .put(0, (byte) opcode)
        .put(1, (byte) 0x40)
        .putShort(2, (short) cid)
        .putInt(4, nsid)
        .put(39, (byte) 0x5a);
  }

  private Peer connect(SimWorld world, Reactor reactor, int qid, int cntlid) {
    Peer peer = new Peer(reactor);
    world.await("connected", () -> peer.connected, SECOND);
    peer.send(WireClient.buffer(128).put(2, (byte) 128).putInt(4, 128).array());
    world.await("ICResp", () -> peer.received.size() == 128, SECOND);
    ByteBuffer connect = WireClient.inCapsule(sqe(0x7f, 1, 1), 1024);
    connect.putShort(42, (short) qid).putShort(44, (short) 31).putInt(48, 15_000);
    peer.send(capsule(connect, WireClient.connectData(cntlid, NQN, HOST)));
    world.await("Connect", () -> peer.received.size() == 128 + 24, SECOND);
    byte[] answer = peer.received.toByteArray();
    assertThat(answer[150] | answer[151]).as("status").isZero();
    return peer;
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void silentHostIsForgottenWithEverythingThatWaitedForIt(long seed) {
    try (SimWorld world = new SimWorld(seed, 2, 1)) {
      world.sendBufferBytes(64 << 10);
      BdevLayer layer = new BdevLayer(world.reactors(0));
      NvmfTarget[] made = new NvmfTarget[1];
      boolean[] ready = {false};
      layer
          .home()
          .execute(() -> {
            made[0] = new NvmfTarget(layer);
            exportOn(made[0], layer);
            ready[0] = true;
          });
      world.await("export", () -> ready[0], SECOND);
      NvmfTarget target = made[0];
      world.run(SECOND / 100);
      Reactor host = world.reactors(1).getFirst();
      Peer admin = connect(world, host, 0, 0xffff);
      int cntlid = admin.received.toByteArray()[136];
      byte[] enable = capsule(sqe(0x7f, 2, 0).putInt(44, 0x14).putInt(48, 0x460001), new byte[0]);
      admin.send(enable);
      world.await("enabled", () -> admin.received.size() == 128 + 48, SECOND);
      Peer reads = connect(world, host, 1, cntlid);
      Peer writes = connect(world, host, 2, cntlid);
      admin.send(capsule(sqe(0x0c, 3, 0), new byte[0])); // an event request
      world.run(world.random().nextLong(SECOND / 10));

      // Silence begins in the middle of reads that nobody receives and writes without their data.
      for (int i = 0; i < 31; i++) {
        ByteBuffer read = sqe(2, i, 1).putInt(48, 255);
        reads.send(capsule(WireClient.transport(read, 128 << 10), new byte[0]));
        world.run(world.random().nextLong(100_000));
      }
      ByteBuffer write = sqe(1, 40, 1).putInt(48, 255);
      writes.send(capsule(WireClient.transport(write, 128 << 10), new byte[0]));
      writes.send(Arrays.copyOf(capsule(sqe(1, 41, 1), new byte[512]), 90)); // half a capsule
      world.run(world.random().nextLong(1_000_000));
      world.partition(0, 1);

      long silentNs = world.nowNs();
      Subsystem subsystem = target.subsystem(NQN).orElseThrow();
      world.await("gone", () -> subsystem.controllers().isEmpty(), 30 * SECOND);
      assertThat(world.nowNs() - silentNs).isBetween(19 * SECOND, 21 * SECOND);
      boolean[] removed = {false};
      layer.home().execute(() -> subsystem.removeNamespace(1, () -> removed[0] = true));
      world.await("namespace removed", () -> removed[0], SECOND);
      boolean[] stopped = {false};
      layer.home().execute(() -> target.stop(() -> stopped[0] = true));
      world.await("stopped", () -> stopped[0], SECOND);
    }
  }

  private static void exportOn(NvmfTarget target, BdevLayer layer) {
    try {
      layer.register(new MallocBdev("M0", new UUID(1, 1), 512, 16384));
      target.createTransport(TransportOptions.DEFAULTS);
      Subsystem subsystem = target.createSubsystem(TargetFixture.subsystem(NQN));
      subsystem.addHost(HOST);
      subsystem.addListener(new NvmfAddress("IPv4", "10.0.0.1", "4420"), 1);
      subsystem.addNamespace("M0", 1, Namespace.Ids.OF_BDEV, nsid -> {});
    } catch (io.diskengine.engine.bdev.BdevException e) {
      throw new AssertionError(e);
    }
  }
}

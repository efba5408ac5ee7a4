package io.diskengine.engine.nvmf;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.bdev.NullBdev;
import io.diskengine.engine.nvmf.WireClient.Answer;
import io.diskengine.engine.nvmf.WireClient.Pdu;
import io.diskengine.engine.reactor.Kernels;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Nothing grows: hosts that do not receive, pools that run dry, queues that are too full. */
class BackpressureTest {
  private static final String NQN = TargetFixture.NQN;
  private static final String HOST = TargetFixture.HOST;
  private static final int LARGE = 128 << 10;

  private static byte[] random(int bytes, long seed) {
    byte[] data = new byte[bytes];
    new Random(seed).nextBytes(data);
    return data;
  }

  @ParameterizedTest
  @EnumSource(names = {"IO_URING", "EPOLL"})
  void hostThatDoesNotReceiveIsNotReadFurtherAndHarmsNobody(Kernels.Choice kernel)
      throws Exception {
    try (TargetFixture fixture = new TargetFixture(kernel)) {
      InetSocketAddress address = fixture.address(fixture.export());
      try (WireClient admin = WireClient.admin(address, NQN, HOST);
          WireClient deaf = admin.queue(address, NQN, HOST, 1, 127);
          WireClient other = admin.queue(address, NQN, HOST, 2, 127);
          WireClient another = admin.queue(address, NQN, HOST, 3, 127)) {
        byte[] data = random(LARGE, 3);
        assertThat(other.writeByR2t(0, data, LARGE).status()).isZero();
        for (int i = 0; i < 127; i++) {
          deaf.send(deaf.readSqe(0, 256));
        }
        for (WireClient client : List.of(other, another)) {
          assertThat(client.read(0, 256)).isEqualTo(data);
          assertThat(client.writeInCapsule(4000, random(4096, 4))).isZero();
        }
        for (int i = 0; i < 127; i++) { // it listens at last, and gets everything
          assertThat(deaf.answer().data()).isEqualTo(data);
        }
      }
    }
  }

  /** 16 large buffers per reactor; commands of 128 KiB from two queues take their turns. */
  @Test
  void commandsWaitInOrderForBuffers() throws Exception {
    try (TargetFixture fixture =
        new TargetFixture(TargetFixture.options(32, 32), TransportOptions.DEFAULTS)) {
      InetSocketAddress address = fixture.address(fixture.export());
      try (WireClient admin = WireClient.admin(address, NQN, HOST);
          WireClient one = admin.queue(address, NQN, HOST, 1, 63);
          WireClient two = admin.queue(address, NQN, HOST, 2, 63)) {
        byte[] data = random(LARGE, 5);
        writeMany(one, data, 40);
        for (WireClient client : List.of(one, two)) {
          for (int i = 0; i < 40; i++) {
            client.send(client.readSqe(i * 256L, 256));
          }
        }
        for (WireClient client : List.of(one, two)) {
          for (int i = 0; i < 40; i++) {
            assertThat(client.answer().data()).isEqualTo(data);
          }
        }
      }
    }
  }

  /** All at once; R2Ts come a few at a time, because what they ask for is bounded. */
  private static void writeMany(WireClient client, byte[] data, int count) throws IOException {
    for (int i = 0; i < count; i++) {
      client.send(WireClient.transport(client.writeSqe(i * 256L, 256), data.length));
    }
    int answers = 0;
    while (answers < count) {
      Pdu pdu = client.receive();
      if (pdu.type() == 9) {
        client.h2cData(pdu, data, 0, data.length, true);
      } else {
        assertThat(pdu.type()).isEqualTo(5);
        assertThat(pdu.header().getShort(8 + 14)).isZero();
        answers++;
      }
    }
  }

  @Test
  void dataAskedForIsBoundedPerConnection() throws Exception {
    try (TargetFixture fixture = new TargetFixture(Kernels.Choice.AUTO)) {
      InetSocketAddress address = fixture.address(fixture.export());
      try (WireClient admin = WireClient.admin(address, NQN, HOST);
          WireClient io = admin.queue(address, NQN, HOST, 1, 63)) {
        for (int i = 0; i < 40; i++) {
          io.send(WireClient.transport(io.writeSqe(i * 256L, 256), LARGE));
        }
        List<Pdu> r2ts = new ArrayList<>();
        for (int i = 0; i < TcpConnection.R2T_LIMIT_BYTES / LARGE; i++) {
          r2ts.add(io.receive());
          assertThat(r2ts.getLast().type()).isEqualTo(9);
        }
        io.socket.setSoTimeout(100);
        assertThat(catchTimeout(io)).isTrue();
        io.socket.setSoTimeout(20_000);
        io.h2cData(r2ts.getFirst(), new byte[LARGE], 0, LARGE, true);
        assertThat(List.of(io.receive().type(), io.receive().type()))
            .containsExactlyInAnyOrder(5, 9);
      }
    }
  }

  private static boolean catchTimeout(WireClient client) throws IOException {
    try {
      client.receive();
      return false;
    } catch (java.net.SocketTimeoutException e) {
      return true;
    }
  }

  @Test
  void hostThatSendsMoreCommandsThanItsQueueHoldsIsCutOff() throws Exception {
    try (TargetFixture fixture = new TargetFixture(Kernels.Choice.AUTO)) {
      HeldBdev held = new HeldBdev("H0", 1024);
      InetSocketAddress address = fixture.address(fixture.export(held));
      try (WireClient admin = WireClient.admin(address, NQN, HOST);
          WireClient io = admin.queue(address, NQN, HOST, 1, 7)) {
        held.holding = true;
        for (int i = 0; i < 8; i++) {
          io.send(io.readSqe(i, 1));
        }
        fixture.eventually(() -> held.heldIos.get() == 8);
        io.send(io.readSqe(9, 1));
        assertThat(io.closedByTarget()).isTrue();
        held.release(fixture);
        assertThat(admin.identify(1, 0).status()).isZero();
      }
    }
  }

  /** Every boundary of every PDU falls between two receives. */
  @ParameterizedTest
  @EnumSource(names = {"IO_URING", "EPOLL"})
  void pdusArriveByteByByte(Kernels.Choice kernel) throws Exception {
    try (TargetFixture fixture = new TargetFixture(kernel)) {
      InetSocketAddress address = fixture.address(fixture.export());
      try (WireClient admin = WireClient.admin(address, NQN, HOST, true, true);
          WireClient io = admin.queue(address, NQN, HOST, 1, 31)) {
        byte[] data = random(512, 6);
        ByteBuffer header = WireClient.buffer(72);
        header.position(8).put(WireClient.inCapsule(io.writeSqe(3, 1), 512).array());
        for (byte b : io.pdu(4, 0, header.array(), data)) {
          io.out.write(b);
          if ((b & 15) == 0) {
            Thread.sleep(1);
          }
        }
        assertThat(io.answer().status()).isZero();
        assertThat(io.read(3, 1)).isEqualTo(data);
      }
    }
  }

  @Test
  void manyCommandsInOneSegmentAreAllAnswered() throws Exception {
    try (TargetFixture fixture = new TargetFixture(Kernels.Choice.AUTO)) {
      InetSocketAddress address = fixture.address(fixture.export());
      try (WireClient admin = WireClient.admin(address, NQN, HOST);
          WireClient io = admin.queue(address, NQN, HOST, 1, 127)) {
        byte[] all = new byte[0];
        for (int i = 0; i < 100; i++) {
          ByteBuffer header = WireClient.buffer(72);
          byte[] data = new byte[1024];
          Arrays.fill(data, (byte) i);
          header.position(8).put(WireClient.inCapsule(io.writeSqe(i * 2L, 2), 1024).array());
          byte[] pdu = io.pdu(4, 0, header.array(), data);
          int before = all.length;
          all = Arrays.copyOf(all, before + pdu.length);
          System.arraycopy(pdu, 0, all, before, pdu.length);
        }
        io.out.write(all);
        for (int i = 0; i < 100; i++) {
          assertThat(io.answer().status()).isZero();
        }
        byte[] read = io.read(0, 200);
        for (int i = 0; i < 100; i++) {
          assertThat(read[i * 1024]).isEqualTo((byte) i);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"IO_URING", "EPOLL"})
  void connectionsThatAreResetAtOnceLeaveNothingBehind(Kernels.Choice kernel) throws Exception {
    try (TargetFixture fixture = new TargetFixture(kernel)) {
      InetSocketAddress address = fixture.address(fixture.export());
      for (int i = 0; i < 200; i++) {
        try (Socket socket = new Socket()) {
          socket.setSoLinger(true, 0);
          socket.connect(address);
          if (i % 3 == 0) {
            socket.getOutputStream().write(new byte[i]);
          }
        }
      }
      try (WireClient admin = WireClient.admin(address, NQN, HOST)) {
        assertThat(admin.identify(1, 0).status()).isZero();
      }
    }
  }

  @Test
  void hundredAndTwentyConnectionsAreServedAtOnce() throws Exception {
    try (TargetFixture fixture = new TargetFixture(Kernels.Choice.AUTO)) {
      UUID uuid = UUID.fromString("44444444-2222-4333-8444-555555555555");
      Subsystem subsystem = fixture.export(new NullBdev("N0", uuid, 512, 1 << 20));
      InetSocketAddress address = fixture.address(subsystem);
      List<WireClient> clients = new ArrayList<>();
      try {
        for (int controller = 0; controller < 12; controller++) {
          WireClient admin = WireClient.admin(address, NQN, HOST);
          clients.add(admin);
          for (int queue = 1; queue <= 9; queue++) {
            clients.add(admin.queue(address, NQN, HOST, queue, 31));
          }
        }
        for (int round = 0; round < 5; round++) {
          for (int i = 0; i < clients.size(); i++) {
            WireClient client = clients.get(i);
            client.send(
                i % 10 == 0
                    ? WireClient.transport(client.sqe(6, 0), 4096).put(40, (byte) 1)
                    : client.readSqe(i, 8));
          }
          for (WireClient client : clients) {
            Answer answer = client.answer();
            assertThat(answer.status()).isZero();
            assertThat(answer.data()).hasSize(4096);
          }
        }
        assertThat(fixture.controllers(subsystem)).isEqualTo(12);
        CompletableFuture<List<NvmfTarget.GroupStat>> stats =
            fixture.begin(done -> fixture.target.stats(done::complete));
        for (NvmfTarget.GroupStat stat : TargetFixture.await(stats)) {
          assertThat(stat.currentAdminQpairs() + stat.currentIoQpairs()).isEqualTo(60);
        }
        assertThat(fixture.removeHost(subsystem, HOST, 10_000)).isTrue();
        for (WireClient client : clients) {
          assertThat(client.closedByTarget()).isTrue();
        }
      } finally {
        for (WireClient client : clients) {
          client.close();
        }
      }
    }
  }
}

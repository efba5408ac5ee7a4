package io.diskengine.engine.sim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diskengine.engine.linux.Errno;
import io.diskengine.engine.linux.FileCalls;
import io.diskengine.engine.reactor.OpCompletion;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.Timer;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import java.lang.foreign.Arena;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SimWorldTest {
  private static final long MS = 1_000_000;
  private static final InetSocketAddress SERVER =
      new InetSocketAddress(InetAddress.ofLiteral("10.0.0.1"), 4420);

  private static byte[] filled(int length, int value) {
    byte[] bytes = new byte[length];
    Arrays.fill(bytes, (byte) value);
    return bytes;
  }

  // ---- what survives a loss of power

  @Test
  void crashImagesHoldAnyPartOfWhatWasNotFlushedAndAllThatWas() {
    SimFile file = new SimFile("f");
    file.load(0, filled(4096, 1));
    file.record();
    file.change(new FileChange.Write(0, filled(1024, 2), false));
    file.change(new FileChange.Flush(file.changes()));
    file.change(new FileChange.Write(1024, filled(1024, 3), false));
    file.change(new FileChange.Write(512, filled(512, 4), true));
    Set<String> seen = new HashSet<>();
    for (int seed = 0; seed < 200; seed++) {
      byte[] image = file.crashImage(4, seed).read(0, 4096);
      assertThat(image[0]).as("flushed").isEqualTo((byte) 2);
      assertThat(image[512]).as("durable").isEqualTo((byte) 4);
      assertThat(image[2048]).isEqualTo((byte) 1);
      seen.add(image[1024] + " " + image[1536]);
      assertThat(file.crashImage(0, seed).read(0, 1)[0]).isEqualTo((byte) 1);
    }
    assertThat(seen)
        .as("dropped, whole, torn either way")
        .containsExactlyInAnyOrder("1 1", "3 3", "1 3", "3 1");
  }

  @Test
  void anUnflushedWriteNeverComesBackOverALaterDurableOne() {
    SimFile file = new SimFile("f");
    file.record();
    file.change(new FileChange.Write(0, filled(2048, 5), false));
    file.change(new FileChange.Zero(0, 4096));
    file.change(new FileChange.Write(512, filled(512, 6), true));
    for (int seed = 0; seed < 100; seed++) {
      byte[] image = file.crashImage(3, seed).read(0, 4096);
      assertThat(image[512]).isEqualTo((byte) 6);
      assertThat(image[1023]).isEqualTo((byte) 6);
    }
  }

  @Test
  void aFlushCoversOnlyWhatHadCompletedBeforeIt() {
    SimFile file = new SimFile("f");
    file.record();
    file.change(new FileChange.Write(0, filled(512, 1), false));
    long submitted = file.changes();
    file.change(new FileChange.Write(512, filled(512, 2), false));
    file.change(new FileChange.Flush(submitted));
    Set<Byte> second = new HashSet<>();
    for (int seed = 0; seed < 50; seed++) {
      byte[] image = file.crashImage(3, seed).read(0, 1024);
      assertThat(image[0]).isEqualTo((byte) 1);
      second.add(image[512]);
    }
    assertThat(second).containsExactlyInAnyOrder((byte) 0, (byte) 2);
  }

  @Test
  void powerLossTakesTheProcessAndUnflushedWritesNotTheFile() {
    try (SimWorld world = new SimWorld(3, 1)) {
      Reactor reactor = world.reactor(0);
      long buffer = Arena.global().allocate(512).address();
      NativeMemory.fill(buffer, 512, (byte) 9);
      long iov = Arena.global().allocate(16).address();
      Iovec.set(iov, 0, buffer, 512);
      List<Integer> results = new ArrayList<>();
      reactor.execute(() -> {
        int fd = reactor.kernel().openFile("/d", FileCalls.O_RDWR | FileCalls.O_CREAT, 0);
        reactor.writev(fd, iov, 1, 0, true, fileOp(results::add));
      });
      world.await("write", () -> results.size() == 1, 10 * MS);
      world.powerLoss(0);
      assertThat(world.reactors(0)).isEmpty();
      assertThat(world.file("/d").read(511, 1)).containsExactly(9);
      Reactor again = world.boot(0).getFirst();
      List<Long> sizes = new ArrayList<>();
      again.execute(() -> {
        int fd = again.kernel().openFile("/d", FileCalls.O_RDWR, 0);
        assertThat(again.kernel().lockExclusive(fd)).isZero();
        sizes.add(again.kernel().sizeBytes(fd));
      });
      world.await("open", () -> !sizes.isEmpty(), MS);
      assertThat(sizes).containsExactly(512L);
    }
  }

  private static Reactor.FileOp fileOp(OpCompletion body) {
    return body::completed;
  }

  // ---- the network

  /** Sends without end to whoever connects; counts what arrives. */
  private static final class Flood {
    final SimWorld world;
    final long iov = Arena.global().allocate(16).address();
    final long sink = Arena.global().allocate(65_536).address();
    long sent;
    long received;
    int sendError;
    int recvError = 1;
    int client = -1;

    Flood(SimWorld world) {
      this.world = world;
      Iovec.set(iov, 0, Arena.global().allocate(65_536).address(), 65_536);
      Reactor server = world.reactors(0).getFirst();
      Reactor peer = world.reactors(1).getFirst();
      server.execute(() -> {
        int listener = server.kernel().listen(SERVER, 4);
        server.accept(listener, fd -> receive(server, fd));
      });
      peer.execute(() -> {
        client = peer.kernel().streamSocket(SERVER, null);
        peer.kernel().tuneStream(client, 3000);
        peer.connect(client, SERVER, result -> send(peer, result));
      });
    }

    private void send(Reactor reactor, int result) {
      if (result < 0) {
        sendError = result;
        return;
      }
      sent += result;
      reactor.sendv(client, iov, 1, next -> send(reactor, next));
    }

    private void receive(Reactor reactor, int fd) {
      reactor.recv(
          fd,
          sink,
          65_536,
          result -> {
            if (result > 0) {
              received += result;
              receive(reactor, fd);
            } else {
              recvError = result;
            }
          });
    }
  }

  @Test
  void aPartitionHoldsBytesBackAndHealingLetsThemGo() {
    try (SimWorld world = new SimWorld(11, 1, 1)) {
      Flood flood = new Flood(world);
      world.await("bytes", () -> flood.received > 1 << 20, 1000 * MS);
      world.partition(0, 1);
      world.run(MS);
      long before = flood.received;
      world.run(2000 * MS);
      assertThat(flood.received).isEqualTo(before);
      assertThat(flood.sent - flood.received).as("bounded").isLessThanOrEqualTo(512 << 10);
      world.heal(0, 1);
      world.await("bytes again", () -> flood.received > before + (1 << 20), 1000 * MS);
      assertThat(flood.sendError).isZero();
    }
  }

  @Test
  void unacknowledgedBytesTimeOut() {
    try (SimWorld world = new SimWorld(12, 1, 1)) {
      Flood flood = new Flood(world);
      world.await("bytes", () -> flood.received > 0, 1000 * MS);
      world.partition(0, 1);
      world.await("timeout", () -> flood.sendError != 0, 3500 * MS);
      assertThat(flood.sendError).isEqualTo(-Errno.ETIMEDOUT);
    }
  }

  @Test
  void aPausedPeerIsSilentAndItsWindowFills() {
    try (SimWorld world = new SimWorld(13, 1, 1)) {
      Flood flood = new Flood(world);
      world.await("bytes", () -> flood.received > 0, 1000 * MS);
      world.pause(0);
      world.run(10_000 * MS);
      long stuck = flood.sent;
      world.run(10_000 * MS);
      assertThat(flood.sent).isEqualTo(stuck);
      assertThat(flood.sendError).isZero();
      world.resume(0);
      world.await("bytes again", () -> flood.sent > stuck + (1 << 20), 1000 * MS);
    }
  }

  @Test
  void aKilledPeerResetsOrEndsItsConnections() {
    try (SimWorld world = new SimWorld(14, 1, 1)) {
      Flood flood = new Flood(world);
      world.await("bytes", () -> flood.received > 0, 1000 * MS);
      world.kill(0);
      world.await("error", () -> flood.sendError != 0, 100 * MS);
      assertThat(flood.sendError).isEqualTo(-Errno.ECONNRESET);
    }
  }

  @Test
  void aResetReachesBothEnds() {
    try (SimWorld world = new SimWorld(15, 1, 1)) {
      Flood flood = new Flood(world);
      world.await("bytes", () -> flood.received > 0, 1000 * MS);
      world.reset(0, 1);
      world.await("errors", () -> flood.sendError != 0 && flood.recvError != 1, 100 * MS);
      assertThat(flood.sendError).isEqualTo(-Errno.ECONNRESET);
      assertThat(flood.recvError).isEqualTo(-Errno.ECONNRESET);
    }
  }

  @Test
  void aHostWithoutPowerAnswersNothing() {
    try (SimWorld world = new SimWorld(16, 1, 1)) {
      Flood flood = new Flood(world);
      world.await("bytes", () -> flood.received > 0, 1000 * MS);
      world.powerLoss(0);
      world.run(2900 * MS);
      assertThat(flood.sendError).isZero();
      world.await("timeout", () -> flood.sendError != 0, 600 * MS);
      assertThat(flood.sendError).isEqualTo(-Errno.ETIMEDOUT);
    }
  }

  // ---- running

  private static List<Long> trace(long seed) {
    List<Long> trace = new ArrayList<>();
    try (SimWorld world = new SimWorld(seed, 2, 1)) {
      Flood flood = new Flood(world);
      for (int i = 0; i < 20; i++) {
        world.run(MS);
        trace.add(flood.received);
        trace.add(world.nowNs());
      }
    }
    return trace;
  }

  @Test
  void theSameSeedGivesTheSameRun() {
    assertThat(trace(5)).isEqualTo(trace(5)).isNotEqualTo(trace(6));
  }

  @Test
  void timersExpireInVirtualTime() {
    try (SimWorld world = new SimWorld(1, 1)) {
      List<Long> at = new ArrayList<>();
      Reactor reactor = world.reactor(0);
      long start = world.nowNs();
      reactor.execute(() -> {
        reactor.schedule(Timer.of(() -> at.add(world.nowNs() - start)), 3600_000 * MS);
        reactor.schedule(Timer.of(() -> at.add(world.nowNs() - start)), 5 * MS);
      });
      world.run(4000_000 * MS);
      assertThat(at).hasSize(2);
      assertThat(at.get(0)).isBetween(5 * MS, 6 * MS);
      assertThat(at.get(1)).isBetween(3600_000 * MS, 3600_001 * MS);
    }
  }

  @Test
  void aBugOnAReactorEndsTheRunWithTheSeed() {
    SimWorld world = new SimWorld(77, 1);
    world
        .reactor(0)
        .execute(() -> {
          throw new IllegalStateException("bug");
        });
    assertThatThrownBy(() -> world.run(MS))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("seed 77")
        .hasRootCauseMessage("bug");
  }
}

package io.diskengine.engine.nvmf;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.bdev.DelayBdev;
import io.diskengine.engine.bdev.MallocBdev;
import io.diskengine.engine.nvmf.WireClient.Answer;
import io.diskengine.engine.reactor.Kernels;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Law 7: a host that was removed changes nothing and hears of no success after the answer. */
class FencingTest {
  private static final String NQN = TargetFixture.NQN;
  private static final String HOST = TargetFixture.HOST;
  private static final String OTHER = "nqn.2026-11.io.diskengine:test:host:h2";
  private static final int DEPTH = 32;

  private static byte[] block(int value) {
    byte[] data = new byte[4096];
    Arrays.fill(data, (byte) value);
    return data;
  }

  /** Successes until the connection ends. */
  private static List<Integer> drain(WireClient client) throws IOException {
    List<Integer> successes = new ArrayList<>();
    try {
      while (true) {
        Answer answer = client.answer();
        if (answer.status() == 0) {
          successes.add(answer.cid());
        }
      }
    } catch (EOFException | SocketException closed) {
      return successes;
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"IO_URING", "EPOLL"})
  void answerWaitsForTheLastIoAndNoSuccessIsSentForIt(Kernels.Choice kernel) throws Exception {
    try (TargetFixture fixture = new TargetFixture(kernel)) {
      HeldBdev bdev = new HeldBdev("H0", 16384);
      Subsystem subsystem = fixture.export(bdev);
      InetSocketAddress address = fixture.address(subsystem);
      fixture.run(() -> subsystem.addHost(OTHER));
      try (WireClient admin = WireClient.admin(address, NQN, HOST);
          WireClient io = admin.queue(address, NQN, HOST, 1, 63);
          WireClient second = admin.queue(address, NQN, HOST, 2, 63);
          WireClient otherAdmin = WireClient.admin(address, NQN, OTHER);
          WireClient otherIo = otherAdmin.queue(address, NQN, OTHER, 1, 63)) {
        admin.send(admin.sqe(0x0c, 0)); // an event request waits all the time
        bdev.holding = true;
        for (int i = 0; i < DEPTH; i++) {
          WireClient queue = i % 2 == 0 ? io : second;
          queue.send(WireClient.inCapsule(queue.writeSqe(i * 8L, 8), 4096), block(i + 1));
        }
        fixture.eventually(() -> bdev.heldIos.get() == DEPTH);
        CompletableFuture<Boolean> answered =
            fixture.begin(done -> {
              assertThat(subsystem.removeHost(HOST)).isTrue();
              subsystem.disconnectHost(HOST, 20_000, done::complete);
            });
        assertThat(drain(io)).isEmpty(); // the connection ends at once
        assertThat(drain(second)).isEmpty();
        assertThat(answered).isNotDone();
        assertThat(fixture.controllers(subsystem)).isEqualTo(2);

        bdev.release(fixture);
        assertThat(TargetFixture.await(answered)).isTrue();
        byte[] then = bdev.content();
        assertThat(fixture.controllers(subsystem)).isEqualTo(1);
        byte[] mine = block(99);
        assertThat(otherIo.writeInCapsule(2000, mine)).isZero(); // untouched by all this
        assertThat(otherIo.read(2000, 8)).isEqualTo(mine);
        System.arraycopy(mine, 0, then, 2000 * 512, mine.length);
        assertThat(bdev.content()).isEqualTo(then);
        try (WireClient again = new WireClient(address)) {
          again.initialize(false, false);
          Answer refused = again.connect(0, 31, 0xffff, NQN, HOST, 0);
          assertThat(refused.status()).isEqualTo(0x184);
          assertThat(refused.dnr()).isFalse();
        }
      }
    }
  }

  @Test
  void removalThatTakesTooLongSaysSoAndEndsLater() throws Exception {
    try (TargetFixture fixture = new TargetFixture(Kernels.Choice.AUTO)) {
      HeldBdev bdev = new HeldBdev("H0", 16384);
      Subsystem subsystem = fixture.export(bdev);
      InetSocketAddress address = fixture.address(subsystem);
      try (WireClient admin = WireClient.admin(address, NQN, HOST);
          WireClient io = admin.queue(address, NQN, HOST, 1, 63)) {
        bdev.holding = true;
        io.send(WireClient.inCapsule(io.writeSqe(0, 8), 4096), block(1));
        fixture.eventually(() -> bdev.heldIos.get() == 1);
        assertThat(fixture.removeHost(subsystem, HOST, 30)).isFalse();
        assertThat(fixture.controllers(subsystem)).isEqualTo(1);
        bdev.release(fixture);
        fixture.eventually(() -> subsystem.controllers().isEmpty());
      }
    }
  }

  /** Writes run all the time; every one that was acknowledged is there, nothing comes later. */
  @Test
  void hostIsCutOffUnderLoadTenTimes() throws Exception {
    try (TargetFixture fixture = new TargetFixture(Kernels.Choice.AUTO)) {
      UUID uuid = UUID.fromString("11111111-2222-4333-8444-555555555555");
      MallocBdev malloc = new MallocBdev("M0", uuid, 512, 16384);
      fixture.run(() -> fixture.layer.register(malloc));
      DelayBdev delay = fixture.home(() -> DelayBdev.create(fixture.layer, malloc, "D0", null));
      delay.latency(DelayBdev.Latency.AVG_WRITE, 2000);
      delay.latency(DelayBdev.Latency.P99_WRITE, 20_000);
      Subsystem subsystem = fixture.exportExisting("D0");
      fixture.run(() -> subsystem.addHost(OTHER));
      InetSocketAddress address = fixture.address(subsystem);
      try (WireClient observer = WireClient.admin(address, NQN, OTHER);
          WireClient reader = observer.queue(address, NQN, OTHER, 1, 63)) {
        for (int round = 1; round <= 10; round++) {
          cutOff(fixture, subsystem, reader, round);
          fixture.run(() -> subsystem.addHost(HOST));
        }
      }
    }
  }

  private static void cutOff(
      TargetFixture fixture, Subsystem subsystem, WireClient reader, int round) throws Exception {
    InetSocketAddress address = fixture.address(subsystem);
    try (WireClient admin = WireClient.admin(address, NQN, HOST);
        WireClient io = admin.queue(address, NQN, HOST, 1, 63)) {
      Map<Integer, Integer> slotOf = new HashMap<>();
      int[] issued = new int[DEPTH];
      int[] acknowledged = new int[DEPTH];
      CompletableFuture<Boolean> answered = new CompletableFuture<>();
      int count = 0;
      try {
        for (int slot = 0; slot < DEPTH; slot++) {
          slotOf.put(write(io, slot, issued), slot);
        }
        while (true) {
          Answer answer = io.answer();
          assertThat(answer.status()).isZero();
          int slot = Objects.requireNonNull(slotOf.remove(answer.cid()));
          acknowledged[slot] = issued[slot];
          slotOf.put(write(io, slot, issued), slot);
          if (++count == 40 * round) {
            fixture
                .reactors
                .home()
                .execute(() -> {
                  subsystem.removeHost(HOST);
                  subsystem.disconnectHost(HOST, 20_000, answered::complete);
                });
          }
        }
      } catch (EOFException | SocketException closed) {
        assertThat(TargetFixture.await(answered)).isTrue();
      }
      byte[] then = reader.read(0, DEPTH);
      for (int slot = 0; slot < DEPTH; slot++) {
        int value = then[slot * 512] & 0xff | (then[slot * 512 + 1] & 0xff) << 8;
        assertThat(value).isBetween(acknowledged[slot], issued[slot]);
      }
      assertThat(reader.read(0, DEPTH)).isEqualTo(then);
    }
  }

  /** One block with a counter in its first bytes; returns the command's identifier. */
  private static int write(WireClient io, int slot, int[] issued) throws IOException {
    byte[] data = new byte[512];
    issued[slot]++;
    data[0] = (byte) issued[slot];
    data[1] = (byte) (issued[slot] >>> 8);
    var sqe = WireClient.inCapsule(io.writeSqe(slot, 1), 512);
    io.send(sqe, data);
    return WireClient.cid(sqe);
  }
}

package io.diskengine.engine.host;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.bdev.BdevChannel;
import io.diskengine.engine.bdev.BdevDesc;
import io.diskengine.engine.bdev.BdevEvents;
import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.reactor.Kernels;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.ReactorGroup;
import io.diskengine.engine.reactor.ReactorOptions;
import io.diskengine.nvme.H2cData;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import io.diskengine.nvme.NvmOpcode;
import io.diskengine.nvme.NvmeStatus;
import io.diskengine.nvme.PduHeader;
import io.diskengine.nvme.Sqe;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A target that answers wrongly, late or not at all; real kernel, two reactors. */
class HostileTargetTest {
  private static final int BLOCKS = 32;
  private static final int BYTES = BLOCKS * 512;

  private final List<Throwable> faults = new CopyOnWriteArrayList<>();
  private final ReactorGroup reactors =
      ReactorGroup.create(
          new ReactorOptions(2, 20_000, 64, 16, Kernels.Choice.fromSystemProperty(), 1),
          (reactor, bug) -> faults.add(bug));
  private final Arena arena = Arena.ofShared();
  private final long iov = arena.allocate(Iovec.SIZE, 16).address();
  private final long buffer = arena.allocate(BYTES, 16).address();
  private final NvmeHost host;
  private final BdevLayer layer;
  private final List<ScriptedTarget> targets = new ArrayList<>();

  HostileTargetTest() {
    reactors.start();
    layer = new BdevLayer(reactors.reactors());
    host = new NvmeHost(layer);
    Iovec.set(iov, 0, buffer, BYTES);
  }

  @AfterEach
  void close() throws IOException {
    CompletableFuture<Boolean> stopped = new CompletableFuture<>();
    reactors.home().execute(() -> host.stop(() -> stopped.complete(true)));
    assertThat(await(stopped)).isTrue();
    for (ScriptedTarget target : targets) {
      target.close();
    }
    reactors.close();
    assertThat(faults).isEmpty();
  }

  private static <T> T await(CompletableFuture<T> future) {
    try {
      return future.get(20, TimeUnit.SECONDS);
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private static <T> T on(Reactor reactor, Callable<T> body) {
    CompletableFuture<T> done = new CompletableFuture<>();
    reactor.execute(() -> {
      try {
        done.complete(body.call());
      } catch (Exception e) {
        done.completeExceptionally(e);
      }
    });
    return await(done);
  }

  private ScriptedTarget target(boolean answersIcReq, ScriptedTarget.Script script)
      throws IOException {
    ScriptedTarget target = new ScriptedTarget(answersIcReq, script);
    targets.add(target);
    return target;
  }

  private int attach(ScriptedTarget target, ReconnectTimers timers) {
    return attach(target, timers, 0);
  }

  private int attach(ScriptedTarget target, ReconnectTimers timers, long connectTimeoutUs) {
    CompletableFuture<Integer> done = new CompletableFuture<>();
    TransportId trid =
        new TransportId(
            "TCP", "IPv4", "127.0.0.1", Integer.toString(target.port()), "nqn.2026-11.io.x:s");
    AttachSpec spec =
        new AttachSpec(
            "c1",
            trid,
            "nqn.2026-11.io.x:h",
            "",
            "",
            AttachSpec.Multipath.MULTIPATH,
            timers,
            connectTimeoutUs);
    on(
        reactors.home(),
        () -> {
          host.attach(spec, (errno, bdevs) -> done.complete(errno));
          return true;
        });
    return await(done);
  }

  /** One I/O on reactor 1; its status. */
  private int io(Consumer<BdevIo> prepare) {
    CompletableFuture<Integer> status = new CompletableFuture<>();
    BdevDesc desc = on(reactors.home(), () -> layer.open("c1n1", true, BdevEvents.NONE));
    Reactor reactor = reactors.reactors().get(1);
    BdevChannel channel = on(reactor, desc::openChannel);
    BdevIo io = new BdevIo(done -> status.complete(done.status()));
    on(
        reactor,
        () -> {
          prepare.accept(io);
          desc.submit(channel, io);
          return true;
        });
    int result = await(status);
    on(
        reactor,
        () -> {
          channel.release();
          return true;
        });
    on(
        reactors.home(),
        () -> {
          desc.close();
          return true;
        });
    return result;
  }

  /** Attached without reconnects, an I/O whose connection is given up fails as a path error. */
  private void givesUpTheConnection(ScriptedTarget.Script script, boolean write)
      throws IOException {
    ScriptedTarget target = target(true, script);
    assertThat(attach(target, ReconnectTimers.NONE)).isZero();
    int status =
        io(io -> {
          if (write) {
            io.write(iov, 1, 0, BLOCKS);
          } else {
            io.read(iov, 1, 0, BLOCKS);
          }
        });
    assertThat(status).isEqualTo(NvmeStatus.HOST_PATH_ERROR);
  }

  @Test
  void firstPdusAreThoseOfTheSpecification() throws IOException {
    ScriptedTarget target = target(true, (connection, pdu, data) -> {});
    assertThat(attach(target, ReconnectTimers.NONE)).isZero();
    byte[] icReq = new byte[128];
    icReq[2] = (byte) 128;
    icReq[4] = (byte) 128;
    assertThat(target.firstPdus.getFirst()).isEqualTo(icReq);
    byte[] connect = target.firstPdus.get(1);
    assertThat(connect).hasSize(72 + 1024);
    // capsule header; opcode 7Fh, SGL, fctype 1; in-capsule SGL; SQSIZE 31, KATO 10000
    assertThat(connect).startsWith(4, 0, 72, 72, 0x48, 4, 0, 0, 0x7f, 0x40);
    assertThat(connect[8 + 4]).isEqualTo((byte) 1);
    assertThat(connect[8 + 24 + 8 + 1]).isEqualTo((byte) 4);
    assertThat(connect[8 + 24 + 15]).isEqualTo((byte) 1);
    assertThat(connect[8 + 44]).isEqualTo((byte) 31);
    assertThat(connect[8 + 48] & 0xff | (connect[8 + 49] & 0xff) << 8).isEqualTo(10_000);
    assertThat(connect[72 + 16] & connect[72 + 17]).isEqualTo(-1);
  }

  @Test
  void targetThatNeverAnswersIcReqIsGivenUpWithinTheDeadline() throws IOException {
    ScriptedTarget target = target(false, (connection, pdu, data) -> {});
    long start = System.nanoTime();
    assertThat(attach(target, ReconnectTimers.NONE, 300_000)).isEqualTo(-5);
    assertThat(System.nanoTime() - start).isBetween(250_000_000L, 5_000_000_000L);
  }

  @Test
  void targetThatGrantsTooFewIoQueuesIsNotAttached() throws IOException {
    ScriptedTarget target = target(true, (connection, pdu, data) -> {});
    target.ioQueues = 1;
    assertThat(attach(target, ReconnectTimers.NONE)).isEqualTo(-5);
  }

  @Test
  void responseForAnIdentifierThatIsNotInUse() throws IOException {
    givesUpTheConnection(
        (connection, pdu, data) -> connection.respond(Sqe.cid(pdu + 8) ^ 0x100, 0, 0), false);
  }

  @Test
  void dataBehindTheBuffer() throws IOException {
    givesUpTheConnection(
        (connection, pdu, data) ->
            connection.data(Sqe.cid(pdu + 8), 0, connection.memory(), BYTES + 512, 4),
        false);
  }

  @Test
  void dataOutOfOrder() throws IOException {
    givesUpTheConnection(
        (connection, pdu, data) ->
            connection.data(Sqe.cid(pdu + 8), 512, connection.memory(), 512, 4),
        false);
  }

  @Test
  void dataForAWrite() throws IOException {
    givesUpTheConnection(
        (connection, pdu, data) ->
            connection.data(Sqe.cid(pdu + 8), 0, connection.memory(), 512, 4),
        true);
  }

  @Test
  void r2tBehindTheData() throws IOException {
    givesUpTheConnection(
        (connection, pdu, data) -> connection.r2t(Sqe.cid(pdu + 8), 1, 0, BYTES + 4), true);
  }

  @Test
  void r2tForARead() throws IOException {
    givesUpTheConnection(
        (connection, pdu, data) -> connection.r2t(Sqe.cid(pdu + 8), 1, 0, 512), false);
  }

  @Test
  void noise() throws IOException {
    byte[] noise = new byte[300];
    new Random(5).nextBytes(noise);
    givesUpTheConnection((connection, pdu, data) -> connection.raw(noise), false);
  }

  @Test
  void successWithoutAllDataIsATransferError() throws IOException {
    ScriptedTarget target =
        target(
            true,
            (connection, pdu, data) -> {
              connection.data(Sqe.cid(pdu + 8), 0, connection.memory(), 512, 4);
              connection.respond(Sqe.cid(pdu + 8), 0, 0);
            });
    assertThat(attach(target, ReconnectTimers.NONE)).isZero();
    assertThat(io(io -> io.read(iov, 1, 0, BLOCKS))).isEqualTo(NvmeStatus.DATA_TRANSFER_ERROR);
  }

  @Test
  void retryableStatusIsSentAgainAndDnrIsNot() throws IOException {
    ScriptedTarget target =
        target(
            true,
            (connection, pdu, data) -> {
              boolean flush = Sqe.opcode(pdu + 8) == NvmOpcode.FLUSH;
              int status = NvmeStatus.NAMESPACE_NOT_READY | (flush ? NvmeStatus.DNR : 0);
              connection.respond(Sqe.cid(pdu + 8), 0, status);
            });
    assertThat(attach(target, ReconnectTimers.NONE)).isZero();
    assertThat(io(BdevIo::flush)).isEqualTo(NvmeStatus.NAMESPACE_NOT_READY);
    assertThat(target.ioCommands).isEqualTo(1);
    assertThat(io(io -> io.writeZeroes(0, 8))).isEqualTo(NvmeStatus.NAMESPACE_NOT_READY);
    assertThat(target.ioCommands).isEqualTo(1 + 1 + NvmeOptions.DEFAULT.bdevRetryCount());
  }

  @Test
  void writeFollowsR2tsOfAnySizeInChunksOfMaxh2cdata() throws IOException {
    byte[] got = new byte[BYTES];
    int[] cid = {0};
    int[] received = {0};
    int[] tag = {7};
    ScriptedTarget target =
        target(
            true,
            (connection, pdu, data) -> {
              if (PduHeader.type(pdu) == PduHeader.CAPSULE_CMD) {
                cid[0] = Sqe.cid(pdu + 8);
                connection.r2t(cid[0], tag[0], 0, 100);
                return;
              }
              int bytes = (int) H2cData.datal(pdu);
              assertThat(H2cData.ttag(pdu)).isEqualTo(tag[0]);
              assertThat(H2cData.datao(pdu)).isEqualTo(received[0]);
              assertThat(bytes).isBetween(1, 4096);
              NativeMemory.copy(data, got, received[0], bytes);
              received[0] += bytes;
              boolean last = (PduHeader.flags(pdu) & PduHeader.LAST_PDU) != 0;
              if (last && received[0] < BYTES) {
                connection.r2t(cid[0], ++tag[0], received[0], Math.min(9000, BYTES - received[0]));
              } else if (last) {
                connection.respond(cid[0], 0, 0);
              }
            });
    assertThat(attach(target, ReconnectTimers.NONE)).isZero();
    for (int i = 0; i < BYTES; i++) {
      NativeMemory.putByte(buffer + i, (byte) (i * 31 >>> 3));
    }
    assertThat(io(io -> io.write(iov, 1, 0, BLOCKS))).isZero();
    assertThat(got).isEqualTo(NativeMemory.bytes(buffer, BYTES));
  }
}

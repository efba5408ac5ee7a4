package io.diskengine.engine.bdev;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.linux.Errno;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.sim.SimFile;
import io.diskengine.engine.sim.SimWorld;
import io.diskengine.nvme.Iovec;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The file device on two reactors, virtual time and a simulated file. */
class AioBdevTest {
  private static final long SECOND_NS = 1_000_000_000L;
  private static final int BLOCK = 4096;
  private static final int PENDING = 1 << 20;

  private final SimWorld world = new SimWorld(11, 2);
  private final List<Reactor> reactors = world.reactors(0);
  private final BdevLayer layer = new BdevLayer(reactors);
  private final SimFile file = world.file("/dev/disk");
  private final List<String> told = new ArrayList<>();
  private final Arena arena = Arena.ofShared();
  private final long iov = arena.allocate(Iovec.SIZE, 16).address();
  private BdevDesc desc;

  @SuppressWarnings("NullAway.Init") // open() sets the descriptor
  AioBdevTest() {}

  @BeforeEach
  void open() {
    file.resize(1 << 20);
    Iovec.set(iov, 0, arena.allocate(BLOCK, BLOCK).address(), BLOCK);
    on(
        0,
        () -> {
          AioBdev bdev =
              AioBdev.open(
                  "aio",
                  new AioBdev.Options("/dev/disk", BLOCK, false, false, new UUID(1, 1)),
                  reactors.getFirst().kernel());
          layer.register(bdev);
          desc = layer.open(bdev, true, this::removed);
        });
  }

  @AfterEach
  void endWorld() {
    world.close();
    arena.close();
  }

  private BdevChannel channel;

  private void removed(BdevDesc of) {
    told.add("removed");
    BdevLayer.crossTo(
        reactors.get(1),
        () -> {
          channel.release();
          BdevLayer.crossTo(layer.home(), of::close);
        });
  }

  private interface Body {
    void run() throws Exception;
  }

  private void on(int reactor, Body body) {
    boolean[] done = {false};
    reactors
        .get(reactor)
        .execute(() -> {
          try {
            body.run();
          } catch (Exception e) {
            throw new AssertionError(e);
          }
          done[0] = true;
        });
    world.await("the body ran", () -> done[0], SECOND_NS);
  }

  private int read() {
    int[] status = {Integer.MIN_VALUE};
    on(
        1,
        () -> {
          channel = desc.openChannel();
          BdevIo io = new BdevIo(done -> status[0] = done.status());
          desc.submit(channel, io.read(iov, 1, 3, 1));
        });
    world.await("the read ended", () -> status[0] != Integer.MIN_VALUE, SECOND_NS);
    return status[0];
  }

  @Test
  void unpluggedDeviceIsRemovedAndEverybodyIsTold() {
    file.fault((operation, offset, length) -> -Errno.ENODEV);
    assertThat(read()).isEqualTo(IoStatus.UNRECOVERED_READ_ERROR);
    world.await("the bdev is gone", () -> layer.find("aio") == null, SECOND_NS);
    assertThat(told).containsExactly("removed");
  }

  @Test
  void unreadableBlockRemovesNothing() {
    file.fault((operation, offset, length) -> -Errno.EIO);
    assertThat(read()).isEqualTo(IoStatus.UNRECOVERED_READ_ERROR);
    world.run(SECOND_NS);
    assertThat(layer.find("aio")).isNotNull();
    assertThat(told).isEmpty();
  }

  /** Starts an I/O; its status is {@link #PENDING} until it ends. */
  private int[] start(int reactor, Consumer<BdevIo> prepare, List<BdevIo> started) {
    int[] status = {PENDING};
    on(
        reactor,
        () -> {
          BdevChannel on = desc.openChannel();
          BdevIo io =
              new BdevIo(done -> {
                status[0] = done.status();
                on.release();
              });
          prepare.accept(io);
          started.add(io);
          desc.submit(on, io);
        });
    return status;
  }

  @Test
  void resetEndsAfterWhatWasUnderWayOnAnyReactorAndHoldsNothingLaterBack() {
    List<BdevIo> started = new ArrayList<>();
    file.stall();
    int[] write = start(1, io -> io.write(iov, 1, 3, 1), started);
    int[] reset = start(0, BdevIo::reset, started);
    world.run(SECOND_NS / 10);
    assertThat(reset[0]).isEqualTo(PENDING);
    file.resume();
    world.await("the write ended", () -> write[0] == IoStatus.SUCCESS, SECOND_NS);
    world.await("the reset ended", () -> reset[0] == IoStatus.SUCCESS, SECOND_NS);
    int[] again = start(1, BdevIo::reset, started);
    world.await("an idle device is reset", () -> again[0] == IoStatus.SUCCESS, SECOND_NS);
  }

  @Test
  void abortedIoThatTheDiskHasNotBegunEndsAtOnce() {
    List<BdevIo> started = new ArrayList<>();
    file.stall();
    int[] aborted = start(1, io -> io.write(iov, 1, 3, 1), started);
    int[] kept = start(1, io -> io.read(iov, 1, 5, 1), started);
    world.run(SECOND_NS / 10);
    on(
        1,
        () -> {
          BdevChannel on = desc.openChannel();
          on.abort(started.getFirst());
          on.release();
        });
    world.await("the aborted I/O ended", () -> aborted[0] != PENDING, SECOND_NS);
    assertThat(aborted[0]).isEqualTo(IoStatus.ABORTED_BY_REQUEST);
    assertThat(kept[0]).isEqualTo(PENDING);
    file.resume();
    world.await("the other I/O ended", () -> kept[0] == IoStatus.SUCCESS, SECOND_NS);
  }
}

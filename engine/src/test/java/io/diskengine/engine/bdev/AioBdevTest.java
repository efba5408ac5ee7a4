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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The file device on two reactors, virtual time and a simulated file. */
class AioBdevTest {
  private static final long SECOND_NS = 1_000_000_000L;
  private static final int BLOCK = 4096;

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
}

package io.diskengine.engine.host;

import static io.diskengine.engine.host.HostWorld.MS;
import static io.diskengine.engine.host.HostWorld.SECOND;
import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.bdev.Bdev;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class NvmeHostTest {
  private final HostWorld world = new HostWorld(7);

  @AfterEach
  void close() {
    world.close();
  }

  @Test
  void namespaceIsADeviceWithItsUuidAndSize() {
    world.node(1);
    assertThat(world.attach("c1", 1)).isEqualTo("c1n1");
    Bdev bdev = world.bdev("c1n1");
    assertThat(bdev.uuid()).isEqualTo(HostWorld.uuid(1));
    assertThat(bdev.blockSizeBytes()).isEqualTo(512);
    assertThat(bdev.numBlocks()).isEqualTo(HostWorld.BLOCKS);
    assertThat(bdev.maxTransferBlocks()).isEqualTo((128 << 10) / 512);
    assertThat(world.layer.find(HostWorld.uuid(1).toString())).isSameAs(bdev);
    assertThat(world.state("c1")).isEqualTo("enabled");
  }

  @Test
  void dataWrittenIsReadBackOnBothReactors() {
    world.node(1);
    VerifiedIo io = new VerifiedIo(world, world.attach("c1", 1), 12);
    io.start();
    io.awaitProgress(2000, 60 * SECOND);
    io.stop(SECOND);
    io.verify();
    io.close();
    assertThat(io.errors).isZero();
  }

  @Test
  void detachRemovesTheDeviceAndAnswersWhenItIsGone() {
    world.node(1);
    world.attach("c1", 1);
    assertThat(world.finished(world.startDetach("c1")).errno).isZero();
    assertThat(world.layer.find("c1n1")).isNull();
    assertThat(world.state("c1")).isEqualTo("gone");
    assertThat(world.attach("c1", 1)).isEqualTo("c1n1");
  }

  @Test
  void targetKilledUnderLoadIoWaitsWithoutErrorUntilItIsBack() {
    world.node(1);
    VerifiedIo io = new VerifiedIo(world, world.attach("c1", 1), 8);
    io.start();
    io.awaitProgress(200, 10 * SECOND);
    world.world.kill(1);
    world.awaitState("c1", "reconnect_is_delayed", SECOND);
    world.world.run(5 * SECOND);
    assertThat(io.inFlight()).isEqualTo(8);
    world.world.boot(1);
    world.node(1);
    io.awaitProgress(200, 5 * SECOND);
    io.stop(SECOND);
    io.verify();
    assertThat(io.errors).isZero();
    io.close();
  }

  @Test
  void silentPeerLeavesEnabledInTimeAndDetachCompletes() {
    world.node(1);
    VerifiedIo io = new VerifiedIo(world, world.attach("c1", 1), 8);
    io.start();
    io.awaitProgress(200, 10 * SECOND);
    world.world.pause(1);
    long pausedNs = world.world.nowNs();
    world.world.await("it is noticed", () -> !world.state("c1").equals("enabled"), 6 * SECOND);
    assertThat(world.world.nowNs() - pausedNs).isBetween(3 * SECOND - MS, 5500 * MS);
    assertThat(io.errors).isZero();
    HostWorld.Answer detach = world.startDetach("c1");
    world.world.await("I/O has failed", () -> io.inFlight() == 0, SECOND);
    assertThat(io.removed).isTrue();
    io.close();
    world.world.await("detached", detach::done, SECOND);
    assertThat(detach.errno).isZero();
    assertThat(world.state("c1")).isEqualTo("gone");
  }

  @Test
  void allControllersOfASilentPeerLeaveEnabledInTimeThoughOneAsksForAll() {
    int count = 20;
    HostWorld.Node node = world.new Node(1).listen(4420);
    for (int i = 0; i < count; i++) {
      String hostnqn = HostWorld.HOSTNQN + i;
      world.on(1, () -> node.subsystem.addHost(hostnqn));
      AttachSpec spec = HostWorld.spec("c" + i, 1, 4420, HostWorld.WAIT);
      world.attach(
          new AttachSpec(
              spec.name(),
              spec.trid(),
              hostnqn,
              "",
              "",
              AttachSpec.Multipath.MULTIPATH,
              spec.timers(),
              0));
    }
    world.world.run(60 * SECOND);
    for (int i = 0; i < count; i++) {
      assertThat(world.state("c" + i)).isEqualTo("enabled");
    }
    world.world.pause(1);
    long pausedNs = world.world.nowNs();
    for (int i = 0; i < count; i++) {
      String name = "c" + i;
      world.world.await("it is noticed", () -> !world.state(name).equals("enabled"), 6 * SECOND);
      assertThat(world.world.nowNs() - pausedNs).isBetween(3 * SECOND - MS, 5500 * MS);
    }
  }

  @Test
  void disableUnderLoadFailsIoAtOnceAndEnableBringsItBack() {
    world.node(1);
    VerifiedIo io = new VerifiedIo(world, world.attach("c1", 1), 8);
    io.start();
    io.awaitProgress(200, 10 * SECOND);
    HostWorld.Answer disable = world.startDisable("c1");
    world.world.await("disabled", disable::done, 100 * MS);
    assertThat(disable.errno).isZero();
    assertThat(world.state("c1")).isEqualTo("disabled");
    long errors = io.errors;
    world.world.await("new I/O fails at once", () -> io.errors > errors + 20, 100 * MS);
    assertThat(io.lastError).isEqualTo(0x370);
    io.stop(SECOND);
    assertThat(world.finished(world.startEnable("c1")).errno).isZero();
    assertThat(world.state("c1")).isEqualTo("enabled");
    long before = io.errors;
    io.start();
    io.awaitProgress(200, SECOND);
    io.stop(SECOND);
    assertThat(io.errors).isEqualTo(before);
    io.close();
  }
}

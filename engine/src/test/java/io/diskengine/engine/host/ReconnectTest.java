package io.diskengine.engine.host;

import static io.diskengine.engine.host.HostWorld.MS;
import static io.diskengine.engine.host.HostWorld.SECOND;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is lost, comes back, or changes under a controller. */
class ReconnectTest {
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void connectionsResetEveryFewMillisecondsLoseNoWriteAndFailNone(long seed) {
    try (HostWorld world = new HostWorld(seed)) {
      world.node(1);
      VerifiedIo io = new VerifiedIo(world, world.attach("c1", 1), 10);
      io.start();
      for (int i = 0; i < 40; i++) {
        world.world.run(5 * MS + world.world.random().nextLong(20 * MS));
        world.world.reset(0, 1);
      }
      io.awaitProgress(200, 10 * SECOND);
      io.stop(5 * SECOND);
      io.verify();
      assertThat(io.errors).as("seed %d", seed).isZero();
      io.close();
    }
  }

  @Test
  void bothNodesGoneIoWaitsUntilTheyReturnAndDetachOfOneFailsItsIo() {
    try (HostWorld world = new HostWorld(11)) {
      world.node(1);
      world.node(2);
      VerifiedIo first = new VerifiedIo(world, world.attach("c1", 1), 4);
      VerifiedIo second = new VerifiedIo(world, world.attach("c2", 2), 4);
      second.stopOnError = true;
      first.start();
      second.start();
      first.awaitProgress(100, 10 * SECOND);
      world.world.kill(1);
      world.world.kill(2);
      world.world.run(60 * SECOND);
      assertThat(first.errors + second.errors).isZero();
      HostWorld.Answer detach = world.startDetach("c2");
      world.world.await("its I/O failed", () -> second.inFlight() == 0, SECOND);
      second.close();
      assertThat(world.finished(detach).errno).isZero();
      assertThat(first.inFlight()).isEqualTo(4);
      world.world.boot(1);
      world.node(1);
      first.awaitProgress(100, 5 * SECOND);
      first.stop(SECOND);
      first.verify();
      assertThat(first.errors).isZero();
      first.close();
    }
  }

  @Test
  void fastIoFailFailsWaitingIoAndCtrlrLossDeletesTheController() {
    try (HostWorld world = new HostWorld(12)) {
      world.node(1);
      ReconnectTimers timers = new ReconnectTimers(8, 1, 3);
      world.attach(HostWorld.spec("c1", 1, 4420, timers));
      VerifiedIo io = new VerifiedIo(world, "c1n1", 4);
      io.stopOnError = true;
      io.start();
      io.awaitProgress(100, 10 * SECOND);
      world.world.kill(1);
      world.world.run(2800 * MS);
      assertThat(io.errors).isZero();
      world.world.await("waiting I/O fails", () -> io.errors >= 4, 400 * MS);
      world.world.await("the device goes", () -> io.removed, 6 * SECOND);
      io.stop(SECOND);
      io.close();
      world.awaitState("c1", "gone", SECOND);
    }
  }

  @Test
  void withoutReconnectDelayIoFailsAtOnceAndTheControllerIsFailed() {
    try (HostWorld world = new HostWorld(13)) {
      world.node(1);
      world.attach(HostWorld.spec("c1", 1, 4420, ReconnectTimers.NONE));
      VerifiedIo io = new VerifiedIo(world, "c1n1", 4);
      io.stopOnError = true;
      io.start();
      io.awaitProgress(100, 10 * SECOND);
      world.world.kill(1);
      world.world.await("I/O fails", () -> io.errors >= 4, 100 * MS);
      world.awaitState("c1", "failed", SECOND);
      io.stop(SECOND);
      world.world.boot(1);
      world.node(1);
      assertThat(world.finished(world.startReset("c1")).errno).isZero();
      assertThat(world.state("c1")).isEqualTo("enabled");
      io.close();
    }
  }

  @Test
  void vanishedPeerIsNoticedAndReturnsWithoutAnError() {
    try (HostWorld world = new HostWorld(14)) {
      world.node(1);
      VerifiedIo io = new VerifiedIo(world, world.attach("c1", 1), 6);
      io.start();
      io.awaitProgress(100, 10 * SECOND);
      world.world.partition(0, 1);
      world.world.await("noticed", () -> !world.state("c1").equals("enabled"), 6 * SECOND);
      world.world.run(20 * SECOND);
      world.world.heal(0, 1);
      world.awaitState("c1", "enabled", 10 * SECOND);
      io.awaitProgress(100, 5 * SECOND);
      io.stop(SECOND);
      assertThat(io.errors).isZero();
      io.close();
    }
  }

  @Test
  void disableWorksWhileAReconnectIsTried() {
    try (HostWorld world = new HostWorld(15)) {
      world.node(1);
      world.attach("c1", 1);
      world.world.pause(1);
      world.awaitState("c1", "resetting", 6 * SECOND);
      HostWorld.Answer disable = world.startDisable("c1");
      world.world.await("disabled", disable::done, 100 * MS);
      assertThat(disable.errno).isZero();
      assertThat(world.state("c1")).isEqualTo("disabled");
    }
  }

  @Test
  void namespacesFollowTheSubsystem() {
    try (HostWorld world = new HostWorld(16)) {
      HostWorld.Node node = world.new Node(1).listen(4420);
      assertThat(world.attach(HostWorld.spec("c1", 1, 4420, HostWorld.WAIT)).bdevs).isEmpty();
      UUID uuid = UUID.fromString("33333333-2222-4333-8444-555555555555");
      node.addDisk("d0", 256, uuid);
      world.world.await("it appears", () -> world.layer.find("c1n1") != null, SECOND);
      node.removeDisk(1);
      world.world.await("it goes", () -> world.layer.find("c1n1") == null, SECOND);
      node.addDisk("d1", 512, HostWorld.uuid(7));
      world.world.await("another comes", () -> world.layer.find("c1n1") != null, SECOND);
      assertThat(world.bdev("c1n1").uuid()).isEqualTo(HostWorld.uuid(7));
      assertThat(world.bdev("c1n1").numBlocks()).isEqualTo(512);
    }
  }

  @Test
  void otherUuidAfterAReconnectIsAnotherDevice() {
    try (HostWorld world = new HostWorld(17)) {
      world.node(1);
      VerifiedIo io = new VerifiedIo(world, world.attach("c1", 1), 2);
      world.world.kill(1);
      world.world.boot(1);
      world.new Node(1).addDisk("d9", 512, HostWorld.uuid(9)).listen(4420);
      world.world.await("the old one goes", () -> io.removed, 5 * SECOND);
      io.close();
      world.world.await("the new one comes", () -> world.layer.find("c1n1") != null, SECOND);
      assertThat(world.bdev("c1n1").uuid()).isEqualTo(HostWorld.uuid(9));
    }
  }

  @Test
  void secondPathTakesOverAndTheFirstIsPreferredAgain() {
    try (HostWorld world = new HostWorld(18)) {
      HostWorld.Node node = world.node(1).listen(4421);
      String name = world.attach("c1", 1);
      HostWorld.Answer second = world.attach(HostWorld.spec("c1", 1, 4421, HostWorld.WAIT));
      assertThat(second.errno).isZero();
      assertThat(second.bdevs).isEqualTo(List.of(name));
      VerifiedIo io = new VerifiedIo(world, name, 6);
      io.start();
      io.awaitProgress(100, 10 * SECOND);
      node.unlisten(4420);
      world.awaitState("c1", "reconnect_is_delayed", SECOND);
      io.awaitProgress(200, SECOND);
      node.listen(4420);
      world.awaitState("c1", "enabled", 3 * SECOND);
      io.awaitProgress(200, SECOND);
      io.stop(SECOND);
      io.verify();
      assertThat(io.errors).isZero();
      io.close();
    }
  }

  @Test
  void attachIsRefusedWithSpdksErrnos() {
    try (HostWorld world = new HostWorld(19)) {
      world.node(1);
      world.attach("c1", 1);
      assertThat(world.attach(HostWorld.spec("c1", 1, 4420, HostWorld.WAIT)).errno).isEqualTo(-114);
      assertThat(world.attach(HostWorld.spec("c2", 1, 4420, HostWorld.WAIT)).errno).isEqualTo(-17);
      assertThat(world.attach(HostWorld.spec("c1", 2, 4420, HostWorld.WAIT)).errno).isEqualTo(-22);
      assertThat(world.attach(HostWorld.spec("c3", 1, 4477, HostWorld.WAIT)).errno).isEqualTo(-5);
      ReconnectTimers invalid = new ReconnectTimers(10, 0, 0);
      assertThat(world.attach(HostWorld.spec("c3", 1, 4477, invalid)).errno).isEqualTo(-22);
      assertThat(world.state("c3")).isEqualTo("gone");
      TransportId unknown =
          new TransportId("TCP", "IPv4", "10.0.0.2", "4420", "nqn.2026-11.io.diskengine:test:no");
      AttachSpec spec =
          new AttachSpec(
              "c4",
              unknown,
              HostWorld.HOSTNQN,
              "",
              "",
              AttachSpec.Multipath.MULTIPATH,
              HostWorld.WAIT,
              0);
      assertThat(world.attach(spec).errno).isEqualTo(-5);
    }
  }
}

package io.diskengine.testkit.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.api.Api;
import io.diskengine.api.ApiClient;
import io.diskengine.testkit.process.ChildProcess;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer.OrderAnnotation;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** One {@code diskengine up} and the life of its volumes, in the order in which a user meets it. */
@TestMethodOrder(OrderAnnotation.class)
class UpSystemTest {
  private static final Duration SOON = Duration.ofSeconds(60);

  @TempDir static Path dir;

  private static UpSystem up;

  @BeforeAll
  static void start() {
    up = UpSystem.start(dir.resolve("d"), "--disk-size", "4GiB");
  }

  @AfterAll
  static void stop() {
    up.close();
  }

  private static Api.Volume volume(String name) {
    try (ApiClient client = up.client()) {
      return client.get("/v1/volumes/" + name).as(Api.Volume.class);
    }
  }

  private static boolean inSync(String name) {
    return volume(name).placement().stream().allMatch(r -> r.sync().equals("IN_SYNC"));
  }

  private static Path socket(String name) {
    Api.Attachment attachment = volume(name).attachment();
    return Path.of(attachment == null ? "" : String.valueOf(attachment.socketPath()));
  }

  private static boolean connects(Path socket) {
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      return channel.connect(UnixDomainSocketAddress.of(socket));
    } catch (IOException away) {
      return false;
    }
  }

  @Test
  @Order(1)
  void aVolumeIsCreatedAndAttachedByTwoCommands() {
    up.command("volume", "create", "vol1", "--size", "256MiB").ok();
    UpSystem.Result attach = up.command("volume", "attach", "vol1", "--node", "bm1").ok();
    Path socket = socket("vol1");
    assertThat(attach.out()).contains(socket.toString()).contains("vhost-user-blk-pci");
    assertThat(socket).exists();
    assertThat(connects(socket)).isTrue();
    assertThat(volume("vol1").placement())
        .extracting(Api.Replica::node)
        .containsExactlyInAnyOrder("sn1", "sn2");
  }

  @Test
  @Order(2)
  void anotherUpInTheSameDirectoryIsRefusedWithThePidOfTheFirst() throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of("-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path")));
    command.addAll(List.of("io.diskengine.app.Main", "up", "--data-dir", up.dataDir().toString()));
    try (ChildProcess second = ChildProcess.start("second-up", command)) {
      assertThat(second.await(SOON)).isEqualTo(1);
      second.awaitOutput();
      String pid = Files.readString(up.dataDir().resolve("lock")).strip();
      assertThat(second.output()).singleElement().asString().contains("pid " + pid);
    }
  }

  @Test
  @Order(3)
  void anEngineThatIsKilledComesBackWithItsVhostSocket() {
    Path socket = socket("vol1");
    long killed = up.kill("bm1-engine");
    up.await("a new engine", SOON, () -> up.runs("bm1-engine") && up.pid("bm1-engine") != killed);
    up.await("the vhost socket", SOON, () -> connects(socket));
    up.await("both replicas", SOON, () -> inSync("vol1"));
  }

  @Test
  @Order(4)
  void aHeldStorageNodeStaysDownAndIsRebuiltWhenReleased() {
    up.hold("sn2-engine");
    up.kill("sn2-engine");
    up.await("a replica to be out", SOON, () -> !inSync("vol1"));
    assertThat(up.runs("sn2-engine")).isFalse();
    up.release("sn2-engine");
    up.await("both replicas", SOON, () -> inSync("vol1"));
  }

  @Test
  @Order(5)
  void afterAStopInOrderNothingIsRebuilt() {
    long epoch = volume("vol1").epoch();
    assertThat(up.shutDown()).isLessThan(Duration.ofSeconds(20));
    assertThat(leftovers()).isEmpty();
    up.restart();
    Path socket = socket("vol1");
    up.await("the vhost socket", SOON, () -> connects(socket));
    assertThat(volume("vol1").placement()).allMatch(r -> r.sync().equals("IN_SYNC"));
    assertThat(volume("vol1").epoch()).as("the set of replicas did not change").isEqualTo(epoch);
  }

  @Test
  @Order(6)
  void killingUpEndsEverythingAndTheNextOneBringsItBack() {
    List<Long> pids =
        List.of("sn1-engine", "sn2-agent", "bm1-engine", "bm1-agent", "controller").stream()
            .map(up::pid)
            .toList();
    up.killAll();
    pids.forEach(pid -> ProcessHandle.of(pid).ifPresent(p -> p.onExit().join()));
    up.restart();
    Path socket = socket("vol1");
    up.await("the vhost socket", SOON, () -> connects(socket));
    up.await("both replicas", SOON, () -> inSync("vol1"));
  }

  @Test
  @Order(7)
  void detachAndDeleteLeaveNothing() {
    Path socket = socket("vol1");
    up.command("volume", "detach", "vol1").ok();
    assertThat(socket).doesNotExist();
    up.command("volume", "delete", "vol1").ok();
    assertThat(up.command("volume", "list").ok().out()).doesNotContain("vol1");
    for (String node : List.of("sn1", "sn2")) {
      String lvols =
          up.command("rpc", "bdev_lvol_get_lvols", "-s", up.rpcSocket(node).toString()).ok().out();
      assertThat(lvols.strip()).isEqualTo("[ ]");
    }
  }

  /** Processes whose command line names our directory, this test's own aside. */
  private static List<String> leftovers() {
    return ProcessHandle.allProcesses()
        .filter(p -> p.info().commandLine().orElse("").contains(up.dataDir() + "/"))
        .map(p -> p.pid() + " " + p.info().commandLine().orElse(""))
        .toList();
  }
}

package io.diskengine.testkit.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.api.Api;
import io.diskengine.api.ApiClient;
import io.diskengine.nvme.NativeMemory;
import io.diskengine.testkit.process.ChildProcess;
import io.diskengine.testkit.vhost.VhostFrontend;
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

  private static final int VIRTIO_BLK_T_IN = 0;
  private static final int VIRTIO_BLK_T_OUT = 1;
  private static final int DESC_NEXT = 1;
  private static final int DESC_WRITE = 2;
  private static final int BLOCK = 4096;
  private static final long GUEST_MEMORY = 8 << 20;

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
  void afterAStopInOrderWithAGuestConnectedNothingIsRebuiltAndItsBytesAreThere() {
    long epoch = volume("vol1").epoch();
    VhostFrontend guest = VhostFrontend.connect(socket("vol1"), GUEST_MEMORY).start(1, 128, 0);
    write(guest, (byte) 7);
    assertThat(up.shutDown()).isLessThan(Duration.ofSeconds(20));
    assertThat(leftovers()).isEmpty();
    up.restart();
    Path socket = socket("vol1");
    up.await("the vhost socket", SOON, () -> connects(socket));
    try (VhostFrontend again = guest.reconnect(socket, 0)) {
      assertThat(read(again)).isEqualTo((byte) 7);
      write(again, (byte) 8);
    }
    assertThat(volume("vol1").placement()).allMatch(r -> r.sync().equals("IN_SYNC"));
    assertThat(volume("vol1").epoch()).as("the set of replicas did not change").isEqualTo(epoch);
  }

  private static void write(VhostFrontend guest, byte value) {
    long data = guest.allocateGuest(BLOCK);
    NativeMemory.fill(guest.local(data), BLOCK, value);
    transfer(guest, VIRTIO_BLK_T_OUT, data);
  }

  private static byte read(VhostFrontend guest) {
    long data = guest.allocateGuest(BLOCK);
    transfer(guest, VIRTIO_BLK_T_IN, data);
    return NativeMemory.getByte(guest.local(data) + BLOCK - 1);
  }

  /** One request for the first block; virtio 1.3, 5.2.6. */
  private static void transfer(VhostFrontend guest, int type, long data) {
    long header = guest.allocateGuest(16);
    NativeMemory.putInt(guest.local(header), type);
    NativeMemory.putInt(guest.local(header) + 4, 0);
    NativeMemory.putLong(guest.local(header) + 8, 0);
    long status = guest.allocateGuest(1);
    NativeMemory.putByte(guest.local(status), (byte) 0x55);
    VhostFrontend.Ring ring = guest.ring(0);
    ring.desc(0, header, 16, DESC_NEXT, 1);
    ring.desc(1, data, BLOCK, DESC_NEXT | (type == VIRTIO_BLK_T_IN ? DESC_WRITE : 0), 2);
    ring.desc(2, status, 1, DESC_WRITE, 0);
    ring.offer(0);
    ring.kick();
    assertThat(ring.await(30_000)).isEqualTo(0);
    assertThat(NativeMemory.getByte(guest.local(status))).isZero();
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
    try (VhostFrontend guest = VhostFrontend.connect(socket, GUEST_MEMORY).start(1, 128, 0)) {
      assertThat(read(guest)).isEqualTo((byte) 8);
    }
  }

  @Test
  @Order(7)
  void detachAndDeleteLeaveNothing() {
    Path socket = socket("vol1");
    up.detach("vol1");
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

package io.diskengine.testkit.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diskengine.nvme.NativeMemory;
import io.diskengine.testkit.vhost.VhostFrontend;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** A storage target that is killed under a raid1, and what a restart leaves and finds. */
@ParameterizedClass
@MethodSource("processes")
class StoppedConformanceTest extends SpdkConformance {
  private static final String ALL = "{'category':'all'}";
  private static final int BLOCK = 4096;
  private static final int ROUNDS = 5;
  private static final int SENT_AT_ONCE = 10;

  static List<Implementation> processes() {
    return implementations().stream()
        .filter(i -> !i.gaps().contains(ConformanceGap.NO_PROCESS))
        .toList();
  }

  /** One leg's storage target: a process where it is to be killed. */
  private final class Leg {
    final String name;
    final int port;
    DataPlane plane;

    Leg(String name, boolean mayBeKilled) throws IOException {
      this.name = name;
      try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
        port = socket.getLocalPort();
      }
      file(name + ".aio", 64);
      plane = mayBeKilled ? startProcess(name, "--wait-for-rpc") : start(name, true);
      serve(true);
    }

    /** Makes or imports the lvol, and exports it. Never examines it: it has a raid superblock. */
    private void serve(boolean first) throws IOException {
      RawRpc rpc = connect(plane);
      ok(rpc, "bdev_set_options", "{'bdev_auto_examine':false}");
      ok(rpc, "framework_start_init");
      aio(rpc, "A0", directory.resolve(name + ".aio"));
      if (first) {
        ok(rpc, "bdev_lvol_create_lvstore", "{'bdev_name':'A0','lvs_name':'lvs0'}");
        lvol(rpc, "lvs0", "leg", 16);
      } else {
        ok(rpc, "bdev_examine", "{'name':'A0'}");
        ok(rpc, "bdev_wait_for_examine");
      }
      ok(rpc, "nvmf_create_transport", "{'trtype':'TCP'}");
      ok(rpc, "nvmf_create_subsystem", "{'nqn':'" + nqn() + "','allow_any_host':true}");
      ok(
          rpc,
          "nvmf_subsystem_add_ns",
          "{'nqn':'" + nqn() + "','namespace':{'bdev_name':'lvs0/leg','nsid':1}}");
      ok(
          rpc,
          "nvmf_subsystem_add_listener",
          ("{'nqn':'%s','listen_address':{'trtype':'TCP','adrfam':'IPv4',"
                  + "'traddr':'127.0.0.1','trsvcid':'%d'}}")
              .formatted(nqn(), port));
    }

    String nqn() {
      return "nqn.2026-11.io.diskengine:" + name;
    }

    void kill() {
      ((DataPlaneProcess) plane).kill();
    }

    void restart() throws IOException {
      plane = startProcess(name, "--wait-for-rpc");
      serve(false);
    }

    void attach(RawRpc host, String timers) throws IOException {
      String params =
          ("{'name':'%s','trtype':'TCP','adrfam':'IPv4','traddr':'127.0.0.1','trsvcid':'%d',"
                  + "'subnqn':'%s',%s}")
              .formatted(name, port, nqn(), timers);
      assertThat(texts(ok(host, "bdev_nvme_attach_controller", params)))
          .containsExactly(name + "n1");
    }
  }

  /** A raid1 of two legs below a vhost controller, of which the second will be killed. */
  private final class Stack implements AutoCloseable {
    final Leg first = new Leg("l1", false);
    final Leg second = new Leg("l2", true);
    final RawRpc rpc;
    final VhostFrontend guest;
    private long status;

    Stack(String timers) throws IOException {
      DataPlane host = start("host", false);
      rpc = connect(host);
      first.attach(rpc, timers);
      second.attach(rpc, timers);
      ok(
          rpc,
          "bdev_raid_create",
          "{'name':'r0','raid_level':'raid1','superblock':true,'base_bdevs':['l1n1','l2n1']}");
      ok(rpc, "vhost_create_blk_controller", "{'ctrlr':'vh0','dev_name':'r0'}");
      guest = VhostFrontend.connect(host.vhostDirectory().resolve("vh0"), 4 * MIB).start(1, 64, 0);
      beginWrite();
      awaitWrite();
    }

    /** One block, through the virtqueue. */
    void beginWrite() {
      long header = guest.allocateGuest(16);
      NativeMemory.putInt(guest.local(header), 1);
      NativeMemory.putLong(guest.local(header) + 8, 8);
      long data = guest.allocateGuest(BLOCK);
      NativeMemory.fill(guest.local(data), BLOCK, (byte) 7);
      status = guest.allocateGuest(1);
      VhostFrontend.Ring ring = guest.ring(0);
      ring.desc(0, header, 16, 1, 1);
      ring.desc(1, data, BLOCK, 1, 2);
      ring.desc(2, status, 1, 2, 0);
      ring.offer(0);
      ring.kick();
    }

    void assertWriteStalls() {
      assertThat(guest.ring(0).await((int) SILENCE.toMillis())).as("a stalled write").isNull();
    }

    void awaitWrite() {
      assertThat(guest.ring(0).await(20_000)).as("the write was answered").isEqualTo(0);
      assertThat(NativeMemory.getByte(guest.local(status))).as("status").isZero();
    }

    void awaitState(String state) throws IOException {
      await(
          rpc,
          "bdev_nvme_get_controllers",
          "{'name':'l2'}",
          found -> found.at("/0/ctrlrs/0/state").asString().equals(state));
    }

    void awaitRaid(int operational) throws IOException {
      await(
          rpc,
          "bdev_raid_get_bdevs",
          ALL,
          raids ->
              raids.at("/0/num_base_bdevs_operational").asInt() == operational
                  && raids.at("/0/process").isMissingNode());
    }

    @Override
    public void close() {
      guest.close();
    }
  }

  @Test
  void killed_aTargetThatIsBackInTimeIsReconnectedAndTheRaidNeverNotices() throws Exception {
    try (Stack stack =
        new Stack(
            "'ctrlr_loss_timeout_sec':300,'reconnect_delay_sec':1,'fast_io_fail_timeout_sec':0")) {
      stack.second.kill();
      stack.awaitState("reconnect_is_delayed");
      stack.beginWrite();
      stack.assertWriteStalls();
      stack.awaitRaid(2);
      stack.second.restart();
      stack.awaitState("enabled");
      stack.awaitWrite();
      stack.awaitRaid(2);
    }
  }

  @Test
  void killed_aTargetThatIsAwayLongerIsLostAndAttachedAndRebuiltByHand() throws Exception {
    String timers =
        "'ctrlr_loss_timeout_sec':2,'reconnect_delay_sec':1,'fast_io_fail_timeout_sec':0";
    try (Stack stack = new Stack(timers)) {
      stack.second.kill();
      stack.beginWrite();
      stack.assertWriteStalls();
      stack.awaitWrite();
      stack.awaitRaid(1);
      await(stack.rpc, "bdev_nvme_get_controllers", "", controllers -> controllers.size() == 1);
      stack.second.restart();
      assertThat(ok(stack.rpc, "bdev_nvme_get_controllers")).hasSize(1);
      stack.second.attach(stack.rpc, timers);
      stack.awaitRaid(2);
    }
  }

  @Test
  void killed_aLegThatFailedFastIsReconnectedButAddedByHand() throws Exception {
    try (Stack stack =
        new Stack(
            "'ctrlr_loss_timeout_sec':30,'reconnect_delay_sec':1,'fast_io_fail_timeout_sec':1")) {
      stack.second.kill();
      stack.beginWrite();
      stack.awaitWrite();
      stack.awaitRaid(1);
      stack.second.restart();
      stack.awaitState("enabled");
      ok(stack.rpc, "bdev_get_bdevs", "{'name':'l2n1'}");
      stack.awaitRaid(1);
      ok(stack.rpc, "bdev_raid_add_base_bdev", "{'raid_bdev':'r0','base_bdev':'l2n1'}");
      stack.awaitRaid(2);
    }
  }

  @Test
  void restart_leavesNothingAfterSigtermAndFindsEverythingAfterSigkill() throws Exception {
    DataPlaneProcess plane = startProcess("dp");
    Path lock = Path.of(plane.socket() + ".lock");
    unless(
        ConformanceGap.SOCKET_LOCK_FILE,
        () -> assertThat(lock).exists(),
        () -> assertThat(lock).doesNotExist());
    RawRpc rpc = connect(plane);
    store(rpc, "A0", "lvs0", 64, 1);
    String uuid = lvol(rpc, "lvs0", "v1", 8);
    ok(rpc, "nvmf_create_subsystem", "{'nqn':'nqn.2026-11.io.diskengine:v1'}");
    ok(
        rpc,
        "nvmf_subsystem_add_ns",
        "{'nqn':'nqn.2026-11.io.diskengine:v1','namespace':{'bdev_name':'lvs0/v1'}}");
    JsonNode saved =
        ok(rpc, "framework_get_config", "{'name':'nvmf'}")
            .valueStream()
            .filter(entry -> entry.get("method").asString().equals("nvmf_subsystem_add_ns"))
            .findFirst()
            .orElseThrow();
    assertThat(saved.at("/params/namespace/bdev_name").asString()).isEqualTo(uuid);
    plane.process().signal("TERM");
    plane.process().await(Duration.ofSeconds(20));
    assertThat(plane.socket()).doesNotExist();
    assertThat(lock).doesNotExist();

    for (boolean first : new boolean[] {true, false}) {
      plane = startProcess("dp");
      rpc = connect(plane);
      aio(rpc, "A0", directory.resolve("A0.aio"));
      ok(rpc, "bdev_wait_for_examine");
      assertThat(ok(rpc, "bdev_get_bdevs", "{'name':'lvs0/v1'}").at("/0/uuid").asString())
          .isEqualTo(uuid);
      if (first) {
        plane.kill();
        assertThat(Files.exists(plane.socket())).as("the socket of a killed process").isTrue();
      }
    }
  }

  /** What an agent that died has sent is seen by the first look of the next one. */
  @Test
  void stopped_whatAClientSentBeforeItDiedIsBegunBeforeWhatALaterOneSends() throws Exception {
    DataPlaneProcess plane = startProcess("dp");
    for (int round = 0; round < ROUNDS; round++) {
      RawRpc earlier = connect(plane);
      ok(earlier, "spdk_get_version");
      plane.process().signal("STOP");
      for (int i = 0; i < SENT_AT_ONCE; i++) {
        earlier.send(
            ("{'jsonrpc':'2.0','id':9,'method':'bdev_malloc_create','params':"
                    + "{'name':'M%d_%d','num_blocks':256,'block_size':4096}}")
                .formatted(round, i)
                .replace('\'', '"'));
      }
      earlier.close();
      RawRpc later = connect(plane);
      later.send("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"bdev_get_bdevs\"}");
      plane.process().signal("CONT");
      assertThat(later.line()).contains("\"M" + round + "_" + (SENT_AT_ONCE - 1) + "\"");
    }
  }

  @Test
  void restart_replaysASavedConfiguration() throws Exception {
    Path config = directory.resolve("config.json");
    Files.writeString(
        config,
        """
        {"subsystems":[{"subsystem":"bdev","config":[{"method":"bdev_malloc_create",
        "params":{"name":"M0","num_blocks":256,"block_size":4096}}]}]}
        """);
    RawRpc rpc = connect(startProcess("dp", "-c", config.toString()));
    assertThat(ok(rpc, "bdev_get_bdevs").at("/0/name").asString()).isEqualTo("M0");
  }

  @Test
  void restart_endsWithAConfigurationThatFailsUnlessErrorsAreIgnored() throws Exception {
    Path config = directory.resolve("config.json");
    Files.writeString(
        config,
        """
        {"subsystems":[{"subsystem":"bdev","config":[{"method":"bdev_aio_create",
        "params":{"name":"D0","filename":"/absent","block_size":4096}},
        {"method":"bdev_malloc_create",
        "params":{"name":"M0","num_blocks":256,"block_size":4096}}]}]}
        """);
    assertThatThrownBy(() -> startProcess("dp", "-c", config.toString()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("No such file or directory");
    RawRpc rpc = connect(startProcess("dp", "-c", config.toString(), "--json-ignore-init-errors"));
    assertThat(ok(rpc, "bdev_get_bdevs").at("/0/name").asString()).isEqualTo("M0");
  }
}

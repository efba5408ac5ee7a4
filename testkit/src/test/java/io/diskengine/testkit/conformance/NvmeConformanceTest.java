package io.diskengine.testkit.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.testkit.vhost.VhostFrontend;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** Facts 14 and 25 to 29: the NVMe-oF initiator, with a target of the same implementation. */
@ParameterizedClass
@MethodSource("implementations")
class NvmeConformanceTest extends SpdkConformance {
  private static final String NQN = "nqn.2026-11.io.diskengine:disk";
  private static final String ATTACH = "bdev_nvme_attach_controller";

  /** Where the target listens. */
  private String port = "";

  /** Where its subsystem without namespaces listens too. */
  private String secondPort = "";

  /** A target with subsystem {@link #NQN} over a device, and one without any namespace. */
  private RawRpc target() throws IOException {
    RawRpc rpc = connect(start("target", false));
    malloc(rpc, "M0", 8);
    port = Integer.toString(freePort());
    secondPort = Integer.toString(freePort());
    ok(rpc, "nvmf_create_transport", "{'trtype':'TCP'}");
    for (String nqn : new String[] {NQN, NQN + ":empty"}) {
      ok(rpc, "nvmf_create_subsystem", "{'nqn':'" + nqn + "','allow_any_host':true}");
      listen(rpc, nqn, port);
    }
    listen(rpc, NQN + ":empty", secondPort);
    addNamespace(rpc);
    return rpc;
  }

  private static void listen(RawRpc rpc, String nqn, String port) throws IOException {
    ok(
        rpc,
        "nvmf_subsystem_add_listener",
        ("{'nqn':'%s','listen_address':{'trtype':'TCP','adrfam':'IPv4',"
                + "'traddr':'127.0.0.1','trsvcid':'%s'}}")
            .formatted(nqn, port));
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  private static void addNamespace(RawRpc rpc) throws IOException {
    ok(
        rpc,
        "nvmf_subsystem_add_ns",
        "{'nqn':'" + NQN + "','namespace':{'bdev_name':'M0','nsid':1}}");
  }

  private String path(String name, String nqn, String more) {
    return path(name, "127.0.0.1", port, nqn, more);
  }

  private static String path(String name, String address, String port, String nqn, String more) {
    return ("{'name':'%s','trtype':'TCP','adrfam':'IPv4','traddr':'%s','trsvcid':'%s',"
            + "'subnqn':'%s'%s}")
        .formatted(name, address, port, nqn, more);
  }

  @Test
  void fact_14_healthOfATargetIsZerosAndATemperatureThatFitsNoSignedLong() throws Exception {
    target();
    RawRpc rpc = connect(start("host", false));
    ok(rpc, ATTACH, path("n1", NQN, ""));
    String health = rpc.call("bdev_nvme_get_controller_health_info", "{'name':'n1'}");
    assertThat(health)
        .startsWith("\"result\":{\"model_number\":")
        .contains("\"power_cycles\":0,")
        .contains("\"available_spare_percentage\":0,");
    unless(
        ConformanceGap.HEALTH_TEMPERATURE,
        () -> assertThat(health).contains("\"temperature_celsius\":18446744073709551343,"),
        () -> assertThat(health).contains("\"temperature_celsius\":0,"));
    assertError(
        rpc, -32603, "Device not found", "bdev_nvme_get_controller_health_info", "{'name':'nope'}");
  }

  @Test
  void fact_25_anAttachThatCannotBeSaysWhyInManyWays() throws IOException {
    target();
    RawRpc rpc = connect(start("host", false));
    assertThat(rpc.call(ATTACH, path("n1", NQN, ""))).isEqualTo("\"result\":[\"n1n1\"]");
    String samePath = "A controller named n1 already exists with the specified network path";
    assertError(rpc, -114, samePath, ATTACH, path("n1", NQN, ""));
    assertError(rpc, -114, samePath, ATTACH, path("n1", NQN, ",'multipath':'multipath'"));
    assertError(
        rpc,
        -114,
        "A controller named n1 already exists and multipath is disabled",
        ATTACH,
        path("n1", NQN, ",'multipath':'disable'"));
    assertError(rpc, -17, "File exists", ATTACH, path("n1b", NQN, ""));
    assertError(
        rpc,
        -22,
        "A controller named n1 already exists, but uses a different subnqn (" + NQN + ")",
        ATTACH,
        path("n1", "127.0.0.1", secondPort, NQN + ":empty", ""));
    String io = "Input/output error";
    String closed = Integer.toString(freePort());
    assertError(rpc, -5, io, ATTACH, path("n9", "127.0.0.1", closed, NQN + ":empty", ""));
    assertError(rpc, -5, io, ATTACH, path("n9", NQN + ":no", ""));
    assertError(rpc, -5, io, ATTACH, path("n9", "127.0.0.999", port, NQN + ":empty", ""));
    assertError(
        rpc,
        -19,
        "No such device",
        ATTACH,
        path("n9", NQN + ":empty", "").replace("'TCP'", "'XYZ'"));
    assertError(rpc, -32603, DECODE_FAILED, ATTACH, path("n9", NQN + ":empty", ",'bogus':1"));
  }

  @Test
  void fact_25_timersThatContradictEachOtherAreRefused() throws IOException {
    target();
    RawRpc rpc = connect(start("host", false));
    String[] wrong = {
      ",'ctrlr_loss_timeout_sec':10",
      ",'ctrlr_loss_timeout_sec':10,'reconnect_delay_sec':1,'fast_io_fail_timeout_sec':20",
      ",'ctrlr_loss_timeout_sec':0,'reconnect_delay_sec':1",
      ",'ctrlr_loss_timeout_sec':5,'reconnect_delay_sec':9"
    };
    for (String timers : wrong) {
      assertError(rpc, -22, "Invalid argument", ATTACH, path("n9", NQN, timers));
    }
    ok(rpc, ATTACH, path("n1", NQN, ""));
    assertError(rpc, -17, "File exists", ATTACH, path("n9", NQN, wrong[0]));
    ok(rpc, ATTACH, path("x".repeat(300), NQN + ":empty", ""));
  }

  @Test
  void fact_26_attachAnswersTheDevicesThatAreThereNow() throws IOException {
    target();
    RawRpc rpc = connect(start("host", false));
    assertThat(rpc.call(ATTACH, path("none", NQN + ":empty", ""))).isEqualTo("\"result\":[]");
    assertThat(rpc.call(ATTACH, path("n1", NQN, ""))).isEqualTo("\"result\":[\"n1n1\"]");
    JsonNode controllers = ok(rpc, "bdev_nvme_get_controllers");
    assertThat(controllers).hasSize(2);
    assertThat(controllers.at("/1/name").asString()).isEqualTo("n1");
    assertThat(controllers.at("/1/ctrlrs/0/state").asString()).isEqualTo("enabled");
    assertThat(controllers.at("/1/ctrlrs/0/trid/subnqn").asString()).isEqualTo(NQN);
    assertError(
        rpc, -22, "Controller nope does not exist", "bdev_nvme_get_controllers", "{'name':'nope'}");
    ok(rpc, "bdev_nvme_detach_controller", "{'name':'n1'}");
    assertError(rpc, -19, "No such device", "bdev_nvme_detach_controller", "{'name':'n1'}");
    assertError(rpc, -19, "No such device", "bdev_get_bdevs", "{'name':'n1n1'}");
  }

  @Test
  void fact_27_aNamespaceComesAndGoesAndItsControllerStays() throws IOException {
    RawRpc target = target();
    RawRpc rpc = connect(start("host", false));
    ok(rpc, ATTACH, path("n1", NQN, ""));
    String uuid = ok(rpc, "bdev_get_bdevs", "{'name':'n1n1'}").at("/0/uuid").asString();
    ok(target, "nvmf_subsystem_remove_ns", "{'nqn':'" + NQN + "','nsid':1}");
    await(rpc, "bdev_get_bdevs", "", JsonNode::isEmpty);
    assertThat(
            ok(rpc, "bdev_nvme_get_controllers", "{'name':'n1'}")
                .at("/0/ctrlrs/0/state")
                .asString())
        .isEqualTo("enabled");
    addNamespace(target);
    JsonNode back = ok(rpc, "bdev_get_bdevs", "{'name':'n1n1','timeout':20000}");
    assertThat(back.at("/0/uuid").asString()).isEqualTo(uuid);
  }

  @Test
  void fact_28_ioPathsAreThoseOfOpenChannels() throws Exception {
    target();
    DataPlane host = start("host", false);
    RawRpc rpc = connect(host);
    ok(rpc, ATTACH, path("n1", NQN, ""));
    for (String params : new String[] {"", "{'name':'n1n1'}", "{'name':'nope'}"}) {
      // The channel of the examination may take a moment to be gone.
      await(rpc, "bdev_nvme_get_io_paths", params, paths -> paths.get("poll_groups").isEmpty());
    }
    ok(rpc, "vhost_create_blk_controller", "{'ctrlr':'vh0','dev_name':'n1n1'}");
    Path socket = host.vhostDirectory().resolve("vh0");
    unless(
        ConformanceGap.NO_GUEST_SOCKETS,
        () -> {
          assertThat(Files.exists(socket)).isTrue();
          try (VhostFrontend _ =
              VhostFrontend.connect(host.vhostDirectory().resolve("vh0"), 4 * MIB)
                  .start(1, 64, 0)) {
            JsonNode paths =
                await(
                    rpc,
                    "bdev_nvme_get_io_paths",
                    "{'name':'n1n1'}",
                    found -> found.at("/poll_groups/0/io_paths/0/connected").asBoolean(false));
            JsonNode path = paths.at("/poll_groups/0/io_paths/0");
            assertThat(path.get("bdev_name").asString()).isEqualTo("n1n1");
            assertThat(path.get("accessible").asBoolean()).isTrue();
            assertThat(path.at("/transport/trsvcid").asString()).isEqualTo(port);
          }
        },
        () -> assertThat(Files.exists(socket)).isFalse());
  }

  @Test
  void fact_29_optionsAreSetBeforeTheFirstController() throws IOException {
    target();
    RawRpc rpc = connect(start("host", false));
    ok(rpc, "bdev_nvme_set_options", "{'bdev_retry_count':3}");
    ok(rpc, ATTACH, path("n1", NQN, ""));
    assertError(
        rpc,
        -1,
        "RPC not permitted with nvme controllers already attached",
        "bdev_nvme_set_options",
        "{'bdev_retry_count':3}");
    ok(rpc, "bdev_nvme_detach_controller", "{'name':'n1'}");
    ok(rpc, "bdev_nvme_set_options", "{'bdev_retry_count':3}");
  }
}

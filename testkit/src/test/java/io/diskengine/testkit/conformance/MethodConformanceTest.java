package io.diskengine.testkit.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** Facts 9 to 15: error codes, names, phases, notifications. */
@ParameterizedClass
@MethodSource("implementations")
class MethodConformanceTest extends SpdkConformance {
  private static final String NQN = "nqn.2026-11.io.diskengine:conformance";
  private static final String ONLY_RUNTIME =
      "Method may only be called after framework is initialized using framework_start_init RPC.";

  /** Of modules that an SPDK may have been built without. */
  private static final List<String> OPTIONAL =
      List.of("bdev_nvme_cuse_", "bdev_uring_", "bdev_virtio_", "fsdev_", "vmd_", "iscsi_");

  private static final String ONLY_STARTUP =
      "Method may only be called before framework is initialized. Use --wait-for-rpc command line"
          + " parameter and then issue this RPC before the framework_start_init RPC.";

  private static String listener(String nqn, String address, int port) {
    return ("{'nqn':'%s','listen_address':{'trtype':'TCP','adrfam':'IPv4','traddr':'%s',"
            + "'trsvcid':'%d'}}")
        .formatted(nqn, address, port);
  }

  private static String namespace(String nqn, String bdev) {
    return "{'nqn':'%s','namespace':{'bdev_name':'%s'}}".formatted(nqn, bdev);
  }

  static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  @Test
  void fact_09_duplicatesOfDevicesAndLvols() throws Exception {
    unlessFake(ConformanceGap.FEWER_LVOL_METHODS, this::duplicatesOfDevicesAndLvols);
  }

  private void duplicatesOfDevicesAndLvols() throws Exception {
    RawRpc rpc = rpc();
    malloc(rpc, "M0", 1);
    String again = "{'name':'M0','num_blocks':256,'block_size':4096}";
    assertError(rpc, -17, "File exists", "bdev_malloc_create", again);
    store(rpc, "A0", "lvs0", 64, 1);
    lvol(rpc, "lvs0", "v1", 4);
    assertError(
        rpc,
        -17,
        "File exists",
        "bdev_lvol_create",
        "{'lvs_name':'lvs0','lvol_name':'v1','size_in_mib':4}");
    assertError(
        rpc,
        -32602,
        "No space left on device",
        "bdev_lvol_create",
        "{'lvs_name':'lvs0','lvol_name':'v2','size_in_mib':4096}");
    String snapshot = "{'lvol_name':'lvs0/v1','snapshot_name':'s1'}";
    ok(rpc, "bdev_lvol_snapshot", snapshot);
    assertError(rpc, -32602, "File exists", "bdev_lvol_snapshot", snapshot);
    String clone = "{'snapshot_name':'lvs0/s1','clone_name':'c1'}";
    ok(rpc, "bdev_lvol_clone", clone);
    assertError(rpc, -32602, "File exists", "bdev_lvol_clone", clone);
    lvol(rpc, "lvs0", "v3", 4);
    assertError(
        rpc, -32602, "File exists", "bdev_lvol_rename", "{'old_name':'lvs0/v3','new_name':'v1'}");
  }

  @Test
  void fact_09_duplicatesOfSubsystemsNamespacesAndListeners() throws IOException {
    RawRpc rpc = rpc();
    malloc(rpc, "M0", 1);
    malloc(rpc, "M1", 1);
    int port = freePort();
    ok(rpc, "nvmf_create_subsystem", "{'nqn':'" + NQN + "','allow_any_host':true}");
    assertError(
        rpc,
        -32602,
        "Invalid parameters",
        "nvmf_subsystem_add_listener",
        listener(NQN, "127.0.0.1", port));
    ok(rpc, "nvmf_create_transport", "{'trtype':'TCP'}");
    assertError(
        rpc,
        -32603,
        "Transport type 'TCP' already exists",
        "nvmf_create_transport",
        "{'trtype':'TCP'}");
    assertError(
        rpc,
        -32603,
        "Unable to create subsystem " + NQN,
        "nvmf_create_subsystem",
        "{'nqn':'" + NQN + "','allow_any_host':true}");
    ok(rpc, "nvmf_create_subsystem", "{'nqn':'" + NQN + ":two','allow_any_host':true}");
    assertThat(rpc.call("nvmf_subsystem_add_ns", namespace(NQN, "M0"))).isEqualTo("\"result\":1");
    for (String refused :
        List.of(
            namespace(NQN, "M0"),
            namespace(NQN + ":two", "M0"),
            namespace(NQN, "nope"),
            "{'nqn':'" + NQN + "','namespace':{'bdev_name':'M1','nsid':1}}")) {
      assertError(rpc, -32602, "Invalid parameters", "nvmf_subsystem_add_ns", refused);
    }
    ok(rpc, "nvmf_subsystem_add_listener", listener(NQN, "127.0.0.1", port));
    ok(rpc, "nvmf_subsystem_add_listener", listener(NQN + ":two", "127.0.0.1", port));
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      for (String refused :
          List.of(
              listener(NQN, "127.0.0.1", port),
              listener(NQN, "127.0.0.1", taken.getLocalPort()),
              listener(NQN, "10.99.99.99", port))) {
        assertError(rpc, -32602, "Invalid parameters", "nvmf_subsystem_add_listener", refused);
      }
    }
    String host = "{'nqn':'" + NQN + "','host':'nqn.2026-11.io.diskengine:host'}";
    ok(rpc, "nvmf_subsystem_add_host", host);
    assertError(rpc, -32603, "Internal error", "nvmf_subsystem_add_host", host);
    ok(rpc, "nvmf_subsystem_remove_host", host);
    assertError(rpc, -32603, "Internal error", "nvmf_subsystem_remove_host", host);
    String unknown = "Subsystem with NQN '" + NQN + ":no' not found";
    assertError(rpc, -32602, unknown, "nvmf_subsystem_add_ns", namespace(NQN + ":no", "M1"));
    assertError(rpc, -32602, unknown, "nvmf_delete_subsystem", "{'nqn':'" + NQN + ":no'}");
  }

  @Test
  void fact_09_duplicateVhostControllers() throws IOException {
    RawRpc rpc = rpc();
    malloc(rpc, "M0", 1);
    String controller = "{'ctrlr':'vh0','dev_name':'M0'}";
    ok(rpc, "vhost_create_blk_controller", controller);
    assertError(rpc, -32602, "File exists", "vhost_create_blk_controller", controller);
  }

  @Test
  void fact_10_keyNamesAreThoseOfTheRelease() throws Exception {
    RawRpc rpc = rpc();
    malloc(rpc, "M0", 1);
    JsonNode stat = ok(rpc, "bdev_get_iostat", "{'names':['M0']}");
    assertThat(stat.at("/bdevs/0/name").asString()).isEqualTo("M0");
    for (String old : List.of("{'name':'M0'}", "{'name':['M0']}")) {
      assertError(rpc, -32603, DECODE_FAILED, "bdev_get_iostat", old);
    }
    assertError(rpc, -22, "Invalid argument", "bdev_get_iostat", "{'per_channel':true}");
    JsonNode channels = ok(rpc, "bdev_get_iostat", "{'names':['M0'],'per_channel':true}");
    assertThat(channels.get("channels").isArray()).isTrue();
    assertError(
        rpc, -19, "raid bdev r0 not found", "bdev_raid_delete", "{'name':'r0','clear_sb':true}");
    ok(rpc, "vhost_create_blk_controller", "{'ctrlr':'vh0','dev_name':'M0'}");
    assertThat(ok(rpc, "vhost_get_controllers", "{'name':'vh0'}")).hasSize(1);
    assertThat(rpc.call("vhost_get_controllers", "{'ctrlr':'vh0'}")).startsWith("\"error\"");
    assertThat(rpc.call("vhost_delete_controller", "{'name':'vh0'}")).startsWith("\"error\"");
  }

  @Test
  void fact_11_eachMethodHasItsPhase() throws Exception {
    DataPlane plane = start("dp", true);
    RawRpc rpc = connect(plane);
    assertError(rpc, -1, ONLY_RUNTIME, "bdev_get_bdevs", "");
    assertError(rpc, -1, ONLY_RUNTIME, "framework_get_subsystems", "");
    assertError(rpc, -1, ONLY_RUNTIME, "framework_get_config", "{'name':'bdev'}");
    ok(rpc, "bdev_set_options", "{'bdev_auto_examine':false}");
    RawRpc waiting = connect(plane);
    waiting.send("{\"jsonrpc\":\"2.0\",\"id\":77,\"method\":\"framework_wait_init\"}");
    assertThat(waiting.within(SILENCE)).isEmpty();
    Set<String> before = current(rpc);
    ok(rpc, "framework_start_init");
    assertThat(waiting.line()).isEqualTo("{\"jsonrpc\":\"2.0\",\"id\":77,\"result\":true}\n");
    Set<String> after = current(rpc);
    assertError(rpc, -1, ONLY_STARTUP, "framework_start_init", "");
    assertError(rpc, -1, ONLY_STARTUP, "bdev_set_options", "{'bdev_auto_examine':true}");
    assertThat(ok(rpc, "framework_wait_init").asBoolean()).isTrue();
    assertThat(ok(rpc, "bdev_get_bdevs")).isEmpty();

    Set<String> spdksBefore = SpdkMethods.of("startup", "both");
    assertThat(spdksBefore).hasSize(40);
    unless(
        ConformanceGap.KILL_BEFORE_INIT,
        () -> assertThat(spdksBefore).containsAll(before),
        () ->
            assertThat(before)
                .filteredOn(method -> !spdksBefore.contains(method))
                .containsExactly("spdk_kill_instance"));
    Set<String> spdksAfter = SpdkMethods.of("runtime", "both");
    assertThat(spdksAfter).hasSize(232);
    unless(
        ConformanceGap.EXTENSIONS,
        () -> assertThat(spdksAfter).containsAll(after),
        () ->
            assertThat(after)
                .filteredOn(method -> !spdksAfter.contains(method))
                .isNotEmpty()
                .allMatch(method -> method.startsWith("diskengine_")));
    unless(
        ConformanceGap.ALL_METHODS,
        () ->
            assertThat(SpdkMethods.of("runtime", "both"))
                .filteredOn(method -> OPTIONAL.stream().noneMatch(method::startsWith))
                .isSubsetOf(after),
        () -> assertThat(after).hasSizeLessThan(232).hasSizeGreaterThan(40));
  }

  private static Set<String> current(RawRpc rpc) throws IOException {
    return Set.copyOf(texts(ok(rpc, "rpc_get_methods", "{'current':true}")));
  }

  @Test
  void fact_12_theConfigurationIsComposedByTheClient() throws IOException {
    RawRpc rpc = rpc();
    assertError(rpc, -32601, "Method not found", "save_config", "");
    assertError(rpc, -32601, "Method not found", "save_subsystem_config", "{'name':'bdev'}");
    malloc(rpc, "M0", 1);
    List<String> subsystems =
        ok(rpc, "framework_get_subsystems")
            .valueStream()
            .map(s -> s.get("subsystem").asString())
            .toList();
    assertThat(subsystems).contains("bdev", "nvmf", "vhost_blk");
    List<String> entries =
        ok(rpc, "framework_get_config", "{'name':'bdev'}")
            .valueStream()
            .map(entry -> entry.get("method").asString())
            .toList();
    assertThat(entries)
        .startsWith("bdev_set_options")
        .contains("bdev_malloc_create")
        .endsWith("bdev_wait_for_examine");
    assertError(
        rpc, -32602, "Subsystem 'nope' not found", "framework_get_config", "{'name':'nope'}");
  }

  @Test
  void fact_13_theUuidOfARaidIsThereTwice() throws IOException {
    RawRpc rpc = rpc();
    malloc(rpc, "L0", 8);
    malloc(rpc, "L1", 8);
    ok(
        rpc,
        "bdev_raid_create",
        "{'name':'r0','raid_level':'raid1','base_bdevs':['L0','L1'],'superblock':true}");
    String uuid = ok(rpc, "bdev_get_bdevs", "{'name':'r0'}").at("/0/uuid").asString();
    assertThat(rpc.call("bdev_raid_get_bdevs", "{'category':'all'}"))
        .startsWith(
            "\"result\":[{\"name\":\"r0\",\"uuid\":\"%1$s\",\"uuid\":\"%1$s\",\"strip_size_kb\":0,"
                .formatted(uuid));
  }

  @Test
  void fact_15_notificationsAreNeverWaitedForAndKnowDevicesOnly() throws Exception {
    RawRpc rpc = rpc();
    assertThat(rpc.call("notify_get_notifications", "{'id':0}")).isEqualTo("\"result\":[]");
    malloc(rpc, "M0", 8);
    malloc(rpc, "M1", 8);
    ok(
        rpc,
        "bdev_raid_create",
        "{'name':'r0','raid_level':'raid1','base_bdevs':['M0','M1'],'superblock':true}");
    ok(rpc, "bdev_raid_remove_base_bdev", "{'name':'M1'}");
    ok(rpc, "bdev_malloc_delete", "{'name':'M1'}");
    assertThat(rpc.call("notify_get_notifications", "{'id':0,'max':2}"))
        .isEqualTo(
            ("\"result\":[{'type':'bdev_register','ctx':'M0','id':0},"
                    + "{'type':'bdev_register','ctx':'M1','id':1}]")
                .replace('\'', '"'));
    assertThat(rpc.call("notify_get_notifications", "{'id':2}"))
        .isEqualTo(
            ("\"result\":[{'type':'bdev_register','ctx':'r0','id':2},"
                    + "{'type':'bdev_unregister','ctx':'M1','id':3}]")
                .replace('\'', '"'));
    assertThat(rpc.call("notify_get_notifications", "{'id':100000}")).isEqualTo("\"result\":[]");
    List<String> types = texts(ok(rpc, "notify_get_types"));
    assertThat(types).contains("bdev_register", "bdev_unregister", "bdev_resize");
    boolean builtWithout =
        !implementation.gaps().contains(ConformanceGap.FSDEV)
            && !texts(ok(rpc, "rpc_get_methods")).contains("fsdev_get_opts");
    if (builtWithout) {
      assertThat(types).hasSize(3);
    } else {
      unless(
          ConformanceGap.FSDEV,
          () -> assertThat(types).contains("fsdev_register", "fsdev_unregister"),
          () -> assertThat(types).hasSize(3));
    }
  }
}

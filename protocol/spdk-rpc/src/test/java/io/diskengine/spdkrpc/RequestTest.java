package io.diskengine.spdkrpc;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Requests without a recording: member names from SPDK's schema/schema.yaml. */
class RequestTest {
  private static final UUID UUID_1 = UUID.fromString("11111111-2222-4333-8444-555555555555");

  private static void assertParams(RpcRequest<?> request, String method, String params) {
    String expected =
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"" + method + "\",\"params\":" + params + "}";
    assertThat(new String(RpcCodec.request(7, request.method(), request.params()), UTF_8))
        .isEqualTo(expected.replace('\'', '"'));
  }

  @Test
  void nullErrorAndDelayBdevs() {
    assertParams(
        BdevMethods.createNull(new BdevMethods.CreateNull("n", 1024, 4096, null, UUID_1)),
        "bdev_null_create",
        "{'name':'n','num_blocks':1024,'block_size':4096,'uuid':'" + UUID_1 + "'}");
    assertParams(BdevMethods.deleteNull("n"), "bdev_null_delete", "{'name':'n'}");
    assertParams(BdevMethods.resizeNull("n", 64), "bdev_null_resize", "{'name':'n','new_size':64}");
    assertParams(BdevMethods.createError("b", null), "bdev_error_create", "{'base_name':'b'}");
    assertParams(
        BdevMethods.injectError(new BdevMethods.InjectError("EE_b", "write", "failure", 3)),
        "bdev_error_inject_error",
        "{'name':'EE_b','io_type':'write','error_type':'failure','num':3}");
    assertParams(
        BdevMethods.resumePendingError("EE_b"), "bdev_error_resume_pending", "{'name':'EE_b'}");
    assertParams(
        BdevMethods.createDelay(new BdevMethods.CreateDelay("b", "d", 1, 2, 3, 4, null)),
        "bdev_delay_create",
        "{'base_bdev_name':'b','name':'d','avg_read_latency':1,'p99_read_latency':2,"
            + "'avg_write_latency':3,'p99_write_latency':4}");
    assertParams(
        BdevMethods.updateDelay(new BdevMethods.DelayLatency("d", "avg_read", 9)),
        "bdev_delay_update_latency",
        "{'delay_bdev_name':'d','latency_type':'avg_read','latency_us':9}");
  }

  @Test
  void nvmeControllerLife() {
    var path = Trid.listen("TCP", "::1", 4420).withSubnqn("nqn.x:s");
    assertParams(
        NvmeMethods.attachController(
            new NvmeMethods.AttachController("c", path)
                .withHostNqn("nqn.x:h")
                .withMultipath("multipath")
                .withTimers(-1, 1, 0)),
        "bdev_nvme_attach_controller",
        "{'name':'c','trtype':'TCP','adrfam':'IPv6','traddr':'::1','trsvcid':'4420',"
            + "'subnqn':'nqn.x:s','hostnqn':'nqn.x:h','multipath':'multipath',"
            + "'ctrlr_loss_timeout_sec':-1,'reconnect_delay_sec':1,'fast_io_fail_timeout_sec':0}");
    assertParams(
        NvmeMethods.attachController(
            new NvmeMethods.AttachController("d", Trid.pcie("0000:01:00.0"))),
        "bdev_nvme_attach_controller",
        "{'name':'d','trtype':'PCIe','traddr':'0000:01:00.0'}");
    assertParams(
        NvmeMethods.disableController("c"), "bdev_nvme_disable_controller", "{'name':'c'}");
    assertParams(NvmeMethods.enableController("c"), "bdev_nvme_enable_controller", "{'name':'c'}");
    assertParams(
        NvmeMethods.setOptions(NvmeMethods.Options.unchanged().withLiveness(12, 10000, true)),
        "bdev_nvme_set_options",
        "{'keep_alive_timeout_ms':10000,'transport_ack_timeout':12,'enable_flush':true}");
  }

  @Test
  void targetsAndRaids() {
    assertParams(
        NvmfMethods.setMaxSubsystems(4096), "nvmf_set_max_subsystems", "{'max_subsystems':4096}");
    assertParams(
        NvmfMethods.removeHost("nqn.x:s", "nqn.x:h", 5000),
        "nvmf_subsystem_remove_host",
        "{'nqn':'nqn.x:s','host':'nqn.x:h','timeout_ms':5000}");
    assertParams(
        NvmfMethods.addListener(
            "nqn.x:s", Trid.listen("TCP", "127.0.0.1", 4420).withSubnqn("nqn.x:s")),
        "nvmf_subsystem_add_listener",
        "{'nqn':'nqn.x:s','listen_address':{'trtype':'TCP','adrfam':'IPv4',"
            + "'traddr':'127.0.0.1','trsvcid':'4420'}}");
    assertParams(
        RaidMethods.setOptions(new RaidMethods.Options(null, 100)),
        "bdev_raid_set_options",
        "{'process_max_bandwidth_mb_sec':100}");
    assertParams(
        RaidMethods.create(
            RaidMethods.CreateRaid.striped("r", "raid0", 64, java.util.List.of("a", "b"), false)),
        "bdev_raid_create",
        "{'name':'r','raid_level':'raid0','strip_size_kb':64,'base_bdevs':['a','b'],"
            + "'superblock':false}");
    assertParams(
        QuiesceMethods.quiesce("r", 700),
        "diskengine_bdev_quiesce",
        "{'name':'r','timeout_ms':700}");
    assertParams(QuiesceMethods.unquiesce("r"), "diskengine_bdev_unquiesce", "{'name':'r'}");
    assertParams(
        LvolMethods.createLvstore(
            new LvolMethods.CreateLvstore("b", "l", 4 << 20, "write_zeroes", 10, null)),
        "bdev_lvol_create_lvstore",
        "{'bdev_name':'b','lvs_name':'l','cluster_sz':4194304,'clear_method':'write_zeroes',"
            + "'num_md_pages_per_cluster_ratio':10}");
  }

  @Test
  void absentParametersLeaveNoParamsMember() {
    for (RpcRequest<?> request :
        java.util.List.of(
            BdevMethods.bdevs(),
            NotifyMethods.notifications(new NotifyMethods.Range(null, null)),
            RpcRequest.raw("bdev_get_bdevs", RpcJson.MAPPER.createObjectNode()))) {
      assertThat(new String(RpcCodec.request(1, request.method(), request.params()), UTF_8))
          .isEqualTo("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" + request.method() + "\"}");
    }
  }

  @Test
  void dialectFollowsTheRelease() {
    SpdkDialect old = SpdkDialect.of(SpdkVersion.of(25, 9));
    SpdkDialect between = SpdkDialect.of(SpdkVersion.of(26, 1));
    SpdkDialect now = SpdkDialect.of(new SpdkVersion(26, 9, 0, "-pre", null));
    assertParams(BdevMethods.iostat(old, "b"), "bdev_get_iostat", "{'name':'b'}");
    assertParams(BdevMethods.iostat(between, "b"), "bdev_get_iostat", "{'names':['b']}");
    assertParams(BdevMethods.iostat(now, "b"), "bdev_get_iostat", "{'names':['b']}");
    assertParams(
        RaidMethods.deleteAndClear(now, "r"), "bdev_raid_delete", "{'name':'r','clear_sb':true}");
    assertThatThrownBy(() -> RaidMethods.deleteAndClear(between, "r"))
        .hasMessageContaining("v26.05");
    assertThat(old.receiveBufferBytes()).isEqualTo(32 * 1024);
    assertThat(SpdkDialect.of(SpdkVersion.of(27, 1))).isEqualTo(SpdkDialect.newest());
  }

  @Test
  void methodClassesFollowTheName() {
    assertThat(MethodClass.of("bdev_get_bdevs")).isEqualTo(MethodClass.READ);
    assertThat(MethodClass.of("rpc_get_methods")).isEqualTo(MethodClass.READ);
    assertThat(MethodClass.of("bdev_raid_delete")).isEqualTo(MethodClass.SLOW);
    assertThat(MethodClass.of("nvmf_create_subsystem")).isEqualTo(MethodClass.MUTATION);
    assertThat(BdevMethods.waitForExamine().methodClass().mutates()).isTrue();
  }

  @Test
  void addressesArePathsOrHostAndPort() {
    assertThat(SpdkAddress.parse("/var/tmp/spdk.sock")).isInstanceOf(SpdkAddress.Unix.class);
    assertThat(SpdkAddress.parse("spdk.sock")).isInstanceOf(SpdkAddress.Unix.class);
    assertThat(SpdkAddress.parse("10.0.0.1:5260")).isEqualTo(new SpdkAddress.Tcp("10.0.0.1", 5260));
    assertThat(SpdkAddress.parse("[::1]:5260")).hasToString("[::1]:5260");
    for (String wrong :
        java.util.List.of("", " ", "host:", "host:x", "host:0", "host:65536", ":1")) {
      assertThatThrownBy(() -> SpdkAddress.parse(wrong))
          .as(wrong)
          .isInstanceOf(IllegalArgumentException.class);
    }
    assertThatThrownBy(() -> SpdkAddress.parse("/" + "x".repeat(107)))
        .hasMessageContaining("108 bytes long");
  }

  @Test
  void errorsAreNamed() {
    assertThat(new RpcResult.Rejected<>(-19, "raid bdev r0 not found"))
        .hasToString("Rejected[-19 ENODEV: raid bdev r0 not found]");
    assertThat(new RpcResult.Rejected<>(-4711, "odd")).hasToString("Rejected[-4711: odd]");
    assertThat(SpdkError.isUnknownMethod(new RpcResult.Rejected<>(-32601, "Method not found")))
        .isTrue();
    assertThat(
            SpdkError.isWrongPhase(
                new RpcResult.Rejected<>(
                    -1,
                    "Method may only be called after framework is initialized using"
                        + " framework_start_init RPC.")))
        .isTrue();
    assertThat(SpdkError.isWrongPhase(new RpcResult.Rejected<>(-1, "Operation not permitted")))
        .isFalse();
    assertThat(
            SpdkError.isUndecodable(
                new RpcResult.Rejected<>(-32700, "spdk_json_decode_object failed")))
        .isTrue();
    assertThatThrownBy(() -> new RpcResult.Rejected<>(-17, "File exists").orElseThrow())
        .isInstanceOf(SpdkRpcException.class)
        .hasMessageContaining("-17 EEXIST: File exists");
  }
}

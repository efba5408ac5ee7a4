package io.diskengine.testkit.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** Facts 16 to 24: devices, lvol stores, lvols, examine, rate limits. */
@ParameterizedClass
@MethodSource("implementations")
class LvolConformanceTest extends SpdkConformance {
  private static String create(String store, String name, int sizeMib) {
    return "{'lvs_name':'%s','lvol_name':'%s','size_in_mib':%d}".formatted(store, name, sizeMib);
  }

  private static JsonNode bdev(RawRpc rpc, String name) throws IOException {
    return ok(rpc, "bdev_get_bdevs", "{'name':'" + name + "'}").get(0);
  }

  @Test
  void fact_16_bdevGetBdevsWaitsOnlyWithATimeout() throws IOException {
    RawRpc rpc = rpc();
    assertError(rpc, -19, "No such device", "bdev_get_bdevs", "{'name':'nope'}");
    long began = System.nanoTime();
    assertError(
        rpc, -110, "Connection timed out", "bdev_get_bdevs", "{'name':'nope','timeout':300}");
    assertThat(System.nanoTime() - began).isGreaterThanOrEqualTo(300_000_000L);
    rpc.send(
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"bdev_get_bdevs\","
            + "\"params\":{\"name\":\"late\",\"timeout\":20000}}");
    rpc.send(
        "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"bdev_malloc_create\","
            + "\"params\":{\"name\":\"late\",\"num_blocks\":256,\"block_size\":4096}}");
    assertThat(rpc.line()).isEqualTo("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"late\"}\n");
    assertThat(rpc.line())
        .startsWith("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[{\"name\":\"late\"");
  }

  @Test
  void fact_17_anLvolIsNamedByItsUuidAndItsStoreByExactlyOneKey() throws IOException {
    RawRpc rpc = rpc();
    store(rpc, "A0", "lvs0", 64, 4);
    String uuid = lvol(rpc, "lvs0", "v1", 5);
    JsonNode bdev = bdev(rpc, "lvs0/v1");
    assertThat(bdev.get("name").asString()).isEqualTo(uuid).isEqualTo(bdev.get("uuid").asString());
    assertThat(texts(bdev.get("aliases"))).containsExactly("lvs0/v1");
    assertThat(bdev.get("product_name").asString()).isEqualTo("Logical Volume");
    assertThat(bdev.get("num_blocks").asLong() * bdev.get("block_size").asLong())
        .as("5 MiB in clusters of 4 MiB")
        .isEqualTo(8 * MIB);
    String chosen = "11111111-2222-4333-8444-555555555555";
    String store = ok(rpc, "bdev_lvol_get_lvstores").at("/0/uuid").asString();
    for (String refused :
        List.of(
            "{'lvs_name':'lvs0','uuid':'" + chosen + "','lvol_name':'x','size_in_mib':4}",
            "{'lvs_name':'lvs0','uuid':'" + store + "','lvol_name':'x','size_in_mib':4}",
            "{'lvol_name':'x','size_in_mib':4}",
            create("lvs0", "n".repeat(64), 1),
            create("lvs0", "", 1))) {
      assertError(rpc, -22, "Invalid argument", "bdev_lvol_create", refused);
    }
    assertError(
        rpc,
        -19,
        "No such device",
        "bdev_lvol_create",
        "{'uuid':'" + chosen + "','lvol_name':'x','size_in_mib':4}");
    ok(rpc, "bdev_lvol_create", "{'uuid':'" + store + "','lvol_name':'by-uuid','size_in_mib':4}");
    lvol(rpc, "lvs0", "n".repeat(63), 1);
    UUID.fromString(lvol(rpc, "lvs0", "zero", 0));
  }

  @Test
  void fact_18_aStoreTwiceOnADeviceIsNotPermittedAndAStoreNameTwiceExists() throws IOException {
    RawRpc rpc = rpc();
    store(rpc, "A0", "lvs0", 64, 1);
    aio(rpc, "A1", file("A1.aio", 64));
    String method = "bdev_lvol_create_lvstore";
    for (String name : List.of("lvs0", "lvs1")) {
      String params = "{'bdev_name':'A0','lvs_name':'" + name + "'}";
      assertError(rpc, -1, "Operation not permitted", method, params);
    }
    assertError(rpc, -17, "File exists", method, "{'bdev_name':'A1','lvs_name':'lvs0'}");
    assertError(rpc, -19, "No such device", method, "{'bdev_name':'nope','lvs_name':'lvs1'}");
    assertError(
        rpc,
        -22,
        "Invalid argument",
        method,
        "{'bdev_name':'A1','lvs_name':'lvs1','cluster_sz':512}");
  }

  @Test
  void fact_19_aSnapshotMakesAThickLvolThin() throws Exception {
    unlessFake(ConformanceGap.FEWER_LVOL_METHODS, this::aSnapshotMakesAThickLvolThin);
  }

  private void aSnapshotMakesAThickLvolThin() throws Exception {
    RawRpc rpc = rpc();
    store(rpc, "A0", "lvs0", 64, 1);
    lvol(rpc, "lvs0", "v1", 8);
    assertThat(bdev(rpc, "lvs0/v1").at("/driver_specific/lvol/thin_provision").asBoolean())
        .isFalse();
    ok(rpc, "bdev_lvol_snapshot", "{'lvol_name':'lvs0/v1','snapshot_name':'s1'}");
    JsonNode lvol = bdev(rpc, "lvs0/v1").at("/driver_specific/lvol");
    assertThat(lvol.get("thin_provision").asBoolean()).isTrue();
    assertThat(lvol.get("clone").asBoolean()).isTrue();
    ok(rpc, "bdev_lvol_delete", "{'name':'lvs0/s1'}");
    assertThat(bdev(rpc, "lvs0/v1").at("/driver_specific/lvol/thin_provision").asBoolean())
        .isTrue();
    ok(rpc, "bdev_lvol_resize", "{'name':'lvs0/v1','size_in_mib':9999}");
  }

  @Test
  void fact_20_deletingAnExportedLvolRemovesItsNamespace() throws IOException {
    RawRpc rpc = rpc();
    store(rpc, "A0", "lvs0", 64, 1);
    lvol(rpc, "lvs0", "v1", 8);
    String nqn = "nqn.2026-11.io.diskengine:exported";
    ok(rpc, "nvmf_create_transport", "{'trtype':'TCP'}");
    ok(rpc, "nvmf_create_subsystem", "{'nqn':'" + nqn + "'}");
    ok(rpc, "nvmf_subsystem_add_ns", "{'nqn':'" + nqn + "','namespace':{'bdev_name':'lvs0/v1'}}");
    ok(rpc, "bdev_lvol_delete", "{'name':'lvs0/v1'}");
    JsonNode subsystem = ok(rpc, "nvmf_get_subsystems", "{'nqn':'" + nqn + "'}").get(0);
    assertThat(subsystem.get("namespaces")).isEmpty();
    String unknown = nqn + "x";
    assertError(
        rpc,
        -32602,
        "Subsystem with NQN '" + unknown + "' not found",
        "nvmf_get_subsystems",
        "{'nqn':'" + unknown + "'}");
    assertError(rpc, -19, "No such device", "bdev_lvol_delete", "{'name':'lvs0/v1'}");
    malloc(rpc, "M0", 1);
    assertError(rpc, -19, "No such device", "bdev_lvol_delete", "{'name':'M0'}");
  }

  @Test
  void fact_20_aSnapshotOfTwoClonesCannotBeDeleted() throws Exception {
    unlessFake(ConformanceGap.FEWER_LVOL_METHODS, this::aSnapshotOfTwoClonesCannotBeDeleted);
  }

  private void aSnapshotOfTwoClonesCannotBeDeleted() throws Exception {
    RawRpc rpc = rpc();
    store(rpc, "A0", "lvs0", 64, 1);
    lvol(rpc, "lvs0", "v1", 8);
    ok(rpc, "bdev_lvol_snapshot", "{'lvol_name':'lvs0/v1','snapshot_name':'s1'}");
    ok(rpc, "bdev_lvol_clone", "{'snapshot_name':'lvs0/s1','clone_name':'c1'}");
    assertError(rpc, -32603, "Operation not permitted", "bdev_lvol_delete", "{'name':'lvs0/s1'}");
    ok(rpc, "bdev_lvol_delete", "{'name':'lvs0/c1'}");
    ok(rpc, "bdev_lvol_delete", "{'name':'lvs0/s1'}");
  }

  @Test
  void fact_20_anLvolInUseCannotShrink() throws IOException {
    RawRpc rpc = rpc();
    store(rpc, "A0", "lvs0", 64, 1);
    lvol(rpc, "lvs0", "v1", 8);
    ok(rpc, "vhost_create_blk_controller", "{'ctrlr':'vh0','dev_name':'lvs0/v1'}");
    assertError(
        rpc,
        -32602,
        "Device or resource busy",
        "bdev_lvol_resize",
        "{'name':'lvs0/v1','size_in_mib':4}");
  }

  @Test
  void fact_21_aThickLvolShowsWhatItsClustersHeldBefore() throws Exception {
    RawRpc rpc = rpc();
    store(rpc, "A0", "lvs0", 64, 1);
    String raid =
        "{'name':'r0','raid_level':'raid1','superblock':true,"
            + "'base_bdevs':['lvs0/v0','lvs0/v1']}";
    lvol(rpc, "lvs0", "v0", 8);
    lvol(rpc, "lvs0", "v1", 8);
    ok(rpc, "bdev_raid_create", raid);
    ok(rpc, "bdev_raid_delete", "{'name':'r0'}");
    for (String name : List.of("v0", "v1")) {
      ok(rpc, "bdev_lvol_delete", "{'name':'lvs0/" + name + "'}");
    }
    for (String name : List.of("v0", "v1")) {
      lvol(rpc, "lvs0", name, 8);
    }
    ok(rpc, "bdev_wait_for_examine");
    unless(
        ConformanceGap.ZEROED_CLUSTERS,
        () ->
            assertError(
                rpc, -17, "Failed to create RAID bdev r0: File exists", "bdev_raid_create", raid),
        () -> assertThat(bdev(rpc, "r0").get("name").asString()).isEqualTo("r0"));
  }

  @Test
  void fact_22_examineByHandNeedsAutoExamineOff() throws IOException {
    RawRpc automatic = rpc();
    malloc(automatic, "M0", 1);
    for (String name : List.of("M0", "nope")) {
      assertError(automatic, -22, "Invalid argument", "bdev_examine", "{'name':'" + name + "'}");
    }
    RawRpc byHand = connect(start("by-hand", true));
    ok(byHand, "bdev_set_options", "{'bdev_auto_examine':false}");
    ok(byHand, "framework_start_init");
    malloc(byHand, "M0", 1);
    for (String name : List.of("M0", "not-there-yet")) {
      ok(byHand, "bdev_examine", "{'name':'" + name + "'}");
      assertError(byHand, -17, "File exists", "bdev_examine", "{'name':'" + name + "'}");
    }
    assertThat(ok(byHand, "bdev_wait_for_examine").asBoolean()).isTrue();
  }

  @Test
  void fact_23_aRateLimitOfAnUnusedDeviceCanBeSetOnce() throws Exception {
    RawRpc rpc = rpc();
    store(rpc, "A0", "lvs0", 64, 1);
    lvol(rpc, "lvs0", "v1", 8);
    ok(rpc, "bdev_set_qos_limit", "{'name':'lvs0/v1','rw_ios_per_sec':20000}");
    String again = "{'name':'lvs0/v1','rw_ios_per_sec':1500}";
    unless(
        ConformanceGap.QOS_SET_AGAIN,
        () -> {
          assertError(
              rpc,
              -32602,
              "Failed to configure rate limit: Resource temporarily unavailable",
              "bdev_set_qos_limit",
              again);
          assertThat(iosPerSec(rpc)).isEqualTo(20000);
        },
        () -> {
          ok(rpc, "bdev_set_qos_limit", again);
          assertThat(iosPerSec(rpc)).as("rounded up").isEqualTo(2000);
        });
    assertError(rpc, -22, "No rate limits specified", "bdev_set_qos_limit", "{'name':'lvs0/v1'}");
    assertError(
        rpc, -19, "No such device", "bdev_set_qos_limit", "{'name':'nope','rw_ios_per_sec':1000}");
  }

  private static int iosPerSec(RawRpc rpc) throws Exception {
    return bdev(rpc, "lvs0/v1").at("/assigned_rate_limits/rw_ios_per_sec").asInt();
  }

  @Test
  void fact_24_aFinishedShallowCopyIsReportedOnce() throws Exception {
    unlessFake(ConformanceGap.FEWER_LVOL_METHODS, this::aFinishedShallowCopyIsReportedOnce);
  }

  private void aFinishedShallowCopyIsReportedOnce() throws Exception {
    RawRpc rpc = rpc();
    store(rpc, "A0", "lvs0", 64, 1);
    lvol(rpc, "lvs0", "v1", 8);
    malloc(rpc, "M0", 8);
    ok(rpc, "bdev_lvol_snapshot", "{'lvol_name':'lvs0/v1','snapshot_name':'s1'}");
    int id =
        ok(rpc, "bdev_lvol_start_shallow_copy", "{'src_lvol_name':'lvs0/s1','dst_bdev_name':'M0'}")
            .get("operation_id")
            .asInt();
    String operation = "{'operation_id':" + id + "}";
    await(
        rpc,
        "bdev_lvol_check_shallow_copy",
        operation,
        status -> status.get("state").asString().equals("complete"));
    assertError(rpc, -19, "No such device", "bdev_lvol_check_shallow_copy", operation);
  }
}

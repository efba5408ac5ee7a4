package io.diskengine.testkit.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** Snapshots, clones, parents, names and sizes of lvols: answers and refusals as SPDK gave them. */
@ParameterizedClass
@MethodSource("changers")
class LvolChangeConformanceTest extends SpdkConformance {
  private static final String NO_DEVICE = "No such device";
  private static final String INVALID = "Invalid argument";
  private static final String EXISTS = "File exists";

  static List<Implementation> changers() {
    return implementations().stream()
        .filter(i -> !i.gaps().contains(ConformanceGap.FEWER_LVOL_METHODS))
        .toList();
  }

  private RawRpc stores() throws IOException {
    RawRpc rpc = rpc();
    store(rpc, "A0", "lvs0", 64, 1);
    lvol(rpc, "lvs0", "v1", 8);
    malloc(rpc, "M0", 8);
    return rpc;
  }

  private static JsonNode lvolOf(RawRpc rpc, String name) throws IOException {
    return ok(rpc, "bdev_get_bdevs", "{'name':'" + name + "'}").at("/0/driver_specific/lvol");
  }

  private static String name(String name) {
    return "{'name':'" + name + "'}";
  }

  private static String snapshot(String lvol, String name) {
    return "{'lvol_name':'" + lvol + "','snapshot_name':'" + name + "'}";
  }

  private static String clone(String snapshot, String name) {
    return "{'snapshot_name':'" + snapshot + "','clone_name':'" + name + "'}";
  }

  private static String rename(String from, String to) {
    return "{'old_name':'" + from + "','new_name':'" + to + "'}";
  }

  private static String parent(String lvol, String parent) {
    return "{'lvol_name':'" + lvol + "','parent_name':'" + parent + "'}";
  }

  @Test
  void snapshotsAndClonesAreDescribedAndRefused() throws IOException {
    RawRpc rpc = stores();
    String uuid = ok(rpc, "bdev_lvol_snapshot", snapshot("lvs0/v1", "s1")).asString();
    assertThat(UUID.fromString(uuid)).hasToString(uuid);
    assertError(rpc, -32602, EXISTS, "bdev_lvol_snapshot", snapshot("lvs0/v1", "s1"));
    assertError(rpc, -32602, INVALID, "bdev_lvol_snapshot", snapshot("lvs0/v1", ""));
    assertError(rpc, -32602, INVALID, "bdev_lvol_snapshot", snapshot("lvs0/v1", "n".repeat(64)));
    assertError(rpc, -32602, INVALID, "bdev_lvol_snapshot", snapshot("lvs0/s1", "s2"));
    assertError(rpc, -19, NO_DEVICE, "bdev_lvol_snapshot", snapshot("lvs0/nope", "s9"));
    assertError(rpc, -19, NO_DEVICE, "bdev_lvol_snapshot", snapshot("M0", "s9"));
    assertError(rpc, -32603, DECODE_FAILED, "bdev_lvol_snapshot", name("lvs0/v1"));
    ok(rpc, "bdev_lvol_clone", clone("lvs0/s1", "c1"));
    ok(rpc, "bdev_lvol_clone", clone(uuid, "c2"));
    assertError(rpc, -32602, EXISTS, "bdev_lvol_clone", clone("lvs0/s1", "c1"));
    assertError(rpc, -32602, INVALID, "bdev_lvol_clone", clone("lvs0/v1", "c9"));
    assertError(rpc, -19, NO_DEVICE, "bdev_lvol_clone", clone("lvs0/nope", "c9"));
    JsonNode described = lvolOf(rpc, "lvs0/s1");
    assertThat(described.get("thin_provision").asBoolean()).isFalse();
    assertThat(described.get("num_allocated_clusters").asInt()).isEqualTo(8);
    assertThat(described.get("snapshot").asBoolean()).isTrue();
    assertThat(described.get("clone").asBoolean()).isFalse();
    assertThat(texts(described.get("clones"))).containsExactly("v1", "c1", "c2");
    described = lvolOf(rpc, "lvs0/c1");
    assertThat(described.get("thin_provision").asBoolean()).isTrue();
    assertThat(described.get("num_allocated_clusters").asInt()).isZero();
    assertThat(described.get("clone").asBoolean()).isTrue();
    assertThat(described.get("base_snapshot").asString()).isEqualTo("s1");
    JsonNode types = ok(rpc, "bdev_get_bdevs", name("lvs0/s1")).at("/0/supported_io_types");
    assertThat(types.get("read").asBoolean()).isTrue();
    for (String type : List.of("write", "unmap", "write_zeroes")) {
      assertThat(types.get(type).asBoolean()).as(type).isFalse();
    }
    JsonNode lvols = ok(rpc, "bdev_lvol_get_lvols");
    assertThat(lvols.valueStream().map(l -> l.get("name").asString()))
        .containsExactly("v1", "s1", "c1", "c2");
    assertThat(lvols.at("/1/is_snapshot").asBoolean()).isTrue();
    assertThat(lvols.at("/2/is_clone").asBoolean()).isTrue();
    assertThat(lvols.at("/2/is_degraded").asBoolean()).isFalse();
  }

  @Test
  void inflatedAndDecoupledClonesNeedTheirSnapshotNoMore() throws IOException {
    RawRpc rpc = stores();
    ok(rpc, "bdev_lvol_snapshot", snapshot("lvs0/v1", "s1"));
    ok(rpc, "bdev_lvol_clone", clone("lvs0/s1", "c1"));
    ok(rpc, "bdev_lvol_clone", clone("lvs0/s1", "c2"));
    assertError(rpc, -32603, "Operation not permitted", "bdev_lvol_delete", name("lvs0/s1"));
    ok(rpc, "bdev_lvol_inflate", name("lvs0/c1"));
    assertThat(lvolOf(rpc, "lvs0/c1").get("thin_provision").asBoolean()).isFalse();
    assertThat(lvolOf(rpc, "lvs0/c1").get("num_allocated_clusters").asInt()).isEqualTo(8);
    assertError(rpc, -32602, INVALID, "bdev_lvol_decouple_parent", name("lvs0/c1"));
    ok(rpc, "bdev_lvol_decouple_parent", name("lvs0/c2"));
    assertThat(lvolOf(rpc, "lvs0/c2").get("clone").asBoolean()).isFalse();
    assertError(rpc, -19, NO_DEVICE, "bdev_lvol_inflate", name("lvs0/nope"));
    assertError(rpc, -19, NO_DEVICE, "bdev_lvol_decouple_parent", name("M0"));
    ok(rpc, "bdev_lvol_delete", name("lvs0/s1"));
    JsonNode v1 = lvolOf(rpc, "lvs0/v1");
    assertThat(v1.get("thin_provision").asBoolean()).isTrue();
    assertThat(v1.get("num_allocated_clusters").asInt()).isEqualTo(8);
    assertThat(v1.get("clone").asBoolean()).isFalse();
    ok(
        rpc,
        "bdev_lvol_create",
        "{'lvs_name':'lvs0','lvol_name':'huge','size_in_mib':999,'thin_provision':true}");
    assertError(rpc, -32602, "No space left on device", "bdev_lvol_inflate", name("lvs0/huge"));
  }

  @Test
  void resizeIsBoundedBySpaceForThickLvolsOnly() throws IOException {
    RawRpc rpc = stores();
    ok(rpc, "bdev_lvol_resize", "{'name':'lvs0/v1','size_in_mib':16}");
    assertThat(lvolOf(rpc, "lvs0/v1").get("num_allocated_clusters").asInt()).isEqualTo(16);
    assertError(
        rpc,
        -32602,
        "No space left on device",
        "bdev_lvol_resize",
        "{'name':'lvs0/v1','size_in_mib':2000}");
    ok(rpc, "bdev_lvol_resize", "{'name':'lvs0/v1','size_in_mib':4}");
    ok(rpc, "bdev_lvol_snapshot", snapshot("lvs0/v1", "s1"));
    ok(rpc, "bdev_lvol_resize", "{'name':'lvs0/v1','size_in_mib':9999}");
    assertError(
        rpc,
        -32602,
        "Operation not permitted",
        "bdev_lvol_resize",
        "{'name':'lvs0/s1','size_in_mib':8}");
    assertError(rpc, -19, NO_DEVICE, "bdev_lvol_resize", "{'name':'lvs0/nope','size_in_mib':100}");
    assertError(rpc, -19, NO_DEVICE, "bdev_lvol_resize", "{'name':'M0','size_in_mib':100}");
  }

  @Test
  void namesOfLvolsAndStoresAreUnique() throws IOException {
    RawRpc rpc = stores();
    lvol(rpc, "lvs0", "v2", 1);
    ok(rpc, "bdev_lvol_rename", rename("lvs0/v2", "v2new"));
    assertError(rpc, -32602, EXISTS, "bdev_lvol_rename", rename("lvs0/v2new", "v1"));
    assertError(rpc, -19, NO_DEVICE, "bdev_lvol_rename", rename("lvs0/v2", "z"));
    assertError(rpc, -19, NO_DEVICE, "bdev_lvol_rename", rename("M0", "z"));
    store(rpc, "A2", "lvs2", 64, 1);
    lvol(rpc, "lvs2", "w", 1);
    String method = "bdev_lvol_rename_lvstore";
    assertError(rpc, -32602, EXISTS, method, rename("lvs2", "lvs0"));
    ok(rpc, method, rename("lvs2", "lvs2"));
    ok(rpc, method, rename("lvs2", "lvs2b"));
    assertError(rpc, -2, "Lvol store lvs2 not found", method, rename("lvs2", "x"));
    assertThat(lvolOf(rpc, "lvs2b/w").isMissingNode()).isFalse();
    assertError(rpc, -19, NO_DEVICE, "bdev_get_bdevs", name("lvs2/w"));
    ok(rpc, "bdev_lvol_delete_lvstore", "{'lvs_name':'lvs2b'}");
    assertError(rpc, -19, NO_DEVICE, "bdev_lvol_delete_lvstore", "{'lvs_name':'lvs2b'}");
  }

  @Test
  void readOnlyLvolsAreClonedAndNotSnapshotted() throws IOException {
    RawRpc rpc = stores();
    ok(rpc, "bdev_lvol_set_read_only", name("lvs0/v1"));
    assertError(rpc, -32602, INVALID, "bdev_lvol_snapshot", snapshot("lvs0/v1", "s1"));
    ok(rpc, "bdev_lvol_clone", clone("lvs0/v1", "c1"));
    assertError(rpc, -19, NO_DEVICE, "bdev_lvol_set_read_only", name("lvs0/nope"));
    assertError(rpc, -19, NO_DEVICE, "bdev_lvol_set_read_only", name("M0"));
    assertError(rpc, -32603, DECODE_FAILED, "bdev_lvol_set_read_only", "{}");
  }

  @Test
  void storesAreMadeWithEachClearMethodAndFewerMetadataPages() throws IOException {
    RawRpc rpc = rpc();
    for (String clear : List.of("none", "unmap", "write_zeroes")) {
      malloc(rpc, "M-" + clear, 64);
      String params =
          "{'bdev_name':'M-%s','lvs_name':'%s','cluster_sz':1048576,'clear_method':'%s',"
              + "'num_md_pages_per_cluster_ratio':50}";
      ok(rpc, "bdev_lvol_create_lvstore", params.formatted(clear, clear, clear));
      lvol(rpc, clear, "v", 60);
    }
    malloc(rpc, "M9", 64);
    assertError(
        rpc,
        -32603,
        DECODE_FAILED,
        "bdev_lvol_create_lvstore",
        "{'bdev_name':'M9','lvs_name':'l9','clear_method':'scrub'}");
  }

  @Test
  void growingAStoreThatHasItsDeviceAlreadyChangesNothing() throws IOException {
    RawRpc rpc = stores();
    String before = rpc.call("bdev_lvol_get_lvstores", "");
    ok(rpc, "bdev_lvol_grow_lvstore", "{'lvs_name':'lvs0'}");
    assertThat(rpc.call("bdev_lvol_get_lvstores", "")).isEqualTo(before);
    assertError(rpc, -19, NO_DEVICE, "bdev_lvol_grow_lvstore", "{'lvs_name':'nope'}");
    assertError(rpc, -22, INVALID, "bdev_lvol_grow_lvstore", "{}");
  }

  @Test
  void storeGrowsWithItsFile() throws IOException {
    RawRpc rpc = stores();
    try (RandomAccessFile file = new RandomAccessFile(directory.resolve("A0.aio").toFile(), "rw")) {
      file.setLength(96 * MIB);
    }
    int before = ok(rpc, "bdev_lvol_get_lvstores").at("/0/free_clusters").asInt();
    ok(rpc, "bdev_aio_rescan", name("A0"));
    ok(rpc, "bdev_lvol_grow_lvstore", "{'lvs_name':'lvs0'}");
    JsonNode grown = ok(rpc, "bdev_lvol_get_lvstores").get(0);
    assertThat(grown.get("free_clusters").asInt()).isEqualTo(before + 32);
    assertThat(grown.get("total_data_clusters").asInt()).isEqualTo(before + 8 + 32);
    lvol(rpc, "lvs0", "large", before + 32);
  }

  @Test
  void clonesOfABdevNeedWholeClustersAndTheRightKindOfBdev() throws IOException {
    RawRpc rpc = stores();
    String method = "bdev_lvol_clone_bdev";
    ok(rpc, method, "{'bdev':'M0','lvs_name':'lvs0','clone_name':'e1'}");
    JsonNode clone = lvolOf(rpc, "lvs0/e1");
    assertThat(clone.get("esnap_clone").asBoolean()).isTrue();
    assertThat(clone.get("clone").asBoolean()).isFalse();
    assertThat(clone.get("external_snapshot_name").asString())
        .isEqualTo(ok(rpc, "bdev_get_bdevs", name("M0")).at("/0/uuid").asString());
    assertThat(ok(rpc, "bdev_get_bdevs", name("M0")).at("/0/claimed").asBoolean()).isTrue();
    assertError(
        rpc,
        -32602,
        "lvs does not exist",
        method,
        "{'bdev':'M0','lvs_name':'nope','clone_name':'e2'}");
    assertError(
        rpc,
        -32602,
        "bdev does not exist",
        method,
        "{'bdev':'nope','lvs_name':'lvs0','clone_name':'e2'}");
    assertError(
        rpc,
        -32602,
        "bdev is an lvol in same lvs as clone; use bdev_lvol_clone instead",
        method,
        "{'bdev':'lvs0/v1','lvs_name':'lvs0','clone_name':'e2'}");
    assertError(rpc, -32602, EXISTS, method, "{'bdev':'M0','lvs_name':'lvs0','clone_name':'e1'}");
    ok(rpc, "bdev_malloc_create", "{'name':'odd','num_blocks':257,'block_size':4096}");
    assertError(rpc, -32602, INVALID, method, "{'bdev':'odd','lvs_name':'lvs0','clone_name':'e2'}");
    ok(rpc, "bdev_lvol_delete", name("lvs0/e1"));
    assertThat(ok(rpc, "bdev_get_bdevs", name("M0")).at("/0/claimed").asBoolean()).isFalse();
  }

  @Test
  void parentsMustBeSnapshotsOfTheSameSizeOrBdevs() throws IOException {
    RawRpc rpc = stores();
    ok(rpc, "bdev_lvol_snapshot", snapshot("lvs0/v1", "s1"));
    ok(
        rpc,
        "bdev_lvol_create",
        "{'lvs_name':'lvs0','lvol_name':'t','size_in_mib':8,'thin_provision':true}");
    String method = "bdev_lvol_set_parent";
    ok(rpc, method, parent("lvs0/t", "lvs0/s1"));
    assertThat(lvolOf(rpc, "lvs0/t").get("base_snapshot").asString()).isEqualTo("s1");
    assertError(rpc, -32602, EXISTS, method, parent("lvs0/t", "lvs0/s1"));
    assertError(rpc, -32602, INVALID, method, parent("lvs0/t", "lvs0/t"));
    assertError(rpc, -32602, INVALID, method, parent("lvs0/t", "lvs0/v1"));
    assertError(rpc, -19, NO_DEVICE, method, parent("lvs0/nope", "lvs0/s1"));
    assertError(rpc, -19, NO_DEVICE, method, parent("lvs0/t", "M0"));
    lvol(rpc, "lvs0", "thick", 8);
    assertError(rpc, -32602, INVALID, method, parent("lvs0/thick", "lvs0/s1"));
    ok(
        rpc,
        "bdev_lvol_create",
        "{'lvs_name':'lvs0','lvol_name':'small','size_in_mib':4,'thin_provision':true}");
    assertError(rpc, -32602, INVALID, method, parent("lvs0/small", "lvs0/s1"));
    method = "bdev_lvol_set_parent_bdev";
    ok(rpc, method, parent("lvs0/t", "M0"));
    assertThat(lvolOf(rpc, "lvs0/t").get("esnap_clone").asBoolean()).isTrue();
    assertError(rpc, -32602, EXISTS, method, parent("lvs0/t", "M0"));
    assertError(rpc, -32602, NO_DEVICE, method, parent("lvs0/t", "nope"));
    assertError(rpc, -32602, INVALID, method, parent("lvs0/thick", "M0"));
    assertError(rpc, -19, NO_DEVICE, method, parent("lvs0/nope", "M0"));
    ok(rpc, "bdev_lvol_set_parent", parent("lvs0/t", "lvs0/s1"));
    assertThat(lvolOf(rpc, "lvs0/t").get("esnap_clone").asBoolean()).isFalse();
  }

  @Test
  void shallowCopiesAreRefusedForTheirTargetAndFailForTheirSource() throws IOException {
    RawRpc rpc = stores();
    ok(rpc, "bdev_lvol_snapshot", snapshot("lvs0/v1", "s1"));
    String method = "bdev_lvol_start_shallow_copy";
    assertError(rpc, -19, NO_DEVICE, method, "{'src_lvol_name':'lvs0/nope','dst_bdev_name':'M0'}");
    assertError(
        rpc, -32602, NO_DEVICE, method, "{'src_lvol_name':'lvs0/s1','dst_bdev_name':'nope'}");
    assertError(
        rpc,
        -32602,
        "Operation not permitted",
        method,
        "{'src_lvol_name':'lvs0/s1','dst_bdev_name':'A0'}");
    int id =
        ok(rpc, method, "{'src_lvol_name':'lvs0/v1','dst_bdev_name':'M0'}")
            .get("operation_id")
            .asInt();
    JsonNode failed =
        await(
            rpc,
            "bdev_lvol_check_shallow_copy",
            "{'operation_id':" + id + "}",
            status -> !status.get("state").asString().equals("in progress"));
    assertThat(failed.get("state").asString()).isEqualTo("error");
    assertThat(failed.get("error").asString()).isEqualTo("Operation not permitted");
    int next =
        ok(rpc, method, "{'src_lvol_name':'lvs0/s1','dst_bdev_name':'M0'}")
            .get("operation_id")
            .asInt();
    assertThat(next).isEqualTo(id + 1);
    JsonNode complete =
        await(
            rpc,
            "bdev_lvol_check_shallow_copy",
            "{'operation_id':" + next + "}",
            status -> status.get("state").asString().equals("complete"));
    assertThat(complete.get("copied_clusters").asInt()).isEqualTo(8);
    assertThat(complete.get("total_clusters").asInt()).isEqualTo(8);
    assertError(rpc, -19, NO_DEVICE, "bdev_lvol_check_shallow_copy", "{'operation_id':9999}");
  }

  @Test
  void grownLvolIsGrownForItsNvmeHostToo() throws IOException {
    RawRpc rpc = stores();
    int port = MethodConformanceTest.freePort();
    String nqn = "nqn.2026-11.io.diskengine:grown";
    ok(rpc, "nvmf_create_transport", "{'trtype':'TCP'}");
    ok(rpc, "nvmf_create_subsystem", "{'nqn':'" + nqn + "','allow_any_host':true}");
    ok(rpc, "nvmf_subsystem_add_ns", "{'nqn':'" + nqn + "','namespace':{'bdev_name':'lvs0/v1'}}");
    ok(
        rpc,
        "nvmf_subsystem_add_listener",
        ("{'nqn':'%s','listen_address':{'trtype':'TCP','adrfam':'IPv4','traddr':'127.0.0.1',"
                + "'trsvcid':'%d'}}")
            .formatted(nqn, port));
    RawRpc host = connect(start("host", false));
    ok(
        host,
        "bdev_nvme_attach_controller",
        ("{'name':'n','trtype':'TCP','adrfam':'IPv4','traddr':'127.0.0.1','trsvcid':'%d',"
                + "'subnqn':'%s'}")
            .formatted(port, nqn));
    long before = ok(host, "bdev_get_bdevs", name("nn1")).at("/0/num_blocks").asLong();
    ok(rpc, "bdev_lvol_resize", "{'name':'lvs0/v1','size_in_mib':16}");
    await(
        host,
        "bdev_get_bdevs",
        name("nn1"),
        bdevs -> bdevs.at("/0/num_blocks").asLong() == 2 * before);
    assertError(
        rpc,
        -32602,
        "Device or resource busy",
        "bdev_lvol_resize",
        "{'name':'lvs0/v1','size_in_mib':8}");
  }
}

package io.diskengine.testkit.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** Who hears that an lvol has grown: its namespace's hosts, and the raid1 of which it is a leg. */
@ParameterizedClass
@MethodSource("implementations")
class GrowthConformanceTest extends SpdkConformance {
  private static final String ALL = "{'category':'all'}";
  private static final String NQN = "nqn.2026-11.io.diskengine:grown";
  private static final int BLOCK = 4096;

  private static String name(String name) {
    return "{'name':'" + name + "'}";
  }

  private static void resize(RawRpc rpc, String lvol, int sizeMib) throws IOException {
    ok(rpc, "bdev_lvol_resize", "{'name':'%s','size_in_mib':%d}".formatted(lvol, sizeMib));
  }

  private static long mib(RawRpc rpc, String bdev) throws IOException {
    return ok(rpc, "bdev_get_bdevs", name(bdev)).at("/0/num_blocks").asLong() * BLOCK / MIB;
  }

  /** What the RAID has, as it says for its first leg. */
  private static long raidMib(RawRpc rpc) throws IOException {
    JsonNode raid = ok(rpc, "bdev_raid_get_bdevs", ALL).get(0);
    assertThat(raid.get("state").asString()).as("%s", raid).isEqualTo("online");
    long mib = raid.at("/base_bdevs_list/0/data_size").asLong() * BLOCK / MIB;
    assertThat(mib(rpc, "r0")).as("%s", raid).isEqualTo(mib);
    return mib;
  }

  private static void raid(RawRpc rpc, String... bases) throws IOException {
    ok(
        rpc,
        "bdev_raid_create",
        "{'name':'r0','raid_level':'raid1','superblock':true,'base_bdevs':['%s']}"
            .formatted(String.join("','", bases)));
  }

  private RawRpc legs(DataPlane plane) throws IOException {
    RawRpc rpc = connect(plane);
    store(rpc, "A0", "lvs0", 128, 1);
    lvol(rpc, "lvs0", "a", 16);
    lvol(rpc, "lvs0", "b", 16);
    return rpc;
  }

  @Test
  void sizesAreRoundedUpBoundedAndNeverSmallerUnderAUser() throws IOException {
    RawRpc rpc = rpc();
    store(rpc, "A0", "lvs0", 128, 4);
    lvol(rpc, "lvs0", "a", 16);
    lvol(rpc, "lvs0", "b", 16);
    resize(rpc, "lvs0/a", 21);
    assertThat(mib(rpc, "lvs0/a")).isEqualTo(24);
    String params = "{'name':'lvs0/a','size_in_mib':%d}";
    assertError(rpc, -32602, "No space left on device", "bdev_lvol_resize", params.formatted(4096));
    assertError(
        rpc, -19, "No such device", "bdev_lvol_resize", "{'name':'lvs0/no','size_in_mib':8}");
    raid(rpc, "lvs0/a", "lvs0/b");
    assertError(rpc, -32602, "Device or resource busy", "bdev_lvol_resize", params.formatted(16));
    assertThat(mib(rpc, "lvs0/a")).isEqualTo(24);
  }

  @Test
  void aRaidHasTheSizeOfItsSmallestLegAndGrowsWithTheLast() throws IOException {
    RawRpc rpc = legs(start());
    raid(rpc, "lvs0/a", "lvs0/b");
    assertThat(raidMib(rpc)).isEqualTo(15);
    resize(rpc, "lvs0/a", 24);
    assertThat(raidMib(rpc)).isEqualTo(15);
    resize(rpc, "lvs0/b", 32);
    awaitMib(rpc, "r0", 23);
    assertThat(raidMib(rpc)).isEqualTo(23);
    assertThat(
            ok(rpc, "notify_get_notifications")
                .valueStream()
                .filter(n -> n.get("type").asString().equals("bdev_resize"))
                .map(n -> n.get("ctx").asString()))
        .hasSize(3)
        .endsWith("r0");
  }

  @Test
  void aRaidWhoseLegsGrewWhileItWasAwayHearsOfItWithTheNextGrowthOfOne() throws IOException {
    DataPlane plane = start();
    RawRpc rpc = legs(plane);
    raid(rpc, "lvs0/a", "lvs0/b");
    ok(rpc, "bdev_raid_delete", name("r0"));
    resize(rpc, "lvs0/a", 24);
    resize(rpc, "lvs0/b", 24);
    plane.close();
    rpc = connect(start("again", false));
    aio(rpc, "A0", directory.resolve("A0.aio"));
    ok(rpc, "bdev_wait_for_examine");
    assertThat(raidMib(rpc)).as("the size of its superblock").isEqualTo(15);
    resize(rpc, "lvs0/a", 28);
    awaitMib(rpc, "r0", 23);
    assertThat(raidMib(rpc)).isEqualTo(23);
  }

  @Test
  void aLegThatIsSmallerThanItsRaidIsRefused() throws IOException {
    RawRpc rpc = legs(start());
    raid(rpc, "lvs0/a", "lvs0/b");
    ok(rpc, "bdev_raid_remove_base_bdev", name("lvs0/b"));
    resize(rpc, "lvs0/a", 24);
    awaitMib(rpc, "r0", 23);
    String add = "{'raid_bdev':'r0','base_bdev':'lvs0/b'}";
    assertThat(rpc.call("bdev_raid_add_base_bdev", add)).startsWith("\"error\":{\"code\":-22");
    resize(rpc, "lvs0/b", 24);
    ok(rpc, "bdev_raid_add_base_bdev", add);
  }

  /** Exports an lvol; where it is there already it grows before anybody can be connected. */
  private RawRpc target(DataPlane plane, int port, boolean grown) throws IOException {
    RawRpc rpc = connect(plane);
    if (grown) {
      aio(rpc, "A0", directory.resolve("A0.aio"));
      ok(rpc, "bdev_wait_for_examine");
      resize(rpc, "lvs0/a", 24);
    } else {
      store(rpc, "A0", "lvs0", 128, 4);
      lvol(rpc, "lvs0", "a", 16);
    }
    ok(rpc, "nvmf_create_transport", "{'trtype':'TCP'}");
    ok(rpc, "nvmf_create_subsystem", "{'nqn':'" + NQN + "','allow_any_host':true}");
    ok(rpc, "nvmf_subsystem_add_ns", "{'nqn':'" + NQN + "','namespace':{'bdev_name':'lvs0/a'}}");
    ok(
        rpc,
        "nvmf_subsystem_add_listener",
        ("{'nqn':'%s','listen_address':{'trtype':'TCP','adrfam':'IPv4','traddr':'127.0.0.1',"
                + "'trsvcid':'%d'}}")
            .formatted(NQN, port));
    return rpc;
  }

  private static void attach(RawRpc host, int port) throws IOException {
    ok(
        host,
        "bdev_nvme_attach_controller",
        ("{'name':'n','trtype':'TCP','adrfam':'IPv4','traddr':'127.0.0.1','trsvcid':'%d',"
                + "'subnqn':'%s','ctrlr_loss_timeout_sec':-1,'reconnect_delay_sec':1}")
            .formatted(port, NQN));
  }

  private static void awaitMib(RawRpc rpc, String bdev, int mib) throws IOException {
    JsonNode unused =
        await(
            rpc,
            "bdev_get_bdevs",
            name(bdev),
            b -> b.at("/0/num_blocks").asLong() == mib * MIB / BLOCK);
  }

  @Test
  void aHostHearsThatItsNamespaceGrewOnlyWhileItIsConnected() throws Exception {
    int port = MethodConformanceTest.freePort();
    RawRpc host = connect(start("host", false));
    DataPlane first = start("first", false);
    RawRpc rpc = target(first, port, false);
    attach(host, port);
    assertThat(mib(host, "nn1")).isEqualTo(16);
    resize(rpc, "lvs0/a", 20);
    awaitMib(host, "nn1", 20);
    first.close();
    await(host, "bdev_nvme_get_controllers", "", c -> !isEnabled(c));
    RawRpc back = target(start("back", false), port, true);
    await(host, "bdev_nvme_get_controllers", "", GrowthConformanceTest::isEnabled);
    unless(
        ConformanceGap.GROWN_WHILE_AWAY,
        () -> {
          assertThat(host.within(SILENCE)).isEmpty();
          assertThat(mib(host, "nn1")).isEqualTo(20);
        },
        () -> awaitMib(host, "nn1", 24));
    resize(back, "lvs0/a", 28);
    awaitMib(host, "nn1", 28);
  }

  private static boolean isEnabled(JsonNode controllers) {
    return List.of("enabled")
        .equals(
            controllers.at("/0/ctrlrs").valueStream().map(c -> c.get("state").asString()).toList());
  }
}

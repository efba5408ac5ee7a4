package io.diskengine.testkit.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** Facts 30 to 34: raid1 with its superblock, and vhost. */
@ParameterizedClass
@MethodSource("implementations")
class RaidVhostConformanceTest extends SpdkConformance {
  private static final String ALL = "{'category':'all'}";
  private static final String NIL = "00000000-0000-0000-0000-000000000000";

  private static String raid(boolean superblock, String... legs) {
    return "{'name':'r0','raid_level':'raid1','superblock':%s,'base_bdevs':['%s']}"
        .formatted(superblock, String.join("','", legs));
  }

  /** A leg that is found again by its uuid, which an aio bdev does not keep by itself. */
  private static void leg(RawRpc rpc, int number, Path file) throws IOException {
    ok(
        rpc,
        "bdev_aio_create",
        "{'name':'L%1$d','filename':'%2$s','block_size':4096,'uuid':'%3$s'}"
            .formatted(number, file, legUuid(number)));
  }

  private static String legUuid(int number) {
    return "cafe7b69-1fbb-4ac5-a176-4ddbbb3ff45" + number;
  }

  private static JsonNode raids(RawRpc rpc) throws IOException {
    return ok(rpc, "bdev_raid_get_bdevs", ALL);
  }

  private static void assertRaid(RawRpc rpc, String state, int discovered, int operational)
      throws IOException {
    JsonNode raids = raids(rpc);
    assertThat(raids).hasSize(1);
    JsonNode raid = raids.get(0);
    assertThat(raid.get("state").asString()).as("%s", raid).isEqualTo(state);
    assertThat(raid.get("num_base_bdevs_discovered").asInt()).as("%s", raid).isEqualTo(discovered);
    assertThat(raid.get("num_base_bdevs_operational").asInt())
        .as("%s", raid)
        .isEqualTo(operational);
  }

  @Test
  void fact_30_aRaidIsCreatedWithoutAllItsLegsAndStaysConfiguring() throws IOException {
    RawRpc rpc = rpc();
    malloc(rpc, "L0", 8);
    for (boolean superblock : List.of(false, true)) {
      assertThat(ok(rpc, "bdev_raid_create", raid(superblock, "L0", "nope")).asBoolean()).isTrue();
      assertRaid(rpc, "configuring", 1, 2);
      ok(rpc, "bdev_raid_delete", "{'name':'r0'}");
    }
  }

  @Test
  void fact_30_aLostLegShowsInCountsAndARebuildInItsProcessOnly() throws IOException {
    RawRpc rpc = rpc();
    // 24 MiB at 16 MB/s: long enough to be seen.
    ok(rpc, "bdev_raid_set_options", "{'process_max_bandwidth_mb_sec':16}");
    malloc(rpc, "L0", 24);
    malloc(rpc, "L1", 24);
    ok(rpc, "bdev_raid_create", raid(true, "L0", "L1"));
    assertRaid(rpc, "online", 2, 2);
    ok(rpc, "bdev_raid_remove_base_bdev", "{'name':'L1'}");
    assertRaid(rpc, "online", 1, 1);
    JsonNode lost = raids(rpc).at("/0/base_bdevs_list/1");
    assertThat(lost.get("name").isNull()).isTrue();
    assertThat(lost.get("uuid").asString()).isEqualTo(NIL);
    assertThat(lost.get("is_configured").asBoolean()).isFalse();

    // A new leg: the engine copies to one that comes back only what changed.
    malloc(rpc, "L2", 24);
    ok(rpc, "bdev_raid_add_base_bdev", "{'raid_bdev':'r0','base_bdev':'L2'}");
    JsonNode process = raids(rpc).at("/0/process");
    assertThat(process.get("type").asString()).isEqualTo("rebuild");
    assertThat(process.get("target").asString()).isEqualTo("L2");
    assertThat(process.at("/progress/blocks").isNumber()).isTrue();
    assertThat(process.at("/progress/percent").isNumber()).isTrue();
    assertRaid(rpc, "online", 2, 2);
    assertThat(raids(rpc).at("/0/base_bdevs_list/1/is_configured").asBoolean()).isTrue();
    await(rpc, "bdev_raid_get_bdevs", ALL, raids -> raids.at("/0/process").isMissingNode());
    assertRaid(rpc, "online", 2, 2);
  }

  @Test
  void fact_31_aDeletedRaidLeavesItsSuperblocksUnlessTheyAreCleared() throws IOException {
    RawRpc rpc = rpc();
    Path file = file("L0.aio", 16);
    leg(rpc, 0, file);
    malloc(rpc, "L1", 16);
    String raid = raid(true, "L0", "L1");
    ok(rpc, "bdev_raid_create", raid);
    ok(rpc, "bdev_raid_delete", "{'name':'r0'}");
    assertError(rpc, -17, "Failed to create RAID bdev r0: File exists", "bdev_raid_create", raid);
    ok(rpc, "bdev_aio_delete", "{'name':'L0'}");
    leg(rpc, 0, file);
    ok(rpc, "bdev_wait_for_examine");
    assertThat(raids(rpc).at("/0/name").asString()).as("comes up by itself").isEqualTo("r0");
    ok(rpc, "bdev_raid_delete", "{'name':'r0','clear_sb':true}");
    ok(rpc, "bdev_aio_delete", "{'name':'L0'}");
    leg(rpc, 0, file);
    ok(rpc, "bdev_wait_for_examine");
    assertThat(raids(rpc)).isEmpty();
  }

  @Test
  void fact_31_clearedLegsCanBeUsedAgainAndTheLastLegTakesTheRaidWithIt() throws IOException {
    RawRpc rpc = rpc();
    malloc(rpc, "L0", 16);
    malloc(rpc, "L1", 16);
    String raid = raid(true, "L0", "L1");
    ok(rpc, "bdev_raid_create", raid);
    ok(rpc, "bdev_raid_delete", "{'name':'r0','clear_sb':true}");
    ok(rpc, "bdev_raid_create", raid);
    ok(rpc, "bdev_raid_remove_base_bdev", "{'name':'L0'}");
    ok(rpc, "bdev_raid_remove_base_bdev", "{'name':'L1'}");
    await(rpc, "bdev_raid_get_bdevs", ALL, JsonNode::isEmpty);
    assertError(rpc, -19, "No such device", "bdev_get_bdevs", "{'name':'r0'}");
  }

  @Test
  void fact_32_aLegThatIsRecordedHealthyIsWaitedFor() throws Exception {
    Path first = file("L0.aio", 16);
    Path second = file("L1.aio", 16);
    DataPlane plane = start("before", false);
    RawRpc rpc = connect(plane);
    leg(rpc, 0, first);
    leg(rpc, 1, second);
    ok(rpc, "bdev_raid_create", raid(true, "L0", "L1"));
    plane.close();

    rpc = connect(start("after", false));
    leg(rpc, 0, first);
    ok(rpc, "bdev_wait_for_examine");
    assertRaid(rpc, "configuring", 1, 2);
    assertThat(rpc.within(SILENCE)).isEmpty();
    assertRaid(rpc, "configuring", 1, 2);
    JsonNode missing = raids(rpc).at("/0/base_bdevs_list/1");
    assertThat(missing.get("name").isNull()).isTrue();
    assertThat(missing.get("uuid").asString()).isEqualTo(legUuid(1));
    leg(rpc, 1, second);
    ok(rpc, "bdev_wait_for_examine");
    assertRaid(rpc, "online", 2, 2);
  }

  /** What a creation that did not end leaves. */
  @Test
  void fact_32_aLegWithoutASuperblockJoinsARaidThatWaitsForItWithoutARebuild() throws Exception {
    Path first = file("L0.aio", 16);
    Path second = file("L1.aio", 16);
    DataPlane plane = start("before", false);
    RawRpc rpc = connect(plane);
    leg(rpc, 0, first);
    leg(rpc, 1, second);
    ok(rpc, "bdev_raid_create", raid(true, "L0", "L1"));
    plane.close();

    rpc = connect(start("after", false));
    leg(rpc, 0, first);
    leg(rpc, 1, file("empty.aio", 16));
    ok(rpc, "bdev_wait_for_examine");
    assertRaid(rpc, "configuring", 1, 2);
    ok(rpc, "bdev_raid_add_base_bdev", "{'raid_bdev':'r0','base_bdev':'L1'}");
    assertRaid(rpc, "online", 2, 2);
    assertThat(raids(rpc).at("/0/process").isMissingNode()).isTrue();
  }

  @Test
  void fact_32_aLegThatIsRecordedLostIsNotWaitedFor() throws Exception {
    Path first = file("L0.aio", 16);
    DataPlane plane = start("before", false);
    RawRpc rpc = connect(plane);
    leg(rpc, 0, first);
    malloc(rpc, "L1", 16);
    ok(rpc, "bdev_raid_create", raid(true, "L0", "L1"));
    ok(rpc, "bdev_raid_remove_base_bdev", "{'name':'L1'}");
    plane.close();

    rpc = connect(start("after", false));
    leg(rpc, 0, first);
    ok(rpc, "bdev_wait_for_examine");
    assertRaid(rpc, "online", 1, 1);
  }

  @Test
  void fact_33_aStorageTargetThatExaminesAssemblesTheRaidOfItsGuests() throws Exception {
    DataPlane plane = start("before", false);
    RawRpc rpc = connect(plane);
    store(rpc, "A0", "lvs0", 64, 1);
    String lvol = lvol(rpc, "lvs0", "leg", 16);
    malloc(rpc, "other", 16);
    ok(rpc, "bdev_raid_create", raid(true, lvol, "other"));
    ok(rpc, "bdev_raid_remove_base_bdev", "{'name':'other'}");
    plane.close();

    DataPlane examining = start("examining", false);
    rpc = connect(examining);
    aio(rpc, "A0", directory.resolve("A0.aio"));
    ok(rpc, "bdev_wait_for_examine");
    assertRaid(rpc, "online", 1, 1);
    assertThat(ok(rpc, "bdev_get_bdevs", "{'name':'lvs0/leg'}").at("/0/claimed").asBoolean())
        .isTrue();
    assertError(rpc, -32602, "Invalid parameters", "nvmf_subsystem_add_ns", exportLeg(rpc));
    examining.close();

    rpc = connect(start("by-hand", true));
    ok(rpc, "bdev_set_options", "{'bdev_auto_examine':false}");
    ok(rpc, "framework_start_init");
    aio(rpc, "A0", directory.resolve("A0.aio"));
    ok(rpc, "bdev_examine", "{'name':'A0'}");
    ok(rpc, "bdev_wait_for_examine");
    assertThat(raids(rpc)).isEmpty();
    assertThat(rpc.call("nvmf_subsystem_add_ns", exportLeg(rpc))).isEqualTo("\"result\":1");
  }

  /** The parameters that make the lvol a namespace of a new subsystem. */
  private static String exportLeg(RawRpc rpc) throws IOException {
    String nqn = "nqn.2026-11.io.diskengine:leg";
    ok(rpc, "nvmf_create_transport", "{'trtype':'TCP'}");
    ok(rpc, "nvmf_create_subsystem", "{'nqn':'" + nqn + "'}");
    return "{'nqn':'" + nqn + "','namespace':{'bdev_name':'lvs0/leg'}}";
  }

  @Test
  void fact_34_twoVhostControllersShareADeviceAndOutliveIt() throws Exception {
    DataPlane plane = start();
    RawRpc rpc = connect(plane);
    malloc(rpc, "L0", 16);
    malloc(rpc, "L1", 16);
    ok(rpc, "bdev_raid_create", raid(true, "L0", "L1"));
    ok(rpc, "vhost_create_blk_controller", "{'ctrlr':'vh0','dev_name':'r0'}");
    ok(rpc, "vhost_create_blk_controller", "{'ctrlr':'vh1','dev_name':'r0'}");
    assertThat(ok(rpc, "bdev_raid_delete", "{'name':'r0'}").asBoolean()).isTrue();
    for (String name : List.of("vh0", "vh1")) {
      JsonNode controller = ok(rpc, "vhost_get_controllers", "{'name':'" + name + "'}").get(0);
      assertThat(controller.at("/backend_specific/block/bdev").isNull()).isTrue();
      assertThat(Path.of(controller.get("socket").asString()))
          .isEqualTo(plane.vhostDirectory().resolve(name));
      Path socket = plane.vhostDirectory().resolve(name);
      unless(
          ConformanceGap.NO_GUEST_SOCKETS,
          () -> assertThat(Files.exists(socket)).isTrue(),
          () -> assertThat(Files.exists(socket)).isFalse());
      ok(rpc, "vhost_delete_controller", "{'ctrlr':'" + name + "'}");
      assertThat(Files.exists(plane.vhostDirectory().resolve(name))).isFalse();
    }
  }

  @Test
  void fact_34_vhostErrorsDependOnTheMethod() throws IOException {
    RawRpc rpc = rpc();
    malloc(rpc, "M0", 1);
    String method = "vhost_create_blk_controller";
    assertError(
        rpc,
        -32602,
        "Invalid argument",
        method,
        "{'ctrlr':'vh0','dev_name':'M0','cpumask':'0x8000000000000000'}");
    assertError(rpc, -32602, "No such device", method, "{'ctrlr':'vh0','dev_name':'nope'}");
    assertError(rpc, -32603, "No such device", "vhost_get_controllers", "{'name':'nope'}");
    assertError(rpc, -32602, "No such device", "vhost_delete_controller", "{'ctrlr':'nope'}");
    ok(rpc, method, "{'ctrlr':'vh0','dev_name':'M0','cpumask':'0x1'}");
  }

  private static String create(String name, String level, String rest) {
    return "{'name':'%s','raid_level':'%s',%s}".formatted(name, level, rest);
  }

  @Test
  void creationsThatCannotBeAreRefusedWithSpdksCodes() throws Exception {
    unlessFake(ConformanceGap.RAID1_ONLY, this::checkCreationsThatCannotBeAreRefusedWithSpdksCodes);
  }

  private void checkCreationsThatCannotBeAreRefusedWithSpdksCodes() throws IOException {
    RawRpc rpc = rpc();
    malloc(rpc, "L0", 8);
    malloc(rpc, "L1", 8);
    ok(rpc, "bdev_malloc_create", "{'name':'B512','num_blocks':16384,'block_size':512}");
    String invalid = "Failed to create RAID bdev r0: Invalid argument";
    String legs = "'base_bdevs':['L0','L1']";
    for (String params :
        List.of(
            create("r0", "raid1", "'base_bdevs':['L0']"),
            create("r0", "raid1", "'base_bdevs':['L0','B512']"),
            create("r0", "raid1", "'strip_size_kb':64," + legs),
            create("r0", "raid0", legs),
            create("r0", "raid0", "'strip_size_kb':3," + legs),
            create("r0", "concat", "'strip_size_kb':0," + legs),
            create("r0", "raid0", "'strip_size_kb':2," + legs))) {
      assertError(rpc, -22, invalid, "bdev_raid_create", params);
      assertError(rpc, -19, "raid bdev r0 not found", "bdev_raid_delete", "{'name':'r0'}");
    }
    assertError(
        rpc,
        -1,
        "Failed to create RAID bdev r0: Operation not permitted",
        "bdev_raid_create",
        create("r0", "raid1", "'base_bdevs':['L0','L0']"));
    assertError(
        rpc,
        -22,
        "The base bdev name cannot be empty: Invalid argument",
        "bdev_raid_create",
        create("r0", "raid1", "'base_bdevs':['L0','']"));
    for (String level : List.of("raid9", "RAID1", "")) {
      assertError(rpc, -32700, DECODE_FAILED, "bdev_raid_create", create("r0", level, legs));
    }
    assertError(rpc, -32700, DECODE_FAILED, "bdev_raid_get_bdevs", "{'category':'bogus'}");
    assertError(
        rpc, -22, "Invalid argument", "bdev_raid_set_options", "{'process_window_size_kb':0}");
    assertError(
        rpc, -32700, DECODE_FAILED, "bdev_raid_set_options", "{'process_window_size_kb':-1}");
    assertThat(raids(rpc)).isEmpty();
  }

  @Test
  void legsThatCannotJoinOrLeaveAreRefusedWithSpdksCodes() throws Exception {
    unlessFake(
        ConformanceGap.RAID1_ONLY, this::checkLegsThatCannotJoinOrLeaveAreRefusedWithSpdksCodes);
  }

  private void checkLegsThatCannotJoinOrLeaveAreRefusedWithSpdksCodes() throws IOException {
    RawRpc rpc = rpc();
    malloc(rpc, "L0", 8);
    malloc(rpc, "L1", 8);
    malloc(rpc, "L2", 8);
    String raid = raid(true, "L0", "L1");
    ok(rpc, "bdev_raid_create", raid);
    assertError(rpc, -17, "Failed to create RAID bdev r0: File exists", "bdev_raid_create", raid);
    assertError(
        rpc,
        -1,
        "Failed to create RAID bdev r1: Operation not permitted",
        "bdev_raid_create",
        create("r1", "1", "'superblock':true,'base_bdevs':['L0','L1']"));
    assertError(
        rpc,
        -22,
        "Failed to add base bdev L2 to RAID bdev r0: Invalid argument",
        "bdev_raid_add_base_bdev",
        "{'raid_bdev':'r0','base_bdev':'L2'}");
    assertError(
        rpc,
        -19,
        "raid bdev r9 is not found in config",
        "bdev_raid_add_base_bdev",
        "{'raid_bdev':'r9','base_bdev':'L2'}");
    assertError(rpc, -32603, DECODE_FAILED, "bdev_raid_add_base_bdev", "{'raid_bdev':'r0'}");
    assertError(
        rpc,
        -19,
        "Failed to remove base bdev from raid bdev",
        "bdev_raid_remove_base_bdev",
        "{'name':'L2'}");
    assertError(rpc, -32700, DECODE_FAILED, "bdev_raid_remove_base_bdev", "{}");
    ok(rpc, "bdev_raid_remove_base_bdev", "{'name':'L1'}");
    assertError(
        rpc,
        -19,
        "Failed to add base bdev nope to RAID bdev r0: No such device",
        "bdev_raid_add_base_bdev",
        "{'raid_bdev':'r0','base_bdev':'nope'}");
    ok(rpc, "bdev_raid_add_base_bdev", "{'raid_bdev':'r0','base_bdev':'L2'}");
    await(rpc, "bdev_raid_get_bdevs", ALL, raids -> raids.at("/0/process").isMissingNode());
    assertRaid(rpc, "online", 2, 2);
  }

  @Test
  void stripedArraysHaveTheSizeOfTheirWholeStripsAndEndWithALeg() throws Exception {
    unlessFake(
        ConformanceGap.RAID1_ONLY,
        this::checkStripedArraysHaveTheSizeOfTheirWholeStripsAndEndWithALeg);
  }

  private void checkStripedArraysHaveTheSizeOfTheirWholeStripsAndEndWithALeg() throws IOException {
    RawRpc rpc = rpc();
    malloc(rpc, "L0", 8);
    malloc(rpc, "L1", 9);
    malloc(rpc, "L2", 8);
    String legs = "'base_bdevs':['L0','L1','L2']";
    for (String level : List.of("raid0", "concat")) {
      ok(rpc, "bdev_raid_create", create("r0", level, "'strip_size_kb':2048," + legs));
      assertRaid(rpc, "online", 3, 3);
      JsonNode raid = raids(rpc).get(0);
      assertThat(raid.get("raid_level").asString()).isEqualTo(level);
      assertThat(raid.get("strip_size_kb").asInt()).isEqualTo(2048);
      // Only whole strips of 2 MiB count: 4 of each leg.
      JsonNode bdev = ok(rpc, "bdev_get_bdevs", "{'name':'r0'}").get(0);
      assertThat(bdev.get("num_blocks").asLong() * bdev.get("block_size").asLong())
          .isEqualTo(24 * MIB);
      ok(rpc, "bdev_raid_remove_base_bdev", "{'name':'L1'}");
      await(rpc, "bdev_get_bdevs", "", bdevs -> bdevs.size() == 3);
      ok(rpc, "bdev_raid_delete", "{'name':'r0'}");
      assertThat(raids(rpc)).isEmpty();
    }
  }
}

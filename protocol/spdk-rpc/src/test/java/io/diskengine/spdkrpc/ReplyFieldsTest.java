package io.diskengine.spdkrpc;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import tools.jackson.core.JacksonException;

/** What a record's component means, at the example of recorded replies. */
class ReplyFieldsTest {
  private static final UUID LAN1 = UUID.fromString("3d647b69-1fbb-4ac5-a176-4ddbbb3ff451");
  private static final UUID ZERO = new UUID(0, 0);

  private static <T> T decode(RpcRequest<T> request, String name) {
    return request.decoder().apply(Transcripts.result(name, request.method()));
  }

  @Test
  void version() {
    FrameworkMethods.Version version = decode(FrameworkMethods.version(), "1 spdk_get_version");
    assertThat(version.version()).isEqualTo("SPDK v26.09-pre git sha1 3230130e6a");
    assertThat(version.fields()).isEqualTo(new SpdkVersion(26, 9, 0, "-pre", "3230130e6a"));
    assertThat(version.fields()).hasToString("v26.09-pre");
  }

  @Test
  void reactorsNameTheProcess() {
    FrameworkMethods.Reactors reactors =
        decode(FrameworkMethods.reactors(), "1 framework_get_reactors");
    assertThat(reactors.pid()).isEqualTo(6953);
    assertThat(reactors.tickRate()).isEqualTo(2_600_000_000L);
    FrameworkMethods.Reactor reactor = reactors.reactors().getFirst();
    assertThat(reactor.idle()).isEqualTo(175_269_521_946L);
    assertThat(requireNonNull(reactor.lwThreads()).get(1).name())
        .isEqualTo("nvmf_tgt_poll_group_000");
  }

  @Test
  void bdevs() {
    Bdev malloc = decode(BdevMethods.bdev("M0"), "2 bdev_get_bdevs malloc").getFirst();
    assertThat(malloc.name()).isEqualTo("M0");
    assertThat(malloc.sizeBytes()).isEqualTo(64 << 20);
    assertThat(malloc.supports("unmap")).isTrue();
    assertThat(malloc.supports("teleport")).isFalse();
    assertThat(malloc.claimed()).isFalse();
    assertThat(malloc.lvol()).isEmpty();
    assertThat(malloc.nvme()).isEmpty();

    Bdev clone = decode(BdevMethods.bdev("x"), "3 bdev_get_bdevs clone").getFirst();
    assertThat(clone.aliases()).containsExactly("lvs0/c1");
    Bdev.Lvol lvol = clone.lvol().orElseThrow();
    assertThat(lvol.isClone()).isTrue();
    assertThat(lvol.isSnapshot()).isFalse();
    assertThat(lvol.baseSnapshot()).isEqualTo("s1");
    assertThat(lvol.thinProvision()).isTrue();

    Bdev snapshot = decode(BdevMethods.bdev("x"), "3 bdev_get_bdevs snapshot").getFirst();
    assertThat(snapshot.lvol().orElseThrow().isSnapshot()).isTrue();
    assertThat(snapshot.lvol().orElseThrow().clones()).contains("c1");

    Bdev nvme = decode(BdevMethods.bdev("n1n1"), "9 bdev_get_bdevs nvme").getFirst();
    Bdev.NvmePath path = nvme.nvme().getFirst();
    assertThat(path.trid().traddr()).isEqualTo("127.0.0.1");
    assertThat(path.trid().subnqn()).isEqualTo("nqn.2026-11.io.spdk:v1");
    assertThat(requireNonNull(path.ctrlrData()).cntlid()).isEqualTo(1);
    assertThat(path.nsData().id()).isEqualTo(1);

    Bdev raid = decode(BdevMethods.bdev("r0"), "10 bdev_get_bdevs raid").getFirst();
    RaidMethods.RaidInfo info = raid.raid().orElseThrow();
    assertThat(info.name()).isNull();
    assertThat(info.online()).isTrue();
    assertThat(info.baseBdevsList()).hasSize(2);
  }

  @Test
  void qosIsListedWithTheBdev() {
    Bdev bdev = decode(BdevMethods.bdev("x"), "6 with qos (1500 rounded?)").getFirst();
    assertThat(bdev.assignedRateLimits().rwIosPerSec()).isEqualTo(20_000);
  }

  @Test
  void iostat() {
    BdevMethods.Iostat iostat = decode(BdevMethods.iostat(), "4 bdev_get_iostat");
    assertThat(iostat.bdevs()).extracting(BdevMethods.BdevIostat::name).contains("M0", "A2");
    assertThat(iostat.ticks()).isEqualTo(4_432_296_040_914L);
    assertThat(iostat.bdevs().getFirst().bytesRead()).isEqualTo(37376);
    assertThat(iostat.bdevs().getFirst().ioError()).isEmpty();
  }

  @Test
  void lvstoresAndLvols() {
    LvolMethods.Lvstore store =
        decode(LvolMethods.lvstores(), "3 bdev_lvol_get_lvstores").getFirst();
    assertThat(store)
        .isEqualTo(
            new LvolMethods.Lvstore(
                UUID.fromString("6976e484-7eed-45fa-8c36-8cac8f49bf19"),
                "lvs0",
                "A0",
                1019,
                1019,
                4096,
                1 << 20,
                34317795328L));
    LvolMethods.Lvol lvol = decode(LvolMethods.lvols(), "6 bdev_lvol_get_lvols").getFirst();
    assertThat(lvol.alias()).isEqualTo("lvs0/v1");
    assertThat(lvol.isThinProvisioned()).isTrue();
    assertThat(lvol.lvs().name()).isEqualTo("lvs0");
  }

  @Test
  void nvmfSubsystems() {
    List<NvmfMethods.Subsystem> subsystems =
        decode(NvmfMethods.subsystems(), "5 nvmf_get_subsystems");
    assertThat(subsystems.getFirst().subtype()).isEqualTo("Discovery");
    assertThat(subsystems.getFirst().namespacesOrNone()).isEmpty();
    NvmfMethods.Subsystem v1 = subsystems.get(1);
    assertThat(v1.listenAddresses()).containsExactly(Trid.listen("TCP", "127.0.0.1", 4420));
    assertThat(v1.allowAnyHost()).isTrue();
    assertThat(v1.namespacesOrNone().get(1))
        .isEqualTo(
            new NvmfMethods.SubsystemNamespace(
                5,
                "M0",
                "M0",
                "00112233445566778899AABBCCDDEEFF",
                null,
                UUID.fromString("22222222-2222-4333-8444-555555555555"),
                null));
  }

  @Test
  void nvmfTransportsListenersAndControllers() {
    NvmfMethods.Transport transport =
        decode(NvmfMethods.transports(), "5 nvmf_get_transports").getFirst();
    assertThat(transport.iobufSmallCacheSize()).isEqualTo(4294967295L);
    assertThat(transport.inCapsuleDataSize()).isEqualTo(4096);
    NvmfMethods.SubsystemListener listener =
        Transcripts.of("nvmf_subsystem_get_listeners").stream()
            .flatMap(exchange ->
                NvmfMethods.listeners("x").decoder().apply(exchange.reply().result()).stream())
            .filter(each -> each.anaStates() != null)
            .findFirst()
            .orElseThrow();
    assertThat(listener.anaStates()).hasSize(32);
    assertThat(requireNonNull(listener.anaStates()).getFirst())
        .isEqualTo(new NvmfMethods.AnaGroupState(1, "inaccessible"));
    NvmfMethods.Controller controller =
        decode(NvmfMethods.controllers("x"), "9 on the target, with a host connected").getFirst();
    assertThat(controller.hostnqn()).startsWith("nqn.2014-08.org.nvmexpress:uuid:6428dd57");
    assertThat(controller.numIoQpairs()).isEqualTo(1);
  }

  @Test
  void nvmeControllersAndPaths() {
    List<NvmeMethods.Controller> controllers =
        decode(NvmeMethods.controllers(), "9 bdev_nvme_get_controllers");
    assertThat(controllers.getFirst().name()).isEqualTo("n1");
    assertThat(controllers.getFirst().enabled()).isTrue();
    assertThat(controllers.getFirst().ctrlrs().getFirst().cntlid()).isEqualTo(1);
    NvmeMethods.IoPaths paths = decode(NvmeMethods.ioPaths(), "12 active_active");
    assertThat(paths.pollGroups().getFirst().ioPaths())
        .hasSize(2)
        .allMatch(NvmeMethods.IoPath::current);
  }

  @Test
  void unsignedNegativeTemperatureIsNegative() {
    NvmeMethods.HealthInfo health =
        decode(
            NvmeMethods.healthInfo("n1"),
            "9 bdev_nvme_get_controller_health_info against a TCP controller");
    assertThat(health.temperatureCelsius()).isEqualTo(-273);
    assertThat(health.mediaErrors()).isZero();
  }

  @Test
  void raidWithRebuildAndRaidWithLostLeg() {
    RaidMethods.RaidInfo rebuilding =
        decode(RaidMethods.bdevs(), "10 rebuild progress t+0").getFirst();
    RaidMethods.Process process = requireNonNull(rebuilding.process());
    assertThat(process.type()).isEqualTo("rebuild");
    assertThat(process.target()).isEqualTo("lcn1");
    assertThat(process.progress().percent()).isBetween(0, 100);
    assertThat(rebuilding.numBaseBdevsOperational()).isEqualTo(2);

    RaidMethods.RaidInfo degraded = decode(RaidMethods.bdevs(), "10 after removal").getFirst();
    assertThat(degraded.online()).isTrue();
    assertThat(degraded.process()).isNull();
    assertThat(degraded.numBaseBdevsOperational()).isEqualTo(1);
    assertThat(degraded.baseBdevsList())
        .containsExactly(
            new RaidMethods.BaseBdev("lan1", LAN1, true, 256, 65280),
            new RaidMethods.BaseBdev(null, ZERO, false, 0, 65280));
  }

  @Test
  void vhostControllerOutlivesItsBdev() {
    List<VhostMethods.Controller> controllers = decode(VhostMethods.controllers(), "15 afterwards");
    assertThat(controllers.getFirst().socket()).isEqualTo("/var/tmp/spdk-run/vhost-b/vh0");
    assertThat(controllers.getFirst().sessions()).isEmpty();
    assertThat(controllers.getFirst().block().orElseThrow().bdev()).isNull();
  }

  @Test
  void notifications() {
    assertThat(
            decode(
                NotifyMethods.notifications(new NotifyMethods.Range(null, null)),
                "4 notify_get_notifications"))
        .startsWith(new NotifyMethods.Notification("bdev_register", "M0", 0));
  }

  @Test
  void configurationEntriesAreRequestsAgain() {
    var entries =
        Transcripts.of("framework_get_config").stream()
            .filter(exchange -> exchange.reply().result() != null)
            .flatMap(exchange ->
                FrameworkMethods.config("x").decoder().apply(exchange.reply().result()).stream())
            .toList();
    assertThat(entries)
        .extracting(FrameworkMethods.ConfigEntry::method)
        .contains("bdev_set_options", "nvmf_create_subsystem");
    assertThat(entries.getFirst().request().params()).isEqualTo(entries.getFirst().params());
  }

  @Test
  void unknownMembersAreIgnoredNullableOnesMayBeMissingTheRestMustBeThere() {
    var decoder = LvolMethods.lvstores().decoder();
    String known =
        "\"uuid\":\"6976e484-7eed-45fa-8c36-8cac8f49bf19\",\"name\":\"a\",\"base_bdev\":\"b\","
            + "\"total_data_clusters\":1,\"free_clusters\":1,\"block_size\":512";
    assertThat(
            decoder
                .apply(json("[{" + known + ",\"cluster_size\":4,\"new\":{\"x\":[1]}}]"))
                .getFirst()
                .maxGrowableSize())
        .isNull();
    assertThatThrownBy(() -> decoder.apply(json("[{" + known + "}]")))
        .isInstanceOf(JacksonException.class)
        .hasMessageContaining("cluster_size");
    assertThat(decoder.apply(json("null"))).isEmpty();
  }

  private static tools.jackson.databind.JsonNode json(String text) {
    return RpcCodec.parse(text.getBytes(UTF_8));
  }
}

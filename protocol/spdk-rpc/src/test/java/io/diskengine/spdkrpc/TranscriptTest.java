package io.diskengine.spdkrpc;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Map.entry;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.spdkrpc.RpcResult.Ok;
import io.diskengine.spdkrpc.RpcResult.Rejected;
import io.diskengine.spdkrpc.Transcripts.Exchange;
import java.time.Duration;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Requests are written and replies read as a real SPDK wants and writes them, byte for byte. */
class TranscriptTest {
  private static final JsonMapper STRICT =
      RpcJson.MAPPER.rebuild().enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build();

  /** Rebuilds the typed request from recorded parameters. */
  private static final Map<String, Function<JsonNode, RpcRequest<?>>> TYPED =
      Map.ofEntries(
          entry("spdk_get_version", _ -> FrameworkMethods.version()),
          entry(
              "rpc_get_methods",
              p ->
                  p.isMissingNode()
                      ? FrameworkMethods.methods()
                      : FrameworkMethods.currentMethods()),
          entry("framework_start_init", _ -> FrameworkMethods.startInit()),
          entry("framework_wait_init", _ -> FrameworkMethods.waitInit()),
          entry("framework_get_config", p -> FrameworkMethods.config(text(p, "name"))),
          entry("framework_get_subsystems", _ -> FrameworkMethods.subsystems()),
          entry("framework_get_reactors", _ -> FrameworkMethods.reactors()),
          entry("spdk_kill_instance", p -> FrameworkMethods.killInstance(text(p, "sig_name"))),
          entry(
              "bdev_set_options",
              p -> BdevMethods.setOptions(params(p, BdevMethods.Options.class))),
          entry(
              "bdev_get_bdevs",
              p ->
                  p.isMissingNode()
                      ? BdevMethods.bdevs()
                      : p.has("timeout")
                          ? BdevMethods.awaitBdev(text(p, "name"), p.path("timeout").asLong())
                          : BdevMethods.bdev(text(p, "name"))),
          entry(
              "bdev_malloc_create",
              p -> BdevMethods.createMalloc(params(p, BdevMethods.CreateMalloc.class))),
          entry("bdev_malloc_delete", p -> BdevMethods.deleteMalloc(text(p, "name"))),
          entry(
              "bdev_aio_create",
              p -> BdevMethods.createAio(params(p, BdevMethods.CreateAio.class))),
          entry("bdev_aio_delete", p -> BdevMethods.deleteAio(text(p, "name"))),
          entry("bdev_examine", p -> BdevMethods.examine(text(p, "name"))),
          entry("bdev_wait_for_examine", _ -> BdevMethods.waitForExamine()),
          entry("bdev_get_iostat", TranscriptTest::iostat),
          entry(
              "bdev_set_qos_limit",
              p -> BdevMethods.setQosLimit(params(p, BdevMethods.QosLimit.class))),
          entry(
              "bdev_lvol_create_lvstore",
              p -> LvolMethods.createLvstore(params(p, LvolMethods.CreateLvstore.class))),
          entry("bdev_lvol_delete_lvstore", p -> LvolMethods.deleteLvstore(text(p, "lvs_name"))),
          entry(
              "bdev_lvol_rename_lvstore",
              p -> LvolMethods.renameLvstore(text(p, "old_name"), text(p, "new_name"))),
          entry(
              "bdev_lvol_get_lvstores",
              p ->
                  p.isMissingNode()
                      ? LvolMethods.lvstores()
                      : LvolMethods.lvstore(text(p, "lvs_name"))),
          entry(
              "bdev_lvol_create", p -> LvolMethods.create(params(p, LvolMethods.CreateLvol.class))),
          entry("bdev_lvol_delete", p -> LvolMethods.delete(text(p, "name"))),
          entry(
              "bdev_lvol_get_lvols",
              p ->
                  p.isMissingNode() ? LvolMethods.lvols() : LvolMethods.lvols(text(p, "lvs_name"))),
          entry(
              "bdev_lvol_resize",
              p -> LvolMethods.resize(text(p, "name"), p.path("size_in_mib").asLong())),
          entry(
              "bdev_lvol_snapshot",
              p -> LvolMethods.snapshot(text(p, "lvol_name"), text(p, "snapshot_name"))),
          entry(
              "bdev_lvol_clone",
              p -> LvolMethods.clone(text(p, "snapshot_name"), text(p, "clone_name"))),
          entry(
              "bdev_lvol_rename",
              p -> LvolMethods.rename(text(p, "old_name"), text(p, "new_name"))),
          entry("bdev_lvol_inflate", p -> LvolMethods.inflate(text(p, "name"))),
          entry("bdev_lvol_decouple_parent", p -> LvolMethods.decoupleParent(text(p, "name"))),
          entry("bdev_lvol_set_read_only", p -> LvolMethods.setReadOnly(text(p, "name"))),
          entry(
              "nvmf_create_transport",
              p -> NvmfMethods.createTransport(params(p, NvmfMethods.CreateTransport.class))),
          entry(
              "nvmf_get_transports",
              p ->
                  p.isMissingNode()
                      ? NvmfMethods.transports()
                      : NvmfMethods.transport(text(p, "trtype"))),
          entry(
              "nvmf_create_subsystem",
              p -> NvmfMethods.createSubsystem(params(p, NvmfMethods.CreateSubsystem.class))),
          entry("nvmf_delete_subsystem", p -> NvmfMethods.deleteSubsystem(text(p, "nqn"))),
          entry(
              "nvmf_get_subsystems",
              p ->
                  p.isMissingNode()
                      ? NvmfMethods.subsystems()
                      : NvmfMethods.subsystem(text(p, "nqn"))),
          entry(
              "nvmf_subsystem_add_ns",
              p ->
                  NvmfMethods.addNs(
                      text(p, "nqn"), params(p.path("namespace"), NvmfMethods.Namespace.class))),
          entry(
              "nvmf_subsystem_remove_ns",
              p -> NvmfMethods.removeNs(text(p, "nqn"), p.path("nsid").asInt())),
          entry(
              "nvmf_subsystem_add_listener",
              p ->
                  p.has("ana_state")
                      ? NvmfMethods.addListener(text(p, "nqn"), address(p), text(p, "ana_state"))
                      : NvmfMethods.addListener(text(p, "nqn"), address(p))),
          entry(
              "nvmf_subsystem_remove_listener",
              p -> NvmfMethods.removeListener(text(p, "nqn"), address(p))),
          entry(
              "nvmf_subsystem_listener_set_ana_state",
              p -> NvmfMethods.setAnaState(text(p, "nqn"), address(p), text(p, "ana_state"))),
          entry(
              "nvmf_subsystem_add_host", p -> NvmfMethods.addHost(text(p, "nqn"), text(p, "host"))),
          entry(
              "nvmf_subsystem_remove_host",
              p -> NvmfMethods.removeHost(text(p, "nqn"), text(p, "host"))),
          entry("nvmf_subsystem_get_controllers", p -> NvmfMethods.controllers(text(p, "nqn"))),
          entry("nvmf_subsystem_get_listeners", p -> NvmfMethods.listeners(text(p, "nqn"))),
          entry(
              "bdev_nvme_set_options",
              p -> NvmeMethods.setOptions(params(p, NvmeMethods.Options.class))),
          entry(
              "bdev_nvme_attach_controller",
              p -> NvmeMethods.attachController(params(p, NvmeMethods.AttachController.class))),
          entry(
              "bdev_nvme_detach_controller",
              p ->
                  p.has("traddr")
                      ? NvmeMethods.detachPath(
                          text(p, "name"), RpcJson.MAPPER.treeToValue(p, Trid.class))
                      : NvmeMethods.detachController(text(p, "name"))),
          entry("bdev_nvme_reset_controller", p -> NvmeMethods.resetController(text(p, "name"))),
          entry(
              "bdev_nvme_get_controllers",
              p ->
                  p.isMissingNode()
                      ? NvmeMethods.controllers()
                      : NvmeMethods.controller(text(p, "name"))),
          entry(
              "bdev_nvme_get_io_paths",
              p ->
                  p.isMissingNode() ? NvmeMethods.ioPaths() : NvmeMethods.ioPaths(text(p, "name"))),
          entry(
              "bdev_nvme_get_controller_health_info", p -> NvmeMethods.healthInfo(text(p, "name"))),
          entry(
              "bdev_nvme_set_multipath_policy",
              p ->
                  NvmeMethods.setMultipathPolicy(
                      text(p, "name"),
                      text(p, "policy"),
                      p.path("selector").asStringOpt().orElse(null),
                      p.has("rr_min_io") ? Integer.valueOf(p.path("rr_min_io").asInt()) : null)),
          entry(
              "bdev_raid_create", p -> RaidMethods.create(params(p, RaidMethods.CreateRaid.class))),
          entry(
              "bdev_raid_delete",
              p ->
                  p.path("clear_sb").asBoolean(false)
                      ? RaidMethods.deleteAndClear(SpdkDialect.newest(), text(p, "name"))
                      : RaidMethods.delete(text(p, "name"))),
          entry("bdev_raid_get_bdevs", p -> RaidMethods.bdevs(text(p, "category"))),
          entry(
              "bdev_raid_add_base_bdev",
              p -> RaidMethods.addBaseBdev(text(p, "raid_bdev"), text(p, "base_bdev"))),
          entry("bdev_raid_remove_base_bdev", p -> RaidMethods.removeBaseBdev(text(p, "name"))),
          entry(
              "vhost_create_blk_controller",
              p -> VhostMethods.createBlk(params(p, VhostMethods.CreateBlk.class))),
          entry("vhost_delete_controller", p -> VhostMethods.delete(text(p, "ctrlr"))),
          entry(
              "vhost_get_controllers",
              p ->
                  p.isMissingNode()
                      ? VhostMethods.controllers()
                      : VhostMethods.controller(text(p, "name"))),
          entry("notify_get_types", _ -> NotifyMethods.types()),
          entry(
              "notify_get_notifications",
              p ->
                  NotifyMethods.notifications(
                      p.isMissingNode()
                          ? new NotifyMethods.Range(null, null)
                          : params(p, NotifyMethods.Range.class))));

  /** Recorded to see SPDK's errors; the typed requests can not be wrong in these ways. */
  private static final Set<String> NOT_EXPRESSIBLE =
      Set.of(
          "1 bad params: unknown key",
          "1 bad params: wrong type",
          "1 missing required",
          "1 empty params",
          "1 no params",
          "1 params {} to method that takes none",
          "1 params given to method that takes none",
          "1 positional array params",
          "1 params string",
          "4 per_channel",
          "6 name array?",
          "6 per_channel without name",
          "12 unknown parameter");

  /** Recorded with the same members in another order than everywhere else. */
  private static final Set<String> OTHER_ORDER =
      Set.of(
          "3 bdev_lvol_create thin with chosen uuid",
          "3 bdev_lvol_create with a uuid already used",
          "21 controller name of 300 characters, with a namespace",
          "21 bdev_nvme_attach_controller");

  static Stream<Exchange> expressible() {
    return Transcripts.ALL.stream().filter(exchange -> !NOT_EXPRESSIBLE.contains(exchange.name()));
  }

  static Stream<Exchange> all() {
    return Transcripts.ALL.stream();
  }

  @ParameterizedTest
  @MethodSource("expressible")
  void typedRequestIsWrittenAsRecorded(Exchange exchange) {
    String written = bytes(typed(exchange), exchange);
    if (OTHER_ORDER.contains(exchange.name())) {
      assertThat(RpcCodec.parse(written.getBytes(UTF_8))).isEqualTo(exchange.request());
    } else {
      assertThat(written).isEqualTo(exchange.requestText());
    }
  }

  @ParameterizedTest
  @MethodSource("all")
  void rawRequestIsWrittenAsRecorded(Exchange exchange) {
    JsonNode params = exchange.request().get("params");
    String recorded = exchange.requestText().replace(",\"params\":{}", "");
    assertThat(bytes(RpcRequest.raw(exchange.method(), params), exchange)).isEqualTo(recorded);
  }

  @ParameterizedTest
  @MethodSource("all")
  void replyIsReadWithoutLosingAMember(Exchange exchange) {
    RpcCodec.Reply reply = exchange.reply();
    RpcRequest<?> request =
        NOT_EXPRESSIBLE.contains(exchange.name())
            ? RpcRequest.raw(exchange.method(), null)
            : typed(exchange);
    RpcResult<?> result = settle(request, reply);
    if (reply.error() != null) {
      assertThat(result).isEqualTo(new Rejected<>(reply.error().code(), reply.error().message()));
      assertThat(
              new String(
                  RpcCodec.error(
                      reply.id().toString(), reply.error().code(), reply.error().message()),
                  UTF_8))
          .isEqualTo(exchange.replyText() + "\n");
      return;
    }
    assertThat(result).isInstanceOf(Ok.class);
    Object value = ((Ok<?>) result).value();
    assertThat(RpcJson.MAPPER.writeValueAsString(value))
        .isEqualTo(RpcJson.MAPPER.writeValueAsString(signed(reply.result())));
  }

  @Test
  void everyRecordedMethodHasATypedRequest() {
    var recorded = new HashSet<String>();
    Transcripts.ALL.forEach(exchange -> recorded.add(exchange.method()));
    assertThat(TYPED.keySet()).isEqualTo(recorded);
  }

  private static RpcRequest<?> typed(Exchange exchange) {
    return requireNonNull(TYPED.get(exchange.method())).apply(exchange.params());
  }

  private static RpcRequest<?> iostat(JsonNode params) {
    if (params.has("names")) {
      return BdevMethods.iostat(SpdkDialect.newest(), params.path("names").path(0).asString());
    }
    return params.has("name")
        ? BdevMethods.iostat(SpdkDialect.of(SpdkVersion.of(25, 9)), text(params, "name"))
        : BdevMethods.iostat();
  }

  private static String bytes(RpcRequest<?> request, Exchange exchange) {
    long id = exchange.request().path("id").asLong();
    return new String(RpcCodec.request(id, request.method(), request.params()), UTF_8);
  }

  private static <T> RpcResult<T> settle(RpcRequest<T> request, RpcCodec.Reply reply) {
    var call =
        new RpcCall<>(
            1,
            request,
            new byte[0],
            SpdkAddress.parse("/x"),
            Duration.ZERO,
            RpcRuntime.SYSTEM,
            (_, _) -> {});
    call.settle(reply, null);
    return call.settled().orElseThrow();
  }

  private static String text(JsonNode params, String member) {
    return params.path(member).asString();
  }

  private static Trid address(JsonNode params) {
    return params(params.path("listen_address"), Trid.class);
  }

  private static <T> T params(JsonNode params, Class<T> type) {
    return STRICT.treeToValue(params, type);
  }

  /** As records write it back: without nulls, and with SPDK's unsigned negatives signed. */
  private static JsonNode signed(@Nullable JsonNode json) {
    return switch (json) {
      case ObjectNode object -> {
        ObjectNode copy = RpcJson.MAPPER.createObjectNode();
        object.forEachEntry((name, value) -> {
          if (!value.isNull()) {
            copy.set(name, signed(value));
          }
        });
        yield copy;
      }
      case ArrayNode array -> {
        ArrayNode copy = RpcJson.MAPPER.createArrayNode();
        array.forEach(element -> copy.add(signed(element)));
        yield copy;
      }
      case null -> throw new AssertionError("no result");
      default ->
          json.isBigInteger()
              ? RpcJson.MAPPER.getNodeFactory().numberNode(json.bigIntegerValue().longValue())
              : json;
    };
  }
}

package io.diskengine.engine.rpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diskengine.engine.Engine;
import io.diskengine.engine.EngineOptions;
import io.diskengine.engine.reactor.ReactorOptions;
import io.diskengine.spdkrpc.RpcRequest;
import io.diskengine.spdkrpc.RpcResult;
import io.diskengine.spdkrpc.SpdkRpcClient;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Limits, counters, filters and saved configurations over a socket; errors are SPDK's. */
class BdevRpcTest {
  private static final JsonMapper JSON = new JsonMapper();
  private static final int MIB = 1 << 20;

  @TempDir private Path directory;
  private @Nullable Engine engine;
  private @Nullable SpdkRpcClient client;

  private void start(EngineOptions.@Nullable Config config) throws IOException {
    String socket = directory.resolve("rpc.sock").toString();
    engine =
        Engine.start(new EngineOptions(socket, directory, false, ReactorOptions.of(2), config));
    client = SpdkRpcClient.connect(socket);
  }

  @AfterEach
  void stop() {
    if (client != null) {
      client.close();
    }
    if (engine != null) {
      engine.close();
    }
    client = null;
    engine = null;
  }

  private String call(String method, String params) {
    JsonNode decoded = params.isEmpty() ? null : JSON.readTree(params.replace('\'', '"'));
    RpcResult<JsonNode> result = client.call(RpcRequest.raw(method, decoded));
    return switch (result) {
      case RpcResult.Ok<JsonNode> ok -> ok.value().toString();
      case RpcResult.Rejected<JsonNode> rejected -> rejected.code() + " " + rejected.message();
      case RpcResult.Unavailable<JsonNode> no -> throw new AssertionError(no);
      case RpcResult.Indeterminate<JsonNode> no -> throw new AssertionError(no);
    };
  }

  private JsonNode ok(String method, String params) {
    return JSON.readTree(call(method, params));
  }

  private void malloc(String name) {
    String params = "{'name':'%s','num_blocks':1024,'block_size':4096}".formatted(name);
    assertThat(call("bdev_malloc_create", params)).isEqualTo("\"" + name + "\"");
  }

  private JsonNode limits(String name) {
    return ok("bdev_get_bdevs", "{'name':'" + name + "'}").at("/0/assigned_rate_limits");
  }

  @Test
  void rateLimitsAreSetChangedAndLiftedOnADeviceThatNobodyHasOpen() throws IOException {
    start(null);
    malloc("M0");
    String set = "bdev_set_qos_limit";
    assertThat(call(set, "{'name':'M0','rw_ios_per_sec':20000,'rw_mbytes_per_sec':100}"))
        .isEqualTo("true");
    assertThat(call(set, "{'name':'M0','rw_ios_per_sec':1500}")).isEqualTo("true");
    assertThat(limits("M0"))
        .isEqualTo(
            JSON.readTree(
                """
                {"rw_ios_per_sec":2000,"rw_mbytes_per_sec":100,
                 "r_mbytes_per_sec":0,"w_mbytes_per_sec":0}\
                """));
    assertThat(call(set, "{'name':'M0','rw_ios_per_sec':0,'rw_mbytes_per_sec':0}"))
        .isEqualTo("true");
    assertThat(limits("M0").get("rw_ios_per_sec").asInt()).isZero();
    assertThat(call(set, "{'name':'M0'}")).isEqualTo("-22 No rate limits specified");
    assertThat(call(set, "{'name':'nope','rw_ios_per_sec':1000}")).isEqualTo("-19 No such device");
    assertThat(call(set, "{'name':'M0','r_mbytes_per_sec':9000000000000000000}"))
        .isEqualTo(
            "-32602 Failed to configure rate limit: r_mbytes_per_sec is 9000000000000000000, 0 to"
                + " 1099511627776");
    assertThat(call(set, "{'name':'M0','rw_ios_per_sec':-1}"))
        .isEqualTo("-32603 spdk_json_decode_object failed");
  }

  @Test
  void countersOfChannelsAndTheirReset() throws IOException {
    start(null);
    malloc("M0");
    assertThat(call("bdev_get_iostat", "{'per_channel':true}")).isEqualTo("-22 Invalid argument");
    assertThat(call("bdev_get_iostat", "{'name':'M0'}"))
        .isEqualTo("-32603 spdk_json_decode_object failed");
    assertThat(call("bdev_get_iostat", "{'names':['nope']}")).isEqualTo("-19 No such device");
    JsonNode of = ok("bdev_get_iostat", "{'names':['M0']}").at("/bdevs/0");
    assertThat(of.propertyNames())
        .containsExactly(
            "name",
            "bytes_read",
            "num_read_ops",
            "bytes_written",
            "num_write_ops",
            "bytes_unmapped",
            "num_unmap_ops",
            "bytes_copied",
            "num_copy_ops",
            "read_latency_ticks",
            "max_read_latency_ticks",
            "min_read_latency_ticks",
            "write_latency_ticks",
            "max_write_latency_ticks",
            "min_write_latency_ticks",
            "unmap_latency_ticks",
            "max_unmap_latency_ticks",
            "min_unmap_latency_ticks",
            "copy_latency_ticks",
            "max_copy_latency_ticks",
            "min_copy_latency_ticks",
            "io_error");
    assertThat(of.get("num_read_ops").asInt()).as("examined").isPositive();
    JsonNode channels = ok("bdev_get_iostat", "{'names':['M0'],'per_channel':true}");
    assertThat(channels.get("name").asString()).isEqualTo("M0");
    assertThat(channels.get("channels")).as("nobody has it open").isEmpty();
    assertThat(call("bdev_reset_iostat", "{'name':'M0','mode':'maxmin'}")).isEqualTo("true");
    of = ok("bdev_get_iostat", "{'names':['M0']}").at("/bdevs/0");
    assertThat(of.get("num_read_ops").asInt()).isPositive();
    assertThat(of.get("max_read_latency_ticks").asInt()).isZero();
    assertThat(call("bdev_reset_iostat", "{'name':'M0','mode':'all'}")).isEqualTo("true");
    of = ok("bdev_get_iostat", "{'names':['M0']}").at("/bdevs/0");
    assertThat(of.get("num_read_ops").asInt()).isZero();
    assertThat(call("bdev_reset_iostat", "{'mode':'some'}"))
        .isEqualTo("-32603 spdk_json_decode_object failed");
  }

  @Test
  void queueDepthIsSampledWhileAskedFor() throws IOException {
    start(null);
    malloc("M0");
    assertThat(call("bdev_set_qd_sampling_period", "{'name':'M0','period':1000}"))
        .isEqualTo("true");
    JsonNode of = ok("bdev_get_iostat", "{'names':['M0']}").at("/bdevs/0");
    assertThat(of.get("queue_depth_polling_period").asInt()).isEqualTo(1000);
    assertThat(of.get("queue_depth").asInt()).isZero();
    assertThat(call("bdev_set_qd_sampling_period", "{'name':'M0','period':0}")).isEqualTo("true");
    assertThat(ok("bdev_get_iostat", "{'names':['M0']}").at("/bdevs/0").has("queue_depth"))
        .isFalse();
    assertThat(call("bdev_set_qd_sampling_period", "{'name':'no','period':1}"))
        .isEqualTo("-19 No such device");
  }

  @Test
  void histogramsAreBase64OfTheBucketsAndCountedByBorders() throws IOException {
    start(null);
    malloc("M0");
    assertThat(call("bdev_get_histogram", "{'name':'M0'}")).isEqualTo("-32603 Bad address");
    assertThat(call("bdev_enable_histogram", "{'name':'M0','enable':true}")).isEqualTo("true");
    String passthru = "{'base_bdev_name':'M0','name':'P0'}";
    assertThat(call("bdev_passthru_create", passthru)).isEqualTo("\"P0\""); // examined: reads
    JsonNode histogram = ok("bdev_get_histogram", "{'name':'M0'}");
    assertThat(histogram.get("granularity").asInt()).isEqualTo(7);
    assertThat(histogram.get("tsc_rate").asLong()).isEqualTo(1_000_000_000L);
    int ranges = histogram.get("max_range").asInt() - histogram.get("min_range").asInt() + 1;
    assertThat(Base64.getDecoder().decode(histogram.get("histogram").asString()))
        .hasSize(ranges * 128 * 8);
    JsonNode borders = ok("bdev_get_histogram_borders", "{'name':'M0','borders':[1,1000,1000000]}");
    assertThat(borders.get("borders_count")).hasSize(4);
    assertThat(borders.at("/borders_count/3").asInt()).as("P0 was examined").isPositive();
    assertThat(call("bdev_enable_histogram", "{'name':'M0','enable':true,'granularity':40}"))
        .isEqualTo("-22 Invalid argument");
    assertThat(call("bdev_enable_histogram", "{'name':'M0','enable':true,'opc':'nonsense'}"))
        .isEqualTo("-32603 Invalid Io type");
    assertThat(call("bdev_enable_histogram", "{'name':'M0','enable':false}")).isEqualTo("true");
    assertThat(call("bdev_get_histogram", "{'name':'M0'}")).isEqualTo("-32603 Bad address");
  }

  // ---- saved configurations

  private Path saved(String text) throws IOException {
    return Files.writeString(directory.resolve("saved.json"), text.replace('\'', '"'));
  }

  private String subsystemsConfig() {
    StringBuilder text = new StringBuilder("{'subsystems':[");
    for (JsonNode subsystem : ok("framework_get_subsystems", "")) {
      String name = subsystem.get("subsystem").asString();
      text.append(text.charAt(text.length() - 1) == '[' ? "" : ",")
          .append("{'subsystem':'%s','config':".formatted(name))
          .append(ok("framework_get_config", "{'name':'" + name + "'}"))
          .append('}');
    }
    return text.append("]}").toString();
  }

  @Test
  void whatWasSavedIsThereAgain() throws IOException {
    Path image = directory.resolve("a0.img");
    try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
      file.setLength(64L * MIB);
    }
    start(null);
    assertThat(
            call(
                "bdev_aio_create",
                "{'name':'A0','filename':'%s','block_size':4096}".formatted(image)))
        .isEqualTo("\"A0\"");
    assertThat(call("bdev_lvol_create_lvstore", "{'bdev_name':'A0','lvs_name':'lvs0'}"))
        .hasSize(38);
    assertThat(
            call(
                "bdev_lvol_create",
                "{'lvs_name':'lvs0','lvol_name':'v1','size_in_mib':8,'thin_provision':true}"))
        .hasSize(38);
    assertThat(call("bdev_set_qos_limit", "{'name':'lvs0/v1','rw_ios_per_sec':5000}"))
        .isEqualTo("true");
    assertThat(call("bdev_enable_histogram", "{'name':'lvs0/v1','enable':true,'opc':'read'}"))
        .isEqualTo("true");
    malloc("M0");
    assertThat(
            call(
                "bdev_delay_create",
                "{'base_bdev_name':'M0','name':'D0','avg_read_latency':10,'p99_read_latency':20,"
                    + "'avg_write_latency':30,'p99_write_latency':40}"))
        .isEqualTo("\"D0\"");
    assertThat(call("bdev_passthru_create", "{'base_bdev_name':'D0','name':'P0'}"))
        .isEqualTo("\"P0\"");
    assertThat(call("vhost_create_blk_controller", "{'ctrlr':'vh0','dev_name':'lvs0/v1'}"))
        .isEqualTo("true");
    assertThat(call("nvmf_create_transport", "{'trtype':'TCP'}")).isEqualTo("true");
    assertThat(call("nvmf_create_subsystem", "{'nqn':'nqn.2026-11.io.diskengine:s'}"))
        .isEqualTo("true");
    assertThat(
            call(
                "nvmf_subsystem_add_ns",
                "{'nqn':'nqn.2026-11.io.diskengine:s','namespace':{'bdev_name':'P0'}}"))
        .isEqualTo("1");
    String config = subsystemsConfig();
    stop();
    start(new EngineOptions.Config(saved(config), false));
    assertThat(subsystemsConfig()).isEqualTo(config);
    assertThat(limits("lvs0/v1").get("rw_ios_per_sec").asInt()).isEqualTo(5000);
    assertThat(ok("vhost_get_controllers", "").at("/0/ctrlr").asString()).isEqualTo("vh0");
  }

  @Test
  void startupMethodsComeFirstWhereverTheyStand() throws IOException {
    Path config =
        saved(
            """
            /* comments are allowed */
            {'subsystems':[{'subsystem':'bdev','config':[
              {'method':'bdev_malloc_create',
               'params':{'name':'M0','num_blocks':64,'block_size':512}},
              {'method':'bdev_set_options','params':{'bdev_auto_examine':false}}]},
             {'subsystem':'empty','config':null}],
             'anything':'else'}
            """);
    start(new EngineOptions.Config(config, false));
    assertThat(ok("bdev_get_bdevs", "{'name':'M0'}")).hasSize(1);
    assertThat(call("bdev_examine", "{'name':'M0'}")).as("examine is by hand").isEqualTo("true");
  }

  @Test
  void failingEntryEndsTheStartUnlessErrorsAreIgnored() throws IOException {
    Path config =
        saved(
            """
            {'subsystems':[{'subsystem':'bdev','config':[
              {'method':'bdev_aio_create',
               'params':{'name':'A0','block_size':4096,'filename':'/not/there'}},
              {'method':'bdev_malloc_create',
               'params':{'name':'M0','num_blocks':64,'block_size':512}}]}]}
            """);
    assertThatThrownBy(() -> start(new EngineOptions.Config(config, false)))
        .isInstanceOf(IOException.class)
        .hasMessage(
            "configuration "
                + config
                + ": entry 1 of subsystem bdev, bdev_aio_create failed: -2 No such file or"
                + " directory; mend the entry, or start with --json-ignore-init-errors");
    assertThat(directory.resolve("rpc.sock")).doesNotExist();
    start(new EngineOptions.Config(config, true));
    assertThat(ok("bdev_get_bdevs", "")).hasSize(1);
  }

  @Test
  void fileThatIsNoConfigurationIsRefusedInOneLine() throws IOException {
    for (String[] wrong :
        new String[][] {
          {"{", "is not JSON, line 1: "},
          {"[]", "is no JSON object"},
          {"{'subsystems':{}}", "\"subsystems\" is no array"},
          {"{'subsystems':[{'config':[]}]}", "a subsystem needs a name and an array"},
          {
            "{'subsystems':[{'subsystem':'b','config':[{'params':{}}]}]}",
            "entry 1 (subsystem b) needs a method"
          },
          {
            "{'subsystems':[{'subsystem':'b','config':[{'method':'no_such'}]}]}",
            "entry 1 of subsystem b names the method no_such, which the engine does not have"
          }
        }) {
      Path config = saved(wrong[0]);
      assertThatThrownBy(() -> start(new EngineOptions.Config(config, true)))
          .as(wrong[0])
          .isInstanceOf(IOException.class)
          .hasMessageStartingWith("configuration " + config + " ")
          .hasMessageContaining(wrong[1])
          .message()
          .doesNotContain("\n");
    }
    assertThatThrownBy(
            () -> start(new EngineOptions.Config(directory.resolve("absent.json"), true)))
        .hasMessageContaining("does not exist");
  }
}

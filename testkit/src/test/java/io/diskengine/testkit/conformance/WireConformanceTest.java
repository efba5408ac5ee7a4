package io.diskengine.testkit.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Facts 1 to 8: framing, order, batches, limits, parameters. */
@ParameterizedClass
@MethodSource("implementations")
class WireConformanceTest extends SpdkConformance {
  private static final String INVALID =
      "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"Invalid request\"}}";
  private static final int CALLS = 300;
  private static final String LATE =
      "\"method\":\"bdev_get_bdevs\",\"params\":{\"name\":\"nope\",\"timeout\":300}";

  private static String bdevs(int id) {
    return "{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"method\":\"bdev_get_bdevs\"}";
  }

  private static String noBdevs(Object id) {
    return "{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"result\":[]}";
  }

  private static String failure(Object id, int code, String message) {
    return "{\"jsonrpc\":\"2.0\",\"id\":" + id + "," + error(code, message) + "}";
  }

  @Test
  void fact_01_requestsNeedNoDelimiterAndResponsesAreOneCompactLine() throws IOException {
    RawRpc rpc = rpc();
    assertThat(rpc.ask(bdevs(1))).isEqualTo(noBdevs(1) + "\n");
    rpc.send(bdevs(2).substring(0, 10));
    assertThat(rpc.within(SILENCE)).isEmpty();
    assertThat(rpc.ask(bdevs(2).substring(10) + bdevs(3))).isEqualTo(noBdevs(2) + "\n");
    assertThat(rpc.line()).isEqualTo(noBdevs(3) + "\n");
    assertThat(rpc.ask("{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"no_such\"}"))
        .isEqualTo(failure(4, -32601, "Method not found") + "\n");
    assertThat(rpc.within(SILENCE)).isEmpty();
  }

  @Test
  void fact_02_oneCallAtATimeIsPacedByTheServersTimerAndPipeliningIsNot() throws Exception {
    RawRpc rpc = rpc();
    unless(
        ConformanceGap.RPC_PACING,
        () -> assertThat(quickCalls(rpc)).isLessThan(CALLS / 10),
        () -> assertThat(quickCalls(rpc)).isGreaterThanOrEqualTo(CALLS / 10));
    StringBuilder window = new StringBuilder();
    IntStream.range(0, 2000).forEach(id -> window.append(bdevs(id)));
    rpc.send(window.toString());
    for (int id = 0; id < 2000; id++) {
      assertThat(rpc.line()).isEqualTo(noBdevs(id) + "\n");
    }
  }

  /**
   * How many of {@link #CALLS} calls took less than 1.5 ms. A server that another process keeps off
   * its core answers one now and then, because the time of both its looks has come when it goes on.
   */
  private static int quickCalls(RawRpc rpc) throws IOException {
    int quick = 0;
    for (int i = 0; i < CALLS; i++) {
      long began = System.nanoTime();
      rpc.ask(bdevs(i));
      quick += System.nanoTime() - began < 1_500_000 ? 1 : 0;
    }
    return quick;
  }

  @Test
  void fact_03_aFastRequestOvertakesASlowOne() throws IOException {
    RawRpc rpc = rpc();
    assertThat(rpc.ask("{\"jsonrpc\":\"2.0\",\"id\":1," + LATE + "}\n" + bdevs(2) + "\n"))
        .isEqualTo(noBdevs(2) + "\n");
    assertThat(rpc.line()).isEqualTo(failure(1, -110, "Connection timed out") + "\n");
    String unknown = "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"no_such\"}";
    assertThat(rpc.ask(unknown + bdevs(4)))
        .isEqualTo(failure(3, -32601, "Method not found") + "\n");
    assertThat(rpc.line()).isEqualTo(noBdevs(4) + "\n");
  }

  @Test
  void fact_04_aBatchIsAnsweredAsOneArrayInOrderOfCompletion() throws IOException {
    RawRpc rpc = rpc();
    assertThat(rpc.ask("[" + bdevs(1) + "," + bdevs(2) + "]"))
        .isEqualTo("[" + noBdevs(1) + "," + noBdevs(2) + "]\n");
    assertThat(
            rpc.ask(
                "[{\"jsonrpc\":\"2.0\",\"id\":1,"
                    + LATE
                    + "},"
                    + bdevs(2)
                    + ",{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"no_such\"}]"))
        .isEqualTo(
            "["
                + noBdevs(2)
                + ","
                + failure(3, -32601, "Method not found")
                + ","
                + failure(1, -110, "Connection timed out")
                + "]\n");
    assertThat(rpc.ask("[]")).isEqualTo(INVALID + "\n");
    assertThat(rpc.ask("[1,2]")).isEqualTo("[" + INVALID + "," + INVALID + "]\n");
    rpc.send("[{\"jsonrpc\":\"2.0\",\"method\":\"bdev_get_bdevs\"}]");
    assertThat(rpc.within(SILENCE)).isEmpty();
  }

  @Test
  void fact_05_invalidJsonClosesWithoutAnyResponse() throws IOException {
    DataPlane plane = start();
    for (String wrong :
        List.of(
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"bdev_get_bdevs\" !!}",
            "hello\n",
            bdevs(1) + "garbage",
            bdevs(1) + bdevs(2) + "}")) {
      RawRpc rpc = connect(plane);
      rpc.send(wrong);
      assertThat(rpc.untilClosed()).as(wrong).isEmpty();
    }
  }

  @Test
  void fact_05_incompleteJsonWaitsForItsRest() throws IOException {
    RawRpc rpc = rpc();
    String whole = bdevs(1);
    rpc.send(whole.substring(0, whole.length() - 1));
    assertThat(rpc.within(SILENCE)).isEmpty();
    assertThat(rpc.ask("}")).isEqualTo(noBdevs(1) + "\n");
  }

  @Test
  void fact_05_aTopLevelScalarIsAnInvalidRequestAndTheConnectionLives() throws IOException {
    RawRpc rpc = rpc();
    for (String scalar : List.of("5 ", "\"str\"", "true ", "null ")) {
      assertThat(rpc.ask(scalar)).as(scalar).isEqualTo(INVALID + "\n");
    }
    assertThat(rpc.ask("5")).isEqualTo(INVALID + "\n");
    assertThat(rpc.ask(bdevs(1))).isEqualTo(noBdevs(1) + "\n");
  }

  @Test
  void fact_06_notificationsAreAnsweredOnlyWhenTheyFail() throws IOException {
    RawRpc rpc = rpc();
    rpc.send("{\"jsonrpc\":\"2.0\",\"method\":\"bdev_get_bdevs\"}");
    rpc.send("{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"bdev_get_bdevs\"}");
    assertThat(rpc.within(SILENCE)).isEmpty();
    assertThat(rpc.ask("{\"jsonrpc\":\"2.0\",\"method\":\"no_such\"}"))
        .isEqualTo(failure("null", -32601, "Method not found") + "\n");
  }

  @Test
  void fact_06_idsAreEchoedVerbatim() throws IOException {
    RawRpc rpc = rpc();
    for (String id : List.of("\"abc\"", "1.5", "9007199254740993", "-1", "0")) {
      String request = "{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"method\":\"bdev_get_bdevs\"}";
      assertThat(rpc.ask(request)).isEqualTo(noBdevs(id) + "\n");
    }
  }

  @Test
  void fact_06_malformedRequestsAreInvalidWithANullId() throws IOException {
    RawRpc rpc = rpc();
    for (String request :
        List.of(
            "{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"bdev_get_bdevs\"}",
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"bdev_get_bdevs\",\"extra\":1}",
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"bdev_get_bdevs\"}",
            "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"bdev_get_bdevs\"}",
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}")) {
      assertThat(rpc.ask(request)).as(request).isEqualTo(INVALID + "\n");
    }
    assertThat(rpc.ask("{\"id\":1,\"method\":\"bdev_get_bdevs\"}")).isEqualTo(noBdevs(1) + "\n");
    assertThat(
            rpc.ask("{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"bdev_get_bdevs\",\"params\":null}"))
        .isEqualTo(noBdevs(2) + "\n");
    assertThat(
            rpc.ask(
                "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"bdev_get_bdevs\",\"params\":\"x\"}"))
        .isEqualTo(failure(3, -32600, "Invalid request") + "\n");
  }

  private static String longRequest(int bytes) {
    String head =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"spdk_get_version\",\"params\":{\"x\":\"";
    return head + "a".repeat(bytes - head.length() - 3) + "\"}}";
  }

  @Test
  void fact_07_aRequestOver256KibResetsTheConnection() throws IOException {
    DataPlane plane = start();
    assertThat(connect(plane).ask(longRequest(256_070)))
        .isEqualTo(failure(1, -32602, "spdk_get_version method requires no parameters") + "\n");
    for (int bytes : List.of(307_270, 2_097_222)) {
      RawRpc rpc = connect(plane);
      rpc.send(longRequest(bytes));
      assertThat(rpc.untilClosed()).isEmpty();
    }
  }

  @Test
  void fact_07_moreThan8192ValuesCloseTheConnection() throws IOException {
    RawRpc rpc = rpc();
    String ones = "1" + ",1".repeat(8_999);
    rpc.send(
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"spdk_get_version\",\"params\":[" + ones + "]}");
    assertThat(rpc.untilClosed()).isEmpty();
  }

  @Test
  void fact_07_connectionsBeyond64WaitUnanswered() throws IOException {
    DataPlane plane = start();
    List<RawRpc> clients = new ArrayList<>();
    for (int i = 0; i < 64; i++) {
      RawRpc rpc = connect(plane);
      clients.add(rpc);
      // The connection that start() looked with may take a moment to be gone.
      assertThat(rpc.ask(bdevs(i))).isEqualTo(noBdevs(i) + "\n");
    }
    RawRpc waiting = connect(plane);
    waiting.send(bdevs(64));
    assertThat(waiting.within(SILENCE)).isEmpty();
    clients.getFirst().close();
    assertThat(waiting.line()).isEqualTo(noBdevs(64) + "\n");
  }

  @Test
  void fact_08_parametersAreStrict() throws IOException {
    RawRpc rpc = rpc();
    for (String wrong : List.of("{'nme':'x'}", "{'name':5}", "[1,2]")) {
      assertError(rpc, -32603, DECODE_FAILED, "bdev_get_bdevs", wrong);
    }
    for (String wrong :
        List.of("{'num_blocks':10}", "{}", "", "{'block_size':512,'num_blocks':'8'}")) {
      assertError(rpc, -32603, DECODE_FAILED, "bdev_malloc_create", wrong);
    }
    assertError(rpc, -32700, DECODE_FAILED, "bdev_raid_get_bdevs", "{'category':'bogus'}");
    assertError(rpc, -32602, "Invalid parameters", "nvmf_create_subsystem", "{'no':1}");
    for (String given : List.of("{}", "{'x':1}")) {
      assertError(
          rpc, -32602, "spdk_get_version method requires no parameters", "spdk_get_version", given);
    }
  }
}

package io.diskengine.testkit.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What every implementation of SPDK's RPC must show. A test {@code fact_NN_...} proves the fact of
 * that number about SPDK v26.09 on the wire, each on data planes of its own; the numbered facts are
 * listed in {@code docs/coverage/spdk-facts.md}. Runs on the engine, and on a real {@code spdk_tgt}
 * when {@link Implementation#SPDK_TGT} names one.
 */
abstract class SpdkConformance {
  /** How long nothing must come where SPDK says nothing. */
  static final Duration SILENCE = Duration.ofMillis(250);

  static final String DECODE_FAILED = "spdk_json_decode_object failed";
  static final long MIB = 1 << 20;

  private static final JsonMapper JSON = new JsonMapper();

  @Parameter Implementation implementation;
  @TempDir Path directory;

  private final Deque<AutoCloseable> opened = new ArrayDeque<>();

  @SuppressWarnings("NullAway.Init") // JUnit sets the fields
  SpdkConformance() {}

  static List<Implementation> implementations() {
    return Implementation.all();
  }

  @AfterEach
  void closeAll() throws Exception {
    while (!opened.isEmpty()) {
      opened.pop().close();
    }
  }

  DataPlane start() throws IOException {
    return start("dp", false);
  }

  DataPlane start(String name, boolean waitForRpc) throws IOException {
    DataPlane plane = implementation.start(directory, name, waitForRpc);
    opened.push(plane);
    return plane;
  }

  DataPlaneProcess startProcess(String name, String... arguments) throws IOException {
    DataPlaneProcess plane = implementation.startProcess(directory, name, arguments);
    opened.push(plane);
    return plane;
  }

  RawRpc connect(DataPlane plane) throws IOException {
    RawRpc rpc = new RawRpc(plane.socket());
    opened.push(rpc);
    return rpc;
  }

  /** A connection to a fresh data plane. */
  RawRpc rpc() throws IOException {
    return connect(start());
  }

  /** Something to be done that may fail in any way. */
  interface Check {
    void run() throws Exception;
  }

  /**
   * @param spdk what holds of SPDK, and must not hold where the gap is declared
   * @param instead what holds there
   */
  void unless(ConformanceGap gap, Check spdk, Check instead) throws Exception {
    if (!implementation.gaps().contains(gap)) {
      spdk.run();
      return;
    }
    assertThatThrownBy(spdk::run)
        .as("%s does as SPDK: %s is closed, remove it", implementation, gap)
        .isInstanceOf(AssertionError.class);
    instead.run();
  }

  /** What the fake need not know: it fails there, in whatever way. */
  void unlessFake(ConformanceGap gap, Check spdk) throws Exception {
    assertThat(gap.kind()).isEqualTo(ConformanceGap.Kind.FAKE);
    unless(gap, spdk, () -> {});
  }

  /** A gap that consists of missing methods. */
  void unlessMissing(ConformanceGap gap, RawRpc rpc, List<String> methods, Check spdk)
      throws Exception {
    unless(
        gap,
        spdk,
        () -> {
          for (String method : methods) {
            assertError(rpc, -32601, "Method not found", method, "");
          }
        });
  }

  static String error(int code, String message) {
    return "\"error\":{\"code\":" + code + ",\"message\":\"" + message + "\"}";
  }

  static void assertError(RawRpc rpc, int code, String message, String method, String params)
      throws IOException {
    assertThat(rpc.call(method, params))
        .as("%s %s", method, params)
        .isEqualTo(error(code, message));
  }

  /** The result; an error is a failed assertion. */
  static JsonNode ok(RawRpc rpc, String method, String params) throws IOException {
    String answer = rpc.call(method, params);
    assertThat(answer).as("%s %s", method, params).startsWith("\"result\":");
    return JSON.readTree(answer.substring("\"result\":".length()));
  }

  static JsonNode ok(RawRpc rpc, String method) throws IOException {
    return ok(rpc, method, "");
  }

  /** Asks again until the result is as it must be. */
  static JsonNode await(RawRpc rpc, String method, String params, Predicate<JsonNode> wanted)
      throws IOException {
    long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
    while (true) {
      JsonNode result = ok(rpc, method, params);
      if (wanted.test(result)) {
        return result;
      }
      assertThat(System.nanoTime()).as("%s in time: %s", method, result).isLessThan(deadline);
      RawRpc.pause(Duration.ofMillis(20));
    }
  }

  static List<String> texts(JsonNode array) {
    return array.valueStream().map(JsonNode::asString).toList();
  }

  /** A sparse file below a new aio bdev of 4 KiB blocks. */
  Path file(String name, long sizeMib) throws IOException {
    Path path = directory.resolve(name);
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      file.setLength(sizeMib * MIB);
    }
    return path;
  }

  static void aio(RawRpc rpc, String name, Path file) throws IOException {
    ok(
        rpc,
        "bdev_aio_create",
        "{'name':'%s','filename':'%s','block_size':4096}".formatted(name, file));
  }

  /** An aio bdev of its own file with an lvol store on it. */
  void store(RawRpc rpc, String bdev, String store, long sizeMib, int clusterMib)
      throws IOException {
    aio(rpc, bdev, file(bdev + ".aio", sizeMib));
    ok(
        rpc,
        "bdev_lvol_create_lvstore",
        "{'bdev_name':'%s','lvs_name':'%s','cluster_sz':%d}"
            .formatted(bdev, store, clusterMib * MIB));
  }

  static String lvol(RawRpc rpc, String store, String name, int sizeMib) throws IOException {
    return ok(
            rpc,
            "bdev_lvol_create",
            "{'lvs_name':'%s','lvol_name':'%s','size_in_mib':%d}".formatted(store, name, sizeMib))
        .asString();
  }

  static void malloc(RawRpc rpc, String name, long sizeMib) throws IOException {
    ok(
        rpc,
        "bdev_malloc_create",
        "{'name':'%s','num_blocks':%d,'block_size':4096}".formatted(name, sizeMib * MIB / 4096));
  }
}

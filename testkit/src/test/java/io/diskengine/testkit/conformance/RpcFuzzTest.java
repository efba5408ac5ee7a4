package io.diskengine.testkit.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Nonsense on the RPC socket for a few seconds: nothing dies or hangs, and another client is served
 * meanwhile. What each wrong request must be answered with is for the other tests.
 */
class RpcFuzzTest {
  private static final Duration TIME = Duration.ofSeconds(3);
  private static final Duration LONGEST_ANSWER = Duration.ofSeconds(5);

  /** Ends the engine, or waits for a long time by design. */
  private static final List<String> NOT_CALLED = List.of("spdk_kill_instance");

  private static final String[] KEYS = {
    "name",
    "names",
    "uuid",
    "num_blocks",
    "block_size",
    "filename",
    "lvs_name",
    "lvol_name",
    "bdev_name",
    "size_in_mib",
    "nqn",
    "namespace",
    "listen_address",
    "host",
    "ctrlr",
    "dev_name",
    "base_bdevs",
    "raid_level",
    "raid_bdev",
    "base_bdev",
    "superblock",
    "category",
    "trtype",
    "traddr",
    "trsvcid",
    "adrfam",
    "subnqn",
    "nsid",
    "timeout",
    "id",
    "max",
    "cpumask",
    "x"
  };
  private static final String[] VALUES = {
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "8",
    "512",
    "4096",
    "1e400",
    "0.5",
    "18446744073709551615",
    "340282366920938463463374607431768211456",
    "\"\"",
    "\"M0\"",
    "\"r0\"",
    "\"raid1\"",
    "\"TCP\"",
    "\"all\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"../x\"",
    "[]",
    "{}",
    "[\"M0\",\"M0\"]",
    "[null]",
    "\"127.0.0.1\"",
    "\"nqn.2026-11.io.diskengine:x\"",
    "{\"bdev_name\":\"M0\"}",
    "{\"trtype\":\"TCP\",\"traddr\":\"127.0.0.1\"}"
  };

  @TempDir Path directory;

  @SuppressWarnings("NullAway.Init") // JUnit sets the field
  RpcFuzzTest() {}

  @Test
  void nonsenseKillsNothingAndAnotherClientIsServedMeanwhile() throws Exception {
    long seed = Long.getLong("diskengine.seed", System.nanoTime());
    System.out.println("RpcFuzzTest -Ddiskengine.seed=" + seed);
    try (DataPlane plane = Implementation.all().getFirst().start(directory, "dp", false);
        RawRpc before = new RawRpc(plane.socket())) {
      SpdkConformance.malloc(before, "M0", 1);
      List<String> methods =
          new ArrayList<>(SpdkConformance.texts(SpdkConformance.ok(before, "rpc_get_methods")));
      methods.removeAll(NOT_CALLED);
      AtomicBoolean over = new AtomicBoolean();
      CompletableFuture<Long> longestNs =
          CompletableFuture.supplyAsync(() -> watch(plane.socket(), over));
      int requests = fuzz(plane.socket(), methods, new Random(seed));
      over.set(true);
      assertThat(longestNs.get(30, TimeUnit.SECONDS))
          .as("seed %d: the other client's longest wait", seed)
          .isLessThan(LONGEST_ANSWER.toNanos());
      assertThat(requests).as("seed %d: requests", seed).isGreaterThan(100);
      assertThat(before.call("bdev_get_bdevs", "")).as("seed %d", seed).startsWith("\"result\"");
    }
  }

  /** Asks again and again; answers the longest time an answer took. */
  private static long watch(Path socket, AtomicBoolean over) {
    long longest = 0;
    try (RawRpc rpc = new RawRpc(socket)) {
      while (!over.get()) {
        long began = System.nanoTime();
        rpc.call("spdk_get_version", "");
        longest = Math.max(longest, System.nanoTime() - began);
        RawRpc.pause(Duration.ofMillis(5));
      }
      return longest;
    } catch (IOException e) {
      throw new IllegalStateException("the other client was cut off", e);
    }
  }

  private static int fuzz(Path socket, List<String> methods, Random random) throws IOException {
    long deadline = System.nanoTime() + TIME.toNanos();
    int requests = 0;
    while (System.nanoTime() < deadline) {
      try (RawRpc rpc = new RawRpc(socket)) {
        int count = 1 + random.nextInt(20);
        for (int i = 0; i < count; i++, requests++) {
          rpc.send(request(methods, random));
        }
        // A handler that threw something unforeseen says what after this.
        assertThat(rpc.within(Duration.ofMillis(random.nextInt(10))))
            .doesNotContain("Internal error: ");
      }
    }
    return requests;
  }

  private static String request(List<String> methods, Random random) {
    StringBuilder params = new StringBuilder("{");
    for (int n = random.nextInt(5); n > 0; n--) {
      params
          .append(params.length() > 1 ? "," : "")
          .append('"')
          .append(KEYS[random.nextInt(KEYS.length)])
          .append("\":")
          .append(VALUES[random.nextInt(VALUES.length)]);
    }
    String request =
        "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\",\"params\":%s}}"
            .formatted(random.nextInt(), methods.get(random.nextInt(methods.size())), params);
    return switch (random.nextInt(10)) {
      case 0 -> request.substring(0, random.nextInt(request.length()));
      case 1 -> "[" + request + "," + request + "]";
      case 2 -> "[".repeat(random.nextInt(200)) + request;
      case 3 -> damaged(request, random);
      default -> request;
    };
  }

  private static String damaged(String request, Random random) {
    byte[] bytes = request.getBytes(StandardCharsets.UTF_8);
    for (int n = 1 + random.nextInt(4); n > 0; n--) {
      bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(128);
    }
    return new String(bytes, StandardCharsets.UTF_8);
  }
}

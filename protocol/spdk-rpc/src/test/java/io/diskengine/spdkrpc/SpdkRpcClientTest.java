package io.diskengine.spdkrpc;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.spdkrpc.RpcResult.Indeterminate;
import io.diskengine.spdkrpc.RpcResult.Ok;
import io.diskengine.spdkrpc.RpcResult.Rejected;
import io.diskengine.spdkrpc.RpcResult.Unavailable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class SpdkRpcClientTest extends ScriptedSpdkFixture {
  @Test
  void answersAndErrorsReachTheirCallers() throws IOException {
    try (var server =
            ScriptedSpdk.listen(
                socket,
                (peer, request) -> {
                  if (request.path("method").asString().equals("log_get_level")) {
                    peer.ok(request, "NOTICE");
                  } else {
                    peer.error(request, -19, "No such device");
                  }
                });
        var spdk = client()) {
      assertThat(spdk.connection()).isZero();
      assertThat(spdk.call(READ).orElseThrow().asString()).isEqualTo("NOTICE");
      assertThat(spdk.call(MUTATION)).isEqualTo(new Rejected<>(-19, "No such device"));
      assertThat(spdk.connection()).isEqualTo(1);
      assertThat(server.requests)
          .containsExactly(
              "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"log_get_level\"}",
              "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"log_set_level\"}");
    }
  }

  @Test
  void replySplitAtEveryBytePositionIsPutTogether() throws IOException {
    var cut = new AtomicInteger();
    try (var server =
            ScriptedSpdk.listen(
                socket,
                (peer, request) -> {
                  byte[] reply = RpcCodec.reply(request.path("id").toString(), "a\"{}\\[ä€");
                  int at = cut.get();
                  peer.write(java.util.Arrays.copyOfRange(reply, 0, at));
                  LockSupport.parkNanos(50_000);
                  peer.write(java.util.Arrays.copyOfRange(reply, at, reply.length));
                });
        var spdk = client()) {
      for (int at = 0; at < 45; at++) {
        cut.set(at);
        assertThat(spdk.call(READ).orElseThrow().asString()).isEqualTo("a\"{}\\[ä€");
      }
      assertThat(server.connectionCount()).isEqualTo(1);
    }
  }

  @Test
  void repliesInOneReadAndOutOfOrderAreMatchedById() throws IOException {
    var held = new ArrayList<JsonNode>();
    try (var server =
            ScriptedSpdk.listen(
                socket,
                (peer, request) -> {
                  held.add(request);
                  if (held.size() == 50) {
                    var replies = new StringBuilder();
                    for (JsonNode each : held.reversed()) {
                      String id = each.path("id").toString();
                      replies.append(new String(RpcCodec.reply(id, "r" + id), UTF_8));
                    }
                    peer.write(replies.toString());
                  }
                });
        var spdk = client()) {
      var calls = new ArrayList<RpcCall<JsonNode>>();
      for (int i = 0; i < 50; i++) {
        calls.add(spdk.submit(READ));
      }
      for (RpcCall<JsonNode> call : calls) {
        assertThat(call.await().orElseThrow().asString()).isEqualTo("r" + call.id());
      }
      assertThat(server.connectionCount()).isEqualTo(1);
    }
  }

  @Test
  void replyOf32MebibytesArrives() throws IOException {
    byte[] chunk = "\"%s\",".formatted("x".repeat(1021)).getBytes(UTF_8);
    try (var server =
            ScriptedSpdk.listen(
                socket,
                (peer, request) -> {
                  peer.write("{\"jsonrpc\":\"2.0\",\"id\":" + request.path("id") + ",\"result\":[");
                  for (int i = 0; i < 32 * 1024 - 1; i++) {
                    peer.write(chunk);
                  }
                  peer.write("null]}\n");
                });
        var spdk = client()) {
      assertThat(spdk.call(READ).orElseThrow().size()).isEqualTo(32 * 1024);
    }
  }

  @Test
  void replyLongerThanTheBoundEndsTheConnection() throws IOException {
    try (var server = ScriptedSpdk.listen(socket, (peer, r) -> peer.ok(r, "x".repeat(5000)));
        var spdk = client(RpcOptions.defaults().withMaxReplyBytes(4096))) {
      assertThat(indeterminate(spdk.call(READ)).reason()).contains("longer than 4096 bytes");
    }
  }

  @Test
  void garbageEndsTheConnectionAndTheNextCallMakesANewOne() throws IOException {
    var replies =
        new LinkedBlockingQueue<>(
            List.of(
                "HTTP/1.1 400 Bad Request\r\n", "{\"id\":2 oops}", "{\"id\":3}", "[{\"x\":1}]"));
    try (var server =
            ScriptedSpdk.listen(
                socket,
                (peer, request) -> {
                  String garbage = replies.poll();
                  if (garbage == null) {
                    peer.ok(request, "fine");
                  } else {
                    peer.write(garbage);
                  }
                });
        var spdk = client()) {
      for (int i = 1; i <= 4; i++) {
        assertThat(indeterminate(spdk.call(MUTATION)).reason())
            .contains("log_set_level", socket.toString(), "garbage");
      }
      assertThat(spdk.call(MUTATION).orElseThrow().asString()).isEqualTo("fine");
      assertThat(spdk.connection()).isEqualTo(5);
    }
  }

  @Test
  void endOfFileInsideAReplyIsIndeterminate() throws IOException {
    try (var server =
            ScriptedSpdk.listen(
                socket,
                (peer, request) -> {
                  peer.write("{\"jsonrpc\":\"2.0\",\"id\":1,\"res");
                  peer.channel.close();
                });
        var spdk = client()) {
      RpcCall<JsonNode> call = spdk.submit(MUTATION);
      assertThat(indeterminate(call.await()).reason()).contains("after 28 bytes of a reply");
      assertThat(call.settled()).isPresent();
      assertThat(spdk.inFlight()).isEmpty();
    }
  }

  @Test
  void lateReplyIsCountedAndReachesWhoeverWaitsForIt() throws Exception {
    var release = new CountDownLatch(1);
    try (var server =
            ScriptedSpdk.listen(
                socket,
                (peer, request) -> {
                  if (request.path("id").asInt() == 1) {
                    new Thread(() -> replyAfter(release, peer, request)).start();
                  } else {
                    peer.ok(request, "quick");
                  }
                });
        var spdk = client()) {
      Indeterminate<JsonNode> late = indeterminate(spdk.call(MUTATION, SHORT));
      assertThat(late.reason()).contains("log_set_level", socket.toString(), "no reply within");
      assertThat(late.call().settled()).isEmpty();
      assertThat(spdk.inFlight())
          .singleElement()
          .matches(call ->
              call.deadlinePassed() && call.sent() && call.method().equals("log_set_level"));

      assertThat(spdk.call(READ).orElseThrow().asString()).isEqualTo("quick");
      assertThat(spdk.connection()).as("no deadline closes a connection").isEqualTo(1);

      var told = new LinkedBlockingQueue<RpcResult<?>>();
      late.call().onSettled(told::add);
      assertThat(late.call().awaitSettled(SHORT)).isInstanceOf(Indeterminate.class);
      release.countDown();
      assertThat(late.call().awaitSettled(LONG).isOk()).isTrue();
      assertThat(told.poll(10, TimeUnit.SECONDS)).isInstanceOf(Ok.class);
      assertThat(spdk.lateReplies()).isEqualTo(1);
      assertThat(spdk.inFlight()).isEmpty();
    }
  }

  private static void replyAfter(CountDownLatch release, ScriptedSpdk.Peer peer, JsonNode request) {
    try {
      release.await();
      peer.ok(request, "late");
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void connectRefusedIsUnavailableAndSaysWhatToCheck() throws IOException {
    try (var spdk = client()) {
      assertThat(unavailable(spdk.call(MUTATION)).reason())
          .contains("log_set_level", socket.toString(), "connect failed", "running with -r");
    }
    ScriptedSpdk.listen(socket, (peer, request) -> {}).kill();
    assertThat(socket).as("left behind as by SIGKILL").exists();
    try (var spdk = client()) {
      assertThat(unavailable(spdk.call(MUTATION)).reason()).contains("Connection refused");
    }
  }

  @Test
  void failedConnectsBackOffAndRecoverWithinTheCap() throws Exception {
    var attempts = new AtomicInteger();
    var listener =
        new RpcListener() {
          @Override
          public void onDisconnected(SpdkAddress address, long connection, String reason) {
            attempts.incrementAndGet();
          }
        };
    try (var spdk = client(RpcOptions.defaults().withListener(listener))) {
      for (int i = 0; i < 200; i++) {
        assertThat(spdk.call(READ)).isInstanceOf(Unavailable.class);
      }
      assertThat(attempts.get()).isLessThan(20);
      try (var server = ScriptedSpdk.listen(socket, (peer, request) -> peer.ok(request, true))) {
        long untilNs = System.nanoTime() + LONG.toNanos();
        while (!spdk.call(READ).isOk()) {
          assertThat(System.nanoTime()).isLessThan(untilNs);
          Thread.sleep(2);
        }
        assertThat(server.connectionCount()).isEqualTo(1);
      }
    }
  }

  @Test
  void restartOfTheServerCostsTheOutstandingCallsOnly() throws Exception {
    var arrived = new CountDownLatch(3);
    var spdk = client();
    try (spdk) {
      var first = ScriptedSpdk.listen(socket, (peer, request) -> arrived.countDown());
      var lost = List.of(spdk.submit(MUTATION), spdk.submit(READ), spdk.submit(MUTATION));
      arrived.await();
      first.close();
      for (RpcCall<JsonNode> call : lost) {
        assertThat(indeterminate(call.await()).reason()).contains("closed the connection");
        assertThat(call.connection()).isEqualTo(1);
      }
      try (var second = ScriptedSpdk.listen(socket, (peer, request) -> peer.ok(request, true))) {
        assertThat(spdk.call(READ).isOk()).isTrue();
        assertThat(spdk.connection()).isEqualTo(2);
        assertThat(second.requests).as("nothing is sent twice").hasSize(1);
      }
    }
    assertThat(unavailable(spdk.call(READ)).reason()).contains("closed");
  }

  @Test
  void idsWrapAndForeignIdsAreOnlyCounted() throws IOException {
    try (var server =
            ScriptedSpdk.listen(
                socket,
                (peer, request) -> {
                  peer.write(
                      "{\"jsonrpc\":\"2.0\",\"id\":18446744073709551617,\"result\":1}"
                          + "{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"result\":1}"
                          + "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"result\":1}"
                          + "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,"
                          + "\"message\":\"Invalid request\"}}");
                  peer.ok(request, true);
                });
        var spdk = client(RpcOptions.defaults().withFirstId(Long.MAX_VALUE - 1))) {
      assertThat(spdk.call(READ).isOk()).isTrue();
      assertThat(spdk.call(READ).isOk()).isTrue();
      assertThat(spdk.call(READ).isOk()).isTrue();
      assertThat(spdk.unmatchedReplies()).isEqualTo(12);
      assertThat(server.requests)
          .containsExactly(
              "{\"jsonrpc\":\"2.0\",\"id\":9223372036854775806,\"method\":\"log_get_level\"}",
              "{\"jsonrpc\":\"2.0\",\"id\":9223372036854775807,\"method\":\"log_get_level\"}",
              "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"log_get_level\"}");
    }
  }

  @Test
  void requestThatSpdkWouldResetTheConnectionForIsNotSent() throws IOException {
    try (var server = ScriptedSpdk.listen(socket, (peer, request) -> peer.ok(request, true));
        var spdk = client()) {
      var params = RpcJson.MAPPER.createObjectNode().put("x", "y".repeat(256 * 1024));
      assertThat(unavailable(spdk.call(RpcRequest.raw("log_set_level", params))).reason())
          .contains("bytes long; SPDK resets the connection above 262143");
      assertThat(spdk.call(READ).isOk()).isTrue();
      assertThat(server.requests).hasSize(1);
    }
  }

  @Test
  void resultOfUnexpectedShapeIsIndeterminateBecauseItWasExecuted() throws IOException {
    var request = RpcRequest.of("notify_get_types", null, Integer.class);
    try (var server = ScriptedSpdk.listen(socket, (peer, r) -> peer.ok(r, List.of("a")));
        var spdk = client()) {
      assertThat(indeterminate(spdk.call(request)).reason()).contains("was executed");
      assertThat(spdk.call(READ).isOk()).as("the connection lives").isTrue();
      assertThat(server.connectionCount()).isEqualTo(1);
    }
  }

  @Test
  void tcpWorksLikeAUnixSocket() throws IOException {
    String address;
    try (var server = ScriptedSpdk.listenTcp((peer, request) -> peer.ok(request, "tcp"))) {
      address = "127.0.0.1:" + server.port();
      try (var spdk = SpdkRpcClient.connect(address)) {
        assertThat(spdk.call(READ).orElseThrow().asString()).isEqualTo("tcp");
      }
    }
    try (var spdk = SpdkRpcClient.connect(address)) {
      assertThat(unavailable(spdk.call(READ)).reason())
          .contains(address, "Connection refused", "does the data plane listen");
    }
  }

  @Test
  void capabilitiesAreVersionAndMethods() throws IOException {
    try (var server =
            ScriptedSpdk.listen(
                socket,
                (peer, request) -> {
                  switch (request.path("method").asString()) {
                    case "spdk_get_version" ->
                        peer.write(
                            """
                            {"jsonrpc":"2.0","id":1,"result":{"version":"SPDK v26.01",\
                            "fields":{"major":26,"minor":1,"patch":0,"suffix":""}}}
                            """);
                    case "rpc_get_methods" -> peer.ok(request, List.of("bdev_get_bdevs"));
                    default -> peer.error(request, -32601, "Method not found");
                  }
                });
        var spdk = client()) {
      SpdkCapabilities capabilities = SpdkCapabilities.ask(spdk).orElseThrow();
      assertThat(capabilities.dialect().raidDeleteClearSb()).isFalse();
      assertThat(capabilities.has("bdev_get_bdevs")).isTrue();
      assertThat(capabilities.has("bdev_raid_create")).isFalse();
      assertThat(SpdkError.isUnknownMethod(spdk.call(READ))).isTrue();
      assertThat(server.requests).hasSize(3);
    }
    try (var spdk = client()) {
      assertThat(SpdkCapabilities.ask(spdk)).isInstanceOf(Unavailable.class);
    }
  }

  @Test
  void listenerSeesEveryCallOnceAndItsFaultsCostNothing() throws Exception {
    var seen = new LinkedBlockingQueue<String>();
    var listener =
        new RpcListener() {
          @Override
          public void onSent(RpcCall<?> call) {
            seen.add("sent " + call.id());
            throw new IllegalStateException("a listener's fault");
          }

          @Override
          public void onSettled(RpcCall<?> call, RpcResult<?> result, long durationNs) {
            seen.add("settled " + call.id() + " " + result.isOk());
          }

          @Override
          public void onConnected(SpdkAddress address, long connection) {
            seen.add("connected " + connection);
          }

          @Override
          public void onDisconnected(SpdkAddress address, long connection, String reason) {
            seen.add("disconnected " + connection);
          }
        };
    try (var server = ScriptedSpdk.listen(socket, (peer, request) -> peer.ok(request, true));
        var spdk = client(RpcOptions.defaults().withListener(listener))) {
      assertThat(spdk.call(READ).isOk()).isTrue();
      server.kill();
    }
    assertThat(seen).containsExactly("connected 1", "sent 1", "settled 1 true", "disconnected 1");
  }

  @Test
  void closingWaitsForUnansweredMutationsNotForReads() throws Exception {
    var arrived = new CountDownLatch(2);
    var release = new CountDownLatch(1);
    try (var server =
        ScriptedSpdk.listen(
            socket,
            (peer, request) -> {
              if (request.path("method").asString().equals("log_set_level")) {
                new Thread(() -> replyAfter(release, peer, request)).start();
              }
              arrived.countDown();
            })) {
      var spdk = client(RpcOptions.defaults().withCloseGrace(LONG));
      RpcCall<JsonNode> read = spdk.submit(READ);
      RpcCall<JsonNode> mutation = spdk.submit(MUTATION);
      arrived.await();
      Thread closer = Thread.ofVirtual().start(spdk::close);
      assertThat(closer.join(SHORT)).isFalse();
      release.countDown();
      assertThat(closer.join(LONG)).isTrue();
      assertThat(mutation.await().isOk()).isTrue();
      assertThat(indeterminate(read.await()).reason()).contains("client was closed");
      assertThat(server.connectionCount()).isEqualTo(1);
    }
  }
}

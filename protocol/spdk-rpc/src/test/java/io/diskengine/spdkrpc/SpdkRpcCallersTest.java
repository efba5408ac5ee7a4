package io.diskengine.spdkrpc;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.spdkrpc.RpcResult.Indeterminate;
import io.diskengine.spdkrpc.RpcResult.Unavailable;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** Many callers, callers that are interrupted, and a server that does not read. */
class SpdkRpcCallersTest extends ScriptedSpdkFixture {
  @Test
  void thousandCallersShareOneConnection() throws Exception {
    var counts = new RpcCounts();
    try (var server =
            ScriptedSpdk.listen(
                socket, (peer, request) -> peer.ok(request, request.path("params")));
        var spdk = client(RpcOptions.defaults().withMaxOutstanding(100).withListener(counts));
        var callers = Executors.newVirtualThreadPerTaskExecutor()) {
      var answers = new ArrayList<Future<Integer>>();
      for (int i = 0; i < 1000; i++) {
        var params = RpcJson.MAPPER.createObjectNode().put("n", i);
        var request = RpcRequest.raw("log_get_level", params);
        answers.add(callers.submit(() -> spdk.call(request).orElseThrow().path("n").asInt()));
      }
      for (int i = 0; i < 1000; i++) {
        assertThat(answers.get(i).get()).isEqualTo(i);
      }
      assertThat(server.connectionCount()).isEqualTo(1);
      assertThat(counts.snapshot()).isEqualTo(Map.of("log_get_level", 1000L));
      assertThat(counts.total()).isEqualTo(1000);
    }
  }

  @Test
  void whatAStuckServerNeverReadIsUnavailableAndTheRestIndeterminate() throws Exception {
    var stuck = new CountDownLatch(1);
    var padding = RpcJson.MAPPER.createObjectNode().put("x", "y".repeat(200_000));
    try (var server = ScriptedSpdk.listen(socket, (peer, request) -> stuck.await());
        var spdk = client()) {
      var calls = new ArrayList<RpcCall<JsonNode>>();
      for (int i = 0; i < 20; i++) {
        calls.add(spdk.submit(RpcRequest.raw("log_set_level", padding), Duration.ofMillis(300)));
      }
      var results = calls.stream().map(RpcCall::await).toList();
      assertThat(results.getFirst()).isInstanceOf(Indeterminate.class);
      assertThat(results.getLast()).isInstanceOf(Unavailable.class);
      assertThat(spdk.inFlight()).allMatch(SpdkRpcClient.InFlight::sent);
      stuck.countDown();
      for (int i = 0; i < 20; i++) {
        assertThat(calls.get(i).isSent()).isEqualTo(results.get(i) instanceof Indeterminate);
      }
    }
  }

  @Test
  void whatAFullSocketDoesNotTakeFollowsWhenTheServerReadsOn() throws Exception {
    var reads = new CountDownLatch(1);
    var padding = RpcJson.MAPPER.createObjectNode().put("x", "y".repeat(200_000));
    try (var server =
            ScriptedSpdk.listen(
                socket,
                (peer, request) -> {
                  reads.await();
                  peer.ok(request, true);
                });
        var spdk = client()) {
      var calls = new ArrayList<RpcCall<JsonNode>>();
      for (int i = 0; i < 50; i++) {
        calls.add(spdk.submit(RpcRequest.raw("log_set_level", padding), LONG));
      }
      assertThat(calls.getLast().isSent()).isFalse();
      Thread caller = Thread.ofPlatform().unstarted(() -> calls.add(spdk.submit(READ, LONG)));
      caller.start();
      caller.interrupt();
      caller.join();
      reads.countDown();
      assertThat(calls).allMatch(call -> call.await().isOk());
      assertThat(server.connectionCount()).isEqualTo(1);
    }
  }

  @Test
  void callersWriteWithTheirInterruptSet() throws Exception {
    try (var server = ScriptedSpdk.listen(socket, (peer, request) -> peer.ok(request, true));
        var spdk = client()) {
      assertThat(spdk.call(READ).isOk()).isTrue();
      var call = new CompletableFuture<RpcCall<JsonNode>>();
      Thread.ofPlatform()
          .start(() -> {
            Thread.currentThread().interrupt();
            call.complete(spdk.submit(READ, LONG));
          });
      assertThat(call.get().await().isOk()).isTrue();
      assertThat(server.connectionCount()).isEqualTo(1);
    }
  }

  @Test
  void interruptedCallerLeavesTheConnectionAlone() throws Exception {
    var arrived = new CountDownLatch(1);
    var release = new CountDownLatch(1);
    try (var server =
            ScriptedSpdk.listen(
                socket,
                (peer, request) -> {
                  arrived.countDown();
                  release.await();
                  peer.ok(request, true);
                });
        var spdk = client()) {
      var result = new LinkedBlockingQueue<RpcResult<JsonNode>>();
      Thread caller = Thread.ofVirtual().start(() -> result.add(spdk.call(MUTATION)));
      arrived.await();
      caller.interrupt();
      Indeterminate<JsonNode> given = indeterminate(result.take());
      assertThat(given.reason()).contains("interrupted");
      release.countDown();
      assertThat(given.call().awaitSettled(LONG).isOk()).isTrue();
      assertThat(spdk.call(READ).isOk()).isTrue();
      assertThat(server.connectionCount()).isEqualTo(1);
    }
  }

  @Test
  void outstandingCallsAreBoundedAndTheOldestIsNamed() throws IOException {
    try (var server = ScriptedSpdk.listen(socket, (peer, request) -> {});
        var spdk =
            client(RpcOptions.defaults().withMaxOutstanding(2).withCloseGrace(Duration.ZERO))) {
      var unused = List.of(spdk.submit(MUTATION), spdk.submit(MUTATION));
      assertThat(unavailable(spdk.submit(READ).await()).reason())
          .contains("2 calls are unanswered, oldest: log_set_level since");
      assertThat(unavailable(spdk.call(READ, SHORT)).reason()).contains("log_get_level");
    }
  }
}

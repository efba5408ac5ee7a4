package io.diskengine.spdkrpc;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class RememberedReplyTest extends ScriptedSpdkFixture {
  private final AtomicInteger decoded = new AtomicInteger();
  private final RpcRequest<List<String>> request =
      new RpcRequest<List<String>>(
              "rpc_get_methods",
              null,
              result -> {
                decoded.incrementAndGet();
                return result.valueStream().map(n -> n.asString()).toList();
              },
              MethodClass.of("rpc_get_methods"))
          .remembering();

  /** What the server answers next, {@code #} standing for the id. */
  private final LinkedBlockingQueue<String> replies = new LinkedBlockingQueue<>();

  private ScriptedSpdk server() throws IOException {
    return ScriptedSpdk.listen(
        socket,
        (peer, asked) -> peer.write(replies.take().replace("#", asked.path("id").toString())));
  }

  private RpcResult<List<String>> answer(SpdkRpcClient spdk, String reply) {
    replies.add(reply);
    return spdk.call(request);
  }

  @Test
  void equalRepliesAreTheSameValueAndDecodedOnce() throws IOException {
    String reply = "{\"jsonrpc\":\"2.0\",\"id\":#,\"result\":[\"a\",\"b\\\"}\"]}\n";
    try (var server = server();
        var spdk = client()) {
      List<String> first = answer(spdk, reply).orElseThrow();
      assertThat(first).containsExactly("a", "b\"}");
      for (int i = 0; i < 20; i++) { // ids of one digit and of two
        assertThat(answer(spdk, reply).orElseThrow()).isSameAs(first);
      }
      assertThat(decoded).hasValue(1);
      assertThat(server.requests).hasSize(21);
    }
  }

  @Test
  void anotherReplyIsDecodedAndRememberedInstead() throws IOException {
    String a = "{\"jsonrpc\":\"2.0\",\"id\":#,\"result\":[\"a\"]}\n";
    String b = "{\"jsonrpc\":\"2.0\",\"id\":#,\"result\":[\"b\"]}\n";
    String longer = "{\"jsonrpc\":\"2.0\",\"id\":#,\"result\":[\"b\",\"b\"]}\n";
    String error = "{\"jsonrpc\":\"2.0\",\"id\":#,\"error\":{\"code\":-1,\"message\":\"no\"}}\n";
    try (var server = server();
        var spdk = client()) {
      assertThat(answer(spdk, a).orElseThrow()).containsExactly("a");
      List<String> second = answer(spdk, b).orElseThrow();
      assertThat(second).containsExactly("b");
      assertThat(answer(spdk, longer).orElseThrow()).containsExactly("b", "b");
      assertThat(answer(spdk, error)).isEqualTo(new RpcResult.Rejected<>(-1, "no"));
      assertThat(answer(spdk, longer).orElseThrow()).containsExactly("b", "b");
      assertThat(decoded).hasValue(3);
      assertThat(server.connectionCount()).isEqualTo(1);
    }
  }

  /** Equal as far as it is there, then another one after all, or the end of the connection. */
  @Test
  void replyThatComesInPiecesIsRecognisedOrReadAsAnyOther() throws IOException {
    String same = "{\"jsonrpc\":\"2.0\",\"id\":#,\"result\":[\"a\",\"b\"]}\n";
    String other = "{\"jsonrpc\":\"2.0\",\"id\":#,\"result\":[\"a\",\"c\",\"d\"]}\n";
    AtomicInteger cut = new AtomicInteger();
    try (var server =
            ScriptedSpdk.listen(
                socket,
                (peer, asked) -> {
                  String reply = replies.take().replace("#", asked.path("id").toString());
                  int at = Math.min(cut.get(), reply.length());
                  peer.write(reply.substring(0, at));
                  LockSupport.parkNanos(50_000);
                  peer.write(reply.substring(at));
                });
        var spdk = client()) {
      List<String> first = answer(spdk, same).orElseThrow();
      for (int at = 0; at <= same.length() + 2; at++) {
        cut.set(at);
        decoded.set(0);
        assertThat(answer(spdk, same).orElseThrow()).as("cut at %d", at).isSameAs(first);
        assertThat(decoded).hasValue(0);
        assertThat(answer(spdk, other).orElseThrow())
            .as("cut at %d", at)
            .containsExactly("a", "c", "d");
        first = answer(spdk, same).orElseThrow();
      }
      assertThat(server.connectionCount()).isEqualTo(1);
    }
  }

  @Test
  void recognisedRepliesInOneReadReachTheirCallers() throws IOException {
    String reply = "{\"jsonrpc\":\"2.0\",\"id\":#,\"result\":[\"a\"]}\n";
    StringBuilder held = new StringBuilder();
    AtomicInteger asks = new AtomicInteger();
    try (var server =
            ScriptedSpdk.listen(
                socket,
                (peer, asked) -> {
                  held.append(reply.replace("#", asked.path("id").toString()));
                  if (asks.incrementAndGet() == 1 || asks.get() == 5) {
                    peer.write(held.toString());
                    held.setLength(0);
                  }
                });
        var spdk = client()) {
      List<String> first = spdk.call(request).orElseThrow();
      List<RpcCall<List<String>>> calls = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        calls.add(spdk.submit(request));
      }
      for (RpcCall<List<String>> call : calls) {
        assertThat(call.await().orElseThrow()).isSameAs(first);
      }
      assertThat(decoded).hasValue(1);
      assertThat(server.requests).hasSize(5);
    }
  }

  /** Of duplicate members the last one counts: what follows a result may say something else. */
  @Test
  void repliesInAnotherShapeAreDecodedEachTime() throws IOException {
    try (var server = server();
        var spdk = client()) {
      for (int i = 1; i <= 3; i++) {
        String shape = "{\"jsonrpc\":\"2.0\",\"id\":#,\"result\":[\"a\"],\"result\":[\"b\"]}\n";
        assertThat(answer(spdk, shape).orElseThrow()).containsExactly("b");
        assertThat(decoded).hasValue(2 * i - 1);
        String order = "{\"jsonrpc\": \"2.0\",\"result\":[\"a\"],\"id\":#}\n";
        assertThat(answer(spdk, order).orElseThrow()).containsExactly("a");
        assertThat(decoded).hasValue(2 * i);
      }
      assertThat(server.requests).hasSize(6);
    }
  }

  @Test
  void headIsFoundOnlyInSpdksForm() {
    assertThat(head("{\"jsonrpc\":\"2.0\",\"id\":17,\"result\":[]}"))
        .isEqualTo(new RpcCodec.Head(17, 34));
    for (String other :
        List.of(
            "",
            "{}",
            "{\"jsonrpc\":\"2.0\",\"id\":",
            "{\"jsonrpc\":\"2.0\",\"id\":1",
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":",
            "{\"jsonrpc\":\"2.0\",\"id\":,\"result\":1}",
            "{\"jsonrpc\":\"2.0\",\"id\":-1,\"result\":1}",
            "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"result\":1}",
            "{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"result\":1}",
            "{\"jsonrpc\":\"2.0\",\"id\":1234567890123456789,\"result\":1}",
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":1}",
            " {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1}")) {
      assertThat(head(other)).as(other).isNull();
    }
  }

  private static RpcCodec.@org.jspecify.annotations.Nullable Head head(String reply) {
    return RpcCodec.head(reply.getBytes(UTF_8));
  }

  @Test
  void onlyAValueAndOneBraceEndAReply() {
    for (String yes : List.of("[1]}", "\"a}\"}", "5}", "true}", "{\"a\":[{}]}}")) {
      assertThat(JsonSplitter.isValueAndBrace(yes.getBytes(UTF_8))).as(yes).isTrue();
    }
    for (String no : List.of("[1]", "[1]} ", "[1],\"id\":2}", "[1] }", "{}", "5")) {
      assertThat(JsonSplitter.isValueAndBrace(no.getBytes(UTF_8))).as(no).isFalse();
    }
  }
}

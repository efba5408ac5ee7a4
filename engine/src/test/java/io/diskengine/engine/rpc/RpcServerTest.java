package io.diskengine.engine.rpc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.engine.reactor.Kernels;
import io.diskengine.engine.reactor.ReactorGroup;
import io.diskengine.engine.reactor.ReactorOptions;
import io.diskengine.spdkrpc.JsonSplitter;
import io.diskengine.spdkrpc.RpcCodec;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;

/** Real sockets served by a reactor on both kernels. */
@Timeout(60)
class RpcServerTest {
  private static final int LONG = 2_000;
  private static final int BLOB_BYTES = 100_000;

  @TempDir Path directory;

  /** A server with methods of its own on one reactor. */
  private final class Served implements AutoCloseable {
    final Path socket = directory.resolve("rpc.sock");
    final ReactorGroup reactors;
    final RpcServer server;
    final CompletableFuture<RpcReply> waiting = new CompletableFuture<>();
    final CompletableFuture<Boolean> left = new CompletableFuture<>();

    Served(Kernels.Choice kernel) throws IOException {
      reactors =
          ReactorGroup.create(
              ReactorOptions.of(1).withKernel(kernel),
              (reactor, bug) -> {
                throw new AssertionError(bug);
              });
      reactors.start();
      RpcRegistry registry = new RpcRegistry();
      registry.bare("blob", RpcRegistry.Phase.BOTH, reply -> reply.ok("x".repeat(BLOB_BYTES)));
      registry.bare(
          "list",
          RpcRegistry.Phase.BOTH,
          reply ->
              reply.ok(
                  IntStream.range(0, LONG).mapToObj(i -> new JsonObject().put("i", i)).toList()));
      registry.bare("later", RpcRegistry.Phase.BOTH, waiting::complete);
      registry.bare(
          "stay",
          RpcRegistry.Phase.BOTH,
          reply -> {
            Runnable unused = reply.onDisconnect(() -> left.complete(true));
            reply.ok(true);
          });
      server = RpcServer.listen(socket.toString(), registry, reactors.home());
    }

    Client connect() throws IOException {
      return new Client(SocketChannel.open(UnixDomainSocketAddress.of(socket)));
    }

    @Override
    public void close() {
      server.close();
      reactors.close();
    }
  }

  private record Client(SocketChannel channel, JsonSplitter splitter) implements AutoCloseable {
    Client(SocketChannel channel) {
      this(channel, new JsonSplitter(1 << 20));
    }

    void ask(int firstId, int count, String method) throws IOException {
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < count; i++) {
        text.append("{\"jsonrpc\":\"2.0\",\"id\":").append(firstId + i);
        text.append(",\"method\":\"").append(method).append("\"}");
      }
      ByteBuffer bytes = ByteBuffer.wrap(text.toString().getBytes(StandardCharsets.US_ASCII));
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
    }

    /** The next answers; fewer when the connection ends. */
    List<JsonNode> answers(int count) throws IOException {
      List<JsonNode> answers = new ArrayList<>();
      ByteBuffer bytes = ByteBuffer.allocate(1 << 16);
      while (true) {
        byte[] json = splitter.next();
        if (json != null) {
          answers.add(RpcCodec.parse(json));
        } else if (answers.size() == count || channel.read(bytes.clear()) < 0) {
          return answers;
        } else {
          splitter.append(bytes.flip());
        }
      }
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Kernels.Choice.class,
      names = {"IO_URING", "EPOLL"})
  void whoReadsNoAnswersIsReadNoFurtherAndHoldsUpNobody(Kernels.Choice kernel) throws Exception {
    int count = 2 * RpcSession.MAX_UNSENT_BYTES / BLOB_BYTES;
    try (Served served = new Served(kernel);
        Client slow = served.connect();
        Client other = served.connect()) {
      slow.ask(1, count, "blob");
      other.ask(1, 1, "stay");
      assertTrue(other.answers(1).getFirst().path("result").asBoolean());
      List<JsonNode> answers = slow.answers(count);
      assertEquals(
          IntStream.rangeClosed(1, count).boxed().toList(),
          answers.stream().map(a -> a.path("id").asInt()).toList());
      assertTrue(
          answers.stream().allMatch(a -> a.path("result").asString().length() == BLOB_BYTES));
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Kernels.Choice.class,
      names = {"IO_URING", "EPOLL"})
  void longListsArriveWholeBesideShortAnswers(Kernels.Choice kernel) throws Exception {
    try (Served served = new Served(kernel);
        Client client = served.connect()) {
      client.ask(1, 20, "list");
      client.ask(21, 1, "stay");
      List<JsonNode> answers = client.answers(21);
      assertEquals(21, answers.stream().map(a -> a.path("id").asInt()).distinct().count());
      for (JsonNode answer : answers) {
        if (answer.path("id").asInt() <= 20) {
          assertEquals(LONG, answer.path("result").size());
          assertEquals(LONG - 1, answer.path("result").path(LONG - 1).path("i").asInt());
        }
      }
      client.close();
      assertTrue(served.left.get(10, TimeUnit.SECONDS));
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Kernels.Choice.class,
      names = {"IO_URING", "EPOLL"})
  void aClosingServerSendsWhatWasAnsweredAndEndsTheRest(Kernels.Choice kernel) throws Exception {
    try (Served served = new Served(kernel);
        Client client = served.connect()) {
      assertEquals(
          PosixFilePermissions.fromString("rw-------"),
          Files.getPosixFilePermissions(served.socket));
      client.ask(1, 1, "stay");
      assertEquals(1, client.answers(1).size());
      client.ask(2, 1, "later");
      served.waiting.get(10, TimeUnit.SECONDS).ok(List.of("by another thread"));
      served.server.close();
      List<JsonNode> answers = client.answers(2);
      assertEquals(1, answers.size());
      assertEquals("by another thread", answers.getFirst().path("result").path(0).asString());
      assertTrue(served.left.get(10, TimeUnit.SECONDS));
      assertFalse(Files.exists(served.socket));
      assertThrows(IOException.class, served::connect);
    }
  }
}

package io.diskengine.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.spdkrpc.RpcCall;
import io.diskengine.spdkrpc.RpcOptions;
import io.diskengine.spdkrpc.RpcRequest;
import io.diskengine.spdkrpc.RpcResult;
import io.diskengine.spdkrpc.SpdkAddress;
import io.diskengine.spdkrpc.SpdkRpcClient;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.JsonNode;

/** Looks over a real socket whose other end answers when the test says so. */
@NullUnmarked
@Timeout(20)
class LookRunTest {
  private static final Duration LONG = Duration.ofSeconds(30);
  private static final Pattern ID = Pattern.compile("\"id\":(\\d+)");

  private final LinkedBlockingQueue<Runnable> agent = new LinkedBlockingQueue<>();
  private final List<RpcResult<?>> told = new ArrayList<>();
  private final RpcRequest<JsonNode> request =
      RpcRequest.raw("bdev_nvme_get_controllers", null).remembering();
  private Path directory;
  private ServerSocketChannel listener;
  private SpdkRpcClient spdk;
  private SocketChannel peer;
  private LookRun run;
  private JsonNode known;

  @BeforeEach
  void connect() throws IOException {
    directory = Files.createTempDirectory("look-run");
    Path socket = directory.resolve("s");
    listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    listener.bind(UnixDomainSocketAddress.of(socket));
    spdk =
        SpdkRpcClient.connect(
            new SpdkAddress.Unix(socket), RpcOptions.defaults().withCloseGrace(Duration.ZERO));
    run = new LookRun(AgentMachine.SYSTEM, spdk, "n", agent::add);
  }

  @AfterEach
  void close() throws IOException {
    spdk.close();
    if (peer != null) {
      peer.close();
    }
    listener.close();
    Files.delete(directory.resolve("s"));
    Files.delete(directory);
  }

  /** Asks one thing. */
  private final class FakeLook implements Mode.Look {
    private final Duration deadline;
    private RpcCall<JsonNode> call;

    FakeLook(Duration deadline) {
      this.deadline = deadline;
    }

    @Override
    public List<RpcCall<?>> submit(SpdkRpcClient client) {
      call = client.submit(request, deadline);
      return List.of(call);
    }

    @Override
    public RpcResult<?> ask(SpdkRpcClient client) {
      RpcResult<JsonNode> result = call.await();
      if (result instanceof RpcResult.Ok<JsonNode>(JsonNode value)) {
        known = value;
        return null;
      }
      return result;
    }

    @Override
    public boolean merge(long nowMs) {
      throw new AssertionError("the agent's business");
    }
  }

  private FakeLook look(Duration deadline) {
    FakeLook look = new FakeLook(deadline);
    run.start(look, told::add);
    return look;
  }

  /** The id of the request that is there or comes next. */
  private String request() throws IOException {
    if (peer == null) {
      peer = listener.accept(); // the first call made the client connect
    }
    ByteBuffer bytes = ByteBuffer.allocate(4096);
    int read = peer.read(bytes);
    Matcher id = ID.matcher(new String(bytes.array(), 0, read, StandardCharsets.UTF_8));
    assertTrue(id.find());
    return id.group(1);
  }

  private void answer(String id, String result) throws IOException {
    String reply = "{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"result\":" + result + "}\n";
    peer.write(ByteBuffer.wrap(reply.getBytes(StandardCharsets.UTF_8)));
  }

  private void runNextTask() throws InterruptedException {
    Runnable task = agent.poll(10, TimeUnit.SECONDS);
    assertNotNull(task, "nobody was told");
    task.run();
  }

  @Test
  void answersAreToldOnTheAgentsThreadAsTheyCome() throws Exception {
    for (int i = 1; i <= 3; i++) {
      look(LONG);
      run.check();
      assertEquals(i - 1, told.size(), "not answered yet");
      answer(request(), "[" + i + "]");
      runNextTask();
      assertEquals(i, told.size());
      assertNull(told.getLast());
      assertEquals(i, known.get(0).asInt());
      run.check();
      assertEquals(i, told.size(), "once");
    }
  }

  /** Else a slow PostgreSQL, which keeps the agent's thread, would make the data plane SILENT. */
  @Test
  void answersAreKnownToBeThereBeforeTheAgentsThreadComesToThem() throws Exception {
    assertFalse(run.isAnswered());
    look(LONG);
    assertFalse(run.isAnswered());
    answer(request(), "[1]");
    Runnable told = agent.poll(10, TimeUnit.SECONDS);
    assertNotNull(told, "nobody was told");
    assertTrue(run.isAnswered(), "though the agent's thread has not run it");
    told.run();
    FakeLook next = look(Duration.ofMillis(500));
    assertFalse(run.isAnswered(), "that was the look before");
    String late = request();
    while (!next.call.isExpired()) {
      Thread.onSpinWait();
    }
    run.check();
    look(LONG);
    answer(late, "[2]");
    next.call.awaitSettled(LONG);
    assertFalse(run.isAnswered(), "the answer of a look that was given up");
    answer(request(), "[3]");
    assertNotNull(agent.poll(10, TimeUnit.SECONDS));
  }

  @Test
  void overdueLookFailsWithACheckAndItsLateAnswerIsNotTold() throws Exception {
    FakeLook look = look(Duration.ofSeconds(1));
    String id = request();
    assertEquals(0, told.size());
    while (!look.call.isExpired()) {
      Thread.onSpinWait();
    }
    run.check();
    assertEquals(1, told.size());
    assertInstanceOf(RpcResult.class, told.getLast());
    answer(id, "[1]");
    look.call.awaitSettled(LONG);
    for (Runnable late = agent.poll(); late != null; late = agent.poll()) {
      late.run();
    }
    assertEquals(1, told.size(), "once");
  }
}

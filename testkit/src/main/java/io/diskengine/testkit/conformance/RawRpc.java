package io.diskengine.testkit.conformance;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/**
 * A connection to an RPC socket that shows bytes as they are: nothing is added to what is sent,
 * nothing parsed of what comes back. One thread.
 */
public final class RawRpc implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  private final SocketChannel channel;
  private final Selector selector;
  private final ByteArrayOutputStream received = new ByteArrayOutputStream();
  private boolean ended;
  private int lastId;

  public RawRpc(Path socket) throws IOException {
    channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    selector = Selector.open();
    try {
      channel.connect(UnixDomainSocketAddress.of(socket));
      channel.configureBlocking(false);
      channel.register(selector, SelectionKey.OP_READ);
    } catch (IOException e) {
      close();
      throw e;
    }
  }

  /** True when somebody answers at {@code socket}, be it an error. */
  public static boolean answers(Path socket) {
    try (RawRpc rpc = new RawRpc(socket)) {
      return rpc.call("spdk_get_version", "").startsWith("\"result\"");
    } catch (IOException | IllegalStateException e) {
      return false;
    }
  }

  static void pause(Duration time) {
    LockSupport.parkNanos(time.toNanos());
  }

  /** Sends exactly this; a peer that closes meanwhile is left to the reader to notice. */
  public void send(String text) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    long deadline = System.nanoTime() + LIMIT.toNanos();
    try {
      while (bytes.hasRemaining()) {
        if (channel.write(bytes) == 0) {
          receive(Duration.ofMillis(5));
        }
        if (ended) {
          return;
        }
        if (System.nanoTime() > deadline) {
          throw new IllegalStateException("the peer reads no further");
        }
      }
    } catch (IOException e) {
      ended = true; // EPIPE, ECONNRESET
    }
  }

  /**
   * Everything up to and with the next newline.
   *
   * @throws IllegalStateException when the peer closes or stays silent instead
   */
  public String line() throws IOException {
    long deadline = System.nanoTime() + LIMIT.toNanos();
    while (true) {
      String text = received.toString(StandardCharsets.UTF_8);
      int end = text.indexOf('\n') + 1;
      if (end > 0) {
        received.reset();
        received.writeBytes(text.substring(end).getBytes(StandardCharsets.UTF_8));
        return text.substring(0, end);
      }
      if (ended) {
        throw new IllegalStateException("closed by the peer after \"" + text + "\"");
      }
      if (System.nanoTime() > deadline) {
        throw new IllegalStateException("no answer within " + LIMIT + ": \"" + text + "\"");
      }
      receive(Duration.ofMillis(500));
    }
  }

  /** {@link #send}, then {@link #line}. */
  public String ask(String request) throws IOException {
    send(request);
    return line();
  }

  /**
   * One call. Answers what follows version and id: {@code "result":...} or {@code "error":{...}}.
   *
   * @param params JSON whose quotes may be single, or empty for none
   */
  public String call(String method, String params) throws IOException {
    String id = Integer.toString(++lastId);
    String answer =
        ask(
            "{\"jsonrpc\":\"2.0\",\"id\":"
                + id
                + ",\"method\":\""
                + method
                + "\""
                + (params.isEmpty() ? "" : ",\"params\":" + params.replace('\'', '"'))
                + "}");
    String head = "{\"jsonrpc\":\"2.0\",\"id\":" + id + ",";
    if (!answer.startsWith(head) || !answer.endsWith("}\n")) {
      throw new IllegalStateException("not the answer of " + id + ": " + answer);
    }
    return answer.substring(head.length(), answer.length() - 2);
  }

  /** What arrives within {@code time}, or until the peer closes; not consumed. */
  public String within(Duration time) throws IOException {
    long deadline = System.nanoTime() + time.toNanos();
    for (long left = time.toNanos(); left > 0 && !ended; left = deadline - System.nanoTime()) {
      receive(Duration.ofNanos(left));
    }
    return received.toString(StandardCharsets.UTF_8);
  }

  /** Waits until the peer has closed; answers what came before. */
  public String untilClosed() throws IOException {
    String text = within(LIMIT);
    if (!ended) {
      throw new IllegalStateException("still open after " + LIMIT + ": \"" + text + "\"");
    }
    return text;
  }

  private void receive(Duration most) throws IOException {
    selector.select(Math.max(1, most.toMillis()));
    selector.selectedKeys().clear();
    ByteBuffer in = ByteBuffer.allocate(64 << 10);
    try {
      int count = channel.read(in);
      ended |= count < 0;
      received.write(in.array(), 0, in.position());
    } catch (IOException e) {
      ended = true;
    }
  }

  @Override
  public void close() throws IOException {
    selector.close();
    channel.close();
  }
}

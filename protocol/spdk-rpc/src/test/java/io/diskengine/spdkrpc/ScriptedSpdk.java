package io.diskengine.spdkrpc;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** A server on a real Unix or TCP socket that answers each request as its script says. */
final class ScriptedSpdk implements AutoCloseable {
  /** Called for one connection's requests in order, on that connection's thread. */
  interface Script {
    void onRequest(Peer peer, JsonNode request) throws IOException, InterruptedException;
  }

  private final @Nullable Path socket;
  private final ServerSocketChannel server;
  private final Script script;
  private final List<SocketChannel> connections = new CopyOnWriteArrayList<>();
  final List<String> requests = new CopyOnWriteArrayList<>();

  private ScriptedSpdk(@Nullable Path socket, Script script) throws IOException {
    this.socket = socket;
    this.script = script;
    if (socket != null) {
      this.server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
      server.bind(UnixDomainSocketAddress.of(socket));
    } else {
      this.server = ServerSocketChannel.open();
      server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    }
    Thread.ofPlatform().daemon().name("scripted-spdk").start(this::accept);
  }

  static ScriptedSpdk listen(Path socket, Script script) throws IOException {
    return new ScriptedSpdk(socket, script);
  }

  static ScriptedSpdk listenTcp(Script script) throws IOException {
    return new ScriptedSpdk(null, script);
  }

  int port() throws IOException {
    return ((InetSocketAddress) server.getLocalAddress()).getPort();
  }

  int connectionCount() {
    return connections.size();
  }

  private void accept() {
    try {
      while (true) {
        SocketChannel connection = server.accept();
        connections.add(connection);
        Thread.ofPlatform().daemon().name("scripted-peer").start(() -> serve(connection));
      }
    } catch (IOException e) {
      // closed
    }
  }

  private void serve(SocketChannel connection) {
    var splitter = new JsonSplitter(1 << 20);
    var peer = new Peer(connection);
    ByteBuffer buffer = ByteBuffer.allocate(64 * 1024);
    try (connection) {
      while (connection.read(buffer.clear()) >= 0) {
        splitter.append(buffer.flip());
        for (byte[] value = splitter.next(); value != null; value = splitter.next()) {
          requests.add(new String(value, StandardCharsets.UTF_8));
          script.onRequest(peer, RpcCodec.parse(value));
        }
      }
    } catch (IOException e) {
      // the test closed it, or the client left
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** As SIGKILL does: every connection ends, the socket file stays. */
  void kill() {
    try {
      server.close();
      for (SocketChannel connection : connections) {
        connection.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() throws IOException {
    kill();
    if (socket != null) {
      Files.deleteIfExists(socket);
    }
  }

  /** One connection of a client. */
  static final class Peer {
    final SocketChannel channel;

    Peer(SocketChannel channel) {
      this.channel = channel;
    }

    void write(String text) throws IOException {
      write(text.getBytes(StandardCharsets.UTF_8));
    }

    synchronized void write(byte[] bytes) throws IOException {
      for (ByteBuffer left = ByteBuffer.wrap(bytes); left.hasRemaining(); ) {
        channel.write(left);
      }
    }

    void ok(JsonNode request, Object result) throws IOException {
      write(RpcCodec.reply(request.path("id").toString(), result));
    }

    void error(JsonNode request, int code, String message) throws IOException {
      write(RpcCodec.error(request.path("id").toString(), code, message));
    }
  }
}

package io.diskengine.engine.rpc;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * SPDK's RPC socket: a Unix socket of mode 0600, or {@code host:port}. Each connection has two
 * threads; handlers are handed to the home reactor.
 */
public final class RpcServer implements AutoCloseable {
  /** SPDK_JSONRPC_MAX_CONNS; further clients wait in the backlog. */
  public static final int MAX_CONNECTIONS = 64;

  /** sizeof(sockaddr_un.sun_path) - 1. */
  public static final int MAX_SOCKET_PATH_BYTES = 107;

  /** How long a closing server waits for given answers to be written. */
  private static final long FLUSH_LIMIT_NS = 1_000_000_000L;

  private static final Logger LOG = LoggerFactory.getLogger(RpcServer.class);

  private final RpcRegistry registry;
  private final Predicate<Runnable> home;
  private final ServerSocketChannel listener;
  private final @Nullable Path socketPath;
  private final Semaphore connections = new Semaphore(MAX_CONNECTIONS);
  private final Set<RpcSession> sessions = ConcurrentHashMap.newKeySet();

  private RpcServer(
      RpcRegistry registry,
      Predicate<Runnable> home,
      ServerSocketChannel listener,
      @Nullable Path socketPath) {
    this.registry = registry;
    this.home = home;
    this.listener = listener;
    this.socketPath = socketPath;
    Thread.ofVirtual().name("rpc-accept").start(this::acceptLoop);
  }

  /**
   * Listens at {@code address}, a path or {@code host:port}. A stale socket file is replaced.
   *
   * @param home runs a task on the home reactor; false when that has no room for it
   */
  public static RpcServer listen(String address, RpcRegistry registry, Predicate<Runnable> home)
      throws IOException {
    boolean isPath = address.startsWith("/") || !address.matches(".*:\\d+");
    return isPath
        ? listenUnix(Path.of(address), registry, home)
        : listenTcp(address, registry, home);
  }

  private static RpcServer listenUnix(Path path, RpcRegistry registry, Predicate<Runnable> home)
      throws IOException {
    // Bound under another name and moved, so that nobody ever sees it with other permissions.
    Path bound = path.resolveSibling(path.getFileName() + "." + ProcessHandle.current().pid());
    int bytes = bound.toString().getBytes(StandardCharsets.UTF_8).length;
    if (bytes > MAX_SOCKET_PATH_BYTES) {
      throw new IOException(
          "RPC socket path %s is too long: at most %d bytes are possible here; choose a shorter directory"
              .formatted(
                  path,
                  MAX_SOCKET_PATH_BYTES
                      - (bytes - path.toString().getBytes(StandardCharsets.UTF_8).length)));
    }
    Files.deleteIfExists(bound);
    ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    listener.bind(UnixDomainSocketAddress.of(bound), 512);
    Files.setPosixFilePermissions(bound, PosixFilePermissions.fromString("rw-------"));
    Files.move(bound, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    return new RpcServer(registry, home, listener, path);
  }

  private static RpcServer listenTcp(String address, RpcRegistry registry, Predicate<Runnable> home)
      throws IOException {
    int colon = address.lastIndexOf(':');
    String host = address.substring(0, colon).replaceAll("[\\[\\]]", "");
    ServerSocketChannel listener = ServerSocketChannel.open();
    listener.bind(new InetSocketAddress(host, Integer.parseInt(address.substring(colon + 1))), 512);
    return new RpcServer(registry, home, listener, null);
  }

  /** Where it listens; a TCP port of 0 has become a real one. */
  public SocketAddress localAddress() {
    try {
      return listener.getLocalAddress();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  RpcRegistry registry() {
    return registry;
  }

  boolean onHome(Runnable task) {
    return home.test(task);
  }

  private void acceptLoop() {
    try {
      while (true) {
        connections.acquireUninterruptibly();
        SocketChannel channel = listener.accept();
        RpcSession session = new RpcSession(this, channel);
        sessions.add(session);
        session.start();
      }
    } catch (ClosedChannelException e) {
      LOG.debug("RPC server closed");
    } catch (IOException e) {
      LOG.error("RPC server stopped accepting connections", e);
    }
  }

  void ended(RpcSession session) {
    if (sessions.remove(session)) {
      connections.release();
    }
  }

  @Override
  public void close() {
    try {
      listener.close();
      if (socketPath != null) {
        Files.deleteIfExists(socketPath);
      }
    } catch (IOException e) {
      LOG.warn("RPC socket could not be closed", e);
    }
    long deadline = System.nanoTime() + FLUSH_LIMIT_NS;
    while (sessions.stream().anyMatch(RpcSession::writing) && System.nanoTime() < deadline) {
      Thread.yield();
    }
    sessions.forEach(RpcSession::close);
  }
}

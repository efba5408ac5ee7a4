package io.diskengine.engine.rpc;

import io.diskengine.engine.linux.Errno;
import io.diskengine.engine.linux.SocketName;
import io.diskengine.engine.reactor.Kernel;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.Timer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * SPDK's RPC socket: a Unix socket of mode 0600, or {@code host:port}. As in SPDK it is served by
 * the reactor that runs the methods: a request wakes one thread, not three. Belongs to the home
 * reactor, except {@link #listen} and {@link #close}.
 */
public final class RpcServer implements AutoCloseable {
  /** SPDK_JSONRPC_MAX_CONNS; further clients wait in the backlog. */
  public static final int MAX_CONNECTIONS = 64;

  private static final int BACKLOG = 512;

  /** How long a closing server waits for given answers to be sent. */
  private static final long FLUSH_LIMIT_NS = 1_000_000_000L;

  private static final long ACCEPT_RETRY_NS = 100_000_000;

  private static final Logger LOG = LoggerFactory.getLogger(RpcServer.class);

  private final RpcRegistry registry;
  private final Reactor home;
  private final Kernel kernel;
  private final int fd;
  private final @Nullable Path socketPath;
  private final Set<RpcSession> sessions = new LinkedHashSet<>();
  private final ExecutorService writer =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().daemon().name("rpc-long-answers").factory());
  private final Reactor.ControlOp accepted = this::accepted;
  private final Timer acceptAgain = Timer.of(this::accept);
  private final Timer flushLimit = Timer.of(this::endAll);
  private final CompletableFuture<Void> closed = new CompletableFuture<>();
  private boolean accepting;
  private long acceptHandle;
  private boolean closing;

  private RpcServer(RpcRegistry registry, Reactor home, int fd, @Nullable Path socketPath) {
    this.registry = registry;
    this.home = home;
    this.kernel = home.kernel();
    this.fd = fd;
    this.socketPath = socketPath;
  }

  /**
   * Listens at {@code address}, a path or {@code host:port}. A stale socket file is replaced.
   *
   * @param home runs the methods
   */
  public static RpcServer listen(String address, RpcRegistry registry, Reactor home)
      throws IOException {
    boolean isPath = address.startsWith("/") || !address.matches(".*:\\d+");
    return isPath
        ? listenUnix(Path.of(address), registry, home)
        : listen(inetAddress(address), null, registry, home);
  }

  private static RpcServer listenUnix(Path path, RpcRegistry registry, Reactor home)
      throws IOException {
    // Bound under another name and moved, so that nobody ever sees it with other permissions.
    Path bound = path.resolveSibling(path.getFileName() + "." + ProcessHandle.current().pid());
    int tooLong = bytes(bound) - SocketName.UNIX_PATH_MAX_BYTES;
    if (tooLong > 0) {
      throw new IOException(
          "RPC socket path %s is too long: at most %d bytes are possible here; choose a shorter directory"
              .formatted(path, bytes(path) - tooLong));
    }
    Files.deleteIfExists(bound);
    RpcServer server = listen(UnixDomainSocketAddress.of(bound), path, registry, home);
    Files.setPosixFilePermissions(bound, PosixFilePermissions.fromString("rw-------"));
    Files.move(bound, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    return server;
  }

  private static int bytes(Path path) {
    return path.toString().getBytes(StandardCharsets.UTF_8).length;
  }

  private static SocketAddress inetAddress(String address) {
    int colon = address.lastIndexOf(':');
    String host = address.substring(0, colon).replaceAll("[\\[\\]]", "");
    return new InetSocketAddress(host, Integer.parseInt(address.substring(colon + 1)));
  }

  private static RpcServer listen(
      SocketAddress address, @Nullable Path socketPath, RpcRegistry registry, Reactor home)
      throws IOException {
    if (address instanceof InetSocketAddress inet && inet.isUnresolved()) {
      throw new IOException("RPC address " + inet.getHostString() + " is not known");
    }
    CompletableFuture<RpcServer> listening = new CompletableFuture<>();
    CompletableFuture<String> refused = new CompletableFuture<>();
    home.execute(() -> {
      int fd = home.kernel().listen(address, BACKLOG);
      if (fd < 0) {
        refused.complete(Errno.text(fd));
      } else {
        RpcServer server = new RpcServer(registry, home, fd, socketPath);
        server.accept();
        listening.complete(server);
      }
    });
    CompletableFuture.anyOf(listening, refused).join();
    if (refused.isDone()) {
      throw new IOException("RPC socket " + address + ": " + refused.join());
    }
    return listening.join();
  }

  RpcRegistry registry() {
    return registry;
  }

  Reactor home() {
    return home;
  }

  /** Writes answers that would keep the reactor for long. */
  ExecutorService writer() {
    return writer;
  }

  private void accept() {
    if (!closing && !accepting && sessions.size() < MAX_CONNECTIONS) {
      accepting = true;
      acceptHandle = home.accept(fd, accepted);
    }
  }

  private void accepted(int result) {
    accepting = false;
    if (closing) {
      if (result >= 0) {
        kernel.close(result);
      }
      endIfQuiet();
    } else if (result < 0) {
      home.schedule(acceptAgain, ACCEPT_RETRY_NS); // out of descriptors, or the peer left already
    } else {
      if (socketPath == null) {
        kernel.tuneStream(result, 0);
      }
      RpcSession session = new RpcSession(this, result);
      sessions.add(session);
      session.start();
      accept();
    }
  }

  /** Nothing of the session is left. */
  void gone(RpcSession session) {
    sessions.remove(session);
    accept();
    if (closing) {
      endIfQuiet();
    }
  }

  @Override
  public void close() {
    if (home.execute(this::stop)) {
      try {
        closed.get(2 * FLUSH_LIMIT_NS, TimeUnit.NANOSECONDS);
      } catch (TimeoutException | ExecutionException e) {
        LOG.warn("RPC connections did not end: {}", e.toString());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    writer.shutdown();
    if (socketPath != null) {
      try {
        Files.deleteIfExists(socketPath);
      } catch (IOException e) {
        LOG.warn("RPC socket could not be removed", e);
      }
    }
  }

  private void stop() {
    closing = true;
    home.cancel(acceptAgain);
    if (accepting) {
      home.cancel(acceptHandle);
    }
    home.schedule(flushLimit, FLUSH_LIMIT_NS);
    List.copyOf(sessions).forEach(RpcSession::finish);
    endIfQuiet();
  }

  private void endAll() {
    List.copyOf(sessions).forEach(RpcSession::end);
  }

  private void endIfQuiet() {
    if (!accepting && sessions.isEmpty() && !closed.isDone()) {
      home.cancel(flushLimit);
      kernel.close(fd);
      closed.complete(null);
    }
  }
}

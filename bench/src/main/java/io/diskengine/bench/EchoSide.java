package io.diskengine.bench;

import io.diskengine.engine.linux.FileCalls;
import io.diskengine.engine.linux.SocketCalls;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;

/**
 * Requests and replies of given lengths over a Unix socket between two threads that block, with
 * nothing behind them. The yardstick of RPC.
 */
final class EchoSide implements Side {
  private static final int BUFFER_BYTES = 1 << 20;

  private final ClosedLoop loop = new ClosedLoop();
  private final Path directory;
  private final int requestBytes;
  private final int replyBytes;

  EchoSide(Path directory, int requestBytes, int replyBytes) {
    this.directory = directory;
    this.requestBytes = requestBytes;
    this.replyBytes = replyBytes;
  }

  @Override
  public String name() {
    return "echo (%d B, %d B)".formatted(requestBytes, replyBytes);
  }

  @Override
  public Sample run(Workload workload, long durationNs) {
    UnixDomainSocketAddress address = UnixDomainSocketAddress.of(directory.resolve("echo.sock"));
    address.getPath().toFile().delete();
    int listener = Stream.check(SocketCalls.socket(SocketCalls.AF_UNIX, SocketCalls.SOCK_STREAM));
    Stream.check(SocketCalls.bind(listener, address));
    Stream.check(SocketCalls.listen(listener, 1));
    Thread server = Thread.ofPlatform().daemon().name("echo").start(() -> serve(listener));
    try (Client client = new Client(Stream.connect(address), workload.depth())) {
      return loop.run(
          client,
          workload,
          durationNs,
          () -> ManagementFactory.getThreadMXBean().getThreadCpuTime(server.threadId()));
    } finally {
      FileCalls.close(listener);
    }
  }

  private void serve(int listener) {
    try (Stream stream = new Stream(Stream.check(SocketCalls.accept(listener, 0)));
        Arena arena = Arena.ofConfined()) {
      long buffer = arena.allocate(BUFFER_BYTES, 64).address();
      int have = 0;
      while (true) {
        have += stream.receive(buffer, BUFFER_BYTES);
        int count = have / requestBytes;
        have -= count * requestBytes;
        stream.send(buffer, count * replyBytes);
      }
    } catch (Stream.EndedException end) {
      // the measured client has gone
    }
  }

  /** Replies come in order, so that counting bytes is enough. */
  private final class Client implements IoPath {
    private final Arena arena = Arena.ofConfined();
    private final long buffer = arena.allocate(BUFFER_BYTES, 64).address();
    private final Stream stream;
    private final int depth;
    private int queued;
    private int receivedBytes;
    private int answered;
    private int nextSlot;

    Client(Stream stream, int depth) {
      this.stream = stream;
      this.depth = depth;
    }

    @Override
    public void queue(int slot, long place) {
      queued++;
    }

    @Override
    public void flush() {
      stream.send(buffer, queued * requestBytes);
      queued = 0;
    }

    @Override
    public void poll() {
      receivedBytes += stream.receive(buffer, BUFFER_BYTES);
      answered += receivedBytes / replyBytes;
      receivedBytes %= replyBytes;
    }

    @Override
    public int next() {
      if (answered == 0) {
        return -1;
      }
      answered--;
      int slot = nextSlot;
      nextSlot = slot + 1 == depth ? 0 : slot + 1;
      return slot;
    }

    @Override
    public void close() {
      stream.close();
      arena.close();
    }
  }
}

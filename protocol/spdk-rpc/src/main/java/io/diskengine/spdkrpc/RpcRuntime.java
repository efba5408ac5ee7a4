package io.diskengine.spdkrpc;

import java.io.Closeable;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.CancelledKeyException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import jdk.net.ExtendedSocketOptions;

/**
 * What a client takes from its surroundings: time, threads and the bytes' way. Replaced as a whole
 * where time is not real.
 */
public interface RpcRuntime {
  /** This machine's clocks, threads and sockets. */
  RpcRuntime SYSTEM = new Machine();

  /** Monotonic. */
  long nanoTime();

  Instant instant();

  /** A thread that is not started and blocks most of its life. */
  Thread thread(String name, Runnable task);

  /** Runs a short task on a thread of its own. */
  void fork(String name, Runnable task);

  /** The future's value; waits at most {@code ns} for it. */
  <T> T get(CompletableFuture<T> future, long ns)
      throws InterruptedException, ExecutionException, TimeoutException;

  /** A way to the address, not connected yet. */
  Link link(SpdkAddress address) throws IOException;

  /** A stream of bytes in both directions. Closing it ends what blocks in it. */
  interface Link extends Closeable {
    void connect() throws IOException;

    /**
     * Waits for bytes; -1 at the end of the stream. One thread.
     *
     * @param writable runs meanwhile, on this thread, when bytes are taken again after a {@link
     *     #write} that did not take all
     */
    int read(ByteBuffer into, Runnable writable) throws IOException;

    /** Takes what can be taken without waiting. Any thread, one at a time. */
    void write(ByteBuffer bytes) throws IOException;
  }

  /** The real one. */
  final class Machine implements RpcRuntime {
    private Machine() {}

    @Override
    public long nanoTime() {
      return System.nanoTime();
    }

    @Override
    public Instant instant() {
      return Instant.now();
    }

    @Override
    public Thread thread(String name, Runnable task) {
      return Thread.ofPlatform().daemon().name(name).unstarted(task);
    }

    @Override
    public void fork(String name, Runnable task) {
      Thread.ofVirtual().name(name).start(task);
    }

    @Override
    public <T> T get(CompletableFuture<T> future, long ns)
        throws InterruptedException, ExecutionException, TimeoutException {
      return future.get(ns, TimeUnit.NANOSECONDS);
    }

    @Override
    public Link link(SpdkAddress address) throws IOException {
      return new SocketLink(address);
    }
  }

  /** A socket. */
  final class SocketLink implements Link {
    private static final int KEEP_ALIVE_SECONDS = 5;

    private final SpdkAddress address;
    private final SocketChannel channel;
    private final Selector selector;
    private volatile boolean full;

    private SocketLink(SpdkAddress address) throws IOException {
      this.address = address;
      channel =
          switch (address) {
            case SpdkAddress.Unix _ -> SocketChannel.open(StandardProtocolFamily.UNIX);
            case SpdkAddress.Tcp _ -> SocketChannel.open();
          };
      selector = Selector.open();
    }

    @Override
    public void connect() throws IOException {
      if (address instanceof SpdkAddress.Tcp) {
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
        channel.setOption(ExtendedSocketOptions.TCP_KEEPIDLE, KEEP_ALIVE_SECONDS);
        channel.setOption(ExtendedSocketOptions.TCP_KEEPINTERVAL, KEEP_ALIVE_SECONDS);
        channel.setOption(ExtendedSocketOptions.TCP_KEEPCOUNT, 3);
      }
      channel.connect(address.socketAddress());
      channel.configureBlocking(false);
      channel.register(selector, SelectionKey.OP_READ);
    }

    @Override
    public int read(ByteBuffer into, Runnable writable) throws IOException {
      try {
        while (true) {
          int count = channel.read(into);
          if (count != 0) {
            return count;
          }
          SelectionKey key = channel.keyFor(selector);
          if (key == null) {
            throw new ClosedChannelException();
          }
          key.interestOps(SelectionKey.OP_READ | (full ? SelectionKey.OP_WRITE : 0));
          selector.select();
          selector.selectedKeys().clear();
          if (full && key.isWritable()) {
            full = false;
            writable.run();
          }
        }
      } catch (ClosedSelectorException | CancelledKeyException e) {
        throw new ClosedChannelException();
      }
    }

    @Override
    public void write(ByteBuffer bytes) throws IOException {
      channel.write(bytes);
      if (bytes.hasRemaining()) {
        full = true;
        selector.wakeup();
      }
    }

    @Override
    public void close() throws IOException {
      try (channel) {
        selector.close();
      }
    }
  }
}

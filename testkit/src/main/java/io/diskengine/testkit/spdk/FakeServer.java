package io.diskengine.testkit.spdk;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;

/** Fakes in real time, behind real Unix sockets. All of one fabric share one thread. */
public final class FakeServer implements AutoCloseable {
  /** SPDK serves so many connections at once; others wait. */
  private static final int MAX_CONNECTIONS = 64;

  private static final int BACKLOG = 512;
  private static final byte[] END = new byte[0];

  /** When calls are executed and answered. */
  public enum Pace {
    /** As soon as they come. */
    AT_ONCE,

    /**
     * As stock SPDK does: its socket is polled every {@link #POLL_MS} and an answer leaves with the
     * poll after the one that executed the call, so that one call at a time takes 8 ms whatever it
     * does. Of many in flight it was seen to execute up to 20,000 a second.
     */
    SPDK
  }

  private static final int POLL_MS = 4;
  private static final int CALLS_PER_POLL = 80;

  /** One machine room: what its servers share. */
  public static final class Room implements FakeTime {
    private final ScheduledThreadPoolExecutor thread =
        new ScheduledThreadPoolExecutor(
            1, r -> Thread.ofPlatform().daemon().name("fake-spdk").unstarted(r));
    private final SplittableRandom random;
    private final long startNs = System.nanoTime();
    public final FakeFabric fabric;

    public Room(long seed) {
      random = new SplittableRandom(seed);
      fabric = new FakeFabric(this, _ -> {});
      fabric.realFiles();
    }

    @Override
    public long nowMs() {
      return (System.nanoTime() - startNs) / 1_000_000;
    }

    @Override
    public void after(long ms, Runnable task) {
      try {
        var unused = thread.schedule(task, ms, TimeUnit.MILLISECONDS);
      } catch (RejectedExecutionException e) {
        // the room is closed
      }
    }

    @Override
    public RandomGenerator random() {
      return random;
    }

    /** Runs the task on the fakes' thread and waits for it; what it throws is thrown here. */
    public void run(Runnable task) {
      try {
        thread.submit(task).get();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } catch (ExecutionException e) {
        throw new IllegalStateException("on the fakes' thread", e.getCause());
      }
    }

    /** Runs the task on the fakes' thread. */
    public void soon(Runnable task) {
      try {
        thread.execute(task);
      } catch (RejectedExecutionException e) {
        // the room is closed
      }
    }
  }

  private final Room room;
  private final FakeSpdk spdk;
  private final Path socket;
  private final Pace pace;
  private final ServerSocketChannel server;
  private final Semaphore slots = new Semaphore(MAX_CONNECTIONS);
  private final List<SocketChannel> open = new ArrayList<>();

  private FakeServer(Room room, FakeSpdk spdk, Path socket, Pace pace) throws IOException {
    this.pace = pace;
    this.room = room;
    this.spdk = spdk;
    this.socket = socket;
    Files.deleteIfExists(socket);
    server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(socket), BACKLOG);
  }

  /** Starts an empty process behind the socket. */
  public static FakeServer start(
      Room room, String name, Path socket, Path vhostDirectory, boolean waitForRpc)
      throws IOException {
    return start(room, name, socket, vhostDirectory, waitForRpc, Pace.AT_ONCE);
  }

  /** The same, with calls executed at another pace. */
  public static FakeServer start(
      Room room, String name, Path socket, Path vhostDirectory, boolean waitForRpc, Pace pace)
      throws IOException {
    FakeSpdk spdk = room.fabric.node(name, vhostDirectory.toString());
    room.run(() -> spdk.start(waitForRpc));
    FakeServer started = new FakeServer(room, spdk, socket, pace);
    Thread.ofPlatform().daemon().name("fake-spdk accept").start(started::accept);
    return started;
  }

  public FakeSpdk spdk() {
    return spdk;
  }

  /** SIGKILL, and an empty process that waits for RPC behind the same socket. */
  public void restart() {
    room.run(() -> {
      spdk.kill();
      spdk.start(true);
    });
  }

  private void accept() {
    try {
      while (true) {
        slots.acquire();
        SocketChannel channel = server.accept();
        synchronized (open) {
          open.add(channel);
        }
        new Served(channel).start();
      }
    } catch (IOException closed) {
      // the end
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** One connection: a thread that reads, one that writes, and the fakes' thread between them. */
  private final class Served implements FakeRpcConnection.Peer {
    private final SocketChannel channel;
    private final LinkedBlockingQueue<byte[]> answers = new LinkedBlockingQueue<>();

    // Owned by the fakes' thread; but for the first, for SPDK's pace.
    private boolean closed;
    private final Deque<Runnable> received = new ArrayDeque<>();
    private final List<Runnable> executed = new ArrayList<>();
    private boolean polling;

    Served(SocketChannel channel) {
      this.channel = channel;
    }

    void start() {
      Thread.ofPlatform().daemon().name("fake-spdk read").start(this::read);
      Thread.ofPlatform().daemon().name("fake-spdk write").start(this::write);
    }

    private void read() {
      FakeRpcConnection[] connection = new FakeRpcConnection[1];
      room.run(() -> {
        connection[0] = new FakeRpcConnection(spdk, this);
        if (!spdk.isUp()) {
          connection[0].died(); // nobody is there; it is not for the process that comes next
        }
      });
      ByteBuffer bytes = ByteBuffer.allocate(64 << 10);
      try {
        while (channel.read(bytes.clear()) >= 0) {
          ByteBuffer copy = ByteBuffer.allocate(bytes.flip().remaining()).put(bytes).flip();
          room.soon(() -> connection[0].received(copy));
        }
      } catch (IOException closed) {
        // the end
      }
      room.soon(() -> connection[0].peerClosed());
      answers.add(END);
      slots.release();
    }

    private void write() {
      try {
        for (byte[] bytes = answers.take(); bytes != END; bytes = answers.take()) {
          ByteBuffer out = ByteBuffer.wrap(bytes);
          while (out.hasRemaining()) {
            channel.write(out);
          }
        }
        channel.close();
      } catch (IOException closed) {
        // the end
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    @Override
    public void received(String method, String params, Runnable execute) {
      if (closed) {
        return; // for a process that is gone
      }
      if (pace == Pace.AT_ONCE) {
        execute.run();
      } else {
        received.add(execute);
        pollLater();
      }
    }

    @Override
    public void executed(String method, String params, boolean ok, Runnable reply) {
      if (pace == Pace.AT_ONCE) {
        reply.run();
      } else {
        executed.add(reply);
        pollLater();
      }
    }

    private void pollLater() {
      if (!polling) {
        polling = true;
        room.after(POLL_MS - room.nowMs() % POLL_MS, this::poll);
      }
    }

    private void poll() {
      polling = false;
      List<Runnable> replies = List.copyOf(executed);
      executed.clear();
      replies.forEach(Runnable::run);
      for (int i = 0; i < CALLS_PER_POLL && !received.isEmpty(); i++) {
        received.remove().run();
      }
      if (!received.isEmpty() || !executed.isEmpty()) {
        pollLater();
      }
    }

    @Override
    public void send(byte[] bytes) {
      answers.add(bytes);
    }

    @Override
    public void close() {
      closed = true;
      received.clear();
      executed.clear();
      answers.add(END);
    }
  }

  /** An orderly end: the socket is removed. */
  @Override
  public void close() {
    room.run(spdk::kill);
    try {
      server.close();
      synchronized (open) {
        for (SocketChannel c : open) {
          c.close();
        }
      }
      Files.deleteIfExists(socket);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}

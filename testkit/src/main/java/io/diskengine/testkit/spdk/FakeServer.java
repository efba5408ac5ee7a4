package io.diskengine.testkit.spdk;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
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

    /** Runs the task on the fakes' thread and waits for it. */
    public void run(Runnable task) {
      CountDownLatch done = new CountDownLatch(1);
      thread.execute(() -> {
        task.run();
        done.countDown();
      });
      try {
        done.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    void soon(Runnable task) {
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
  private final ServerSocketChannel server;
  private final Semaphore slots = new Semaphore(MAX_CONNECTIONS);
  private final List<SocketChannel> open = new ArrayList<>();

  private FakeServer(Room room, FakeSpdk spdk, Path socket) throws IOException {
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
    FakeSpdk spdk = room.fabric.node(name, vhostDirectory.toString());
    room.run(() -> spdk.start(waitForRpc));
    FakeServer started = new FakeServer(room, spdk, socket);
    Thread.ofPlatform().daemon().name("fake-spdk accept").start(started::accept);
    return started;
  }

  public FakeSpdk spdk() {
    return spdk;
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

    Served(SocketChannel channel) {
      this.channel = channel;
    }

    void start() {
      Thread.ofPlatform().daemon().name("fake-spdk read").start(this::read);
      Thread.ofPlatform().daemon().name("fake-spdk write").start(this::write);
    }

    private void read() {
      FakeRpcConnection[] connection = new FakeRpcConnection[1];
      room.run(() -> connection[0] = new FakeRpcConnection(spdk, this));
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
    public void send(byte[] bytes) {
      answers.add(bytes);
    }

    @Override
    public void close() {
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

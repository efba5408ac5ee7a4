package io.diskengine.testkit.scale;

import io.diskengine.agent.AgentClock;
import io.diskengine.agent.AgentConfig;
import io.diskengine.agent.AgentMachine;
import io.diskengine.agent.StorageNodeConfig;
import io.diskengine.model.FabricAddress;
import io.diskengine.model.plan.DiskFile;
import io.diskengine.spdkrpc.RpcRuntime;
import io.diskengine.spdkrpc.SpdkAddress;
import io.diskengine.store.AgentStore;
import io.diskengine.testkit.spdk.FakeRpcConnection;
import io.diskengine.testkit.spdk.FakeServer;
import io.diskengine.testkit.spdk.FakeSpdk;
import java.io.Closeable;
import java.io.IOException;
import java.net.ConnectException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * The machine of one of many agents in this JVM: real time, threads and PostgreSQL; its disk and
 * its data plane's socket are those of a fake, without files.
 */
final class RoomMachine implements AgentMachine {
  static final int BLOCK_SIZE = 4096;

  private final FakeServer.Room room;
  private final FakeSpdk plane;
  private final ManyRows.StorageNode node;
  private @Nullable String saved;

  RoomMachine(FakeServer.Room room, FakeSpdk plane, ManyRows.StorageNode node) {
    this.room = room;
    this.plane = plane;
    this.node = node;
  }

  @Override
  public AgentClock clock() {
    return SYSTEM.clock();
  }

  @Override
  public RpcRuntime rpc() {
    return new Rpc();
  }

  @Override
  public String processName() {
    return SYSTEM.processName();
  }

  @Override
  public void run(String name, Runnable loop) {
    SYSTEM.run(name, loop);
  }

  @Override
  public void fork(String name, Runnable task) {
    SYSTEM.fork(name, task);
  }

  @Override
  public @Nullable Runnable poll(BlockingQueue<Runnable> queue, long ms)
      throws InterruptedException {
    return SYSTEM.poll(queue, ms);
  }

  @Override
  public void sleep(long ms) throws InterruptedException {
    SYSTEM.sleep(ms);
  }

  @Override
  public AgentStore openStore(AgentConfig config) throws IOException {
    return SYSTEM.openStore(config);
  }

  @Override
  public Closeable lock(Path socket) {
    return () -> {};
  }

  @Override
  public synchronized Optional<String> readState(Path file) {
    return Optional.ofNullable(saved);
  }

  @Override
  public synchronized void writeState(Path file, String text) {
    saved = text;
  }

  @Override
  public DiskFile look(StorageNodeConfig.Disk disk) {
    return new DiskFile(
        node.diskPath(),
        node.diskSerial(),
        1,
        "file",
        node.diskBytes(),
        BLOCK_SIZE,
        DiskFile.Content.DATA,
        "");
  }

  @Override
  public String startTime(long pid) {
    return "start" + pid;
  }

  @Override
  public void askTarget(FabricAddress address, int deadlineMs) throws IOException {
    throw new ConnectException("no target is asked here");
  }

  /** The data plane's client, with a way that is no socket. */
  private final class Rpc implements RpcRuntime {
    @Override
    public long nanoTime() {
      return SYSTEM.nanoTime();
    }

    @Override
    public Instant instant() {
      return SYSTEM.instant();
    }

    @Override
    public Thread thread(String name, Runnable task) {
      return SYSTEM.thread(name, task);
    }

    @Override
    public void fork(String name, Runnable task) {
      SYSTEM.fork(name, task);
    }

    @Override
    public <T> T get(CompletableFuture<T> future, long ns)
        throws InterruptedException, ExecutionException, TimeoutException {
      return SYSTEM.get(future, ns);
    }

    @Override
    public Link link(SpdkAddress address) {
      return new Way();
    }
  }

  /** Bytes between a client and its fake, both in this JVM. */
  private final class Way implements RpcRuntime.Link, FakeRpcConnection.Peer {
    private static final byte[] END = new byte[0];

    private final LinkedBlockingQueue<byte[]> answers = new LinkedBlockingQueue<>();
    private @Nullable ByteBuffer current;
    private volatile @Nullable FakeRpcConnection far;

    @Override
    public void connect() throws IOException {
      room.run(() -> far = plane.isUp() ? new FakeRpcConnection(plane, this) : null);
      if (far == null) {
        throw new ConnectException("Connection refused");
      }
    }

    @Override
    public int read(ByteBuffer into, Runnable writable) throws IOException {
      try {
        ByteBuffer bytes = current;
        if (bytes == null || !bytes.hasRemaining()) {
          byte[] next = answers.take();
          if (next == END) {
            answers.add(END);
            return -1;
          }
          bytes = ByteBuffer.wrap(next);
        }
        int length = Math.min(bytes.remaining(), into.remaining());
        into.put(bytes.slice(bytes.position(), length));
        current = bytes.position(bytes.position() + length);
        return length;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new ClosedChannelException();
      }
    }

    @Override
    public void write(ByteBuffer bytes) {
      FakeRpcConnection open = far;
      ByteBuffer copy = ByteBuffer.allocate(bytes.remaining()).put(bytes).flip();
      if (open != null) {
        room.soon(() -> open.received(copy));
      }
    }

    @Override
    public void send(byte[] bytes) {
      answers.add(bytes);
    }

    @Override
    public void close() {
      FakeRpcConnection open = far;
      answers.add(END);
      if (open != null) {
        room.soon(open::peerClosed);
      }
    }
  }
}

package io.diskengine.testkit.sim;

import io.diskengine.agent.AgentClock;
import io.diskengine.agent.AgentConfig;
import io.diskengine.agent.AgentMachine;
import io.diskengine.agent.StorageNodeConfig;
import io.diskengine.model.FabricAddress;
import io.diskengine.model.plan.DiskFile;
import io.diskengine.spdkrpc.RpcRuntime;
import io.diskengine.spdkrpc.SpdkAddress;
import io.diskengine.store.AgentStore;
import io.diskengine.testkit.sim.Crossing.Line;
import java.io.Closeable;
import java.io.IOException;
import java.net.ConnectException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * This machine, for an agent that is one process among others of this JVM: it can be killed, and
 * what it asks of its data plane and of PostgreSQL crosses lines.
 */
final class StageMachine implements AgentMachine {
  private final PostgresStage stage;
  private final PostgresStage.Place place;
  private final String name;
  private final List<Closeable> open = new CopyOnWriteArrayList<>();
  private volatile boolean dead;

  /** Ends a thread of a process that was killed; nothing of the agent catches it. */
  static final class Dead extends Error {
    private static final long serialVersionUID = 1;

    Dead(String name) {
      super(name + " was killed");
    }
  }

  StageMachine(PostgresStage stage, PostgresStage.Place place, String name) {
    this.stage = stage;
    this.place = place;
    this.name = name;
  }

  /** Nothing is done in its name any more; its connections end, its lease stays. */
  void kill() {
    dead = true;
    for (Closeable c : open) {
      Thread.ofVirtual()
          .start(() -> {
            try {
              c.close();
            } catch (IOException e) {
              // it was closed
            }
          });
    }
  }

  /** Whoever is killed here does not return. */
  Crossing.Fate cross(String action, Line line) {
    checkAlive();
    Crossing.Fate fate = stage.cross(new Crossing(place.name, action, line));
    checkAlive();
    return fate;
  }

  Transactions transactions() {
    return stage.transactions;
  }

  void checkAlive() {
    if (dead) {
      throw new Dead(name);
    }
  }

  void closeWhenKilled(Closeable resource) {
    open.add(resource);
  }

  private Runnable mortal(Runnable task) {
    return () -> {
      try {
        task.run();
      } catch (Dead killed) {
        // as the process
      }
    };
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
    return name;
  }

  @Override
  public void run(String threadName, Runnable loop) {
    Thread.ofPlatform().daemon().name(threadName).start(mortal(loop));
  }

  @Override
  public void fork(String threadName, Runnable task) {
    checkAlive();
    SYSTEM.fork(threadName, mortal(task));
  }

  @Override
  public @Nullable Runnable poll(BlockingQueue<Runnable> queue, long ms)
      throws InterruptedException {
    checkAlive();
    Runnable next = SYSTEM.poll(queue, ms);
    checkAlive();
    return next;
  }

  @Override
  public void sleep(long ms) throws InterruptedException {
    checkAlive();
    SYSTEM.sleep(ms);
    checkAlive();
  }

  @Override
  public AgentStore openStore(AgentConfig config) throws IOException {
    AgentStore store = SYSTEM.openStore(config);
    closeWhenKilled(store::close);
    return new StageStore(this, store);
  }

  /** The stage itself has one agent for a data plane. */
  @Override
  public Closeable lock(Path socket) {
    return () -> {};
  }

  @Override
  public Optional<String> readState(Path file) throws IOException {
    return SYSTEM.readState(file);
  }

  @Override
  public void writeState(Path file, String text) throws IOException {
    checkAlive();
    SYSTEM.writeState(file, text);
  }

  @Override
  public DiskFile look(StorageNodeConfig.Disk disk) {
    return SYSTEM.look(disk);
  }

  @Override
  public String startTime(long pid) {
    return "start" + pid;
  }

  @Override
  public void askTarget(FabricAddress address, int deadlineMs) throws IOException {
    if (!stage.isListening(address)) {
      throw new ConnectException("Connection refused");
    }
  }

  /** The data plane's client on this machine, over its real socket. */
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
    public Thread thread(String threadName, Runnable task) {
      return SYSTEM.thread(threadName, mortal(task));
    }

    @Override
    public void fork(String threadName, Runnable task) {
      checkAlive();
      SYSTEM.fork(threadName, mortal(task));
    }

    @Override
    public <T> T get(CompletableFuture<T> future, long ns)
        throws InterruptedException, ExecutionException, TimeoutException {
      checkAlive();
      return SYSTEM.get(future, ns);
    }

    @Override
    public Link link(SpdkAddress address) throws IOException {
      checkAlive();
      Link socket = SYSTEM.link(address);
      closeWhenKilled(socket);
      return new Way(socket);
    }
  }

  /** A connection whose writes cross lines. */
  private final class Way implements RpcRuntime.Link {
    private final RpcRuntime.Link socket;

    Way(RpcRuntime.Link socket) {
      this.socket = socket;
    }

    @Override
    public void connect() throws IOException {
      if (!place.isPlaneUp()) {
        throw new ConnectException("Connection refused");
      }
      socket.connect();
    }

    @Override
    public int read(ByteBuffer into, Runnable writable) throws IOException {
      int length = socket.read(into, writable);
      checkAlive();
      return length;
    }

    /** All of it: a client's write is one request, and a stage's sockets are never full. */
    @Override
    public void write(ByteBuffer bytes) throws IOException {
      String method = method(bytes);
      var unused = cross(method, Line.BEFORE_SEND);
      socket.write(bytes);
      if (bytes.hasRemaining()) {
        throw new IOException("a socket is full, which a stage has no lines for");
      }
      unused = cross(method, Line.AFTER_SEND);
    }

    private static String method(ByteBuffer bytes) {
      String text =
          new String(bytes.array(), bytes.position(), bytes.remaining(), StandardCharsets.UTF_8);
      int at = text.indexOf("\"method\":\"") + "\"method\":\"".length();
      return text.substring(at, text.indexOf('"', at));
    }

    @Override
    public void close() throws IOException {
      open.remove(socket);
      socket.close();
    }
  }
}

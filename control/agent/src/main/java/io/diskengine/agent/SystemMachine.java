package io.diskengine.agent;

import io.diskengine.model.FabricAddress;
import io.diskengine.model.plan.DiskFile;
import io.diskengine.spdkrpc.RpcRuntime;
import io.diskengine.store.AgentStore;
import io.diskengine.store.Database;
import io.diskengine.store.PostgresAgentStore;
import io.diskengine.store.StoreConfig;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The machine this process runs on. */
final class SystemMachine implements AgentMachine {
  /**
   * Threads of the platform: a virtual one that waits for a socket wakes three others to go on.
   * Never more than the probes under way, which {@link PeerProbes} bounds.
   */
  private final ExecutorService probes =
      Executors.newCachedThreadPool(Thread.ofPlatform().daemon().name("probe-", 0).factory());

  @Override
  public AgentClock clock() {
    return AgentClock.SYSTEM;
  }

  @Override
  public RpcRuntime rpc() {
    return RpcRuntime.SYSTEM;
  }

  @Override
  public String processName() {
    return ProcessHandle.current().pid() + "/" + Long.toHexString(System.nanoTime());
  }

  @Override
  public void run(String name, Runnable loop) {
    Thread.ofPlatform().name(name).start(loop);
  }

  @Override
  public void fork(String name, Runnable task) {
    Thread.ofVirtual().name(name).start(task);
  }

  @Override
  public void probe(String name, Runnable task) {
    probes.execute(task);
  }

  @Override
  public @Nullable Runnable poll(BlockingQueue<Runnable> queue, long ms)
      throws InterruptedException {
    return queue.poll(ms, TimeUnit.MILLISECONDS);
  }

  @Override
  public void sleep(long ms) throws InterruptedException {
    Thread.sleep(ms);
  }

  @Override
  public AgentStore openStore(AgentConfig config) throws IOException {
    String password = Files.readString(config.passwordFile()).strip();
    return new PostgresAgentStore(
        new Database(
            StoreConfig.forAgent(
                config.databaseUrl(), config.databaseUser(), password, config.nodeName())));
  }

  @Override
  public Closeable lock(Path socket) throws IOException {
    return LockFile.of(socket);
  }

  @Override
  public Optional<String> readState(Path file) throws IOException {
    return Files.exists(file) ? Optional.of(Files.readString(file)) : Optional.empty();
  }

  @Override
  public void writeState(Path file, String text) throws IOException {
    Path next = file.resolveSibling(file.getFileName() + ".new");
    Files.createDirectories(next.toAbsolutePath().getParent());
    Files.writeString(next, text);
    Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  @Override
  public DiskFile look(StorageNodeConfig.Disk disk) {
    return DiskFiles.look(disk);
  }

  /** Clock ticks since boot: field 22 of {@code /proc/<pid>/stat}. */
  @Override
  public String startTime(long pid) {
    try {
      String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
      return stat.substring(stat.lastIndexOf(')') + 2).split(" ")[19];
    } catch (IOException elsewhere) {
      return "elsewhere";
    }
  }

  @Override
  public void askTarget(FabricAddress address, int deadlineMs) throws IOException {
    PeerProbes.ask(address, deadlineMs);
  }
}

package io.diskengine.testkit.sim;

import io.diskengine.agent.AgentClock;
import io.diskengine.agent.AgentConfig;
import io.diskengine.agent.AgentMachine;
import io.diskengine.agent.StorageNodeConfig;
import io.diskengine.model.FabricAddress;
import io.diskengine.model.plan.DiskFile;
import io.diskengine.spdkrpc.RpcRuntime;
import io.diskengine.store.AgentStore;
import io.diskengine.testkit.spdk.FakeMedia;
import java.io.Closeable;
import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketTimeoutException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The machine of a simulated agent: one process on a node. */
final class SimAgentMachine extends SimProcess implements AgentMachine, AgentClock {
  static final int BLOCK_SIZE = 4096;
  private static final int PROBE_MS = 2;

  private final SimWorld world;
  private final SimNode node;

  /** What is to be done when the process is gone. */
  final java.util.List<Runnable> onGone = new java.util.ArrayList<>();

  /** Whether it runs where the lock file does not show: on another machine. */
  private final boolean elsewhere;

  /** What it has saved there. */
  private @Nullable String savedElsewhere;

  SimAgentMachine(SimWorld world, SimNode node, String name, boolean elsewhere) {
    super(world.scheduler, name, SimWorld.EPOCH, (from, _) -> new SimLink(world, node, from));
    this.world = world;
    this.node = node;
    this.elsewhere = elsewhere;
  }

  @Override
  public AgentClock clock() {
    return this;
  }

  @Override
  public long nowMs() {
    return scheduler.nowMs();
  }

  @Override
  public long bootMs() {
    return scheduler.nowMs() + suspendedMs;
  }

  @Override
  public Instant instant() {
    return super.instant();
  }

  @Override
  public RpcRuntime rpc() {
    return this;
  }

  @Override
  public String processName() {
    return name;
  }

  @Override
  public void run(String threadName, Runnable loop) {
    fork(threadName, loop);
  }

  @Override
  public void sleep(long ms) throws InterruptedException {
    super.sleep(ms);
  }

  @Override
  public @Nullable Runnable poll(java.util.concurrent.BlockingQueue<Runnable> queue, long ms)
      throws InterruptedException {
    return super.poll(queue, ms);
  }

  @Override
  public void fork(String threadName, Runnable task) {
    super.fork(threadName, task);
  }

  @Override
  public AgentStore openStore(AgentConfig config) {
    return new SimStore(world, node, this);
  }

  @Override
  public Closeable lock(Path socket) throws IOException {
    if (elsewhere) {
      return () -> {};
    }
    SimProcess holder = node.lockHolder;
    if (holder != null && holder.isAlive() && holder != this) {
      throw new IOException("another agent (" + holder.name + ") holds the lock");
    }
    node.lockHolder = this;
    return () -> {
      if (node.lockHolder == this) {
        node.lockHolder = null;
      }
    };
  }

  @Override
  public Optional<String> readState(Path file) {
    return Optional.ofNullable(elsewhere ? savedElsewhere : node.savedState);
  }

  @Override
  public void writeState(Path file, String text) {
    if (elsewhere) {
      savedElsewhere = text;
    } else {
      node.savedState = text;
    }
  }

  @Override
  public DiskFile look(StorageNodeConfig.Disk disk) {
    String path = disk.file().toString();
    FakeMedia.Disk there = world.fabric.media.disk(path);
    if (there == null) {
      return new DiskFile(
          path, disk.serial(), 1, "file", 0, BLOCK_SIZE, DiskFile.Content.UNKNOWN, "is gone");
    }
    DiskFile.Content content = there.isEmpty() ? DiskFile.Content.EMPTY : DiskFile.Content.DATA;
    return new DiskFile(path, disk.serial(), 1, "file", there.sizeBytes(), BLOCK_SIZE, content, "");
  }

  @Override
  public String startTime(long pid) {
    return "start" + pid;
  }

  @Override
  public void askTarget(FabricAddress address, int deadlineMs) throws IOException {
    SimNode peer = world.nodeAt(address);
    try {
      if (peer == null) {
        throw new ConnectException("Connection refused");
      }
      boolean silent = !world.fabric.isReachable(node.name, peer.name) || peer.spdk.isStopped();
      sleep(silent ? deadlineMs : PROBE_MS);
      if (silent) {
        throw new SocketTimeoutException("Read timed out");
      }
      if (!peer.spdk.isInitialised()) {
        throw new ConnectException("Connection refused");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }
}

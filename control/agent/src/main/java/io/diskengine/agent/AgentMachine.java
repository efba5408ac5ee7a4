package io.diskengine.agent;

import io.diskengine.model.FabricAddress;
import io.diskengine.model.plan.DiskFile;
import io.diskengine.spdkrpc.RpcRuntime;
import io.diskengine.store.AgentStore;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * Everything that an agent takes from the machine it runs on. Replaced as a whole where time,
 * disks, sockets and PostgreSQL are not real.
 */
public interface AgentMachine {
  /** This machine. */
  AgentMachine SYSTEM = new SystemMachine();

  AgentClock clock();

  /** Clocks, threads and connections of the data plane's client. */
  RpcRuntime rpc();

  /** Tells this process from every other of the node, also from earlier ones. */
  String processName();

  /** Runs the agent's own loop. */
  void run(String name, Runnable loop);

  /** Runs something that blocks for a while. */
  void fork(String name, Runnable task);

  /** The same for what is run each second and waits for one answer from a socket. */
  default void probe(String name, Runnable task) {
    fork(name, task);
  }

  /** The queue's head; waits at most {@code ms} for it, then null. */
  @Nullable Runnable poll(BlockingQueue<Runnable> queue, long ms) throws InterruptedException;

  void sleep(long ms) throws InterruptedException;

  AgentStore openStore(AgentConfig config) throws IOException;

  /**
   * Law 7: one agent for a data plane of this machine.
   *
   * @throws IOException when another agent has it
   */
  Closeable lock(Path socket) throws IOException;

  /** What was saved last, if anything. */
  Optional<String> readState(Path file) throws IOException;

  /** Replaces what is saved, in one step. */
  void writeState(Path file, String text) throws IOException;

  DiskFile look(StorageNodeConfig.Disk disk);

  /** Tells the process with this pid from an earlier one with the same. */
  String startTime(long pid);

  /**
   * Asks an NVMe/TCP target for a sign of life.
   *
   * @throws java.net.ConnectException when the machine answers and nobody listens
   */
  void askTarget(FabricAddress address, int deadlineMs) throws IOException;
}

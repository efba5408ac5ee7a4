package io.diskengine.testkit.spdk;

import io.diskengine.spdkrpc.RpcJson;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The data plane of one machine: a process that can die, be stopped and come back empty. Owned by
 * the thread of {@link FakeTime}.
 */
public final class FakeSpdk {
  static final String ONLY_RUNTIME =
      "Method may only be called after framework is initialized using framework_start_init RPC.";
  static final String ONLY_STARTUP =
      "Method may only be called before framework is initialized. Use --wait-for-rpc command line"
          + " parameter and then issue this RPC before the framework_start_init RPC.";

  public final String name;
  final FakeFabric fabric;
  final FakeTime time;

  /** {@code host:port} of this machine where its target may listen. */
  public final Set<String> addresses = new HashSet<>();

  final String vhostDirectory;
  final FakeBdevs bdevs;
  final FakeNvmf nvmf;
  final FakeNvme nvme;
  final FakeRaids raids;
  final FakeVhosts vhosts;
  final FakeFramework framework;

  /** RPCs executed, by method. */
  private final Map<String, Long> calls = new HashMap<>();

  /** Bytes of results without the requests' ids, by method. */
  private final Map<String, Long> replyBytes = new HashMap<>();

  private final List<Runnable> whenContinued = new ArrayList<>();
  private final List<Runnable> onDeath = new ArrayList<>();
  private long pid;
  private boolean stopped;
  private int generation;

  FakeSpdk(FakeFabric fabric, String name, String vhostDirectory) {
    this.fabric = fabric;
    this.name = name;
    this.time = fabric.time;
    this.vhostDirectory = vhostDirectory;
    bdevs = new FakeBdevs(this);
    nvmf = new FakeNvmf(this);
    nvme = new FakeNvme(this);
    raids = new FakeRaids(this);
    vhosts = new FakeVhosts(this);
    framework = new FakeFramework(this);
  }

  /** Starts an empty process. */
  public void start(boolean waitForRpc) {
    if (isUp()) {
      throw new IllegalStateException(name + " runs already");
    }
    pid = fabric.nextPid();
    stopped = false;
    framework.restart(waitForRpc);
    bdevs.restart();
    nvmf.restart();
    nvme.restart();
    raids.restart();
    vhosts.restart();
    fabric.log(name, "data plane " + pid + " starts");
  }

  /** SIGKILL. */
  public void kill() {
    if (!isUp()) {
      return;
    }
    fabric.log(name, "data plane " + pid + " is killed");
    pid = 0;
    generation++;
    stopped = false;
    whenContinued.clear();
    nvmf.died();
    nvme.died();
    vhosts.died();
    List<Runnable> told = List.copyOf(onDeath);
    onDeath.clear();
    told.forEach(Runnable::run);
  }

  /** SIGSTOP: its kernel goes on. */
  public void setStopped(boolean isStopped) {
    if (!isUp() || stopped == isStopped) {
      return;
    }
    stopped = isStopped;
    fabric.log(name, isStopped ? "data plane is stopped" : "data plane goes on");
    if (!isStopped) {
      List<Runnable> waiting = List.copyOf(whenContinued);
      whenContinued.clear();
      waiting.forEach(Runnable::run);
    }
  }

  public boolean isUp() {
    return pid != 0;
  }

  public boolean isStopped() {
    return stopped;
  }

  public long pid() {
    return pid;
  }

  public boolean isInitialised() {
    return isUp() && framework.isInitialised();
  }

  /** Whether its target answers others now. */
  boolean serves() {
    return isUp() && !stopped;
  }

  void onDeath(Runnable task) {
    onDeath.add(task);
  }

  void forgetDeath(Runnable task) {
    onDeath.remove(task);
  }

  /** Runs the task later in this process: never when it died meanwhile, not while it is stopped. */
  void later(long ms, Runnable task) {
    int mine = generation;
    time.after(ms, () -> now(mine, task));
  }

  private void now(int mine, Runnable task) {
    if (mine != generation) {
      return;
    }
    if (stopped) {
      whenContinued.add(() -> now(mine, task));
    } else {
      task.run();
    }
  }

  /** Runs the task when the process is not stopped. */
  void soon(Runnable task) {
    now(generation, task);
  }

  /** For what comes from outside: runs unless the process is stopped, then when it goes on. */
  public void run(Runnable task) {
    soon(task);
  }

  /** The same, later. */
  public void runLater(long ms, Runnable task) {
    later(ms, task);
  }

  public FakeVhosts vhosts() {
    return vhosts;
  }

  /** What is there, for those who check. */
  public FakeView view() {
    return new FakeView(this);
  }

  public Map<String, Long> calls() {
    return calls;
  }

  public Map<String, Long> replyBytes() {
    return replyBytes;
  }

  void replied(String method, int bytes) {
    replyBytes.merge(method, (long) bytes, Long::sum);
  }

  /** Executes one call. The answer may come at once or later. */
  void call(String method, @Nullable JsonNode given, Reply reply) {
    calls.merge(method, 1L, Long::sum);
    try {
      framework.checkPhase(method);
      Params p = Params.of(method, given);
      boolean known =
          framework.call(method, p, reply)
              || bdevs.call(method, p, reply)
              || nvmf.call(method, p, reply)
              || nvme.call(method, p, reply)
              || raids.call(method, p, reply)
              || vhosts.call(method, p, reply);
      if (!known) {
        reply.error(-32601, "Method not found");
      }
    } catch (RpcFault fault) {
      reply.error(fault);
    }
  }

  /**
   * Executes one call of somebody who came before; what is answered later is not waited for.
   *
   * @throws IllegalStateException when it is refused
   */
  public void execute(String method, @Nullable JsonNode params) {
    call(
        method,
        params,
        new Reply() {
          @Override
          public void ok(Object result) {}

          @Override
          public void error(int code, String message) {
            throw new IllegalStateException(method + " " + params + ": " + code + " " + message);
          }
        });
  }

  static ObjectNode object() {
    return RpcJson.MAPPER.createObjectNode();
  }

  static tools.jackson.databind.node.ArrayNode list() {
    return RpcJson.MAPPER.createArrayNode();
  }
}

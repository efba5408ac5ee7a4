package io.diskengine.engine.host;

import io.diskengine.engine.bdev.AioBdev;
import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.nvmf.Namespace;
import io.diskengine.engine.nvmf.NvmfAddress;
import io.diskengine.engine.nvmf.NvmfTarget;
import io.diskengine.engine.nvmf.Subsystem;
import io.diskengine.engine.nvmf.SubsystemOptions;
import io.diskengine.engine.nvmf.TransportOptions;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.sim.SimWorld;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * A host (machine 0, two reactors) and storage nodes (machines 1 and 2, two reactors each) with the
 * engine's own target, on virtual time. Disks of nodes are files: they survive a killed process.
 */
final class HostWorld implements AutoCloseable {
  static final String HOSTNQN = "nqn.2026-11.io.diskengine:test:host:h1";
  static final int BLOCK = 512;
  static final int BLOCKS = 2048;
  static final long MS = 1_000_000L;
  static final long SECOND = 1_000_000_000L;
  static final ReconnectTimers WAIT = new ReconnectTimers(-1, 1, 0);
  static final int PENDING = 1;

  final SimWorld world;
  final BdevLayer layer;
  final NvmeHost host;

  HostWorld(long seed) {
    world = new SimWorld(seed, 2, 2, 2);
    layer = new BdevLayer(world.reactors(0));
    host = on(0, () -> new NvmeHost(layer));
  }

  /** Something on a home reactor that may fail. */
  interface Call<T> {
    T call() throws Exception;
  }

  interface Body {
    void run() throws Exception;
  }

  <T> T on(int machine, Call<T> call) {
    return on(world.reactors(machine).getFirst(), call);
  }

  <T> T on(Reactor reactor, Call<T> call) {
    List<T> result = new ArrayList<>();
    List<Exception> thrown = new ArrayList<>();
    reactor.execute(() -> {
      try {
        result.add(call.call());
      } catch (Exception e) {
        thrown.add(e);
      }
    });
    world.await("a step", () -> !result.isEmpty() || !thrown.isEmpty(), SECOND);
    if (!thrown.isEmpty()) {
      throw new AssertionError(thrown.getFirst());
    }
    return result.getFirst();
  }

  void run(int machine, Body body) {
    on(
        machine,
        () -> {
          body.run();
          return true;
        });
  }

  static UUID uuid(int node) {
    return UUID.fromString("22222222-2222-4333-8444-55555555555" + node);
  }

  static String nqn(int node) {
    return "nqn.2026-11.io.diskengine:test:v" + node;
  }

  /** A storage process on machine {@code index}. */
  final class Node {
    final int index;
    final BdevLayer layer;
    final NvmfTarget target;
    final Subsystem subsystem;

    Node(int index) {
      this.index = index;
      layer = new BdevLayer(world.reactors(index));
      target = on(index, () -> new NvmfTarget(layer));
      run(index, () -> target.createTransport(TransportOptions.DEFAULTS));
      SubsystemOptions options =
          new SubsystemOptions(nqn(index), "SN" + index, "M", false, 32, 1, 0xffef, false, 1024, 2);
      subsystem = on(index, () -> target.createSubsystem(options));
      on(index, () -> subsystem.addHost(HOSTNQN));
    }

    Node addDisk(String name, int blocks, UUID uuid) {
      String path = "/node" + index + "/" + name;
      run(
          index,
          () -> {
            io.diskengine.engine.reactor.Kernel kernel = world.reactors(index).getFirst().kernel();
            int fd = kernel.openFile(path, 0x42, 0600);
            kernel.resizeFile(fd, (long) blocks * BLOCK);
            kernel.close(fd);
            layer.register(
                AioBdev.open(
                    name,
                    new AioBdev.Options(path, BLOCK, false, true, UUID.randomUUID()),
                    kernel));
          });
      int[] nsid = {0};
      run(
          index,
          () ->
              subsystem.addNamespace(
                  name, 0, new Namespace.Ids(null, 0, uuid), added -> nsid[0] = added));
      world.await("namespace added", () -> nsid[0] > 0, SECOND);
      return this;
    }

    void removeDisk(int nsid) {
      boolean[] done = {false};
      on(index, () -> subsystem.removeNamespace(nsid, () -> done[0] = true));
      world.await("namespace removed", () -> done[0], SECOND);
    }

    Node listen(int port) {
      run(index, () -> subsystem.addListener(address(index, port), 1));
      return this;
    }

    void unlisten(int port) {
      on(index, () -> subsystem.removeListener(address(index, port), () -> {}));
    }
  }

  static NvmfAddress address(int node, int port) {
    return new NvmfAddress("IPv4", "10.0.0." + (node + 1), Integer.toString(port));
  }

  /** The usual node: one disk, port 4420. */
  Node node(int index) {
    return new Node(index).addDisk("d0", BLOCKS, uuid(index)).listen(4420);
  }

  // ---- the host's side

  static AttachSpec spec(String name, int node, int port, ReconnectTimers timers) {
    TransportId trid =
        new TransportId("TCP", "IPv4", "10.0.0." + (node + 1), Integer.toString(port), nqn(node));
    return new AttachSpec(name, trid, HOSTNQN, "", "", AttachSpec.Multipath.MULTIPATH, timers, 0);
  }

  /** The end of an operation. */
  static final class Answer {
    int errno = PENDING;
    List<String> bdevs = List.of();

    boolean done() {
      return errno != PENDING;
    }
  }

  Answer startAttach(AttachSpec spec) {
    Answer answer = new Answer();
    run(
        0,
        () -> {
          try {
            host.attach(
                spec,
                (errno, bdevs) -> {
                  answer.errno = errno;
                  answer.bdevs = bdevs;
                });
          } catch (io.diskengine.engine.bdev.BdevException e) {
            answer.errno = e.errno();
          }
        });
    return answer;
  }

  Answer attach(AttachSpec spec) {
    return finished(startAttach(spec));
  }

  /** Attached with timers under which I/O waits. */
  String attach(String name, int node) {
    Answer answer = attach(spec(name, node, 4420, WAIT));
    if (answer.errno != 0) {
      throw new AssertionError("attach: " + answer.errno);
    }
    return answer.bdevs.getFirst();
  }

  Answer start(Consumer<io.diskengine.engine.bdev.Done> begin) {
    Answer answer = new Answer();
    run(0, () -> begin.accept(errno -> answer.errno = errno));
    return answer;
  }

  Answer finished(Answer answer) {
    world.await("an answer", answer::done, 30 * SECOND);
    return answer;
  }

  private ControllerGroup group(String name) {
    ControllerGroup group = host.find(name);
    if (group == null) {
      throw new AssertionError("no controller " + name);
    }
    return group;
  }

  Answer startDetach(String name) {
    NvmeHost.PathFilter all = new NvmeHost.PathFilter(null, null, null, null, null, null, null);
    return start(done -> host.detach(name, all, done));
  }

  Answer startDisable(String name) {
    return start(done -> group(name).disable(0, done));
  }

  Answer startEnable(String name) {
    return start(done -> group(name).enable(0, done));
  }

  Answer startReset(String name) {
    return start(done -> group(name).reset(0, done));
  }

  /** The state of the first path, or "gone". */
  String state(String name) {
    ControllerGroup group = host.find(name);
    return group == null ? "gone" : host.paths(group).getFirst().state();
  }

  void awaitState(String name, String state, long limitNs) {
    world.await(name + " is " + state, () -> state(name).equals(state), limitNs);
  }

  Bdev bdev(String name) {
    Bdev bdev = layer.find(name);
    if (bdev == null) {
      throw new AssertionError("no bdev " + name);
    }
    return bdev;
  }

  @Override
  public void close() {
    world.close();
  }
}

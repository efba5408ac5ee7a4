package io.diskengine.agent;

import io.diskengine.model.NodeMode;
import io.diskengine.model.NodeView;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.spdkrpc.FrameworkMethods;
import io.diskengine.spdkrpc.RpcResult;
import io.diskengine.spdkrpc.SpdkAddress;
import io.diskengine.store.AgentSession;
import io.diskengine.store.AgentWrite;
import io.diskengine.store.LeaseLostException;
import io.diskengine.store.NodeRegistration;
import io.diskengine.store.StoreUnavailableException;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The agent of a baremetal node: legs, RAIDs and vhost controllers. */
public final class BaremetalAgent extends NodeAgent {
  private static final Logger LOG = LoggerFactory.getLogger(BaremetalAgent.class);
  private static final long LOOK_EVERY_MS = 20;

  private final BaremetalMode mode;
  private boolean dataPlaneToo;

  /**
   * @throws IOException when another agent has this data plane, or a file cannot be read
   */
  public BaremetalAgent(BaremetalConfig config) throws IOException {
    this(config, AgentMachine.SYSTEM);
  }

  /**
   * On another machine than this one.
   *
   * @throws IOException as above
   */
  public BaremetalAgent(BaremetalConfig config, AgentMachine machine) throws IOException {
    this(config, machine, new Probing());
  }

  private BaremetalAgent(BaremetalConfig config, AgentMachine machine, Probing probing)
      throws IOException {
    this(config, machine, new BaremetalMode(probing.probes(machine)));
    probing.agent = this;
  }

  private BaremetalAgent(BaremetalConfig config, AgentMachine machine, BaremetalMode mode)
      throws IOException {
    super(
        config.agent(),
        new NodeRegistration(
            config.agent().nodeName(),
            NodeMode.BAREMETAL,
            config.agent().failureDomain(),
            List.of()),
        mode,
        machine);
    this.mode = mode;
  }

  /** Lets probes wake the agent that is made after them. */
  private static final class Probing {
    private @Nullable BaremetalAgent agent;

    PeerProbes probes(AgentMachine machine) {
      return new PeerProbes(
          machine,
          () -> {
            BaremetalAgent made = agent;
            if (made != null) {
              made.reconciler.replan();
            }
          });
    }
  }

  /**
   * Stops the node: guests are cut off in order and every volume that could be left so is recorded
   * as clean; where a guest is connected the data plane itself is told to end (it drains). Then
   * closes.
   */
  public void closeWithDataPlane() {
    dataPlaneToo = true;
    close();
  }

  @Override
  void leave() {
    if (!dataPlaneToo || !ask(reconciler::isPlaneUp).orElse(false)) {
      return;
    }
    if (ask(mode::hasGuests).orElse(false)) {
      endDataPlane();
      return;
    }
    ask(() -> {
      mode.stop();
      reconciler.replan();
      return true;
    });
    // A guest that connected since the last look shows itself by refusing to be cut off.
    boolean settled = await(() -> ask(() -> isDown() || mode.hasGuests()).orElse(false));
    if (ask(mode::hasGuests).orElse(false)) {
      endDataPlane();
      return;
    }
    LOG.info("agent {}: {}", config.nodeName(), settled ? "stopped clean" : "did not stop in time");
  }

  private boolean isDown() {
    return mode.isDown() && reconciler.isIdle();
  }

  /**
   * A process that was told to end and removed its socket has drained: SIGKILL and crashes leave
   * the socket. What it served is clean then.
   */
  private void endDataPlane() {
    if (!(spdk.address() instanceof SpdkAddress.Unix unix)) {
      return;
    }
    RpcResult<Boolean> told = spdk.call(FrameworkMethods.killInstance("SIGTERM"));
    // The built-in engine answers when it has stopped: false when not in order.
    boolean refused = told instanceof RpcResult.Ok<Boolean>(Boolean clean) && !clean;
    boolean gone =
        !refused
            && await(() -> !ask(reconciler::isPlaneUp).orElse(true) && !Files.exists(unix.path()));
    if (!gone) {
      LOG.warn("agent {}: the data plane did not end in order: {}", config.nodeName(), told);
      return;
    }
    boolean recorded = ask(this::recordClean).orElse(false);
    LOG.info("agent {}: data plane ended, clean: {}", config.nodeName(), recorded);
  }

  private boolean recordClean() {
    AgentSession session = reconciler.session();
    if (session == null) {
      return false;
    }
    try {
      NodeView rows = session.view();
      List<AgentWrite> writes =
          rows.mappings().stream()
              .filter(m -> m.nodeId() == session.nodeId() && !m.clean() && mode.wasOpened(m.id()))
              .filter(m -> m.state() != VolumeMappingState.FENCED)
              .map(BaremetalAgent::clean)
              .toList();
      return writes.isEmpty() || session.write(writes).stream().allMatch(r -> r.applied());
    } catch (StoreUnavailableException | LeaseLostException e) {
      LOG.warn("agent {}: a clean stop is not on record: {}", config.nodeName(), e.toString());
      return false;
    }
  }

  private static AgentWrite clean(VolumeMapping m) {
    return new AgentWrite.MappingClean(m.id(), m.version(), true);
  }

  private boolean await(BooleanSupplier condition) {
    long until = clock.nowMs() + END_WITHIN.toMillis();
    while (clock.nowMs() < until) {
      if (condition.getAsBoolean()) {
        return true;
      }
      try {
        machine.sleep(LOOK_EVERY_MS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return false;
      }
    }
    return false;
  }
}

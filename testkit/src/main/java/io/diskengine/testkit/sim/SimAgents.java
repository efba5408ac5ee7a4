package io.diskengine.testkit.sim;

import io.diskengine.agent.AgentConfig;
import io.diskengine.agent.AgentStatus;
import io.diskengine.agent.BaremetalAgent;
import io.diskengine.agent.BaremetalConfig;
import io.diskengine.agent.NodeAgent;
import io.diskengine.agent.StorageNodeAgent;
import io.diskengine.agent.StorageNodeConfig;
import io.diskengine.model.NodeMode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** The agents of a simulated system: processes that run the agents' own code. */
final class SimAgents {
  private final SimWorld world;
  private int started;

  SimAgents(SimWorld world) {
    this.world = world;
  }

  void start(SimNode n) {
    if (n.isAgentUp()) {
      return;
    }
    SimAgentMachine machine = machine(n, false);
    try {
      n.agent = agent(n, machine);
      n.machine = machine;
      n.agent.start();
      world.log(machine.name + " agent starts");
    } catch (IOException e) {
      world.log(machine.name + " agent cannot start: " + e.getMessage());
      world.scheduler.after(SimWorld.MAX_RESTART_MS, () -> start(n));
    }
  }

  private SimAgentMachine machine(SimNode n, boolean elsewhere) {
    return new SimAgentMachine(world, n, n.name + "#" + ++started, elsewhere);
  }

  /**
   * Two agents for one node: the second runs elsewhere for a while and reaches the same data plane.
   * None starts in front of an older database, which it could not tell from the right one.
   */
  void startSecond(SimNode n, long ms) {
    if (world.backup.isShown()) {
      return;
    }
    SimAgentMachine second = machine(n, true);
    try {
      agent(n, second).start();
      world.secondAgents++;
      world.log(second.name + " is a second agent");
      world.scheduler.after(
          ms,
          () -> {
            world.secondAgents--;
            end(n, second);
          });
      world.delayed(ms + 2L * world.rows().cluster.settings().leaseTtlMs());
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  void end(SimNode n, SimAgentMachine machine) {
    world.log(machine.name + " agent is killed");
    List.copyOf(n.links).stream().filter(l -> l.isOf(machine)).forEach(SimLink::abandoned);
    machine.onGone.forEach(Runnable::run);
    world.touched();
    machine.kill();
  }

  NodeAgent agent(SimNode n, SimAgentMachine machine) throws IOException {
    AgentConfig config =
        new AgentConfig(
            n.name,
            "domain-" + n.name,
            "",
            "",
            Path.of("/none"),
            "/run/" + n.name + ".sock",
            Path.of("/state/" + n.name),
            s -> told(n, machine, s));
    if (n.mode == NodeMode.BAREMETAL) {
      return new BaremetalAgent(new BaremetalConfig(config), machine);
    }
    return new StorageNodeAgent(
        new StorageNodeConfig(
            config,
            n.addresses,
            List.of(new StorageNodeConfig.Disk(Path.of(n.disk), n.name + "-disk"))),
        machine);
  }

  private void told(SimNode n, SimAgentMachine machine, AgentStatus status) {
    if (n.machine == machine || n.machine == null || !n.machine.isAlive()) {
      if (n.status.state() != status.state()) {
        world.log(machine.name + " is " + status.state() + ": " + status.detail());
      }
      n.status = status;
    }
  }
}

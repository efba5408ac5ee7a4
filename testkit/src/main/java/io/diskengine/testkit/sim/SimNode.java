package io.diskengine.testkit.sim;

import io.diskengine.agent.AgentStatus;
import io.diskengine.agent.NodeAgent;
import io.diskengine.model.FabricAddress;
import io.diskengine.model.NodeMode;
import io.diskengine.testkit.spdk.FakeSpdk;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A machine: its data plane, its agent, and what outlives both. */
public final class SimNode {
  public final String name;
  public final NodeMode mode;
  public final FakeSpdk spdk;
  final List<FabricAddress> addresses;
  final String disk;

  /** Connections of agents that live. */
  final Set<SimLink> links = new LinkedHashSet<>();

  /** Calls that the data plane has read and not begun. */
  final List<SimLink.Late> late = new ArrayList<>();

  /** Answers of PostgreSQL that an agent waits for: it cannot say anything meanwhile. */
  int commitsThatHang;

  /** Connections so far. */
  long connections;

  @Nullable SimAgentMachine machine;
  @Nullable NodeAgent agent;
  @Nullable SimProcess lockHolder;
  @Nullable String savedState;
  AgentStatus status = new AgentStatus(AgentStatus.State.CLOSED, "never started");

  /** Whether PostgreSQL can be reached from here. */
  boolean postgresCut;

  /** Whether what died is started again. */
  boolean supervised = true;

  SimNode(String name, NodeMode mode, FakeSpdk spdk, List<FabricAddress> addresses) {
    this.name = name;
    this.mode = mode;
    this.spdk = spdk;
    this.addresses = addresses;
    this.disk = "/disks/" + name;
  }

  public AgentStatus status() {
    return status;
  }

  boolean isAgentUp() {
    SimAgentMachine m = machine;
    return m != null && m.isAlive();
  }
}

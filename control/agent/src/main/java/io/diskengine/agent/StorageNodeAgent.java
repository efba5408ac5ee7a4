package io.diskengine.agent;

import io.diskengine.model.NodeMode;
import io.diskengine.store.NodeRegistration;
import java.io.IOException;

/** The agent of a storage node: disks, lvstores, lvols and their exports. */
public final class StorageNodeAgent extends NodeAgent {
  /**
   * @throws IOException when another agent has this data plane, or a file cannot be read
   */
  public StorageNodeAgent(StorageNodeConfig config) throws IOException {
    this(config, AgentClock.SYSTEM);
  }

  StorageNodeAgent(StorageNodeConfig config, AgentClock clock) throws IOException {
    super(
        config.agent(),
        new NodeRegistration(
            config.agent().nodeName(),
            NodeMode.STORAGE_NODE,
            config.agent().failureDomain(),
            config.listen()),
        new StorageNodeMode(config),
        clock);
  }

  /** Exports stay as they are: guests go on without this agent. */
  @Override
  void leave() {}
}

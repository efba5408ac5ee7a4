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
    this(config, AgentMachine.SYSTEM);
  }

  /**
   * On another machine than this one.
   *
   * @throws IOException as above
   */
  public StorageNodeAgent(StorageNodeConfig config, AgentMachine machine) throws IOException {
    super(
        config.agent(),
        new NodeRegistration(
            config.agent().nodeName(),
            NodeMode.STORAGE_NODE,
            config.agent().failureDomain(),
            config.listen()),
        new StorageNodeMode(config, machine),
        machine);
  }

  /** Exports stay as they are: guests go on without this agent. */
  @Override
  void leave() {}
}

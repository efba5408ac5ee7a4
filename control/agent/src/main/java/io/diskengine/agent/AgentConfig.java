package io.diskengine.agent;

import io.diskengine.model.Inputs;
import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * What every agent is told.
 *
 * @param nodeName unique in the cluster
 * @param databaseUrl JDBC URL
 * @param passwordFile holds the password of {@code databaseUser} and nothing else
 * @param spdkSocket RPC socket path of the data plane (or {@code host:port})
 * @param stateDir for what must outlive the process and is not in the database
 * @param onStatus told every change of {@link AgentStatus}, on the agent's thread; must be quick
 */
public record AgentConfig(
    String nodeName,
    String failureDomain,
    String databaseUrl,
    String databaseUser,
    Path passwordFile,
    String spdkSocket,
    Path stateDir,
    Consumer<AgentStatus> onStatus) {
  public AgentConfig {
    Inputs.nodeName(nodeName);
    Inputs.failureDomain(failureDomain);
  }
}

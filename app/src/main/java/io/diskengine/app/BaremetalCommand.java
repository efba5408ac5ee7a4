package io.diskengine.app;

import io.diskengine.agent.AgentConfig;
import io.diskengine.agent.BaremetalAgent;
import io.diskengine.agent.BaremetalConfig;
import java.io.IOException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The agent of a baremetal node. */
@Command(
    name = "baremetal",
    mixinStandardHelpOptions = true,
    description = "Run the agent of a baremetal node.",
    footer = {"", Settings.HELP})
final class BaremetalCommand extends AgentCommand {
  static final String STOP_DATA_PLANE = "--stop-data-plane";

  @Option(
      names = STOP_DATA_PLANE,
      description =
          "On SIGTERM end the data plane too, in order, and record that nothing is to be rebuilt;"
              + " otherwise guests go on without the agent.")
  boolean stopDataPlane;

  BaremetalCommand() {}

  @Override
  Running prepare(Settings settings) throws IOException {
    AgentConfig config = agent(settings, "BAREMETAL_ID");
    PrivateFiles.createDirectory(config.stateDir());
    BaremetalAgent agent = new BaremetalAgent(new BaremetalConfig(config));
    return new Running() {
      @Override
      public void start() {
        agent.start();
      }

      @Override
      public void close() {
        if (stopDataPlane) {
          agent.closeWithDataPlane();
        } else {
          agent.close();
        }
      }
    };
  }
}

package io.diskengine.app;

import io.diskengine.api.ControllerConfig;
import io.diskengine.model.InvalidInput;
import io.diskengine.model.Sizes;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The whole system on this machine, in the foreground. */
@Command(
    name = "up",
    mixinStandardHelpOptions = true,
    description =
        "Run the whole system on this machine: PostgreSQL, two storage nodes, one baremetal node, the controller.")
final class UpCommand implements Callable<Integer> {
  private static final int MAX_BAREMETAL_NODES = 4;

  @Spec CommandSpec spec;

  @Option(
      names = "--data-dir",
      defaultValue = "${env:DISKENGINE_DATA_DIR:-" + DataDirectory.DEFAULT + "}",
      paramLabel = "DIRECTORY",
      description = "Everything it keeps (default: ${DEFAULT-VALUE}).")
  Path dataDir;

  @Option(
      names = "--api-port",
      defaultValue = "" + ControllerConfig.DEFAULT_PORT,
      paramLabel = "PORT",
      description = "Where the API answers, on 127.0.0.1 (default: ${DEFAULT-VALUE}).")
  int apiPort;

  @Option(
      names = "--nvmf-port",
      defaultValue = "4420",
      paramLabel = "PORT",
      description = "NVMe/TCP port of sn1; sn2 has the next (default: ${DEFAULT-VALUE}).")
  int nvmfPort;

  @Option(
      names = "--disk-size",
      defaultValue = "64GiB",
      paramLabel = "SIZE",
      description = "Size of a storage node's new disk, a sparse file (default: ${DEFAULT-VALUE}).")
  String diskSize;

  @Option(
      names = "--baremetal-nodes",
      defaultValue = "1",
      paramLabel = "N",
      description =
          "How many baremetal nodes, 1 to "
              + MAX_BAREMETAL_NODES
              + ": bm1, bm2, ... (default: ${DEFAULT-VALUE}).")
  int baremetalNodes;

  @Option(
      names = "--spdk-tgt",
      paramLabel = "FILE",
      description = "Run this spdk_tgt as the data planes, not the built-in engine.")
  @Nullable Path spdkTgt;

  @Option(
      names = "--spdk-tgt-args",
      defaultValue = "${env:DISKENGINE_SPDK_TGT_ARGS:-" + SpdkTgt.DEFAULT_ARGUMENTS + "}",
      paramLabel = "WORDS",
      description =
          "More arguments for each spdk_tgt (also DISKENGINE_SPDK_TGT_ARGS; default: ${DEFAULT-VALUE}).")
  String spdkTgtArguments;

  @SuppressWarnings("NullAway.Init") // picocli sets the options
  UpCommand() {}

  @Override
  public Integer call() throws InterruptedException {
    Steps steps = new Steps(spec.commandLine().getOut());
    try {
      Up up = Up.prepare(options(), steps);
      Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(up, steps), "up-stop"));
      steps.say(
          "diskengine up in %s, pid %d"
              .formatted(up.layout().root(), ProcessHandle.current().pid()));
      up.start();
      up.watch();
      return 0;
    } catch (IOException e) {
      spec.commandLine().getErr().println("diskengine up: " + e.getMessage());
      return 1;
    }
  }

  private static void stop(Up up, Steps steps) {
    try {
      up.close();
    } catch (IOException e) {
      steps.say("stopping: " + e.getMessage());
    }
  }

  private UpOptions options() throws IOException {
    port("--api-port", apiPort);
    port("--nvmf-port", nvmfPort);
    port("--nvmf-port", nvmfPort + 1);
    if (apiPort == nvmfPort || apiPort == nvmfPort + 1) {
      throw bad("--api-port " + apiPort + " is one of the two NVMe/TCP ports: give another one");
    }
    if (baremetalNodes < 1 || baremetalNodes > MAX_BAREMETAL_NODES) {
      throw bad(
          "--baremetal-nodes " + baremetalNodes + ": must be from 1 to " + MAX_BAREMETAL_NODES);
    }
    try {
      return new UpOptions(
          dataDir,
          apiPort,
          nvmfPort,
          Sizes.parseVolumeSize(diskSize),
          baremetalNodes,
          spdkTgt == null ? null : SpdkTgt.at(spdkTgt, spdkTgtArguments));
    } catch (InvalidInput e) {
      throw bad("--disk-size: " + e.getMessage());
    }
  }

  private void port(String option, int port) {
    if (port < 1 || port > 65_535) {
      throw bad(option + " " + port + ": must be from 1 to 65535");
    }
  }

  private ParameterException bad(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}

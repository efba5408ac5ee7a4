package io.diskengine.app;

import io.diskengine.agent.AgentConfig;
import io.diskengine.agent.AgentStatus;
import io.diskengine.model.Inputs;
import io.diskengine.spdkrpc.SpdkAddress;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What the agents of both modes are told. */
abstract class AgentCommand extends Daemon {
  private static final String STATE_ROOT = "/var/lib/diskengine";

  @Option(names = "--node", paramLabel = "NAME", description = "This node, unique in the cluster.")
  @Nullable String node;

  @Option(
      names = "--failure-domain",
      paramLabel = "NAME",
      description = "Replicas of a volume are in different ones (default: the node's name).")
  @Nullable String failureDomain;

  @Option(
      names = "--spdk-socket",
      paramLabel = "PATH|HOST:PORT",
      description =
          "RPC socket of the data plane: any spdk_tgt, or diskengine engine (also SPDK_RPC_SOCK;"
              + " default: /run/diskengine/NODE/spdk.sock).")
  @Nullable String spdkSocket;

  @Option(
      names = "--state-dir",
      paramLabel = "DIRECTORY",
      description = "What must outlive this process (default: " + STATE_ROOT + "/NODE).")
  @Nullable String stateDir;

  @Option(
      names = "--status-file",
      paramLabel = "FILE",
      description =
          "Always holds one line: the state (WAITING, STARTING, VERIFYING, READY, STOPPED, CLOSED)"
              + " and what it waits for.")
  @Nullable String statusFile;

  AgentCommand() {}

  final AgentConfig agent(Settings settings, String... olderNodeNames) {
    String name =
        settings.required(
            "node",
            "give this node's name; it " + Inputs.NODE_NAME_RULE,
            Inputs::nodeName,
            olderNodeNames);
    Path state =
        settings
            .value("state-dir", Path::of)
            .orElse(Path.of(STATE_ROOT, name))
            .toAbsolutePath()
            .normalize();
    return new AgentConfig(
        name,
        settings.value("failure-domain", Inputs::failureDomain).orElse(name),
        url(settings),
        user(settings, "diskengine_agent"),
        passwordFile(settings),
        settings
            .value("spdk-socket", AgentCommand::spdkAddress, "SPDK_RPC_SOCK")
            .orElse("/run/diskengine/" + name + "/spdk.sock"),
        state,
        settings.value("status-file", Path::of).map(AgentCommand::into).orElse(s -> {}));
  }

  private static String spdkAddress(String text) {
    SpdkAddress.parse(text);
    return text;
  }

  private static Consumer<AgentStatus> into(Path file) {
    Path next = file.resolveSibling(file.getFileName() + ".next");
    return status -> {
      try {
        Files.writeString(
            next, (status.state() + " " + status.detail()).strip() + "\n", StandardCharsets.UTF_8);
        Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
      } catch (IOException e) {
        throw new UncheckedIOException("the status file cannot be written", e);
      }
    };
  }
}

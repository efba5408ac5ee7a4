package io.diskengine.app;

import io.diskengine.agent.AgentConfig;
import io.diskengine.agent.StorageNodeAgent;
import io.diskengine.agent.StorageNodeConfig;
import io.diskengine.model.FabricAddress;
import io.diskengine.model.InvalidInput;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The agent of a storage node. */
@Command(
    name = "storage-node",
    mixinStandardHelpOptions = true,
    description = "Run the agent of a storage node.",
    footer = {"", Settings.HELP})
final class StorageNodeCommand extends AgentCommand {
  private static final int NVMF_PORT = 4420;
  private static final String OLDER_LISTEN = "RDMA_IPS";

  @Option(
      names = "--listen",
      split = ",",
      paramLabel = "TRANSPORT:ADDRESS:PORT",
      description =
          "Where volumes are served, e.g. tcp:10.0.0.1:4420; several with commas (also RDMA_IPS, addresses only).")
  @Nullable List<String> listens;

  @Option(
      names = "--disk",
      split = ",",
      paramLabel = "FILE",
      description = "A regular file that serves as a disk; several with commas.")
  @Nullable List<String> disks;

  StorageNodeCommand() {}

  @Override
  Running prepare(Settings settings) throws IOException {
    AgentConfig config = agent(settings);
    Settings.Setting listen =
        settings
            .find("listen", OLDER_LISTEN)
            .orElseThrow(
                () -> new InvalidInput("--listen", "", "give, e.g., --listen tcp:10.0.0.1:4420"));
    List<FabricAddress> addresses =
        settings.parsed(
            listen,
            each(
                listen.source().equals(OLDER_LISTEN)
                    ? StorageNodeCommand::rdma
                    : FabricAddress::parse));
    List<StorageNodeConfig.Disk> disks =
        settings.required(
            "disk",
            "give the file that serves as a disk",
            each(t -> StorageNodeConfig.Disk.of(config.nodeName(), Settings.file(t))));
    PrivateFiles.createDirectory(config.stateDir());
    StorageNodeAgent agent = new StorageNodeAgent(new StorageNodeConfig(config, addresses, disks));
    return new Running() {
      @Override
      public void start() {
        agent.start();
      }

      @Override
      public void close() {
        agent.close();
      }
    };
  }

  private static FabricAddress rdma(String address) {
    boolean bare = address.indexOf(':') >= 0 && !address.startsWith("[");
    return FabricAddress.parse("rdma:" + (bare ? "[" + address + "]" : address) + ":" + NVMF_PORT);
  }

  private static <T> Function<String, List<T>> each(Function<String, T> parser) {
    return text -> Arrays.stream(text.split(",")).map(String::strip).map(parser).toList();
  }
}

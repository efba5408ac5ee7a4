package io.diskengine.app;

import io.diskengine.spdkrpc.RpcOptions;
import io.diskengine.spdkrpc.SpdkAddress;
import io.diskengine.spdkrpc.SpdkRpcClient;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Which data plane a command talks to. */
final class DataPlaneSocket {
  @Spec(Spec.Target.MIXEE)
  CommandSpec spec;

  @Option(
      names = {"-s", "--socket"},
      defaultValue = "${env:DISKENGINE_RPC_SOCKET}",
      paramLabel = "PATH|HOST:PORT",
      description =
          "Where the process answers (also DISKENGINE_RPC_SOCKET; default: "
              + SpdkAddress.DEFAULT_PATH
              + ").")
  @Nullable String socket;

  @Option(
      names = "--node",
      paramLabel = "NODE",
      description = "The engine of this node of the `diskengine up` on this machine, e.g. bm1.")
  @Nullable String node;

  @SuppressWarnings("NullAway.Init") // picocli sets the options
  DataPlaneSocket() {}

  SpdkRpcClient connect() {
    RpcOptions options = RpcOptions.defaults().withCloseGrace(Duration.ZERO);
    return SpdkRpcClient.connect(address(), options);
  }

  private SpdkAddress address() {
    if (node != null) {
      if (!node.matches("[a-z][a-z0-9-]{0,31}")) {
        throw bad("--node \"" + Table.clean(node) + "\": must be the name of a node, e.g. bm1");
      }
      return new SpdkAddress.Unix(DataDirectory.path().resolve(node).resolve("spdk.sock"));
    }
    try {
      return SpdkAddress.parse(socket == null ? SpdkAddress.DEFAULT_PATH : socket);
    } catch (IllegalArgumentException e) {
      throw bad("--socket: " + e.getMessage());
    }
  }

  private ParameterException bad(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}

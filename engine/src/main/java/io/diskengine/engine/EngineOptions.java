package io.diskengine.engine;

import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.reactor.ReactorOptions;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What one engine process is started with; the letters are those of {@code spdk_tgt}.
 *
 * @param rpcAddress {@code -r}: a Unix socket path or {@code host:port}
 * @param vhostDirectory {@code -S}: where vhost sockets are made
 * @param waitForRpc {@code --wait-for-rpc}: stay in the startup phase until framework_start_init
 * @param config {@code -c}: a saved configuration to replay before RPC is answered, or null
 */
public record EngineOptions(
    String rpcAddress,
    Path vhostDirectory,
    boolean waitForRpc,
    ReactorOptions reactors,
    @Nullable Config config) {
  /**
   * A saved configuration.
   *
   * @param ignoreErrors {@code --json-ignore-init-errors}: go on after an entry that fails
   */
  public record Config(Path file, boolean ignoreErrors) {}

  public EngineOptions {
    if (config != null && waitForRpc) {
      throw new IllegalArgumentException(
          "-c cannot be used together with --wait-for-rpc: the file says when to initialise");
    }
  }

  /** Without a configuration. */
  public EngineOptions(
      String rpcAddress, Path vhostDirectory, boolean waitForRpc, ReactorOptions reactors) {
    this(rpcAddress, vhostDirectory, waitForRpc, reactors, null);
  }

  public static final String DEFAULT_RPC_ADDRESS = "/var/tmp/spdk.sock";

  /**
   * The number of reactors that a core mask ({@code 0x3}) or list ({@code [0,1]}) asks for.
   *
   * @throws IllegalArgumentException naming the value and the rule
   */
  public static int reactorsOf(String cores) {
    String text = cores.strip();
    int count;
    if (text.matches("(0x)?[0-9a-fA-F]{1,16}")) {
      count = Long.bitCount(Long.parseUnsignedLong(text.replaceFirst("^0x", ""), 16));
    } else if (text.matches("\\[\\d+(,\\d+)*]")) {
      count = text.split(",").length;
    } else {
      throw new IllegalArgumentException(
          "-m " + cores + ": expected a core mask such as 0x3 or a list such as [0,1]");
    }
    if (count < 1 || count > BdevLayer.MAX_REACTORS) {
      throw new IllegalArgumentException(
          "-m "
              + cores
              + " selects "
              + count
              + " cores; 1 to "
              + BdevLayer.MAX_REACTORS
              + " are possible");
    }
    return count;
  }
}

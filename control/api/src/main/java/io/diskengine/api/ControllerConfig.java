package io.diskengine.api;

import io.diskengine.store.StoreConfig;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * How a controller is started.
 *
 * @param host address to listen on; one that other machines reach needs a token file
 * @param port 0 = any free port
 * @param tokenFile see {@link Tokens}; null = requests need no token
 */
public record ControllerConfig(
    String host, int port, @Nullable Path tokenFile, StoreConfig database) {
  public static final String DEFAULT_HOST = "127.0.0.1";
  public static final int DEFAULT_PORT = 7600;

  public ControllerConfig {
    if (port < 0 || port > 65535) {
      throw new IllegalArgumentException("API port " + port + ": must be from 0 to 65535");
    }
    if (tokenFile == null && !isLoopback(host)) {
      throw new IllegalArgumentException(
          "API address " + host + " is reachable by others: give a token file, or use 127.0.0.1");
    }
  }

  private static boolean isLoopback(String host) {
    try {
      return InetAddress.getByName(host).isLoopbackAddress();
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException("API address " + host + ": is not an address here", e);
    }
  }
}

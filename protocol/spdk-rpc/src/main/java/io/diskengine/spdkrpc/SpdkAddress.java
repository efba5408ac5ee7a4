package io.diskengine.spdkrpc;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Where an SPDK process listens for JSON-RPC ({@code spdk_tgt -r}). */
public sealed interface SpdkAddress {
  /** What {@code spdk_tgt} uses when started without {@code -r}. */
  String DEFAULT_PATH = "/var/tmp/spdk.sock";

  /** sizeof(sockaddr_un.sun_path) less the terminating zero. */
  int MAX_UNIX_PATH_BYTES = 107;

  SocketAddress socketAddress();

  /** What a person should check when nothing answers here. */
  String whatToCheck();

  /** A Unix socket. */
  record Unix(Path path) implements SpdkAddress {
    public Unix {
      int length = path.toString().getBytes(StandardCharsets.UTF_8).length;
      if (length > MAX_UNIX_PATH_BYTES) {
        throw new IllegalArgumentException(
            "socket path %s is %d bytes long; Linux allows %d: use a shorter directory"
                .formatted(path, length, MAX_UNIX_PATH_BYTES));
      }
    }

    @Override
    public SocketAddress socketAddress() {
      return UnixDomainSocketAddress.of(path);
    }

    @Override
    public String whatToCheck() {
      return "is the data plane running with -r " + path + ", and may this user open the socket?";
    }

    @Override
    public String toString() {
      return path.toString();
    }
  }

  /** A TCP end point: SPDK's own with {@code -r host:port}, or a proxy of its socket. */
  record Tcp(String host, int port) implements SpdkAddress {
    public Tcp {
      if (host.isEmpty() || port < 1 || port > 65535) {
        throw new IllegalArgumentException(
            "'%s:%d' is no host:port with a port from 1 to 65535".formatted(host, port));
      }
    }

    @Override
    public SocketAddress socketAddress() {
      return new InetSocketAddress(host, port);
    }

    @Override
    public String whatToCheck() {
      return "does the data plane listen on " + this + ", and does a firewall let us through?";
    }

    @Override
    public String toString() {
      return host.contains(":") ? "[" + host + "]:" + port : host + ":" + port;
    }
  }

  /**
   * {@code /path/to.sock}, {@code host:port} or {@code [ipv6]:port}. Anything with a slash, or
   * without a colon, is a path.
   */
  static SpdkAddress parse(String text) {
    int colon = text.lastIndexOf(':');
    if (text.isBlank()) {
      throw new IllegalArgumentException(
          "the SPDK address is empty: give a socket path such as "
              + DEFAULT_PATH
              + " or host:port");
    }
    if (text.indexOf('/') >= 0 || colon < 0) {
      return new Unix(Path.of(text));
    }
    String host = text.substring(0, colon);
    if (host.startsWith("[") && host.endsWith("]")) {
      host = host.substring(1, host.length() - 1);
    }
    try {
      return new Tcp(host, Integer.parseInt(text.substring(colon + 1)));
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          "'" + text + "' is neither a socket path nor host:port with a port from 1 to 65535", e);
    }
  }
}

package io.diskengine.app;

import io.diskengine.spdkrpc.SpdkAddress;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/**
 * Where everything of one {@code up} is: below {@code root} and nowhere else.
 *
 * @param root absolute
 */
record UpLayout(Path root) {
  /** The longest name in a vhost directory: {@code vhost<id>_<6 hex>}, the id up to 6 digits. */
  private static final String LONGEST_VHOST = "vhost123456_abcdef";

  static final List<String> STORAGE_NODES = List.of("sn1", "sn2");
  static final String BAREMETAL_NODE = "bm1";

  static UpLayout at(Path dataDir) {
    return new UpLayout(dataDir.toAbsolutePath().normalize());
  }

  Path lock() {
    return root.resolve("lock");
  }

  Path database() {
    return root.resolve("db");
  }

  Path token() {
    return root.resolve("token");
  }

  Path run() {
    return root.resolve("run");
  }

  Path hold(String process) {
    return root.resolve("hold").resolve(process);
  }

  Path log(String process) {
    return root.resolve("log").resolve(process + ".log");
  }

  Path disks() {
    return root.resolve("disks");
  }

  Path disk(String node) {
    return disks().resolve(node + ".img");
  }

  /** Of one node: RPC socket, agent state. */
  Path node(String node) {
    return root.resolve(node);
  }

  Path rpcSocket(String node) {
    return node(node).resolve("spdk.sock");
  }

  Path vhost(String node) {
    return node(node).resolve("vhost");
  }

  Path cache() {
    return root.resolve("cache");
  }

  Path agentState(String node) {
    return node(node).resolve("state");
  }

  Path status(String process) {
    return run().resolve(process + ".status");
  }

  /**
   * @throws IOException when a socket's path would be longer than the kernel takes
   */
  void checkSocketPaths() throws IOException {
    Path longest = vhost(BAREMETAL_NODE).resolve(LONGEST_VHOST);
    int bytes = longest.toString().getBytes(StandardCharsets.UTF_8).length;
    if (bytes > SpdkAddress.MAX_UNIX_PATH_BYTES) {
      throw new IOException(
          "%s is too long for sockets: the path %s has %d bytes, the kernel takes %d; give a --data-dir that is %d bytes shorter"
              .formatted(
                  root,
                  longest,
                  bytes,
                  SpdkAddress.MAX_UNIX_PATH_BYTES,
                  bytes - SpdkAddress.MAX_UNIX_PATH_BYTES));
    }
  }
}

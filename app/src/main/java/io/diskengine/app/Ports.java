package io.diskengine.app;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** TCP ports on 127.0.0.1: whether they are free, and who has them. */
final class Ports {
  private static final String LISTENING = "0A";

  private Ports() {}

  /**
   * @param option names the port for people
   * @throws IOException naming the port and, where this user may see it, its holder
   */
  static void requireFree(int port, String option) throws IOException {
    try (ServerSocket probe = new ServerSocket()) {
      probe.setReuseAddress(true);
      probe.bind(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), port));
    } catch (IOException e) {
      throw new IOException(
          "port %d is in use%s: stop that, or give another %s"
              .formatted(port, holder(port).map(h -> " by " + h).orElse(""), option),
          e);
    }
  }

  /** {@code pid 123 (java ...)}, from proc(5). */
  static Optional<String> holder(int port) {
    try {
      for (String table : List.of("/proc/net/tcp", "/proc/net/tcp6")) {
        for (String line : Files.readAllLines(Path.of(table))) {
          String[] column = line.strip().split("\\s+");
          if (column.length > 9
              && column[3].equals(LISTENING)
              && column[1].endsWith(":%04X".formatted(port))) {
            return ownerOf("socket:[" + column[9] + "]");
          }
        }
      }
    } catch (IOException notLinux) {
      return Optional.empty();
    }
    return Optional.empty();
  }

  private static Optional<String> ownerOf(String socket) {
    return ProcessHandle.allProcesses()
        .filter(p -> has(p.pid(), socket))
        .findFirst()
        .map(p -> "pid " + p.pid() + p.info().command().map(c -> " (" + c + ")").orElse(""));
  }

  private static boolean has(long pid, String socket) {
    try (Stream<Path> descriptors = Files.list(Path.of("/proc/" + pid + "/fd"))) {
      return descriptors.anyMatch(d -> linksTo(d, socket));
    } catch (IOException notOurs) {
      return false;
    }
  }

  private static boolean linksTo(Path descriptor, String socket) {
    try {
      return Files.readSymbolicLink(descriptor).toString().equals(socket);
    } catch (IOException closed) {
      return false;
    }
  }
}

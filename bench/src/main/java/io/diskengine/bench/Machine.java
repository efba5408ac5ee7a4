package io.diskengine.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What a benchmark says of the machine that it runs on, and how it waits there. */
final class Machine {
  private Machine() {}

  static String description() throws IOException {
    return "%d CPUs, load average %s, Linux %s, Java %s"
        .formatted(
            Runtime.getRuntime().availableProcessors(),
            Files.readString(Path.of("/proc/loadavg")).split(" ")[0],
            System.getProperty("os.version"),
            Runtime.version());
  }

  static void pause(long ms) {
    try {
      Thread.sleep(ms);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }
}

package io.diskengine.app;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What one {@code up} was asked for.
 *
 * @param dataDir where everything of it is
 * @param nvmfPort of the first storage node; the second has the next
 * @param diskSizeBytes of each storage node's new disk file
 * @param baremetalNodes how many
 * @param spdkTgt the data planes, when they are not engines
 */
record UpOptions(
    Path dataDir,
    int apiPort,
    int nvmfPort,
    long diskSizeBytes,
    int baremetalNodes,
    @Nullable SpdkTgt spdkTgt) {
  static final String HOST = "127.0.0.1";

  List<String> baremetalNodeNames() {
    return IntStream.rangeClosed(1, baremetalNodes).mapToObj(n -> "bm" + n).toList();
  }

  /** All of them. */
  List<String> nodes() {
    return Stream.concat(UpLayout.STORAGE_NODES.stream(), baremetalNodeNames().stream()).toList();
  }

  int nvmfPort(String storageNode) {
    return nvmfPort + UpLayout.STORAGE_NODES.indexOf(storageNode);
  }

  String apiUrl() {
    return "http://" + HOST + ":" + apiPort;
  }

  /**
   * @throws IOException naming the port that is in use
   */
  void requireFreePorts() throws IOException {
    Ports.requireFree(apiPort, "--api-port");
    for (String node : UpLayout.STORAGE_NODES) {
      Ports.requireFree(nvmfPort(node), "--nvmf-port");
    }
  }
}

package io.diskengine.app;

import java.io.IOException;
import java.nio.file.Path;

/**
 * What one {@code up} was asked for.
 *
 * @param dataDir where everything of it is
 * @param nvmfPort of the first storage node; the second has the next
 * @param diskSizeBytes of each storage node's new disk file
 */
record UpOptions(Path dataDir, int apiPort, int nvmfPort, long diskSizeBytes) {
  static final String HOST = "127.0.0.1";

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

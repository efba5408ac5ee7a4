package io.diskengine.app;

import java.nio.file.Path;

/** Where {@code diskengine up} keeps everything, as the other commands look for it. */
final class DataDirectory {
  static final String DEFAULT = ".diskengine";

  private DataDirectory() {}

  static Path path() {
    String set = System.getenv("DISKENGINE_DATA_DIR");
    return Path.of(set == null || set.isBlank() ? DEFAULT : set);
  }
}

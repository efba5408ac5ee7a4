package io.diskengine.app;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * How a program that refuses to run as root (PostgreSQL) is started here. An ordinary user starts
 * it as is. Root starts it in a user namespace of its own, where it keeps our files but is nobody;
 * where containers forbid that, as the user nobody, who then must own its files.
 */
record Unprivileged(List<String> prefix, boolean ownsFiles) {
  private static final String NOBODY = "nobody";

  static Unprivileged here() throws IOException {
    if (!isRoot()) {
      return new Unprivileged(List.of(), false);
    }
    if (succeeds("unshare", "-U", "true")) {
      return new Unprivileged(List.of("unshare", "-U"), false);
    }
    List<String> asNobody =
        List.of("setpriv", "--reuid=" + NOBODY, "--regid=65534", "--clear-groups");
    if (succeeds(asNobody.get(0), asNobody.get(1), asNobody.get(2), asNobody.get(3), "true")) {
      return new Unprivileged(asNobody, true);
    }
    throw new IOException(
        "PostgreSQL does not run as root, and neither user namespaces (unshare -U) nor another user"
            + " (setpriv) are possible here: run as an ordinary user");
  }

  /** Makes the program the owner of {@code file}, where it needs to be. */
  void give(Path file) throws IOException {
    if (ownsFiles) {
      Files.setOwner(
          file, file.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName(NOBODY));
    }
  }

  private static boolean isRoot() throws IOException {
    return Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0);
  }

  private static boolean succeeds(String... command) {
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      return process.onExit().join().exitValue() == 0;
    } catch (IOException notInstalled) {
      return false;
    }
  }
}

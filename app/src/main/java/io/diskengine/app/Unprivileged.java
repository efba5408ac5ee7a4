package io.diskengine.app;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

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
    if (succeeds("setpriv", "--reuid=" + NOBODY, "--clear-groups", "true")) {
      return asNobody();
    }
    throw new IOException(
        "PostgreSQL does not run as root, and neither user namespaces (unshare -U) nor another user"
            + " (setpriv) are possible here: run as an ordinary user");
  }

  static Unprivileged asNobody() {
    return new Unprivileged(List.of("setpriv", "--reuid=" + NOBODY, "--clear-groups"), true);
  }

  /** {@link #give} of everything below {@code root} and of {@code root}. */
  void giveTree(Path root) throws IOException {
    if (ownsFiles) {
      try (Stream<Path> files = Files.walk(root)) {
        for (Path file : files.filter(f -> !Files.isSymbolicLink(f)).toList()) {
          give(file);
        }
      }
    }
  }

  /** Makes the program the owner of {@code file}, where it needs to be. */
  void give(Path file) throws IOException {
    if (ownsFiles) {
      Files.setOwner(
          file, file.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName(NOBODY));
    }
  }

  static boolean isRoot() throws IOException {
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

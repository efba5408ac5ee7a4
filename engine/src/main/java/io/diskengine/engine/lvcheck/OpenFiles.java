package io.diskengine.engine.lvcheck;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalInt;

/** Who has a file open, from {@code /proc}: spdk_tgt takes no lock. */
final class OpenFiles {
  private static final Path PROC = Path.of("/proc");
  private static final int ACCESS_MODE = 3;

  private OpenFiles() {}

  /**
   * Another process that has the file open for writing, as far as this user may look; a snapshot.
   */
  static OptionalInt writer(String path) {
    Path real;
    try {
      real = Path.of(path).toRealPath();
    } catch (IOException e) {
      return OptionalInt.empty();
    }
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(PROC, "[0-9]*")) {
      for (Path process : processes) {
        int pid = Integer.parseInt(process.getFileName().toString());
        if (pid != ProcessHandle.current().pid() && writes(process, real)) {
          return OptionalInt.of(pid);
        }
      }
    } catch (IOException e) {
      return OptionalInt.empty();
    }
    return OptionalInt.empty();
  }

  private static boolean writes(Path process, Path file) {
    try (DirectoryStream<Path> open = Files.newDirectoryStream(process.resolve("fd"))) {
      for (Path fd : open) {
        if (points(fd, file) && writable(process.resolve("fdinfo").resolve(fd.getFileName()))) {
          return true;
        }
      }
    } catch (IOException | java.nio.file.DirectoryIteratorException e) {
      return false; // ended, or somebody else's
    }
    return false;
  }

  private static boolean points(Path fd, Path file) {
    try {
      return Files.readSymbolicLink(fd).equals(file);
    } catch (IOException e) {
      return false;
    }
  }

  private static boolean writable(Path fdinfo) throws IOException {
    for (String line : Files.readAllLines(fdinfo)) {
      if (line.startsWith("flags:")) {
        return (Integer.parseInt(line.substring(6).trim(), 8) & ACCESS_MODE) != 0;
      }
    }
    return false;
  }
}

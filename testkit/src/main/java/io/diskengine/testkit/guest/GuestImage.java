package io.diskengine.testkit.guest;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.diskengine.testkit.process.ChildProcess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/**
 * Kernel and initramfs of the guest. Built once and kept in {@code
 * ${XDG_CACHE_HOME:-~/.cache}/diskengine/guest} (or {@code DISKENGINE_GUEST_CACHE}): Debian's cloud
 * kernel as its package brings it, and an initramfs named after the digest of what it was made
 * from.
 */
public record GuestImage(Path kernel, Path initramfs) {
  private static final Duration DOWNLOAD_TIMEOUT = Duration.ofMinutes(5);
  private static final Duration BUILD_TIMEOUT = Duration.ofMinutes(2);
  private static final int KEPT_INITRAMFS = 3;
  private static final String META_PACKAGE = "linux-image-cloud-amd64";

  /** The image for this machine, from the cache if it is there. */
  public static synchronized GuestImage cached() {
    GuestRequirements.require();
    Path cache = cacheFolder();
    try {
      Files.createDirectories(cache);
      // Other test JVMs build the same image: one does, the others wait.
      try (FileChannel channel =
              FileChannel.open(
                  cache.resolve(".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
          FileLock lock = channel.lock()) {
        assert lock.isValid();
        Path tree = kernelTree(cache);
        return new GuestImage(onlyKernelOf(tree), initramfs(cache, tree));
      }
    } catch (IOException e) {
      throw new UncheckedIOException("guest image in " + cache, e);
    }
  }

  private static Path cacheFolder() {
    String own = System.getenv("DISKENGINE_GUEST_CACHE");
    if (own != null && !own.isEmpty()) {
      return Path.of(own).toAbsolutePath();
    }
    String xdg = System.getenv("XDG_CACHE_HOME");
    Path home =
        xdg != null && xdg.startsWith("/")
            ? Path.of(xdg)
            : Path.of(System.getProperty("user.home"), ".cache");
    return home.resolve("diskengine/guest");
  }

  /** The unpacked kernel package: the newest in the cache, else downloaded. */
  private static Path kernelTree(Path cache) throws IOException {
    List<Path> trees = newestFirst(cache, "kernel-*");
    if (!trees.isEmpty()) {
      return trees.getFirst();
    }
    String kernelPackage = kernelPackage();
    Path work = Files.createTempDirectory(cache, ".kernel");
    Path tree = cache.resolve("kernel-" + kernelPackage);
    try {
      ChildProcess.run(
          DOWNLOAD_TIMEOUT,
          List.of(
              "sh",
              "-ec",
              "cd \"$0\"; apt-get -q download \"$1\"; dpkg-deb -x *.deb tree",
              work.toString(),
              kernelPackage));
      Files.move(work.resolve("tree"), tree);
    } catch (IllegalStateException e) {
      throw new GuestUnavailableException(
          "no guest without a kernel; apt-get download " + kernelPackage + " failed", e);
    } finally {
      delete(work);
    }
    return tree;
  }

  /** The package that stands behind Debian's name for "the current cloud kernel". */
  private static String kernelPackage() {
    String query =
        "apt-cache depends "
            + META_PACKAGE
            + " | sed -n 's/^ *Depends: \\(linux-image-[0-9].*\\)/\\1/p' | head -n 1";
    String name = ChildProcess.run(DOWNLOAD_TIMEOUT, List.of("sh", "-c", query)).strip();
    if (name.isEmpty() && System.getProperty("user.name").equals("root")) {
      ChildProcess.run(DOWNLOAD_TIMEOUT, List.of("apt-get", "-q", "update"));
      name = ChildProcess.run(DOWNLOAD_TIMEOUT, List.of("sh", "-c", query)).strip();
    }
    if (name.isEmpty()) {
      throw new GuestUnavailableException("apt knows no " + META_PACKAGE + "; try: apt-get update");
    }
    return name;
  }

  private static Path onlyKernelOf(Path tree) throws IOException {
    return newestFirst(tree.resolve("boot"), "vmlinuz-*").getFirst();
  }

  private static Path initramfs(Path cache, Path tree) throws IOException {
    String script = GuestRequirements.resource("build-image.sh");
    String init = GuestRequirements.resource("init");
    String key = digest(script, init, tree.getFileName().toString(), programs());
    Path initramfs = cache.resolve("initramfs-" + key + ".cpio");
    if (Files.exists(initramfs)) {
      return initramfs;
    }
    Path work = Files.createTempDirectory(cache, ".initramfs");
    try {
      Path scriptFile = Files.writeString(work.resolve("build-image.sh"), script);
      Path initFile = Files.writeString(work.resolve("init"), init);
      Path out = work.resolve("initramfs.cpio");
      ChildProcess.run(
          BUILD_TIMEOUT,
          List.of(
              "bash", scriptFile.toString(), tree.toString(), initFile.toString(), out.toString()));
      Files.move(out, initramfs);
    } finally {
      delete(work);
    }
    for (Path old : newestFirst(cache, "initramfs-*").stream().skip(KEPT_INITRAMFS).toList()) {
      Files.deleteIfExists(old);
    }
    return initramfs;
  }

  /** What changes when a program that goes into the image changes. */
  private static String programs() throws IOException {
    List<String> facts = new ArrayList<>();
    for (GuestRequirements.Requirement requirement : GuestRequirements.all()) {
      Path program = requirement.path().orElseThrow().toRealPath();
      facts.add(program + " " + Files.size(program) + " " + Files.getLastModifiedTime(program));
    }
    return String.join("\n", facts);
  }

  private static String digest(String... parts) {
    try {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      for (String part : parts) {
        sha.update(part.getBytes(UTF_8));
        sha.update((byte) 0);
      }
      return HexFormat.of().formatHex(sha.digest(), 0, 6);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<Path> newestFirst(Path folder, String glob) throws IOException {
    List<Path> found = new ArrayList<>();
    try (var stream = Files.newDirectoryStream(folder, glob)) {
      stream.forEach(found::add);
    }
    found.sort(Comparator.comparingLong((Path path) -> path.toFile().lastModified()).reversed());
    return found;
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> paths = Files.walk(folder)) {
      for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    }
  }
}

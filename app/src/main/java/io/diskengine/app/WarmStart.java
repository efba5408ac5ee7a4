package io.diskengine.app;

import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The engine's classes, loaded and linked in advance (JEP 483, 514): a guest waits for an engine
 * that restarts. The file is made once for each Java and class path, beside what is running; the
 * JVM checks that it fits and does without it otherwise.
 */
final class WarmStart {
  private static final Duration LIMIT = Duration.ofMinutes(3);

  private final Path directory;

  WarmStart(Path directory) {
    this.directory = directory;
  }

  /** For an engine's command line; none while there is no file. */
  List<String> flags() {
    Path file = file();
    return Files.exists(file)
        ? List.of("-XX:AOTCache=" + file, "-Xlog:aot=off", "-Xlog:cds=off")
        : List.of();
  }

  private Path file() {
    String key = System.getProperty("java.vm.version") + ":" + classPath();
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_8));
      return directory.resolve("engine-" + HexFormat.of().formatHex(digest, 0, 6) + ".aot");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }

  private static String classPath() {
    return System.getProperty("java.class.path", "");
  }

  /** The JVM archives classes of jars only. */
  private static boolean isPossible() {
    return Arrays.stream(classPath().split(File.pathSeparator)).allMatch(p -> p.endsWith(".jar"));
  }

  /** Makes the file where it is missing; takes seconds. Answers what went wrong, or null. */
  @Nullable String make() throws IOException, InterruptedException {
    Path file = file();
    if (Files.exists(file) || !isPossible()) {
      return null;
    }
    PrivateFiles.deleteTree(directory);
    PrivateFiles.createDirectory(directory);
    Path fresh = directory.resolve("new.aot");
    List<String> command = new ArrayList<>(List.of("nice", "-n", "19"));
    command.addAll(
        ChildCommand.engine(
            List.of("-XX:AOTCacheOutput=" + fresh, "-Xlog:aot=off"),
            "engine",
            "-r",
            directory.resolve("rpc").toString(),
            "-S",
            directory.toString(),
            "--wait-for-rpc",
            EngineCommand.REHEARSE));
    Path log = directory.resolve("log");
    Process rehearsal =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(Redirect.to(log.toFile()))
            .start();
    if (!rehearsal.waitFor(LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
      rehearsal.destroyForcibly().waitFor();
    }
    if (!Files.exists(fresh)) {
      return "engines start without help: see " + log;
    }
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
    return null;
  }
}

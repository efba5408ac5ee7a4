package io.diskengine.app;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Keeps one child process running: a child that ends is started again, at once the first time, then
 * with growing pauses. While the file {@code hold/<name>} exists it stays down.
 *
 * <p>The child has a session of its own, so that Ctrl-C reaches it only through {@link #stop}, and
 * its standard input is a pipe whose end tells it that we are gone.
 */
final class Supervisor {
  static final Duration LONGEST_PAUSE = Duration.ofSeconds(10);

  /** A child that ran this long is well: the next restart is immediate again. */
  static final Duration WELL_AFTER = Duration.ofSeconds(10);

  private static final Duration SHORTEST_PAUSE = Duration.ofMillis(100);
  private static final Duration HOLD_CHECK = Duration.ofMillis(200);
  private static final long MAX_LOG_BYTES = 16 << 20;

  /** In the environment of every child: the directory that it belongs to. */
  private static final String MARK = "DISKENGINE_UP";

  private final String name;
  private final Path directory;
  private final Supplier<List<String>> command;
  private final Path pidFile;
  private final Path holdFile;
  private final Path logFile;
  private final Consumer<String> tell;
  private final Thread thread;
  private volatile boolean stopping;
  private volatile @Nullable Process process;

  /**
   * @param command asked at each start
   * @param directory with {@code run}, {@code hold} and {@code log} in it
   * @param tell gets one line for each end and each hold
   */
  Supervisor(String name, Supplier<List<String>> command, Path directory, Consumer<String> tell) {
    this.name = name;
    this.directory = directory;
    this.command = command;
    this.pidFile = directory.resolve("run").resolve(name + ".pid");
    this.holdFile = directory.resolve("hold").resolve(name);
    this.logFile = directory.resolve("log").resolve(name + ".log");
    this.tell = tell;
    this.thread = Thread.ofPlatform().daemon().name("supervise-" + name).unstarted(this::run);
  }

  void start() {
    thread.start();
  }

  String name() {
    return name;
  }

  Path logFile() {
    return logFile;
  }

  boolean isHeld() {
    return Files.exists(holdFile);
  }

  private void run() {
    int failures = 0;
    try {
      while (!stopping) {
        awaitRelease();
        if (stopping) {
          return;
        }
        long startedNs = System.nanoTime();
        String end = runOnce();
        if (stopping) {
          return;
        }
        Duration ran = Duration.ofNanos(System.nanoTime() - startedNs);
        failures = ran.compareTo(WELL_AFTER) >= 0 ? 0 : failures + 1;
        Duration pause = pauseAfter(failures);
        tell.accept(
            "%s %s after %d s; %s; log: %s"
                .formatted(
                    name, end, ran.toSeconds(), isHeld() ? held() : restart(pause), logFile));
        Thread.sleep(pause);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private String held() {
    return "it stays down while " + holdFile + " exists";
  }

  private static String restart(Duration pause) {
    return pause.isZero() ? "started again" : "starting again in " + pause.toMillis() + " ms";
  }

  /**
   * @param failures ends in a row before {@link #WELL_AFTER}
   */
  static Duration pauseAfter(int failures) {
    if (failures <= 1) {
      return Duration.ZERO;
    }
    Duration pause = SHORTEST_PAUSE.multipliedBy(1L << Math.min(failures - 2, 20));
    return pause.compareTo(LONGEST_PAUSE) < 0 ? pause : LONGEST_PAUSE;
  }

  private void awaitRelease() throws InterruptedException {
    if (isHeld()) {
      tell.accept(name + ": " + held());
    }
    while (isHeld() && !stopping) {
      Thread.sleep(HOLD_CHECK);
    }
  }

  /** Runs the child to its end; answers how it ended. */
  private String runOnce() throws InterruptedException {
    try {
      rotateLog();
      List<String> words = new ArrayList<>(List.of("setsid"));
      words.addAll(command.get());
      ProcessBuilder builder =
          new ProcessBuilder(words)
              .redirectErrorStream(true)
              .redirectOutput(Redirect.appendTo(logFile.toFile()));
      builder.environment().put(MARK, directory.toString());
      Process child = builder.start();
      process = child;
      Files.writeString(pidFile, child.pid() + "\n");
      int status = child.waitFor();
      Files.deleteIfExists(pidFile);
      return "ended with status " + status;
    } catch (IOException e) {
      Process child = process;
      if (child != null && !stopping) {
        child.destroyForcibly().waitFor(); // a child without a pid file is nobody's
      }
      return "could not be started (" + e.getMessage() + ")";
    }
  }

  private void rotateLog() throws IOException {
    if (Files.exists(logFile) && Files.size(logFile) > MAX_LOG_BYTES) {
      Path older = logFile.resolveSibling(logFile.getFileName() + ".1");
      Files.move(logFile, older, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  /** The child is about to end by order of somebody else: it is not started again. */
  void expectEnd() {
    stopping = true;
  }

  /** Asks the child to end (SIGTERM), waits, and kills it when it takes too long. */
  void stop(Duration limit) {
    stopping = true;
    thread.interrupt();
    try {
      thread.join(); // so that no child is being started any more
      Process child = process;
      if (child != null && child.isAlive()) {
        // Not Process.destroy: it closes our end of the pipe, the sign of sudden death.
        child.toHandle().destroy();
        if (!child.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
          tell.accept(name + " did not end within " + limit.toSeconds() + " s and is killed");
          child.destroyForcibly().waitFor();
        }
      }
      Files.deleteIfExists(pidFile);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Makes the folders that supervisors use; what an earlier run left running is killed. */
  static void prepare(Path directory) throws IOException {
    for (String part : List.of("run", "hold", "log")) {
      PrivateFiles.createDirectory(directory.resolve(part));
    }
    for (File old : filesIn(directory.resolve("run"))) {
      killLeftover(old.toPath(), directory);
      Files.deleteIfExists(old.toPath());
    }
  }

  /** Children end with us, but a stopped one (SIGSTOP) cannot notice that we are gone. */
  private static void killLeftover(Path pidFile, Path directory) throws IOException {
    String pid = Files.readString(pidFile).strip();
    Path environment = Path.of("/proc", pid, "environ");
    if (!pid.matches("[0-9]+") || !Files.exists(environment)) {
      return;
    }
    List<String> variables;
    try {
      String all = new String(Files.readAllBytes(environment), StandardCharsets.ISO_8859_1);
      variables = List.of(all.split("\0"));
    } catch (IOException gone) {
      return;
    }
    if (variables.contains(mark(directory))) {
      ProcessHandle.of(Long.parseLong(pid))
          .ifPresent(p -> {
            p.destroyForcibly();
            p.onExit().join();
          });
    }
  }

  /** As {@code /proc/<pid>/environ} shows it, each byte a character. */
  private static String mark(Path directory) {
    byte[] mark = (MARK + "=" + directory).getBytes(StandardCharsets.UTF_8);
    return new String(mark, StandardCharsets.ISO_8859_1);
  }

  private static List<File> filesIn(Path folder) {
    File[] files = folder.toFile().listFiles((dir, file) -> file.endsWith(".pid"));
    return files == null ? List.of() : List.of(files);
  }
}

package io.diskengine.app;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

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

  private static final Duration HOLD_CHECK = Duration.ofMillis(200);
  private static final Logger LOG = LoggerFactory.getLogger(Supervisor.class);

  private final String name;
  private final List<String> command;
  private final Path pidFile;
  private final Path holdFile;
  private final Path logFile;
  private final Consumer<String> tell;
  private final Thread thread;
  private volatile boolean stopping;
  private volatile @Nullable Process process;

  /**
   * @param directory with {@code run}, {@code hold} and {@code log} in it
   * @param tell gets one line for each end and each hold
   */
  Supervisor(String name, List<String> command, Path directory, Consumer<String> tell) {
    this.name = name;
    this.command = new ArrayList<>(List.of("setsid"));
    this.command.addAll(command);
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

  private void run() {
    long pauseMs = 0;
    try {
      while (!stopping) {
        awaitRelease();
        if (stopping) {
          return;
        }
        long startedNs = System.nanoTime();
        int status = runOnce();
        if (stopping) {
          return;
        }
        Duration ran = Duration.ofNanos(System.nanoTime() - startedNs);
        pauseMs = ran.compareTo(WELL_AFTER) >= 0 ? 0 : nextPauseMs(pauseMs);
        tell.accept(
            "%s ended with status %d after %d s; %s; log: %s"
                .formatted(
                    name,
                    status,
                    ran.toSeconds(),
                    Files.exists(holdFile)
                        ? "held down by " + holdFile
                        : "starting again in " + pauseMs + " ms",
                    logFile));
        Thread.sleep(pauseMs);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      tell.accept(name + " cannot be started: " + e.getMessage());
    }
  }

  static long nextPauseMs(long lastMs) {
    return Math.min(LONGEST_PAUSE.toMillis(), lastMs == 0 ? 100 : lastMs * 2);
  }

  private void awaitRelease() throws InterruptedException {
    while (Files.exists(holdFile) && !stopping) {
      Thread.sleep(HOLD_CHECK.toMillis());
    }
  }

  private int runOnce() throws IOException, InterruptedException {
    Process child =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(Redirect.appendTo(logFile.toFile()))
            .start();
    process = child;
    Files.writeString(pidFile, child.pid() + "\n");
    LOG.atInfo().addKeyValue("process", name).addKeyValue("pid", child.pid()).log("started");
    int status = child.waitFor();
    Files.deleteIfExists(pidFile);
    return status;
  }

  /** Asks the child to end (SIGTERM), waits, and kills it when it takes too long. */
  void stop(Duration limit) {
    stopping = true;
    Process child = process;
    try {
      if (child != null && child.isAlive()) {
        child.destroy();
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

  /** Makes the folders that supervisors use. */
  static void prepare(Path directory) throws IOException {
    for (String part : List.of("run", "hold", "log")) {
      PrivateFiles.createDirectory(directory.resolve(part));
    }
    for (File old : filesIn(directory.resolve("run"))) {
      Files.deleteIfExists(old.toPath());
    }
  }

  private static List<File> filesIn(Path folder) {
    File[] files = folder.toFile().listFiles((dir, file) -> file.endsWith(".pid"));
    return files == null ? List.of() : List.of(files);
  }
}

package io.diskengine.testkit.process;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * A process started by a test, with its output (standard output and error together) read line by
 * line. It is killed by {@link #close}, and by the kernel when this JVM dies in whatever way: it
 * runs under {@code setpriv --pdeathsig KILL}.
 */
public final class ChildProcess implements AutoCloseable {
  private static final int KEPT_LINES = 5_000;

  /**
   * The kernel sends the death signal when the thread that forked ends, not the process. So all
   * children are forked by one thread that never ends.
   */
  private static final ExecutorService FORKER =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().daemon().name("child-forker").factory());

  private final String name;
  private final Process process;
  private final ArrayDeque<String> output = new ArrayDeque<>();
  private final Thread reader;

  private ChildProcess(String name, Process process, Consumer<String> line) {
    this.name = name;
    this.process = process;
    // Not a virtual thread: a blocking read of a pipe keeps its carrier for as long as it lasts.
    this.reader = Thread.ofPlatform().daemon().name(name + "-output").start(() -> read(line));
  }

  /**
   * Starts {@code command} with no standard input; {@code line} sees each line of output, on a
   * thread of its own.
   */
  public static ChildProcess start(String name, List<String> command, Consumer<String> line) {
    List<String> full = new ArrayList<>(List.of("setpriv", "--pdeathsig", "KILL", "--"));
    full.addAll(command);
    ProcessBuilder builder =
        new ProcessBuilder(full)
            .redirectErrorStream(true)
            .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")));
    try {
      return new ChildProcess(name, FORKER.submit(builder::start).get(), line);
    } catch (ExecutionException e) {
      throw new IllegalStateException(
          name + " did not start: " + String.join(" ", full), e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while starting " + name, e);
    }
  }

  public static ChildProcess start(String name, List<String> command) {
    return start(name, command, line -> {});
  }

  /**
   * Runs {@code command} to its end; answers its output. Any exit code but 0, and no end in time,
   * is an exception.
   */
  public static String run(Duration timeout, List<String> command) {
    try (ChildProcess child = start(command.getFirst(), command)) {
      int code = child.await(timeout);
      child.awaitOutput();
      String text = String.join("\n", child.output());
      if (code != 0) {
        throw new IllegalStateException(
            "exit code " + code + ": " + String.join(" ", command) + "\n" + text);
      }
      return text;
    }
  }

  public long pid() {
    return process.pid();
  }

  public boolean alive() {
    return process.isAlive();
  }

  /** The last lines of output, oldest first. */
  public List<String> output() {
    synchronized (output) {
      return List.copyOf(output);
    }
  }

  /** Sends a signal by name, e.g. {@code STOP}, {@code CONT}, {@code TERM}. */
  public void signal(String signal) {
    run(Duration.ofSeconds(10), List.of("kill", "-" + signal, Long.toString(pid())));
  }

  /** SIGKILL; returns when the process is gone. */
  public void kill() {
    process.destroyForcibly();
    await(Duration.ofSeconds(20));
  }

  /** Waits for the end; answers the exit code (128 + n after signal n). */
  public int await(Duration timeout) {
    try {
      if (process.waitFor(timeout.toMillis(), TimeUnit.MILLISECONDS)) {
        return process.exitValue();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while waiting for " + name, e);
    }
    throw new IllegalStateException(
        name
            + " (pid "
            + pid()
            + ") still runs after "
            + timeout
            + "\n"
            + String.join("\n", output()));
  }

  /** SIGKILL, if it still runs. */
  @Override
  public void close() {
    if (alive()) {
      kill();
    }
  }

  /** Waits until all output was read; the process has ended. */
  public void awaitOutput() {
    try {
      // A grandchild may hold the pipe open: not for ever.
      reader.join(Duration.ofSeconds(5));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void read(Consumer<String> line) {
    try (BufferedReader in = process.inputReader()) {
      for (String text = in.readLine(); text != null; text = in.readLine()) {
        synchronized (output) {
          if (output.size() == KEPT_LINES) {
            output.removeFirst();
          }
          output.addLast(text);
        }
        line.accept(text);
      }
    } catch (IOException e) {
      if (alive()) {
        throw new UncheckedIOException(e);
      }
    }
  }
}

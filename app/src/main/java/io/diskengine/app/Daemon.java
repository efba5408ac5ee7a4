package io.diskengine.app;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** A process of the control plane in the foreground, until SIGTERM or SIGINT. */
abstract class Daemon implements Callable<Integer> {
  @Spec CommandSpec spec;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "Settings as lines NAME = VALUE, NAME being a long option without --.")
  @Nullable String config;

  @Option(
      names = "--db-url",
      paramLabel = "URL",
      description = "PostgreSQL: jdbc:postgresql://HOST[:PORT]/DATABASE.")
  @Nullable String dbUrl;

  @Option(names = "--db-user", paramLabel = "ROLE", description = "PostgreSQL role.")
  @Nullable String dbUser;

  @Option(
      names = "--db-password-file",
      paramLabel = "FILE",
      description = "Holds that role's password and nothing else.")
  @Nullable String dbPasswordFile;

  @Option(names = ParentWatch.OPTION, hidden = true, description = "End when the parent ends.")
  boolean dieWithParent;

  @SuppressWarnings("NullAway.Init") // picocli sets the options
  Daemon() {}

  /** What runs; closed on SIGTERM. */
  interface Running {
    void start() throws IOException;

    void close() throws IOException;
  }

  /** Checks the settings and makes what is to run, which does nothing yet. */
  abstract Running prepare(Settings settings) throws IOException;

  @Override
  public final Integer call() throws InterruptedException {
    if (dieWithParent) {
      ParentWatch.start();
    }
    try {
      Running running = prepare(new Settings(spec, System.getenv()));
      Runtime.getRuntime().addShutdownHook(new Thread(() -> close(running), "stop"));
      running.start();
    } catch (IOException | IllegalStateException e) {
      return failed(String.valueOf(e.getMessage()));
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
    }
    new CountDownLatch(1).await(); // the shutdown hook is the way out
    return ExitCode.DONE;
  }

  private void close(Running running) {
    try {
      running.close();
    } catch (IOException | RuntimeException e) {
      failed("stopping: " + e);
    }
  }

  private int failed(String message) {
    spec.commandLine().getErr().println(spec.qualifiedName() + ": " + message);
    return ExitCode.FAILED;
  }

  static String url(Settings settings) {
    return settings.required(
        "db-url", "give jdbc:postgresql://HOST[:PORT]/DATABASE", Settings::jdbcUrl);
  }

  static String user(Settings settings, String otherwise) {
    return settings.value("db-user", Settings::databaseUser).orElse(otherwise);
  }

  static Path passwordFile(Settings settings) {
    return settings.required(
        "db-password-file", "give the file that holds the role's password", Settings::file);
  }

  static String password(Path file) throws IOException {
    return Files.readString(file).strip();
  }
}

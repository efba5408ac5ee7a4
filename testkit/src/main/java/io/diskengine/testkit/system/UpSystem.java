package io.diskengine.testkit.system;

import io.diskengine.api.ApiClient;
import io.diskengine.app.Main;
import io.diskengine.testkit.process.ChildProcess;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BooleanSupplier;
import picocli.CommandLine;

/**
 * {@code diskengine up} as a process of its own in one data directory, on ports of its own, with
 * the commands that a user types and the faults that a test wants. Closed or not: it ends with this
 * JVM.
 *
 * <p>Names of processes: {@code sn1-engine}, {@code sn1-agent}, {@code sn2-...}, {@code bm1-...},
 * {@code controller}.
 */
public final class UpSystem implements AutoCloseable {
  /** Generous: unpacking and initialising PostgreSQL on a busy machine. */
  private static final Duration READY_WITHIN = Duration.ofSeconds(180);

  private static final Duration ENDS_WITHIN = Duration.ofSeconds(60);
  private static final Duration POLL = Duration.ofMillis(20);

  /** Below the ports that the kernel gives to clients. */
  private static final int FIRST_PORT = 20_000;

  private static final int LAST_PORT = 32_000;

  private final Path dataDir;
  private final List<String> options;
  private final int apiPort;
  private final int nvmfPort;
  private ChildProcess process;

  private UpSystem(Path dataDir, List<String> options) {
    this.dataDir = dataDir;
    this.options = List.copyOf(options);
    this.nvmfPort = freePorts();
    this.apiPort = nvmfPort + 2;
    this.process = launch(dataDir);
  }

  /** What a command printed. */
  public record Result(List<String> command, int exitCode, String out, String err) {
    /** This result, if the command succeeded; otherwise an {@link AssertionError}. */
    public Result ok() {
      if (exitCode != 0) {
        throw new AssertionError(
            "exit code %d: diskengine %s\n%s%s"
                .formatted(exitCode, String.join(" ", command), out, err));
      }
      return this;
    }
  }

  /** Starts a system and waits until it is ready. The directory's path must be short: sockets. */
  public static UpSystem start(Path dataDir, String... options) {
    UpSystem system = launchOnly(dataDir, options);
    system.awaitReady();
    return system;
  }

  /** Starts a system; {@link #awaitReady} is the caller's. */
  public static UpSystem launchOnly(Path dataDir, String... options) {
    return new UpSystem(dataDir.toAbsolutePath(), List.of(options));
  }

  private ChildProcess launch(Path directory) {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-XX:-UsePerfData",
                "-XX:+UnlockDiagnosticVMOptions",
                "-XX:AsyncDeflationInterval=5000",
                "-XX:ServiceThreadCleanupInterval=10000",
                "-XX:TieredStopAtLevel=1",
                "-Xmx128m",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "up",
                "--data-dir",
                directory.toString(),
                "--api-port",
                Integer.toString(apiPort),
                "--nvmf-port",
                Integer.toString(nvmfPort)));
    command.addAll(options);
    return ChildProcess.start("up", command);
  }

  private static int freePorts() {
    for (int tries = 0; tries < 100; tries++) {
      int port = ThreadLocalRandom.current().nextInt(FIRST_PORT, LAST_PORT);
      if (isFree(port) && isFree(port + 1) && isFree(port + 2)) {
        return port;
      }
    }
    throw new IllegalStateException("no free ports from " + FIRST_PORT + " to " + LAST_PORT);
  }

  private static boolean isFree(int port) {
    try (ServerSocket probe = new ServerSocket()) {
      probe.setReuseAddress(true);
      probe.bind(new InetSocketAddress("127.0.0.1", port));
      return true;
    } catch (IOException taken) {
      return false;
    }
  }

  public Path dataDir() {
    return dataDir;
  }

  public URI api() {
    return URI.create("http://127.0.0.1:" + apiPort);
  }

  /** Of {@code sn1}; {@code sn2} has the next. */
  public int nvmfPort() {
    return nvmfPort;
  }

  public Path token() {
    return dataDir.resolve("token");
  }

  public Path rpcSocket(String node) {
    return dataDir.resolve(node).resolve("spdk.sock");
  }

  /** What {@code up} printed so far. */
  public List<String> output() {
    return process.output();
  }

  /** Everything that the processes of {@code up} logged, for the message of a failure. */
  public String logs() {
    StringBuilder all = new StringBuilder(String.join("\n", output()));
    try (var files = Files.list(dataDir.resolve("log"))) {
      for (Path file : files.sorted().toList()) {
        List<String> lines = Files.readAllLines(file);
        all.append("\n== ").append(file.getFileName()).append('\n');
        all.append(String.join("\n", lines.subList(Math.max(0, lines.size() - 60), lines.size())));
      }
    } catch (IOException e) {
      all.append("\nno logs: ").append(e);
    }
    return all.toString();
  }

  public void awaitReady() {
    await("up to be ready", READY_WITHIN, () -> output().stream().anyMatch(this::saysReady));
  }

  private boolean saysReady(String line) {
    if (!process.alive()) {
      throw new AssertionError("up ended:\n" + logs());
    }
    return line.startsWith("  ready ");
  }

  /** Waits until the condition is true; fails with all logs when it does not become so. */
  public void await(String what, Duration within, BooleanSupplier condition) {
    long untilNs = System.nanoTime() + within.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > untilNs) {
        throw new AssertionError("waited " + within + " for " + what + "\n" + logs());
      }
      if (!process.alive()) {
        throw new AssertionError("up ended while waiting for " + what + "\n" + logs());
      }
      pause();
    }
  }

  private static void pause() {
    try {
      Thread.sleep(POLL);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  /** Runs a command of a user against this system; {@code rpc} is told its socket by the caller. */
  public Result command(String... words) {
    List<String> command = new ArrayList<>(List.of(words));
    if (!command.getFirst().equals("rpc")) {
      command.addAll(List.of("--api", api().toString(), "--token-file", token().toString()));
    }
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine main =
        Main.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true));
    int exitCode = main.execute(command.toArray(String[]::new));
    return new Result(List.of(words), exitCode, out.toString(), err.toString());
  }

  /** Detaches a volume whose guest has ended, however short a time ago. */
  public void detach(String volume) {
    command("volume", "detach", volume).ok();
  }

  /** A client of the API; the caller closes it. */
  public ApiClient client() {
    try {
      return new ApiClient(api(), Files.readString(token()).strip());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Of {@code up} itself. */
  public long pid() {
    return process.pid();
  }

  /** The pid of a process of {@code up}; waits while it is being started. */
  public long pid(String name) {
    Path file = dataDir.resolve("run").resolve(name + ".pid");
    String[] pid = {""};
    await(name + " to run", READY_WITHIN, () -> !(pid[0] = read(file)).isEmpty());
    return Long.parseLong(pid[0]);
  }

  /** Whether the process runs (stopped by {@link #stop} or not). */
  public boolean runs(String name) {
    String pid = read(dataDir.resolve("run").resolve(name + ".pid"));
    return !pid.isEmpty() && ProcessHandle.of(Long.parseLong(pid)).isPresent();
  }

  private static String read(Path file) {
    try {
      return Files.readString(file).strip();
    } catch (NoSuchFileException none) {
      return "";
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** SIGKILL; it is started again unless it is held. Answers its pid when it is gone. */
  public long kill(String name) {
    long pid = pid(name);
    ProcessHandle.of(pid)
        .ifPresent(p -> {
          p.destroyForcibly();
          p.onExit().join();
        });
    return pid;
  }

  /** SIGSTOP: the process is silent, its connections stay. */
  public void stop(String name) {
    signal("STOP", pid(name));
  }

  /** SIGCONT. */
  public void cont(String name) {
    signal("CONT", pid(name));
  }

  private static void signal(String signal, long pid) {
    ChildProcess.run(Duration.ofSeconds(10), List.of("kill", "-" + signal, Long.toString(pid)));
  }

  /** From now on the process stays down once it ended. */
  public void hold(String name) {
    try {
      Files.writeString(dataDir.resolve("hold").resolve(name), "");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public void release(String name) {
    try {
      Files.deleteIfExists(dataDir.resolve("hold").resolve(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What Ctrl-C does, by SIGTERM; answers how long it took. */
  public Duration shutDown() {
    long startedNs = System.nanoTime();
    process.signal("TERM");
    process.await(ENDS_WITHIN);
    Duration took = Duration.ofNanos(System.nanoTime() - startedNs);
    System.out.printf(Locale.ROOT, "up stopped in %.1f s%n", took.toMillis() / 1e3);
    return took;
  }

  /** SIGKILL of {@code up} itself, which takes everything with it. */
  public void killAll() {
    process.kill();
  }

  /** Starts it again in the same directory, on the same ports, and waits until it is ready. */
  public void restart() {
    process.close();
    process = launch(dataDir);
    awaitReady();
  }

  /** Leaves nothing running. */
  @Override
  public void close() {
    try (ChildProcess last = process) {
      if (last.alive()) {
        shutDown();
      }
    }
  }
}

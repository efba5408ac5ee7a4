package io.diskengine.bench;

import io.diskengine.app.Main;
import io.diskengine.spdkrpc.FrameworkMethods;
import io.diskengine.spdkrpc.RpcResult;
import io.diskengine.spdkrpc.SpdkRpcClient;
import io.diskengine.testkit.process.ChildProcess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** {@code diskengine engine} with one reactor, as a process of its own; ends with this JVM. */
final class EngineProcess implements AutoCloseable {
  private static final Duration START_LIMIT = Duration.ofSeconds(60);

  private final ChildProcess process;
  private final Path socket;
  private final Path directory;
  private final SpdkRpcClient spdk;

  private EngineProcess(ChildProcess process, Path socket, Path directory) {
    this.process = process;
    this.socket = socket;
    this.directory = directory;
    spdk = SpdkRpcClient.connect(socket.toString());
  }

  /**
   * Starts it and waits until it answers; {@code jvmOptions} go before the engine's own, {@code
   * options} after them.
   *
   * @param directory where its sockets are made
   */
  static EngineProcess start(Path directory, List<String> jvmOptions, List<String> options) {
    Path socket = directory.resolve("rpc.sock");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-XX:+UseSerialGC"));
    command.addAll(jvmOptions);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
    command.addAll(
        List.of("engine", "-m", "0x1", "-r", socket.toString(), "-S", directory.toString()));
    command.addAll(options);
    EngineProcess engine =
        new EngineProcess(ChildProcess.start("engine", command), socket, directory);
    try {
      engine.awaitAnswer();
    } catch (RuntimeException failure) {
      engine.close();
      throw failure;
    }
    return engine;
  }

  private void awaitAnswer() {
    long untilNs = System.nanoTime() + START_LIMIT.toNanos();
    while (!(spdk.call(FrameworkMethods.waitInit()) instanceof RpcResult.Ok)) {
      if (!process.alive() || System.nanoTime() > untilNs) {
        throw new IllegalStateException(
            "the engine does not answer:\n" + String.join("\n", process.output()));
      }
      try {
        Thread.sleep(20);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted", e);
      }
    }
  }

  SpdkRpcClient spdk() {
    return spdk;
  }

  Path socket() {
    return socket;
  }

  Path vhostSocket(String controller) {
    return directory.resolve(controller);
  }

  long pid() {
    return process.pid();
  }

  /** CPU time of all its threads that live: /proc/PID/task/TID/schedstat, first field. */
  long cpuNs() {
    long sum = 0;
    Path tasks = Path.of("/proc", Long.toString(process.pid()), "task");
    try (DirectoryStream<Path> threads = Files.newDirectoryStream(tasks)) {
      for (Path thread : threads) {
        sum += runNs(thread.resolve("schedstat"));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return sum;
  }

  private static long runNs(Path schedstat) throws IOException {
    try {
      String text = Files.readString(schedstat);
      return Long.parseLong(text.substring(0, text.indexOf(' ')));
    } catch (NoSuchFileException ended) {
      return 0;
    }
  }

  @Override
  public void close() {
    spdk.close();
    process.close();
  }
}

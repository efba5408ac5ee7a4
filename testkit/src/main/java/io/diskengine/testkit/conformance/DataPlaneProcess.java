package io.diskengine.testkit.conformance;

import io.diskengine.testkit.process.ChildProcess;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** A data plane that is a process of its own, so that it can be killed. */
public final class DataPlaneProcess implements DataPlane {
  private static final Duration START_LIMIT = Duration.ofSeconds(60);
  private static final Duration STOP_LIMIT = Duration.ofSeconds(30);

  private final ChildProcess process;
  private final Path socket;
  private final Path vhostDirectory;

  private DataPlaneProcess(ChildProcess process, Path socket, Path vhostDirectory) {
    this.process = process;
    this.socket = socket;
    this.vhostDirectory = vhostDirectory;
  }

  /** Returns when the process answers at {@code socket}. */
  static DataPlaneProcess start(List<String> command, Path socket, Path vhostDirectory)
      throws IOException {
    ChildProcess process = ChildProcess.start(socket.getFileName().toString(), command);
    long deadline = System.nanoTime() + START_LIMIT.toNanos();
    while (!RawRpc.answers(socket)) {
      if (!process.alive() || System.nanoTime() > deadline) {
        process.close();
        throw new IOException(
            "no RPC at "
                + socket
                + "; "
                + String.join(" ", command)
                + " said:\n"
                + String.join("\n", process.output()));
      }
      RawRpc.pause(Duration.ofMillis(20));
    }
    return new DataPlaneProcess(process, socket, vhostDirectory);
  }

  public ChildProcess process() {
    return process;
  }

  /** SIGKILL. */
  public void kill() {
    process.kill();
  }

  @Override
  public Path socket() {
    return socket;
  }

  @Override
  public Path vhostDirectory() {
    return vhostDirectory;
  }

  @Override
  public void close() {
    if (process.alive()) {
      process.signal("TERM");
      process.await(STOP_LIMIT);
    }
    process.close();
  }
}

package io.diskengine.testkit.conformance;

import io.diskengine.testkit.spdk.FakeServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Set;

/** The fake of the simulator, in real time behind real sockets: it must know what SPDK does. */
final class FakeImplementation implements Implementation {
  private final FakeServer.Room room = new FakeServer.Room(1);
  private int started;

  @Override
  public Set<ConformanceGap> gaps() {
    return EnumSet.complementOf(
        EnumSet.of(
            ConformanceGap.QOS_SET_AGAIN,
            ConformanceGap.EXTENSIONS,
            ConformanceGap.GROWN_WHILE_AWAY));
  }

  @Override
  public DataPlane start(Path directory, String name, boolean waitForRpc) throws IOException {
    Path socket = directory.resolve(name + ".sock");
    Path vhost = Files.createDirectories(directory.resolve(name + "-vhost"));
    return new Served(
        FakeServer.start(room, name + "-" + ++started, socket, vhost, waitForRpc), socket, vhost);
  }

  /**
   * @throws AssertionError always: what a test needs a process for cannot be shown here
   */
  @Override
  public DataPlaneProcess startProcess(Path directory, String name, String... arguments) {
    throw new AssertionError("the fake has no process of its own");
  }

  @Override
  public String toString() {
    return "fake";
  }

  private record Served(FakeServer server, Path socket, Path vhostDirectory) implements DataPlane {
    @Override
    public void close() {
      server.close();
    }
  }
}

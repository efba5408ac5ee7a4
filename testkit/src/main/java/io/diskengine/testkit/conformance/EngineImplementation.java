package io.diskengine.testkit.conformance;

import io.diskengine.app.Main;
import io.diskengine.engine.Engine;
import io.diskengine.engine.EngineOptions;
import io.diskengine.engine.reactor.Kernels;
import io.diskengine.engine.reactor.ReactorGroup;
import io.diskengine.engine.reactor.ReactorOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** The engine: in this JVM, or as {@code diskengine engine} in a process of its own. */
final class EngineImplementation implements Implementation {
  private static final ReactorOptions TWO_SMALL_REACTORS =
      new ReactorOptions(
          2,
          ReactorGroup.DEFAULT_SPIN_NS,
          512,
          128,
          Kernels.Choice.fromSystemProperty(),
          ReactorOptions.DEFAULT_FILE_THREADS);

  @Override
  public Set<ConformanceGap> gaps() {
    Set<ConformanceGap> gaps = EnumSet.allOf(ConformanceGap.class);
    boolean unused = gaps.removeIf(gap -> gap.kind() == ConformanceGap.Kind.FAKE);
    return gaps;
  }

  @Override
  public DataPlane start(Path directory, String name, boolean waitForRpc) throws IOException {
    Path socket = directory.resolve(name + ".sock");
    Path vhost = Files.createDirectories(directory.resolve(name + "-vhost"));
    return new InProcess(
        Engine.start(new EngineOptions(socket.toString(), vhost, waitForRpc, TWO_SMALL_REACTORS)),
        socket,
        vhost);
  }

  @Override
  public DataPlaneProcess startProcess(Path directory, String name, String... more)
      throws IOException {
    Path socket = directory.resolve(name + ".sock");
    Path vhost = Files.createDirectories(directory.resolve(name + "-vhost"));
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "engine",
                "-r",
                socket.toString(),
                "-S",
                vhost.toString()));
    command.addAll(List.of(more));
    return DataPlaneProcess.start(command, socket, vhost);
  }

  @Override
  public String toString() {
    return "engine";
  }

  private record InProcess(Engine engine, Path socket, Path vhostDirectory) implements DataPlane {
    @Override
    public void close() {
      engine.close();
    }
  }
}

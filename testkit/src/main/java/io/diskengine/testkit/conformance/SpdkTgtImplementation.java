package io.diskengine.testkit.conformance;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** SPDK itself, as a process. By definition without gaps. */
record SpdkTgtImplementation(String path, List<String> arguments) implements Implementation {
  @Override
  public Set<ConformanceGap> gaps() {
    return Set.of();
  }

  @Override
  public DataPlane start(Path directory, String name, boolean waitForRpc) throws IOException {
    return waitForRpc
        ? startProcess(directory, name, "--wait-for-rpc")
        : startProcess(directory, name);
  }

  @Override
  public DataPlaneProcess startProcess(Path directory, String name, String... more)
      throws IOException {
    Path socket = directory.resolve(name + ".sock");
    Path vhost = Files.createDirectories(directory.resolve(name + "-vhost"));
    List<String> command = new ArrayList<>(List.of(path, "-r", socket.toString()));
    command.addAll(List.of("-S", vhost.toString()));
    command.addAll(arguments);
    command.addAll(List.of(more));
    return DataPlaneProcess.start(command, socket, vhost);
  }

  @Override
  public String toString() {
    return "spdk_tgt";
  }
}

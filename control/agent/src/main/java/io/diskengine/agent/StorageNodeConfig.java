package io.diskengine.agent;

import io.diskengine.model.FabricAddress;
import java.nio.file.Path;
import java.util.List;

/**
 * A storage node.
 *
 * @param listen where its subsystems listen
 * @param disks its disks
 */
public record StorageNodeConfig(AgentConfig agent, List<FabricAddress> listen, List<Disk> disks) {
  public StorageNodeConfig {
    listen = List.copyOf(listen);
    disks = List.copyOf(disks);
  }

  /**
   * A regular file that serves as a disk.
   *
   * @param serial its stable identity; must not change when the file moves
   */
  public record Disk(Path file, String serial) {
    /** The serial is made of the node's and the file's name. */
    public static Disk of(String nodeName, Path file) {
      return new Disk(file, nodeName + "-" + file.getFileName());
    }
  }
}

package io.diskengine.testkit.scale;

import io.diskengine.agent.AgentConfig;
import io.diskengine.agent.AgentStatus;
import io.diskengine.agent.BaremetalAgent;
import io.diskengine.agent.BaremetalConfig;
import io.diskengine.agent.NodeAgent;
import io.diskengine.agent.StorageNodeAgent;
import io.diskengine.agent.StorageNodeConfig;
import io.diskengine.testkit.spdk.FakeServer;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A node whose data plane is a fake behind a socket; its agent is the real one, on PostgreSQL. */
public final class FakeNode implements AutoCloseable {
  /** Longer than any that is tried; the file is sparse. */
  public static final long DISK_BYTES = 1L << 40;

  private final FakeServer plane;
  private final NodeAgent agent;
  private volatile AgentStatus status = new AgentStatus(AgentStatus.State.WAITING, "");

  private interface Agent {
    NodeAgent of(AgentConfig config) throws IOException;
  }

  private FakeNode(FakeServer plane, AgentConfig unheard, Agent agent) throws IOException {
    this.plane = plane;
    this.agent =
        agent.of(
            new AgentConfig(
                unheard.nodeName(),
                unheard.failureDomain(),
                unheard.databaseUrl(),
                unheard.databaseUser(),
                unheard.passwordFile(),
                unheard.spdkSocket(),
                unheard.stateDir(),
                s -> status = s));
  }

  /** The path of a storage node's disk. */
  public static Path disk(Path directory, String name) {
    return directory.resolve(name + ".disk");
  }

  /** The serial number of {@link #disk}. */
  public static String serial(Path directory, String name) {
    return StorageNodeConfig.Disk.of(name, disk(directory, name)).serial();
  }

  /**
   * The storage node of these rows, with a data plane that is empty but for what the disk holds.
   */
  public static FakeNode storage(
      ScaleDatabase database,
      FakeServer.Room room,
      Path directory,
      ManyRows.StorageNode rows,
      FakeServer.Pace pace)
      throws IOException {
    String name = rows.name();
    Path file = disk(directory, name);
    try (RandomAccessFile disk = new RandomAccessFile(file.toFile(), "rw")) {
      disk.setLength(rows.diskBytes());
    }
    room.run(() -> ManyRows.format(room.fabric.media, rows));
    FakeServer plane = plane(room, directory, name, pace);
    plane.spdk().addresses.add(rows.address().host() + ":" + rows.address().port());
    return new FakeNode(
        plane,
        config(database, directory, name),
        config ->
            new StorageNodeAgent(
                new StorageNodeConfig(
                    config,
                    List.of(rows.address()),
                    List.of(StorageNodeConfig.Disk.of(name, file)))));
  }

  /** A baremetal node. */
  public static FakeNode baremetal(
      ScaleDatabase database,
      FakeServer.Room room,
      Path directory,
      String name,
      FakeServer.Pace pace)
      throws IOException {
    return new FakeNode(
        plane(room, directory, name, pace),
        config(database, directory, name),
        config -> new BaremetalAgent(new BaremetalConfig(config)));
  }

  private static FakeServer plane(
      FakeServer.Room room, Path directory, String name, FakeServer.Pace pace) throws IOException {
    Path vhosts = Files.createDirectory(directory.resolve(name + ".v"));
    return FakeServer.start(room, name, socket(directory, name), vhosts, true, pace);
  }

  private static Path socket(Path directory, String name) {
    return directory.resolve(name + ".sock");
  }

  private static AgentConfig config(ScaleDatabase database, Path directory, String name) {
    return new AgentConfig(
        name,
        "domain-" + name,
        database.url(),
        ScaleDatabase.AGENT,
        database.passwordFile(),
        socket(directory, name).toString(),
        directory.resolve(name),
        _ -> {});
  }

  public FakeNode start() {
    agent.start();
    return this;
  }

  public FakeServer plane() {
    return plane;
  }

  public NodeAgent agent() {
    return agent;
  }

  public AgentStatus status() {
    return status;
  }

  public boolean isReady() {
    return status.state() == AgentStatus.State.READY;
  }

  @Override
  public void close() {
    agent.close();
    plane.close();
  }
}

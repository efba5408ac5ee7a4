package io.diskengine.app;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A whole diskengine on this machine: its processes, their start in order and their end. */
final class Up implements AutoCloseable {
  static final String CONTROLLER = "controller";

  /** QEMU, often another user, passes to the vhost sockets, whose group lets it in. */
  private static final Set<PosixFilePermission> WAY_TO_SOCKETS =
      PosixFilePermissions.fromString("rwx--x--x");

  private static final Duration STOP_LIMIT = Duration.ofSeconds(5);
  private static final Duration WATCH = Duration.ofSeconds(1);

  private final UpLayout layout;
  private final Steps steps;
  private final DirectoryLock lock;
  private final Map<String, Supervisor> children = new LinkedHashMap<>();
  private final Map<String, String> lastStatus = new HashMap<>();
  private @Nullable EmbeddedDatabase database;
  private boolean stopping; // guarded by this

  private Up(UpLayout layout, Steps steps, DirectoryLock lock) {
    this.layout = layout;
    this.steps = steps;
    this.lock = lock;
  }

  static String engineOf(String node) {
    return node + "-engine";
  }

  static String agentOf(String node) {
    return node + "-agent";
  }

  static List<String> nodes() {
    return Stream.concat(UpLayout.STORAGE_NODES.stream(), Stream.of(UpLayout.BAREMETAL_NODE))
        .toList();
  }

  /** The names of the processes, as hold, pid and log files have them. */
  static List<String> processNames() {
    return Stream.concat(
            nodes().stream().flatMap(n -> Stream.of(engineOf(n), agentOf(n))),
            Stream.of(CONTROLLER))
        .toList();
  }

  /**
   * Takes the directory and checks what can be checked.
   *
   * @throws IOException with one line that says what is in the way
   */
  static Up prepare(UpOptions options, Steps steps) throws IOException {
    UpLayout layout = UpLayout.at(options.dataDir());
    layout.checkSocketPaths();
    PrivateFiles.createDirectory(layout.root());
    DirectoryLock lock = DirectoryLock.take(layout.lock());
    try {
      Supervisor.prepare(layout.root());
      for (String process : processNames()) {
        Files.deleteIfExists(layout.status(process));
      }
      options.requireFreePorts();
      PrivateFiles.passwordIn(layout.token());
      for (String node : nodes()) {
        PrivateFiles.createDirectory(layout.vhost(node));
        PrivateFiles.createDirectory(layout.agentState(node));
      }
      for (Path way :
          List.of(
              layout.root(),
              layout.node(UpLayout.BAREMETAL_NODE),
              layout.vhost(UpLayout.BAREMETAL_NODE))) {
        Files.setPosixFilePermissions(way, WAY_TO_SOCKETS);
      }
      PrivateFiles.createDirectory(layout.disks());
      for (String node : UpLayout.STORAGE_NODES) {
        createDisk(layout.disk(node), options.diskSizeBytes());
      }
      return new Up(layout, steps, lock);
    } catch (IOException | RuntimeException e) {
      lock.close();
      throw e;
    }
  }

  private static void createDisk(Path file, long sizeBytes) throws IOException {
    if (!Files.exists(file)) {
      try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
        sparse.setLength(sizeBytes);
      }
    }
  }

  UpLayout layout() {
    return layout;
  }

  /** Starts everything; answers when the system is ready to use. */
  void start() throws IOException, InterruptedException {
    long startedNs = System.nanoTime();
    nodes().forEach(this::startEngine);
    EmbeddedDatabase db =
        EmbeddedDatabase.start(layout.database(), line -> steps.say("  PostgreSQL: " + line));
    if (!keep(db)) {
      return;
    }
    steps.done("PostgreSQL", db.url().substring("jdbc:".length()), startedNs);
    List<Thread> waits = new ArrayList<>();
    for (String node : nodes()) {
      waits.add(inBackground(() -> awaitEngine(node, startedNs)));
    }
    for (Thread wait : waits) {
      wait.join();
    }
  }

  /** False when we are being stopped already. */
  private boolean keep(EmbeddedDatabase db) throws IOException {
    synchronized (this) {
      if (!stopping) {
        database = db;
        return true;
      }
    }
    db.close();
    return false;
  }

  private synchronized void supervise(String name, List<String> command) {
    if (!stopping) {
      Supervisor child =
          new Supervisor(name, command, layout.root(), line -> steps.say("  " + line));
      children.put(name, child);
      child.start();
    }
  }

  private void startEngine(String node) {
    supervise(
        engineOf(node),
        ChildCommand.engine(
            "engine",
            "-r",
            layout.rpcSocket(node).toString(),
            "-S",
            layout.vhost(node).toString(),
            "--wait-for-rpc"));
  }

  private void awaitEngine(String node, long startedNs) {
    Path socket = layout.rpcSocket(node);
    await(
        node + " engine",
        "answers RPCs on " + shown(socket),
        startedNs,
        () -> listens(socket) ? null : reason(engineOf(node), "no answer on " + socket));
  }

  private Path shown(Path path) {
    return layout.root().relativize(path);
  }

  private void await(String step, String detail, long startedNs, Steps.Check check) {
    try {
      steps.await(step, detail, startedNs, () -> isStopping() ? null : check.missing());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static Thread inBackground(Runnable work) {
    return Thread.ofVirtual().start(work);
  }

  private String reason(String process, String missing) {
    Supervisor child = children.get(process);
    boolean held = child != null && child.isHeld();
    return held
        ? "held down by " + layout.hold(process)
        : missing + "; log: " + layout.log(process);
  }

  private static boolean listens(Path socket) {
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      return channel.connect(UnixDomainSocketAddress.of(socket));
    } catch (IOException notYet) {
      return false;
    }
  }

  /** The last line that an agent wrote about itself: its state, then details. */
  private Optional<String> status(String process) {
    try {
      return Optional.of(Files.readString(layout.status(process)).strip());
    } catch (IOException none) {
      return Optional.empty();
    }
  }

  private synchronized boolean isStopping() {
    return stopping;
  }

  /** Says what changes, until {@link #close}. */
  void watch() throws InterruptedException, IOException {
    while (!isStopping()) {
      for (String node : nodes()) {
        String process = agentOf(node);
        status(process)
            .filter(s -> !s.equals(lastStatus.put(process, s)))
            .ifPresent(s -> steps.say("  " + process + ": " + s));
      }
      Thread.sleep(WATCH);
    }
  }

  /** A stop in order, after which nothing has to be rebuilt. */
  @Override
  public void close() throws IOException {
    synchronized (this) {
      if (stopping) {
        return;
      }
      stopping = true;
    }
    long startedNs = System.nanoTime();
    steps.say("stopping");
    for (String node : nodes().reversed()) {
      stop(engineOf(node));
    }
    EmbeddedDatabase db = database;
    if (db != null) {
      db.close();
    }
    steps.done("stopped", "", startedNs);
    lock.close();
  }

  private void stop(String process) {
    Supervisor child = children.get(process);
    if (child != null) {
      child.stop(STOP_LIMIT);
    }
  }
}

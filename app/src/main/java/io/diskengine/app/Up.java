package io.diskengine.app;

import io.diskengine.api.ControllerConfig;
import io.diskengine.engine.Engine;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.HttpURLConnection;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A whole diskengine on this machine: its processes, their start in order and their end. */
final class Up implements AutoCloseable {
  static final String CONTROLLER = "controller";

  /** QEMU, often another user, passes to the vhost sockets, whose group lets it in. */
  private static final Set<PosixFilePermission> WAY_TO_SOCKETS =
      PosixFilePermissions.fromString("rwx--x--x");

  private static final Duration STOP_LIMIT = Duration.ofSeconds(5);

  /** Longer than the engine's own limit, because a killed engine leaves something to rebuild. */
  private static final Duration ENGINE_STOP_LIMIT = Engine.STOP_LIMIT.plusSeconds(5);

  private static final Duration BAREMETAL_STOP_LIMIT = Duration.ofSeconds(35);
  private static final Duration WATCH = Duration.ofSeconds(5);

  private final UpOptions options;
  private final UpLayout layout;
  private final Steps steps;
  private final DirectoryLock lock;
  private final WarmStart warmStart;
  private final Map<String, Supervisor> children = new LinkedHashMap<>();
  private final Map<String, String> lastState = new HashMap<>();
  private final Map<String, String> lastFile = new HashMap<>();
  private volatile @Nullable EmbeddedDatabase database;
  private boolean stopping; // guarded by this

  private Up(UpOptions options, UpLayout layout, Steps steps, DirectoryLock lock) {
    this.options = options;
    this.layout = layout;
    this.steps = steps;
    this.lock = lock;
    this.warmStart = new WarmStart(layout.cache());
  }

  static String engineOf(String node) {
    return node + "-engine";
  }

  static String agentOf(String node) {
    return node + "-agent";
  }

  /** The names of the processes, as hold, pid and log files have them. */
  static List<String> processNames(UpOptions options) {
    return Stream.concat(
            options.nodes().stream().flatMap(n -> Stream.of(engineOf(n), agentOf(n))),
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
      for (String process : processNames(options)) {
        Files.deleteIfExists(layout.status(process));
      }
      options.requireFreePorts();
      PrivateFiles.passwordIn(layout.token());
      for (String node : options.nodes()) {
        PrivateFiles.createDirectory(layout.vhost(node));
        PrivateFiles.createDirectory(layout.agentState(node));
      }
      Files.setPosixFilePermissions(layout.root(), WAY_TO_SOCKETS);
      for (String node : options.baremetalNodeNames()) {
        Files.setPosixFilePermissions(layout.node(node), WAY_TO_SOCKETS);
        Files.setPosixFilePermissions(layout.vhost(node), WAY_TO_SOCKETS);
      }
      PrivateFiles.createDirectory(layout.disks());
      for (String node : UpLayout.STORAGE_NODES) {
        createDisk(layout.disk(node), options.diskSizeBytes());
      }
      return new Up(options, layout, steps, lock);
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
    options.nodes().forEach(this::startEngine);
    EmbeddedDatabase db =
        EmbeddedDatabase.start(layout.database(), line -> steps.say("  PostgreSQL: " + line));
    if (!keep(db)) {
      return;
    }
    steps.done("PostgreSQL", db.url().substring("jdbc:".length()), startedNs);
    supervise(CONTROLLER, controller(db));
    UpLayout.STORAGE_NODES.forEach(node -> supervise(agentOf(node), storageNode(node, db)));
    options.baremetalNodeNames().forEach(node -> supervise(agentOf(node), baremetal(node, db)));
    List<Thread> waits = new ArrayList<>();
    for (String node : options.nodes()) {
      waits.add(inBackground(() -> awaitEngine(node, startedNs)));
      waits.add(inBackground(() -> awaitAgent(node, startedNs)));
    }
    waits.add(inBackground(() -> awaitController(startedNs)));
    for (Thread wait : waits) {
      wait.join();
    }
    if (!isStopping()) {
      sayWhatIsNext(startedNs);
      if (options.spdkTgt() == null) {
        inBackground(this::warmUp);
      }
    }
  }

  private void warmUp() {
    try {
      String problem = warmStart.make();
      if (problem != null && !isStopping()) {
        steps.say("  " + problem);
      }
    } catch (IOException e) {
      steps.say("  engines start without help: " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void sayWhatIsNext(long startedNs) {
    steps.done("ready", "", startedNs);
    String command = command();
    steps.say("");
    if (!layout.equals(UpLayout.at(Path.of(DataDirectory.DEFAULT)))) {
      steps.say("export DISKENGINE_DATA_DIR=" + layout.root());
    }
    if (options.apiPort() != ControllerConfig.DEFAULT_PORT) {
      steps.say("export DISKENGINE_API=" + options.apiUrl());
    }
    steps.say(
        """
        The API is %s/v1, its token in %s. Next, in another terminal:
          %s volume create vol1 --size 1GiB
          %s volume attach vol1 --node %s    (prints the vhost socket and QEMU's arguments)
          %s volume show vol1
        Ctrl-C stops everything; the same command brings every volume back.\
        """
            .formatted(
                options.apiUrl(),
                layout.token(),
                command,
                command,
                UpLayout.BAREMETAL_NODE,
                command));
  }

  /** How this user calls us. */
  private static String command() {
    String home = System.getenv("DISKENGINE_HOME");
    if (home == null) {
      return "diskengine";
    }
    return Path.of(home).equals(Path.of("").toAbsolutePath())
        ? "./diskengine"
        : Path.of(home, "diskengine").toString();
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

  private void supervise(String name, List<String> command) {
    supervise(name, () -> command);
  }

  private synchronized void supervise(String name, Supplier<List<String>> command) {
    if (!stopping) {
      Supervisor child =
          new Supervisor(name, command, layout.root(), line -> steps.say("  " + line));
      children.put(name, child);
      child.start();
    }
  }

  private void startEngine(String node) {
    Path rpcSocket = layout.rpcSocket(node);
    Path vhost = layout.vhost(node);
    SpdkTgt spdkTgt = options.spdkTgt();
    supervise(
        engineOf(node),
        () ->
            spdkTgt != null
                ? spdkTgt.command(rpcSocket, vhost)
                : ChildCommand.engine(
                    warmStart.flags(),
                    "engine",
                    "-r",
                    rpcSocket.toString(),
                    "-S",
                    vhost.toString(),
                    "--wait-for-rpc"));
  }

  private List<String> controller(EmbeddedDatabase db) {
    return ChildCommand.daemon(
        CONTROLLER,
        "--api-listen",
        UpOptions.HOST + ":" + options.apiPort(),
        "--token-file",
        layout.token().toString(),
        "--db-url",
        db.url(),
        "--db-password-file",
        db.passwordFile(EmbeddedDatabase.Role.CONTROLLER).toString());
  }

  private List<String> storageNode(String node, EmbeddedDatabase db) {
    return agent(
        "storage-node",
        node,
        db,
        "--listen",
        "tcp:" + UpOptions.HOST + ":" + options.nvmfPort(node),
        "--disk",
        layout.disk(node).toString());
  }

  private List<String> baremetal(String node, EmbeddedDatabase db) {
    return agent("baremetal", node, db, BaremetalCommand.STOP_DATA_PLANE);
  }

  private List<String> agent(String mode, String node, EmbeddedDatabase db, String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                mode,
                "--node",
                node,
                "--spdk-socket",
                layout.rpcSocket(node).toString(),
                "--state-dir",
                layout.agentState(node).toString(),
                "--status-file",
                layout.status(agentOf(node)).toString(),
                "--db-url",
                db.url(),
                "--db-password-file",
                db.passwordFile(EmbeddedDatabase.Role.AGENT).toString()));
    arguments.addAll(List.of(more));
    return ChildCommand.daemon(arguments.toArray(String[]::new));
  }

  private void awaitAgent(String node, long startedNs) {
    String process = agentOf(node);
    await(
        node + " ready",
        options.baremetalNodeNames().contains(node)
            ? "vhost sockets in " + shown(layout.vhost(node))
            : "serves tcp:"
                + UpOptions.HOST
                + ":"
                + options.nvmfPort(node)
                + ", disk "
                + shown(layout.disk(node)),
        startedNs,
        () -> {
          String status = status(process).orElse("no word from its agent");
          return status.startsWith("READY") ? null : reason(process, status);
        });
  }

  private void awaitController(long startedNs) {
    await(
        "API",
        options.apiUrl(),
        startedNs,
        () ->
            answers(URI.create(options.apiUrl() + "/v1/health"))
                ? null
                : reason(CONTROLLER, "no answer on " + options.apiUrl()));
  }

  private static boolean answers(URI uri) {
    try {
      HttpURLConnection connection = (HttpURLConnection) uri.toURL().openConnection();
      connection.setConnectTimeout(1_000);
      connection.setReadTimeout(5_000);
      return connection.getResponseCode() == HttpURLConnection.HTTP_OK;
    } catch (IOException notYet) {
      return false;
    }
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

  /** Another one for each status that was written: inode and time. */
  private String statusFile(String process) {
    try {
      BasicFileAttributes file =
          Files.readAttributes(layout.status(process), BasicFileAttributes.class);
      return file.fileKey() + " " + file.lastModifiedTime().toInstant();
    } catch (IOException none) {
      return "";
    }
  }

  private synchronized boolean isStopping() {
    return stopping;
  }

  /** Says what changes and keeps PostgreSQL running, until {@link #close}. */
  void watch() throws InterruptedException {
    options.nodes().forEach(node -> lastState.put(agentOf(node), "READY"));
    while (!isStopping()) {
      options.nodes().forEach(node -> sayChange(agentOf(node)));
      EmbeddedDatabase db = database;
      if (db == null) {
        Thread.sleep(WATCH);
      } else if (ended(db) && !isStopping()) {
        restartDatabase();
      }
    }
  }

  /** Waits for its end, but not for long. */
  private static boolean ended(EmbeddedDatabase db) throws InterruptedException {
    try {
      db.onExit().get(WATCH.toMillis(), TimeUnit.MILLISECONDS);
      return true;
    } catch (ExecutionException e) {
      throw new AssertionError("the end of a process does not fail", e);
    } catch (TimeoutException e) {
      return false;
    }
  }

  /** One line for each change of an agent's state; its log says more. */
  private void sayChange(String process) {
    String file = statusFile(process);
    if (file.equals(lastFile.put(process, file))) {
      return;
    }
    String status = status(process).orElse("");
    String state = status.replaceFirst("(?s) .*", "");
    if (!status.isEmpty() && !state.equals(lastState.put(process, state))) {
      steps.say("  " + process + ": " + status);
    }
  }

  /** Volumes go on working without it; nothing is changed until it is back. */
  private void restartDatabase() {
    steps.say("  PostgreSQL ended and is started again; log: " + layout.database().resolve("log"));
    try {
      keep(EmbeddedDatabase.start(layout.database(), line -> {}));
      steps.say("  PostgreSQL is back");
    } catch (IOException e) {
      steps.say("  PostgreSQL: " + e.getMessage());
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
    stop(STOP_LIMIT, Stream.of(CONTROLLER));
    stopBaremetal();
    stop(STOP_LIMIT, UpLayout.STORAGE_NODES.stream().map(Up::agentOf));
    stop(ENGINE_STOP_LIMIT, UpLayout.STORAGE_NODES.stream().map(Up::engineOf));
    EmbeddedDatabase db = database;
    if (db != null) {
      db.close();
    }
    steps.done("stopped", "", startedNs);
    lock.close();
  }

  /** The agent ends the data plane in order and records that; then it ends itself. */
  private void stopBaremetal() {
    List<String> nodes = options.baremetalNodeNames();
    for (String node : nodes) {
      Supervisor engine = children.get(engineOf(node));
      if (engine != null) {
        engine.expectEnd();
      }
    }
    stop(BAREMETAL_STOP_LIMIT, nodes.stream().map(Up::agentOf));
    stop(ENGINE_STOP_LIMIT, nodes.stream().map(Up::engineOf));
  }

  /** Side by side. */
  private void stop(Duration limit, Stream<String> processes) {
    List<Thread> stops =
        processes
            .map(children::get)
            .filter(Objects::nonNull)
            .map(child -> inBackground(() -> child.stop(limit)))
            .toList();
    try {
      for (Thread stop : stops) {
        stop.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}

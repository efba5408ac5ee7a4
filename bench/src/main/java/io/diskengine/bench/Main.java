package io.diskengine.bench;

import io.diskengine.spdkrpc.BdevMethods;
import io.diskengine.spdkrpc.RpcCodec;
import io.diskengine.testkit.conformance.RawRpc;
import java.io.IOException;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code ./diskengine bench}: see bench/README.md for what the columns mean. Asserts nothing. */
@Command(
    name = "diskengine bench",
    subcommands = {ControlBench.class, RestartBench.class, PaceBench.class, ScaleBench.class},
    mixinStandardHelpOptions = true,
    description = "Measure an engine process, each figure beside a yardstick of the same run.")
public final class Main implements Callable<Integer> {
  private static final String MALLOC = "malloc";
  private static final String AIO = "aio";
  private static final String AIO_FILE = "aio.img";
  private static final int STACK_DEPTH = 32;
  private static final int WRITE_BYTES = 1 << 20;
  private static final long STORE_BYTES = 64L << 30;

  enum Suite {
    rpc,
    target,
    vhost,
    raid,
    lvol,
    bdev,
    stack,
    rebuild,
    create,
    all
  }

  @Parameters(
      arity = "0..1",
      defaultValue = "all",
      description = "One of ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
  Suite suite;

  @Option(
      names = "--seconds",
      defaultValue = "1",
      description = "Time of one measurement (default: ${DEFAULT-VALUE}).")
  double seconds;

  @Option(
      names = "--rounds",
      defaultValue = "3",
      description = "Measurements of each side, taken in turn (default: ${DEFAULT-VALUE}).")
  int rounds;

  @Option(names = "--quick", description = "One round of 0.3 s: does it work, not how fast.")
  boolean quick;

  @Option(
      names = "--only",
      defaultValue = "",
      description = "Only workloads whose name contains this, e.g. '4 KiB read, depth 32'.")
  String only;

  @Option(
      names = "--bdev",
      defaultValue = "",
      description = "Only this bdev: malloc or aio (default: both).")
  String bdev;

  @Option(
      names = "--dir",
      defaultValue = "/var/tmp",
      description = "Where the backing file of aio lies (default: ${DEFAULT-VALUE}).")
  Path parent;

  @Option(
      names = "--target-dir",
      description =
          "Where the leg lies that is rebuilt, on another disk than --dir (default: the same).")
  @Nullable Path targetParent;

  @Option(
      names = "--at-once",
      defaultValue = "4",
      description = "RPCs in flight while create makes lvols (default: ${DEFAULT-VALUE}).")
  int createsAtOnce;

  @Option(
      names = "--engine-jvm",
      description = "An option of the engine's JVM, e.g. a flight recording; repeatable.")
  List<String> engineJvm = List.of();

  @Option(
      names = "--engine-option",
      description = "An option of the engine, e.g. --spin-us=200; repeatable.")
  List<String> engineOptions = List.of();

  private static final String PREFIX = "diskengine-bench-";

  private final PrintStream out = System.out;

  @SuppressWarnings("NullAway.Init") // picocli sets the options
  Main() {}

  public static void main(String[] args) {
    System.exit(new CommandLine(new Main()).execute(args));
  }

  @Override
  public Integer call() throws IOException {
    Path directory = Files.createTempDirectory(parent, PREFIX);
    try {
      if (suite != Suite.lvol) {
        beside(directory);
      }
      if (wanted(Suite.lvol)) {
        new LvolScale(directory, engineJvm, out).run();
      }
      return 0;
    } finally {
      deleteAll(directory);
    }
  }

  /** What has a yardstick of the same run. */
  private void beside(Path directory) throws IOException {
    try (EngineProcess engine = EngineProcess.start(directory, engineJvm, engineOptions)) {
      describeMachine(engine);
      createBdevs(engine, directory);
      Comparison comparison =
          new Comparison(quick ? 1 : rounds, (long) (quick ? 3e8 : seconds * 1e9), out);
      if (wanted(Suite.rpc)) {
        rpc(comparison, engine, directory);
      }
      if (wanted(Suite.target)) {
        target(comparison, engine, directory);
      }
      if (wanted(Suite.raid)) {
        new RaidSuite(comparison, engine, only).run(suite != Suite.all);
      }
      if (wanted(Suite.vhost)) {
        vhost(comparison, engine, directory);
      }
      if (wanted(Suite.bdev)) {
        bdev(comparison, directory);
      }
      if (wanted(Suite.stack)) {
        stack(comparison, engine, directory);
      }
      if (wanted(Suite.rebuild)) {
        rebuild(engine, directory);
      }
    }
    if (wanted(Suite.create)) {
      try (EngineProcess engine = EngineProcess.start(directory, engineJvm, engineOptions)) {
        interference(engine).create(sparse(directory), createsAtOnce);
      }
    }
  }

  private Interference interference(EngineProcess engine) {
    return new Interference(engine, quick ? 1 : rounds, (long) (quick ? 3e8 : seconds * 1e9), out);
  }

  private boolean wanted(Suite part) {
    return suite == Suite.all || suite == part;
  }

  private boolean wanted(String name) {
    return bdev.isEmpty() || bdev.equals(name);
  }

  private List<Workload> chosen(List<Workload> workloads) {
    return workloads.stream().filter(w -> w.name().contains(only)).toList();
  }

  private void describeMachine(EngineProcess engine) throws IOException {
    String load = Files.readString(Path.of("/proc/loadavg")).split(" ")[0];
    out.printf(
        Locale.ROOT,
        "%d CPUs, load average %s, Linux %s, Java %s; engine pid %d, one reactor%n",
        Runtime.getRuntime().availableProcessors(),
        load,
        System.getProperty("os.version"),
        Runtime.version(),
        engine.pid());
  }

  private void rebuild(EngineProcess engine, Path directory) throws IOException {
    Path source = file(directory, "source.img", Interference.LEG_BYTES);
    if (targetParent == null) {
      interference(engine).rebuild(source, file(directory, "target.img", Interference.LEG_BYTES));
      return;
    }
    Path other = Files.createTempDirectory(targetParent, PREFIX);
    try {
      interference(engine).rebuild(source, file(other, "target.img", Interference.LEG_BYTES));
    } finally {
      deleteAll(other);
    }
  }

  /** A file of the disks' size, or more. */
  private static Path file(Path directory, String name, long bytes) throws IOException {
    Path file = directory.resolve(name);
    try (var stream = Files.newOutputStream(file)) {
      // Written, not sparse: a hole would be read from nowhere. No zeros: a rebuild skips them.
      byte[] piece = new byte[WRITE_BYTES];
      Arrays.fill(piece, (byte) 7);
      for (long i = 0; i < bytes / WRITE_BYTES; i++) {
        stream.write(piece);
      }
    }
    return file;
  }

  /** Large enough for the metadata of thousands of lvols. */
  private static Path sparse(Path directory) throws IOException {
    Path file = directory.resolve("create.img");
    try (RandomAccessFile made = new RandomAccessFile(file.toFile(), "rw")) {
      made.setLength(STORE_BYTES);
    }
    return file;
  }

  private void createBdevs(EngineProcess engine, Path directory) throws IOException {
    int block = NvmeTcpPath.BLOCK_BYTES;
    Path file = file(directory, AIO_FILE, Workload.DISK_BYTES);
    var malloc = new BdevMethods.CreateMalloc(MALLOC, Workload.DISK_BYTES / block, block);
    engine.spdk().call(BdevMethods.createMalloc(malloc)).orElseThrow();
    var aio = new BdevMethods.CreateAio(AIO, file.toString(), block);
    engine.spdk().call(BdevMethods.createAio(aio)).orElseThrow();
  }

  private static Path backingFile(Path directory) {
    return directory.resolve(AIO_FILE);
  }

  /** The aio bdev alone: on the thread that measures, beside the least that io_uring needs. */
  private void bdev(Comparison comparison, Path directory) throws IOException {
    Path file = file(directory, "bdev.img", Workload.DISK_BYTES);
    List<Workload> workloads = chosen(Workload.disk());
    try (AioSide aio = new AioSide(file)) {
      comparison.run("aio bdev alone", workloads, aio, new RingSide(file));
      if (fioIsThere("aio bdev alone")) {
        comparison.run("aio bdev alone", workloads, aio, new FioSide(file));
      }
    }
  }

  /** What lies on aio bdevs, beside an aio bdev of the same engine by the same way. */
  private void stack(Comparison comparison, EngineProcess engine, Path directory)
      throws IOException {
    List<Workload> workloads =
        chosen(Workload.disk()).stream().filter(w -> w.depth() == STACK_DEPTH).toList();
    List<Workload> reads = workloads.stream().filter(w -> !w.write()).toList();
    List<Workload> writes = workloads.stream().filter(Workload::write).toList();
    // A twin, made the same way at the same time: two files of one disk are not equally fast.
    Stacks.aio(engine, "twin", file(directory, "twin.img", 2 * Workload.DISK_BYTES));
    String lvol = Stacks.lvol(engine, file(directory, "lvol.img", 2 * Workload.DISK_BYTES));
    String raid =
        Stacks.raid1(
            engine,
            file(directory, "leg0.img", Workload.DISK_BYTES),
            file(directory, "leg1.img", Workload.DISK_BYTES));
    try (VhostSide twin = VhostSide.create(engine, "twin");
        VhostSide onLvol = VhostSide.create(engine, lvol);
        VhostSide onRaid = VhostSide.create(engine, raid);
        VhostSide base = VhostSide.createReadOnly(engine, "lvol-base");
        VhostSide leg = VhostSide.createReadOnly(engine, "leg0")) {
      comparison.run("lvol on aio, its own base as yardstick", reads, onLvol, base);
      comparison.run("lvol on aio, a twin of its base as yardstick", writes, onLvol, twin);
      comparison.run("raid1 of two aio, its first leg as yardstick", reads, onRaid, leg);
      comparison.run("raid1 of two aio, one file as yardstick", writes, onRaid, twin);
    }
  }

  private void rpc(Comparison comparison, EngineProcess engine, Path directory) throws IOException {
    byte[] request = RpcCodec.request(1000, "spdk_get_version", null);
    int replyBytes;
    try (RawRpc raw = new RawRpc(engine.socket())) {
      replyBytes = raw.ask(new String(request, StandardCharsets.UTF_8)).length();
    }
    comparison.run(
        "rpc spdk_get_version",
        chosen(List.of(Workload.calls(1), Workload.calls(64), Workload.calls(500))),
        new RpcSide(engine),
        new EchoSide(directory, request.length, replyBytes));
  }

  private void target(Comparison comparison, EngineProcess engine, Path directory) {
    TargetSide.createTransport(engine);
    List<Workload> workloads = chosen(Workload.disk());
    if (wanted(MALLOC)) {
      try (TargetSide side = TargetSide.export(engine, MALLOC)) {
        comparison.run("target on malloc", workloads, side, new LoopbackResponder());
      }
    }
    if (wanted(AIO) && fioIsThere("target on aio")) {
      try (TargetSide side = TargetSide.export(engine, AIO)) {
        comparison.run("target on aio", workloads, side, new FioSide(backingFile(directory)));
      }
    }
  }

  private void vhost(Comparison comparison, EngineProcess engine, Path directory) {
    List<Workload> workloads = chosen(Workload.disk());
    if (wanted(MALLOC)) {
      try (VhostSide side = VhostSide.create(engine, MALLOC);
          CopyResponder copy = new CopyResponder()) {
        comparison.run("vhost on malloc", workloads, side, copy);
      }
    }
    if (wanted(AIO) && fioIsThere("vhost on aio")) {
      try (VhostSide side = VhostSide.create(engine, AIO)) {
        comparison.run("vhost on aio", workloads, side, new FioSide(backingFile(directory)));
      }
    }
  }

  private boolean fioIsThere(String title) {
    boolean there =
        List.of(System.getenv().getOrDefault("PATH", "").split(":")).stream()
            .anyMatch(folder -> Files.isExecutable(Path.of(folder, "fio")));
    if (!there) {
      out.printf("%n%s: not measured, its yardstick fio is not installed%n", title);
    }
    return there;
  }

  private static void deleteAll(Path directory) throws IOException {
    try (var files = Files.list(directory)) {
      for (Path file : files.toList()) {
        Files.deleteIfExists(file);
      }
    }
    Files.deleteIfExists(directory);
  }
}

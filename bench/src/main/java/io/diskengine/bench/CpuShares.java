package io.diskengine.bench;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * CPU time by what it was for: the threads of this JVM by their names, and a PostgreSQL with all
 * its processes, also those that ended. Of threads that ended between two readings nothing is
 * known.
 */
final class CpuShares {
  static final String POSTGRESQL = "PostgreSQL";

  /** Field of /proc/PID/stat behind the name, counted from 0; the next is of the kernel. */
  private static final int CUTIME = 13;

  private static final double NS_PER_MS = 1e6;
  private static final long NS_PER_TICK = 10_000_000;

  /** Beginnings of threads' names as the kernel keeps them (15 bytes), and what they are. */
  private static final Map<String, String> THREADS =
      Map.ofEntries(
          Map.entry("agent-", "agents"),
          Map.entry("spdk-rpc-", "agents' RPC"),
          Map.entry("probe-", "agents' probes"),
          Map.entry("ForkJoinPool", "agents' virtual threads"),
          Map.entry("VirtualThread", "agents' virtual threads"),
          Map.entry("Read-Poller", "agents' virtual threads"),
          Map.entry("Write-Poller", "agents' virtual threads"),
          Map.entry("diskengine-agen", "agents' pools"),
          Map.entry("HikariPool", "agents' pools"),
          Map.entry("fake-spdk", "fakes"),
          Map.entry("C1 Compiler", "compilation"),
          Map.entry("C2 Compiler", "compilation"),
          Map.entry("GC ", "collection"),
          Map.entry("G1 ", "collection"),
          Map.entry("VM ", "the JVM"));

  /** A thread or a process. */
  private record Source(String what, String id) {}

  private final Map<Source, Long> ns = new HashMap<>();

  /**
   * @param postgresPid of the server's first process
   */
  static CpuShares now(long postgresPid) throws IOException {
    CpuShares now = new CpuShares();
    try (DirectoryStream<Path> tasks = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
      for (Path task : tasks) {
        String name = read(task.resolve("comm"));
        if (name != null) {
          String what =
              THREADS.entrySet().stream()
                  .filter(e -> name.startsWith(e.getKey()))
                  .map(Map.Entry::getValue)
                  .findFirst()
                  .orElse("else");
          now.add(new Source(what, task.toString()), task.resolve("schedstat"));
        }
      }
    }
    for (long pid : server(postgresPid)) {
      Path process = Path.of("/proc", Long.toString(pid));
      now.add(new Source(POSTGRESQL, process.toString()), process.resolve("schedstat"));
    }
    now.addEnded(postgresPid);
    return now;
  }

  private static List<Long> server(long pid) {
    return ProcessHandle.of(pid).stream()
        .flatMap(p -> java.util.stream.Stream.concat(java.util.stream.Stream.of(p), p.children()))
        .map(ProcessHandle::pid)
        .toList();
  }

  /** Of the server's processes that ended, in units of 10 ms. */
  private void addEnded(long postgresPid) {
    String stat = read(Path.of("/proc", Long.toString(postgresPid), "stat"));
    if (stat != null) {
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
      long ticks = Long.parseLong(fields[CUTIME]) + Long.parseLong(fields[CUTIME + 1]);
      ns.put(new Source(POSTGRESQL, "ended"), ticks * NS_PER_TICK);
    }
  }

  /** What the server's processes have for themselves. */
  static long privateMib(long postgresPid) {
    long kib = 0;
    for (long pid : server(postgresPid)) {
      String rollup = read(Path.of("/proc", Long.toString(pid), "smaps_rollup"));
      for (String line : rollup == null ? new String[0] : rollup.split("\n")) {
        if (line.startsWith("Private_")) {
          kib += Long.parseLong(line.replaceAll("[^0-9]", ""));
        }
      }
    }
    return kib >> 10;
  }

  private void add(Source source, Path schedstat) {
    String stat = read(schedstat);
    if (stat != null) {
      ns.put(source, Long.parseLong(stat.split(" ")[0]));
    }
  }

  private static @Nullable String read(Path file) {
    try {
      return Files.readString(file).strip();
    } catch (IOException ended) {
      return null; // between the list and the look
    }
  }

  CpuShares since(CpuShares before) {
    CpuShares delta = new CpuShares();
    ns.forEach((source, n) -> delta.ns.put(source, n - before.ns.getOrDefault(source, 0L)));
    // What a process had used before is in the sum of those that ended.
    before.ns.forEach((source, n) -> {
      if (source.what().equals(POSTGRESQL) && !ns.containsKey(source)) {
        delta.ns.put(source, -n);
      }
    });
    return delta;
  }

  private Map<String, Double> ms() {
    Map<String, Double> sums = new TreeMap<>();
    ns.forEach((source, n) -> sums.merge(source.what(), n / NS_PER_MS, Double::sum));
    return sums;
  }

  double ms(String what) {
    return Objects.requireNonNullElse(ms().get(what), 0.0);
  }

  /** Of all whose name begins so. */
  double msOfAll(String beginning) {
    return ms().entrySet().stream()
        .filter(e -> e.getKey().startsWith(beginning))
        .mapToDouble(Map.Entry::getValue)
        .sum();
  }

  /** In milliseconds, divided by {@code units}, the most first. */
  String text(double units) {
    return ms().entrySet().stream()
        .sorted(Map.Entry.<String, Double>comparingByValue(Comparator.reverseOrder()))
        .map(e -> String.format(Locale.ROOT, "%s %.1f", e.getKey(), e.getValue() / units))
        .collect(Collectors.joining(", "));
  }
}

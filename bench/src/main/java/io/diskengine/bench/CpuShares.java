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

  private final Map<String, Long> ns = new HashMap<>();

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
          now.add(what, task.resolve("schedstat"));
        }
      }
    }
    for (long pid : server(postgresPid)) {
      now.add(POSTGRESQL, Path.of("/proc", Long.toString(pid), "schedstat"));
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
      ns.merge(POSTGRESQL, ticks * NS_PER_TICK, Long::sum);
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

  private void add(String what, Path schedstat) {
    String stat = read(schedstat);
    if (stat != null) {
      ns.merge(what, Long.parseLong(stat.split(" ")[0]), Long::sum);
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
    ns.forEach((what, n) -> delta.ns.put(what, n - before.ns.getOrDefault(what, 0L)));
    return delta;
  }

  double ms(String what) {
    return Objects.requireNonNullElse(ns.get(what), 0L) / 1e6;
  }

  /** Of all whose name begins so. */
  double msOfAll(String beginning) {
    return ns.keySet().stream().filter(w -> w.startsWith(beginning)).mapToDouble(this::ms).sum();
  }

  /** In milliseconds, divided by {@code units}, the most first. */
  String text(double units) {
    return ns.entrySet().stream()
        .sorted(Map.Entry.<String, Long>comparingByValue(Comparator.reverseOrder()))
        .map(e -> String.format(Locale.ROOT, "%s %.1f", e.getKey(), e.getValue() / 1e6 / units))
        .collect(Collectors.joining(", "));
  }
}

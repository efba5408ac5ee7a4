package io.diskengine.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * A process with its descendants and the CPU time of each. What children that ended had used is in
 * their parent's sum, so that nothing is lost between two readings.
 */
final class ProcessTree {
  /** USER_HZ: the unit of the times in /proc/PID/stat. */
  static final int TICKS_PER_SEC = 100;

  /** Fields of /proc/PID/stat behind the name, counted from 0. */
  private static final int PPID = 1;

  private static final int UTIME = 11;
  private static final int CSTIME = 14;

  private final long root;
  private final Map<Long, String> names;

  /**
   * @param names of some of its processes, by pid; others are summed under their ancestor's
   */
  ProcessTree(long root, Map<Long, String> names) {
    this.root = root;
    this.names = Map.copyOf(names);
  }

  private record Stat(long parent, long ticks) {}

  /** CPU ticks by name, now. */
  Map<String, Long> ticks() {
    Map<Long, Stat> all = new HashMap<>();
    ProcessHandle.allProcesses().forEach(p -> stat(p.pid(), all));
    Map<String, Long> sums = new HashMap<>();
    all.forEach((pid, stat) -> {
      String name = nameOf(pid, all);
      if (name != null) {
        sums.merge(name, stat.ticks(), Long::sum);
      }
    });
    return sums;
  }

  private @org.jspecify.annotations.Nullable String nameOf(long pid, Map<Long, Stat> all) {
    long at = pid;
    while (true) {
      String name = names.get(at);
      if (name != null) {
        return name;
      }
      Stat stat = all.get(at);
      if (stat == null || at == root) {
        return null;
      }
      at = stat.parent();
    }
  }

  private static void stat(long pid, Map<Long, Stat> into) {
    try {
      String text = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
      String[] fields = text.substring(text.lastIndexOf(')') + 2).split(" ");
      long ticks = 0;
      for (int i = UTIME; i <= CSTIME; i++) {
        ticks += Long.parseLong(fields[i]);
      }
      into.put(pid, new Stat(Long.parseLong(fields[PPID]), ticks));
    } catch (IOException ended) {
      // between the list and the look
    }
  }
}

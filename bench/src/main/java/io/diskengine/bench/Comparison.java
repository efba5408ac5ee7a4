package io.diskengine.bench;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/**
 * Runs two sides in turn, a few rounds of each workload, and prints medians. Both see the same
 * noise of the machine, so the ratio holds where the figures themselves do not.
 */
final class Comparison {
  private static final String HEADER = "%-26s %-18s %9s %9s  %6s %6s  %8s %8s  %7s %7s%n";
  private static final long LONGEST_WARM_UP_NS = 500_000_000;

  private final int rounds;
  private final long durationNs;
  private final PrintStream out;

  Comparison(int rounds, long durationNs, PrintStream out) {
    this.rounds = rounds;
    this.durationNs = durationNs;
    this.out = out;
  }

  void run(String title, List<Workload> workloads, Side engine, Side yardstick) {
    out.printf(
        Locale.ROOT,
        "%n%s against %s: %d rounds of %.1f s, medians%n",
        title,
        yardstick.name(),
        rounds,
        durationNs / 1e9);
    out.printf(HEADER, "", "ratio", "IOPS", "", "CPU us", "/IO", "p99.9", "us", "stall", "ms");
    out.printf(
        HEADER,
        "",
        "(least-most)",
        "engine",
        "yard",
        "engine",
        "yard",
        "engine",
        "yard",
        "engine",
        "yard");
    for (Workload workload : workloads) {
      compare(workload, engine, yardstick);
    }
    out.flush();
  }

  private void compare(Workload workload, Side engine, Side yardstick) {
    List<Sample> ours = new ArrayList<>();
    List<Sample> theirs = new ArrayList<>();
    engine.run(workload, Math.min(durationNs, LONGEST_WARM_UP_NS));
    yardstick.run(workload, Math.min(durationNs, LONGEST_WARM_UP_NS));
    double[] ratios = new double[rounds];
    for (int round = 0; round < rounds; round++) {
      theirs.add(yardstick.run(workload, durationNs));
      ours.add(engine.run(workload, durationNs));
      ratios[round] = ours.getLast().opsPerSecond() / theirs.getLast().opsPerSecond();
    }
    Arrays.sort(ratios);
    out.printf(
        "%-26s %-18s %9s %9s  %6s %6s  %8s %8s  %7s %7s%n",
        workload.name(),
        String.format(
            Locale.ROOT, "%.2f (%.2f-%.2f)", median(ratios), ratios[0], ratios[rounds - 1]),
        cell("%.0f", ours, Sample::opsPerSecond),
        cell("%.0f", theirs, Sample::opsPerSecond),
        cell("%.1f", ours, s -> s.cpuNsPerOp() / 1e3),
        cell("%.1f", theirs, s -> s.cpuNsPerOp() / 1e3),
        cell("%.0f", ours, s -> s.p999Ns() / 1e3),
        cell("%.0f", theirs, s -> s.p999Ns() / 1e3),
        cell("%.1f", ours, s -> s.stallNs() / 1e6),
        cell("%.1f", theirs, s -> s.stallNs() / 1e6));
    out.flush();
  }

  private static String cell(String format, List<Sample> samples, ToDoubleFunction<Sample> value) {
    double[] values = samples.stream().mapToDouble(value).sorted().toArray();
    double median = median(values);
    return Double.isNaN(median) ? "-" : String.format(Locale.ROOT, format, median);
  }

  static double median(double[] sorted) {
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }
}

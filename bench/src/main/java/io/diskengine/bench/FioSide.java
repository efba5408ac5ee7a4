package io.diskengine.bench;

import io.diskengine.testkit.process.ChildProcess;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * fio on the file itself, with io_uring and O_DIRECT: what the kernel and the disk under it give.
 * It has no figure for the longest time without an answer.
 */
final class FioSide implements Side {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final Duration SLACK = Duration.ofSeconds(60);

  private final Path file;

  FioSide(Path file) {
    this.file = file;
  }

  @Override
  public String name() {
    return "fio on the file";
  }

  @Override
  public Sample run(Workload workload, long durationNs) {
    String output =
        ChildProcess.run(
            SLACK.plusNanos(durationNs),
            List.of(
                "fio",
                "--name=bench",
                "--filename=" + file,
                "--ioengine=io_uring",
                "--direct=1",
                "--thread",
                "--norandommap",
                "--randrepeat=0",
                "--rw=" + (workload.write() ? "randwrite" : "randread"),
                "--bs=" + workload.bytes(),
                "--iodepth=" + workload.depth(),
                "--time_based",
                String.format(Locale.ROOT, "--runtime=%dms", Math.max(1, durationNs / 1_000_000)),
                "--output-format=json"));
    JsonNode job = JSON.readTree(output.substring(output.indexOf('{'))).path("jobs").path(0);
    JsonNode side = job.path(workload.write() ? "write" : "read");
    double cpuPercent = job.path("usr_cpu").asDouble(0) + job.path("sys_cpu").asDouble(0);
    double ops = side.path("iops").asDouble(0);
    JsonNode latencies = side.path("clat_ns").path("percentile");
    return new Sample(
        ops,
        cpuPercent / 100 * 1e9 / ops,
        latencies.path("99.000000").asDouble(Double.NaN),
        latencies.path("99.900000").asDouble(Double.NaN),
        Double.NaN);
  }
}

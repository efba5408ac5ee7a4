package io.diskengine.testkit.guest;

import java.util.List;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What fio measured, over all jobs of one run.
 *
 * @param errors jobs that ended with an error, or I/O errors if fio was told to continue
 * @param verifyFailures blocks that did not read back as they were written
 * @param ios I/Os completed
 * @param maxLatencyNs the longest single I/O, submission to completion
 * @param output what fio said beside its JSON
 */
public record FioResult(
    int exitCode,
    long errors,
    long verifyFailures,
    long ios,
    double readIops,
    double writeIops,
    long maxLatencyNs,
    String output) {
  static final String JSON_FOLLOWS = "@@fio-json";

  // fio.c and verify.c: "verify: bad ...", "crc32c: verify failed at file ...".
  private static final Pattern VERIFY_FAILURE = Pattern.compile("verify failed|verify: bad");
  private static final JsonMapper JSON = JsonMapper.builder().build();

  /** True when fio succeeded and every block was right. */
  public boolean clean() {
    return exitCode == 0 && errors == 0 && verifyFailures == 0;
  }

  /** The script that makes fio report the way {@link #parse} reads. */
  static String script(String arguments) {
    return """
    fio --name=fio --ioengine=libaio --direct=1 %s --output-format=json --output=/run/fio.$$
    code=$?; echo; echo %s; cat /run/fio.$$; exit $code
    """
        .formatted(arguments, JSON_FOLLOWS);
  }

  static FioResult parse(CommandResult result) {
    int split = result.output().lastIndexOf(JSON_FOLLOWS);
    int json = split < 0 ? -1 : result.output().indexOf('{', split);
    if (json < 0) {
      throw new AssertionError("fio wrote no report:\n" + result.output());
    }
    // fio writes its complaints into the report's file as well, before the JSON.
    String text = result.output().substring(0, json);
    long errors = 0;
    long ios = 0;
    long maxLatencyNs = 0;
    double readIops = 0;
    double writeIops = 0;
    for (JsonNode job : JSON.readTree(result.output().substring(json)).path("jobs")) {
      errors += Math.max(job.path("total_err").asLong(0), job.path("error").asLong(0) == 0 ? 0 : 1);
      readIops += job.path("read").path("iops").asDouble(0);
      writeIops += job.path("write").path("iops").asDouble(0);
      for (String direction : List.of("read", "write", "trim", "sync")) {
        JsonNode measured = job.path(direction);
        ios += measured.path("total_ios").asLong(0);
        maxLatencyNs = Math.max(maxLatencyNs, measured.path("lat_ns").path("max").asLong(0));
      }
    }
    long verifyFailures = VERIFY_FAILURE.matcher(text).results().count();
    return new FioResult(
        result.exitCode(), errors, verifyFailures, ios, readIops, writeIops, maxLatencyNs, text);
  }
}
